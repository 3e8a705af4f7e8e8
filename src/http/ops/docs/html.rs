//! Pieces of HTML from text.

use serde_json::Value;

/// A member of a member of …, as text.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Text in which no character has a meaning in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text with `code` and [links](/docs) as HTML.
pub(super) fn prose(text: &str) -> String {
    let text = escaped(text);
    let parts = text.split('`').enumerate();
    let code = parts.map(|(place, part)| if place % 2 == 1 { format!("<code>{part}</code>") } else { linked(part) });
    code.collect()
}

fn linked(text: &str) -> String {
    let link = || {
        let (before, rest) = text.split_once('[')?;
        let (words, rest) = rest.split_once("](")?;
        let (url, after) = rest.split_once(')')?;
        Some(format!("{before}<a href=\"{url}\">{words}</a>{}", linked(after)))
    };
    link().unwrap_or_else(|| text.to_owned())
}
