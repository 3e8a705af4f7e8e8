//! `/docs`: the API for people, made from the document for programs, and the page that error objects link to.

#![expect(clippy::format_push_string, clippy::format_collect, reason = "made once, so that clarity comes first")]

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use serde_json::Value;
use std::sync::LazyLock;

use super::openapi::operations::{Operation, TAGS};
use super::openapi::{self, forms, responses};
use crate::http::protection::policy_of;
use crate::http::routes;
use crate::model::code::Code;

static PAGE: LazyLock<String> = LazyLock::new(|| page(openapi::value()));
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy_of(&PAGE));

/// `GET /docs`
pub async fn get() -> HttpResponse {
    let policy = (CONTENT_SECURITY_POLICY, POLICY.clone());
    HttpResponse::Ok().content_type("text/html; charset=utf-8").insert_header(policy).body(PAGE.as_str())
}

/// A member of a member of …, as text.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn page(document: &Value) -> String {
    let (title, version) = (text(document, "/info/title"), text(document, "/info/version"));
    let (mut contents, mut sections) = (String::new(), String::new());
    for (tag, about) in TAGS {
        let operations: Vec<_> = openapi::in_order().filter(|operation| operation.tag == *tag).collect();
        let lines: String = operations.iter().map(|operation| line(operation)).collect();
        let details: String = operations.iter().map(|operation| section(document, operation)).collect();
        contents += &format!("<h3>{tag}</h3><p>{}</p><table>{lines}</table>", prose(about));
        sections += &details;
    }
    let (lines, details): (Vec<_>, Vec<_>) =
        forms::in_order().map(|form| (form_line(form), form_section(document, form))).unzip();
    contents += &format!("<h3>{}</h3><p>{}</p><table>{}</table>", forms::TAG.0, prose(forms::TAG.1), lines.concat());
    sections += &details.concat();
    let codes: String = Code::ALL.iter().map(|code| row(*code)).collect();
    let about: String =
        text(document, "/info/description").split("\n\n").map(|it| format!("<p>{}</p>", prose(it))).collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title} {version}</h1>{about}\
         <p>For programs: <a href=\"/openapi.json\">OpenAPI 3.1</a>. \
         On this page: <a href=\"#endpoints\">endpoints</a>, <a href=\"#requests\">requests</a>, <a href=\"#errors\">error codes</a>.</p>\
         <h2 id=\"endpoints\">Endpoints</h2>{contents}<h2 id=\"requests\">Requests</h2>\
         <p>The examples are for a shell with the address in <code>$URL</code> and an API token in <code>$TOKEN</code>.</p>{sections}\
         <h2 id=\"errors\">Error codes</h2><table><thead><tr><th>Status</th><th>Code</th><th>Title</th><th>What to do</th></tr></thead>\
         <tbody>\n{codes}</tbody></table></body></html>\n"
    )
}

fn line(operation: &Operation) -> String {
    let Operation { method, path, id, summary, .. } = operation;
    format!(
        "<tr><td><b>{method}</b></td><td><a href=\"#{id}\"><code>{path}</code></a></td><td>{}</td></tr>",
        prose(summary)
    )
}

fn row(code: Code) -> String {
    format!(
        "<tr id=\"{name}\"><td>{status}</td><td><code>{name}</code></td><td>{title}</td><td>{help}</td></tr>\n",
        name = code.name(),
        status = code.status(),
        title = prose(code.title()),
        help = prose(code.help()),
    )
}

/// One operation: what it does, what it takes, an example, and what it can be answered.
fn section(document: &Value, operation: &Operation) -> String {
    let Operation { method, path, id, summary, about, .. } = operation;
    let paths = document.get("paths").and_then(|paths| paths.get(path));
    let described = paths.and_then(|known| known.get(method.to_ascii_lowercase())).unwrap_or(&Value::Null);
    let listed = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut parameters = listed(paths.and_then(|known| known.get("parameters")));
    parameters.extend(listed(described.get("parameters")));
    let parameters: String = parameters.iter().map(|parameter| parameter_row(resolved(document, parameter))).collect();
    let mut answers = String::new();
    for (status, answer) in described.get("responses").and_then(Value::as_object).into_iter().flatten() {
        if !status.starts_with(['4', '5']) {
            answers += &format!("<li>{status}: {}</li>", prose(text(answer, "/description")));
        }
    }
    let codes = responses::codes_of(operation).into_iter().map(Code::name);
    let codes: Vec<_> = codes.map(|name| format!("<a href=\"#{name}\"><code>{name}</code></a>")).collect();
    format!(
        "<section id=\"{id}\"><h3>{method} <code>{path}</code></h3><p>{}. {}</p><pre>{}</pre>\
         <details><summary>Parameters and header fields</summary><table>{parameters}</table></details>\
         <details><summary>Answers</summary><ul>{answers}</ul><p>Errors: {}</p></details></section>\n",
        prose(summary),
        prose(about),
        escaped(&command(document, operation)),
        codes.join(", "),
    )
}

fn form_line(operation: &forms::Operation) -> String {
    let forms::Operation { method, path, id, summary, .. } = operation;
    format!("<tr><td><b>{method}</b></td><td><a href=\"#{id}\"><code>{path}</code></a></td><td>{summary}</td></tr>")
}

/// An operation of the forms dialect.
fn form_section(document: &Value, operation: &forms::Operation) -> String {
    let forms::Operation { method, path, id, summary, .. } = operation;
    let paths = document.get("paths").and_then(|paths| paths.get(path));
    let described = paths.and_then(|known| known.get(method.to_ascii_lowercase())).unwrap_or(&Value::Null);
    let mut answers = String::new();
    for (status, answer) in described.get("responses").and_then(Value::as_object).into_iter().flatten() {
        answers += &format!("<li>{status}: {}</li>", prose(text(answer, "/description")));
    }
    let mut command = format!("curl -s -X {method}");
    if described.get("security").is_none() {
        command += " -H \"Authorization: Token token=$TOKEN\"";
    }
    let example = described.pointer("/requestBody/content/application~1json/example").unwrap_or(&Value::Null);
    let path_shown = path.replace("{id}", "1");
    command += &format!(" \"$URL{path_shown}\" \\\n  -H 'Content-Type: application/json' -d '\n{example:#}'");
    format!(
        "<section id=\"{id}\"><h3>{method} <code>{path}</code></h3><p>{summary}.</p><pre>{}</pre>\
         <details><summary>Answers</summary><ul>{answers}</ul></details></section>\n",
        escaped(&command),
    )
}

/// What a reference refers to; anything else is itself.
fn resolved<'v>(document: &'v Value, value: &'v Value) -> &'v Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    reference.and_then(|it| document.pointer(it.trim_start_matches('#'))).unwrap_or(value)
}

fn parameter_row(parameter: &Value) -> String {
    let schema = parameter.get("schema").unwrap_or(&Value::Null);
    let item = schema.get("items").unwrap_or(schema);
    let mut accepted = String::new();
    if let Some(values) = item.get("enum").and_then(Value::as_array) {
        let values: Vec<_> =
            values.iter().filter_map(Value::as_str).map(|value| format!("<code>{value}</code>")).collect();
        accepted = format!(" One of {}.", values.join(", "));
    }
    for (word, about) in [("minimum", "At least"), ("maximum", "At most"), ("default", "Without it")] {
        if let Some(number) = schema.get(word) {
            accepted += &format!(" {about} {number}.");
        }
    }
    if schema.get("items").is_some() {
        accepted += " A comma list.";
    }
    let (name, place, about) = (text(parameter, "/name"), text(parameter, "/in"), text(parameter, "/description"));
    format!("<tr><td><code>{name}</code></td><td>{place}</td><td>{}{accepted}</td></tr>", prose(about))
}

/// A request to try in a shell.
fn command(document: &Value, operation: &Operation) -> String {
    let mut path = operation.path.to_owned();
    let known = document.get("paths").and_then(|paths| paths.get(operation.path)?.get("parameters"));
    for parameter in known.and_then(Value::as_array).into_iter().flatten() {
        path = path.replace(&format!("{{{}}}", text(parameter, "/name")), text(parameter, "/example"));
    }
    let mut command = "curl -sg".to_owned();
    if operation.method != "GET" {
        command += &format!(" -X {}", operation.method);
    }
    if routes::needs_caller(operation.path) {
        command += " -H \"Authorization: Bearer $TOKEN\"";
    }
    command += &format!(" \"$URL{path}{}\"", operation.example);
    if let Some(body) = &operation.body {
        command += &format!(" \\\n  -H 'Content-Type: {}' -d '\n{:#}'", body.media_type(), (body.example)());
    }
    command
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text with `code` and [links](/docs) as HTML.
fn prose(text: &str) -> String {
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

const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884}\
code,pre{font:.9em ui-monospace,monospace}pre{background:#8881;padding:.8rem;overflow-x:auto;border-radius:.4rem}\
section{margin:2rem 0;border-top:1px solid #8884}summary{cursor:pointer}:target{background:#fd03}";
