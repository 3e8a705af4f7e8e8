//! `/docs`: the API for people, made from the document for programs, and the page that error objects link to.

#![expect(clippy::format_push_string, clippy::format_collect, reason = "made once, so that clarity comes first")]

mod attempt;
mod html;

use actix_web::HttpResponse;
use serde_json::Value;
use std::sync::LazyLock;

use super::openapi::operation::Operation;
use super::openapi::operations::TAGS;
use super::openapi::{self, forms, responses};
use super::page;
use crate::model::code::Code;
use html::{prose, text};

static PAGE: LazyLock<String> = LazyLock::new(|| text_of_page(openapi::value()));

/// `GET /docs`
pub async fn get() -> HttpResponse {
    page::html(PAGE.as_str())
}

/// `GET /docs/style.css`
pub async fn style() -> HttpResponse {
    page::style(include_str!("docs/style.css"))
}

/// `GET /docs/app.js`: sends what somebody tries.
pub async fn app() -> HttpResponse {
    page::script(include_str!("docs/app.js"))
}

fn text_of_page(document: &Value) -> String {
    let (title, version) = (text(document, "/info/title"), text(document, "/info/version"));
    let (mut contents, mut groups) = (String::new(), String::new());
    for (tag, about) in TAGS {
        let operations: Vec<_> = openapi::in_order().filter(|operation| operation.tag == *tag).collect();
        contents += &chapter(tag, &operations.iter().map(|it| line(it.method, it.path, it.id)).collect::<Vec<_>>());
        groups +=
            &group(tag, about, &operations.iter().map(|operation| section(document, operation)).collect::<Vec<_>>());
    }
    let (lines, sections): (Vec<_>, Vec<_>) =
        forms::in_order().map(|it| (line(it.method, it.path, it.id), form_section(document, it))).unzip();
    contents += &chapter(forms::TAG.0, &lines);
    groups += &group(forms::TAG.0, forms::TAG.1, &sections);
    let codes: String = Code::ALL.iter().map(|code| row(*code)).collect();
    let about: String =
        text(document, "/info/description").split("\n\n").map(|it| format!("<p>{}</p>", prose(it))).collect();
    let frame = include_str!("docs/frame.html");
    [
        ("{title}", title),
        ("{version}", version),
        ("{about}", &about),
        ("{contents}", &contents),
        ("{signing}", include_str!("docs/signing.html")),
        ("{groups}", &groups),
        ("{codes}", &codes),
    ]
    .into_iter()
    .fold(frame.to_owned(), |page, (name, text)| page.replace(name, text))
}

/// The lines of a group in the table of contents.
fn chapter(tag: &str, lines: &[String]) -> String {
    format!("<details><summary>{tag}</summary><ul>{}</ul></details>", lines.concat())
}

fn line(method: &str, path: &str, id: &str) -> String {
    format!("<li><a href=\"#{id}\"><b class=\"{method}\">{method}</b> {}</a></li>", breakable(path))
}

/// The operations of a group, under its name.
fn group(tag: &str, about: &str, sections: &[String]) -> String {
    format!("<h2>{tag}</h2><p>{}</p>{}", prose(about), sections.concat())
}

/// A path that may be broken at its slashes.
fn breakable(path: &str) -> String {
    path.replace('/', "<wbr>/")
}

fn row(code: Code) -> String {
    format!(
        "<tr id=\"{name}\"><td>{status}</td><th scope=\"row\"><code>{name}</code></th><td>{title}</td><td>{help}</td></tr>\n",
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
        "<section id=\"{id}\">{}<p>{}. {}</p>{}\
         <details><summary>Parameters and header fields</summary><table class=\"parameters\">{parameters}</table></details>\
         <details><summary>Answers</summary><ul>{answers}</ul><p>Errors: {}</p></details></section>\n",
        heading(method, path),
        prose(summary),
        prose(about),
        attempt::of(document, operation).shown(),
        codes.join(", "),
    )
}

fn heading(method: &str, path: &str) -> String {
    format!("<h3><b class=\"{method}\">{method}</b> <code>{path}</code></h3>")
}

/// An operation of the forms dialect.
fn form_section(document: &Value, operation: &forms::Operation) -> String {
    let forms::Operation { method, path, id, summary, about, .. } = operation;
    let paths = document.get("paths").and_then(|paths| paths.get(path));
    let described = paths.and_then(|known| known.get(method.to_ascii_lowercase())).unwrap_or(&Value::Null);
    let mut answers = String::new();
    for (status, answer) in described.get("responses").and_then(Value::as_object).into_iter().flatten() {
        answers += &format!("<li>{status}: {}</li>", prose(text(answer, "/description")));
    }
    format!(
        "<section id=\"{id}\">{}<p>{summary}. {}</p>{}\
         <details><summary>Answers</summary><ul>{answers}</ul></details></section>\n",
        heading(method, path),
        prose(about),
        attempt::of_form(operation, described).shown(),
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
