//! Converts text to HTML.

use serde_json::Value;

/// The string at a JSON pointer; empty if there is none.
pub(super) fn text_at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Escapes the special characters of HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Renders text with `code` and [links](/docs).
pub(super) fn render_prose(text: &str) -> String {
    let text = escape(text);
    let parts = text.split('`').enumerate();
    let code =
        parts.map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { render_links(part) });
    code.collect()
}

fn render_links(text: &str) -> String {
    let link = || {
        let (before, rest) = text.split_once('[')?;
        let (words, rest) = rest.split_once("](")?;
        let (url, after) = rest.split_once(')')?;
        Some(format!("{before}<a href=\"{url}\">{words}</a>{}", render_links(after)))
    };
    link().unwrap_or_else(|| text.to_owned())
}
