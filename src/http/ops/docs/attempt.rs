//! A request to try: as a line for a shell, and as a form on the page.

use serde_json::Value;

use super::html::{escaped, text};
use crate::http::ops::openapi::forms;
use crate::http::ops::openapi::operation::Operation;
use crate::http::routes;

/// What is sent.
pub struct Attempt {
    method: &'static str,
    /// Path and query.
    target: String,
    has_caller: bool,
    /// The media type of the body, and the body.
    body: Option<(String, String)>,
}

/// An operation with its examples.
pub fn of(document: &Value, operation: &Operation) -> Attempt {
    let mut path = operation.path.to_owned();
    let known = document.get("paths").and_then(|paths| paths.get(operation.path)?.get("parameters"));
    for parameter in known.and_then(Value::as_array).into_iter().flatten() {
        path = path.replace(&format!("{{{}}}", text(parameter, "/name")), text(parameter, "/example"));
    }
    let body = operation.body.as_ref();
    Attempt {
        method: operation.method,
        target: format!("{path}{}", operation.example),
        has_caller: routes::needs_caller(operation.path),
        body: body.map(|body| (body.media_type().to_owned(), format!("{:#}", (body.example)()))),
    }
}

/// An operation of the forms dialect, as the document describes it.
pub fn of_form(operation: &forms::Operation, described: &Value) -> Attempt {
    let example = described.pointer("/requestBody/content/application~1json/example").unwrap_or(&Value::Null);
    Attempt {
        method: operation.method,
        target: operation.path.replace("{id}", "1"),
        has_caller: described.get("security").is_none(),
        body: Some(("application/json".to_owned(), format!("{example:#}"))),
    }
}

impl Attempt {
    /// The line for a shell, and the form, which is there for whoever runs scripts.
    pub fn shown(&self) -> String {
        let Self { method, target, .. } = self;
        let (kind, body) = self.body.clone().unwrap_or_default();
        let area = self.body.as_ref().map_or_else(String::new, |_| {
            let rows = body.lines().count().clamp(4, 16);
            format!(
                "<label>Body<textarea name=\"body\" rows=\"{rows}\" spellcheck=\"false\">{}</textarea></label>",
                escaped(&body)
            )
        });
        format!(
            "<pre tabindex=\"0\">{}</pre><details class=\"try\" hidden><summary>Try it</summary>\
             <form data-method=\"{method}\" data-type=\"{}\" data-caller=\"{}\">\
             <label>Path and query<input name=\"target\" value=\"{}\" spellcheck=\"false\" autocomplete=\"off\"></label>{area}\
             <button>Send {method}</button></form><div role=\"status\"></div></details>",
            escaped(&self.command()),
            escaped(&kind),
            self.has_caller,
            escaped(target),
        )
    }

    fn command(&self) -> String {
        let mut command = "curl -sg".to_owned();
        if self.method != "GET" {
            command += &format!(" -X {}", self.method);
        }
        if self.has_caller {
            command += " -H \"Authorization: Bearer $TOKEN\"";
        }
        command += &format!(" \"$URL{}\"", self.target);
        if let Some((kind, body)) = &self.body {
            command += &format!(" \\\n  -H 'Content-Type: {kind}' -d '\n{body}'");
        }
        command
    }
}
