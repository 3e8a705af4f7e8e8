//! `PUBLIC_URL`.

use super::read::is_origin;
use crate::model::limits::LONGEST_PUBLIC_URL;

/// Scheme, host and path exactly as clients write them, because signed URLs are compared byte for byte. A slash at the end
/// is removed.
pub(super) fn public_url(text: &str) -> Result<Option<String>, String> {
    if text == "none" {
        return Ok(None);
    }
    let url = text.strip_suffix('/').unwrap_or(text);
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let path_start = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(path_start);
    let has_origin = ["https", "http"].contains(&scheme) && is_origin(&format!("{scheme}://{host}"));
    if has_origin && is_base_path(path) && url.len() <= LONGEST_PUBLIC_URL {
        return Ok(Some(url.to_owned()));
    }
    Err(format!(
        "`{text}` is invalid; write `https://host` or `http://host`, with `:port` if clients use one and with the path under which the service is served if there is one (letters, digits and `-._~`), at most {LONGEST_PUBLIC_URL} bytes, or `none`"
    ))
}

/// Whether a path has only segments that neither clients nor proxies change; the empty path has none.
fn is_base_path(path: &str) -> bool {
    let is_plain = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    path.split('/').skip(1).all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_keeps_its_spelling() {
        for good in [
            "https://demo.skillhive.com",
            "http://localhost:8080",
            "https://[::1]:8443",
            "https://a.example/relationships",
            "https://a.example/a-b/v1.0/~c_d",
        ] {
            assert_eq!(public_url(good), Ok(Some(good.to_owned())));
            assert_eq!(public_url(&format!("{good}/")), Ok(Some(good.to_owned())));
        }
        assert_eq!(public_url("none"), Ok(None));
        let long = format!("https://a.example/{}", "a".repeat(LONGEST_PUBLIC_URL));
        for bad in [
            "ftp://a.example",
            "capacitor://localhost",
            "a.example/b",
            "https:///b",
            "https://a.example//",
            "https://a.example//b",
            "https://a.example/b/../c",
            "https://a.example/b?c",
            "https://a.example/b#c",
            "https://a.example/b c",
            "https://a.example/%62",
            &long,
        ] {
            assert!(public_url(bad).is_err(), "{bad:?}");
        }
    }
}
