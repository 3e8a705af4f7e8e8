//! Parses JSON bodies.

use serde::de::DeserializeOwned;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Parses a JSON text, which may begin with a byte order mark (RFC 8259 §8.1): some editors and .NET clients write one.
///
/// # Errors
/// Those of `serde_json`; positions do not count the mark.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn one_byte_order_mark_at_the_start_is_ignored() {
        let parse = |body: &str| parse::<Value>(body.as_bytes()).ok();
        assert_eq!(parse("\u{feff}{}"), parse("{}"));
        for bad in ["\u{feff}", "\u{feff}\u{feff}{}", "{}\u{feff}", " \u{feff}{}"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
