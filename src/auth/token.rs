//! API tokens: `urt_` and 256 random bits. Only their SHA-256 digest is stored and compared.

use aws_lc_rs::digest::{SHA256, digest as hash};
use std::fmt::Write;

use crate::model::error::{Error, Result};
use crate::model::token::Digest;

const PREFIX: &str = "urt_";

/// Generates a token: the secret, to be shown once, and the digest to be stored.
///
/// # Errors
/// [`Error::Unavailable`] if the system has no random numbers.
pub fn generate() -> Result<(String, Digest)> {
    let mut bits = [0; 32];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| Error::Unavailable("the system has no random numbers".to_owned()))?;
    let mut secret = String::with_capacity(PREFIX.len() + 2 * bits.len());
    secret.push_str(PREFIX);
    for byte in bits {
        // Writing to a string cannot fail.
        let _ = write!(secret, "{byte:02x}");
    }
    let digest = digest(&secret);
    Ok((secret, digest))
}

/// Whether a text has the format of [`generate`]. Anything else is invalid without a query.
pub(super) fn is_well_formed(secret: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    secret.strip_prefix(PREFIX).is_some_and(|digits| digits.len() == 64 && digits.bytes().all(is_digit))
}

/// The digest of a token that is stored. The time to compare digests reveals nothing about the secrets.
#[must_use]
pub fn digest(secret: &str) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(hash(&SHA256, secret.as_bytes()).as_ref());
    digest
}

/// The part of a token that failures are counted by: `urt_` and 8 characters, too few to guess the rest.
pub(super) fn visible_prefix(secret: &str) -> &str {
    let end = secret.char_indices().nth(PREFIX.len() + 8).map_or(secret.len(), |(at, _)| at);
    secret.get(..end).unwrap_or_default()
}

/// The token in an `Authorization` header: `Token token=…` or `Bearer urt_…`. Scheme and names are case-insensitive.
///
/// `Token` takes more parameters, as Rails sends them (`Token token="…", email="…"`): separated by commas, semicolons or
/// tabs, in any order, with or without quotes. They are ignored; a second token is not.
pub(super) fn token_from_header(header: &str) -> Option<&str> {
    let (scheme, rest) = header.trim().split_once([' ', '\t'])?;
    if scheme.eq_ignore_ascii_case("bearer") {
        let token = rest.trim_start();
        return token.starts_with(PREFIX).then_some(token);
    }
    if !scheme.eq_ignore_ascii_case("token") {
        return None;
    }
    let mut token = None;
    for parameter in split_parameters(rest).map(str::trim).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=')?;
        // A name with a space is the scheme of a second credential, from a second header field.
        let is_other_scheme = name.trim_end().contains(char::is_whitespace);
        let is_token = name.trim_end().eq_ignore_ascii_case("token");
        if is_other_scheme || (is_token && token.replace(unquote(value.trim_start())).is_some()) {
            return None;
        }
    }
    token.filter(|token| !token.is_empty())
}

/// Splits a list at commas, semicolons and tabs outside of quoted strings (RFC 9110 §5.6.4).
fn split_parameters(list: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    list.split(move |letter: char| {
        let is_literal = std::mem::take(&mut is_escaped);
        match letter {
            '\\' if is_quoted => is_escaped = !is_literal,
            '"' if !is_literal => is_quoted = !is_quoted,
            ',' | ';' | '\t' => return !is_quoted,
            _ => {}
        }
        false
    })
}

/// The text in a quoted string, and any other text unchanged. Tokens contain no escapes.
fn unquote(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_read_from_both_schemes() {
        for good in [
            "Token token=urt_1",
            "token TOKEN=urt_1",
            "Token token=\"urt_1\"",
            "TOKEN  token = \"urt_1\" ",
            "Bearer urt_1",
            "bearer  urt_1",
            r#"Token token="urt_1", email="ann@example.com""#,
            r#"Token token="urt_1",email="a, token=b""#,
            r#"Token email="a\", token=b", token="urt_1""#,
            r#"Token email = "a\\", token = "urt_1""#,
            "Token token=urt_1, email=ann@example.com,",
            "Token token=urt_1;nonce=def",
            "Token token=\"urt_1\"\temail=\"a\"",
            "Token  ,, nonce=\"\" , TOKEN=urt_1",
        ] {
            assert_eq!(token_from_header(good), Some("urt_1"), "{good}");
        }
        for bad in [
            "",
            "Token",
            "Token urt_1",
            "Token token=",
            "Token token=\"\"",
            "Basic dTpw",
            "Bearer eyJ.x.y",
            "Bearer",
            "Token token=urt_1, token=urt_2",
            "Token token=urt_1, Token=\"urt_1\"",
            "Token token=urt_1, Token token=urt_1",
            "Token token=urt_1, Bearer urt_2",
            "Token token=urt_1, Bearer e30=",
            "Token email=\"token=urt_1\"",
            "Token email=\"a, token=urt_1",
        ] {
            assert_eq!(token_from_header(bad), None, "{bad}");
        }
    }

    #[test]
    fn tokens_differ_and_have_256_bits() {
        let (one, kept) = generate().unwrap();
        assert!(is_well_formed(&one));
        for bad in ["", "urt_", &one[4..], &one[..67], &format!("{one}0"), &one.to_uppercase(), &one.replace('_', "-")]
        {
            assert!(!is_well_formed(bad), "{bad}");
        }
        assert_eq!(digest(&one), kept);
        assert_ne!(one, generate().unwrap().0);
    }

    proptest! {
        #[test]
        fn any_header_is_parsed_without_a_panic(header: String) {
            if let Some(secret) = token_from_header(&header) {
                prop_assert!(secret.starts_with(visible_prefix(secret)));
            }
        }
    }
}
