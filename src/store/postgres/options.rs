//! The `options` of libpq: the initial settings of a session.

/// Adds `options` of libpq to a URL. Those of the URL, or else `default`, come after them and override them.
pub(super) fn add_options(url: &str, options: &str, default: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let options = encode(options);
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let mut has_options = false;
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.strip_prefix("options=") {
            // libpq uses the last one.
            Some(value) => {
                has_options = true;
                format!("options={options}%20{value}")
            }
            None => pair.to_owned(),
        })
        .collect();
    if !has_options {
        pairs.push(format!("options={}", [options, encode(default)].join("%20")));
    }
    format!("{place}?{}", pairs.join("&"))
}

/// The `options` that libpq would use for a URL without any.
#[expect(clippy::disallowed_methods, reason = "a variable of libpq, which our `options` would override")]
pub(super) fn default_options() -> String {
    std::env::var("PGOPTIONS").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_url_come_last_and_those_of_the_environment_are_kept() {
        let with = |url| add_options(url, "-c a=1", "-c b=2");
        assert_eq!(with("postgres://host/db"), "postgres://host/db?options=-c%20a%3D1%20-c%20b%3D2");
        assert_eq!(with("postgres://host/db?x=1"), "postgres://host/db?x=1&options=-c%20a%3D1%20-c%20b%3D2");
        assert_eq!(
            with("postgres://host/db?options=-cb%3D3&x=1"),
            "postgres://host/db?options=-c%20a%3D1%20-cb%3D3&x=1"
        );
        assert_eq!(add_options("postgres://host", "-c a=1", ""), "postgres://host?options=-c%20a%3D1%20");
    }
}
