//! An example request: as a `curl` command, and as a form that sends it from the page.

use serde_json::Value;

use super::html::{escape, text_at};
use crate::http::ops::openapi::forms::FormOperation;
use crate::http::ops::openapi::operation::ApiOperation;
use crate::http::paths;

/// An example request of an operation.
pub struct ExampleRequest {
    method: &'static str,
    /// Path and query.
    target: String,
    needs_token: bool,
    /// The media type of the body, and the body.
    body: Option<(String, String)>,
}

impl ExampleRequest {
    /// The request of an operation, with the examples of its parameters and body.
    pub fn of_operation(document: &Value, operation: &ApiOperation) -> Self {
        let mut path = operation.path.to_owned();
        let known = document.get("paths").and_then(|paths| paths.get(operation.path)?.get("parameters"));
        for parameter in known.and_then(Value::as_array).into_iter().flatten() {
            path = path.replace(&format!("{{{}}}", text_at(parameter, "/name")), text_at(parameter, "/example"));
        }
        let body = operation.body.as_ref();
        Self {
            method: operation.method,
            target: format!("{path}{}", operation.example),
            needs_token: paths::needs_caller(operation.path),
            body: body.map(|body| (body.media_type().to_owned(), format!("{:#}", (body.example)()))),
        }
    }

    /// The request of an operation of the forms dialect, with the example of the document.
    pub fn of_form(operation: &FormOperation, described: &Value) -> Self {
        let example = described.pointer("/requestBody/content/application~1json/example").unwrap_or(&Value::Null);
        Self {
            method: operation.method,
            target: operation.path.replace("{id}", "1"),
            needs_token: described.get("security").is_none(),
            body: Some(("application/json".to_owned(), format!("{example:#}"))),
        }
    }

    /// The command and the form, which stays hidden without JavaScript.
    pub fn render(&self) -> String {
        let Self { method, target, .. } = self;
        let (kind, body) = self.body.clone().unwrap_or_default();
        let area = self.body.as_ref().map_or_else(String::new, |_| {
            let rows = body.lines().count().clamp(4, 16);
            format!(
                "<label>Body<textarea name=\"body\" rows=\"{rows}\" spellcheck=\"false\">{}</textarea></label>",
                escape(&body)
            )
        });
        format!(
            "<pre tabindex=\"0\">{}</pre><details class=\"try\" hidden><summary>Try it</summary>\
             <form data-method=\"{method}\" data-type=\"{}\" data-caller=\"{}\">\
             <label>Path and query<input name=\"target\" value=\"{}\" spellcheck=\"false\" autocomplete=\"off\"></label>{area}\
             <button>Send {method}</button></form><div role=\"status\"></div></details>",
            escape(&self.curl_command()),
            escape(&kind),
            self.needs_token,
            escape(target),
        )
    }

    fn curl_command(&self) -> String {
        let mut command = "curl -sg".to_owned();
        if self.method != "GET" {
            command += &format!(" -X {}", self.method);
        }
        if self.needs_token {
            command += " -H \"Authorization: Bearer $TOKEN\"";
        }
        command += &format!(" \"$URL{}\"", self.target);
        if let Some((kind, body)) = &self.body {
            command += &format!(" \\\n  -H 'Content-Type: {kind}' -d '\n{body}'");
        }
        command
    }
}
