//! `/docs`: the API reference, rendered from the OpenAPI document. Error objects link to its table of codes.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "rendered once, so clarity matters more than speed"
)]

mod example_request;
mod html;

use actix_web::{HttpResponse, web};
use serde_json::Value;
use std::sync::LazyLock;

use super::openapi::forms::FormOperation;
use super::openapi::operation::ApiOperation;
use super::openapi::operations::{OPERATIONS, TAGS};
use super::openapi::{self, forms, responses};
use super::page;
use crate::http::state::AppState;
use crate::model::code::Code;
use example_request::ExampleRequest;
use html::{render_prose, text_at};

static PAGE: LazyLock<String> = LazyLock::new(|| render_page(openapi::document()));

/// `GET /docs`
pub async fn get(state: web::Data<AppState>) -> HttpResponse {
    page::html(PAGE.as_str(), &state.base)
}

/// `GET /docs/style.css`
pub async fn style() -> HttpResponse {
    page::style(include_str!("docs/style.css"))
}

/// `GET /docs/app.js`: sends the example requests.
pub async fn app() -> HttpResponse {
    page::script(include_str!("docs/app.js"))
}

fn render_page(document: &Value) -> String {
    let (title, version) = (text_at(document, "/info/title"), text_at(document, "/info/version"));
    let (mut contents, mut groups) = (String::new(), String::new());
    for (tag, about) in TAGS {
        let operations = OPERATIONS.iter().filter(|operation| operation.tag == *tag);
        let (links, sections): (Vec<_>, Vec<_>) =
            operations.map(|it| (render_link(it.method, it.path, it.id), render_operation(document, it))).unzip();
        contents += &render_contents(tag, &links);
        groups += &render_group(tag, about, &sections);
    }
    let (links, sections): (Vec<_>, Vec<_>) = forms::OPERATIONS
        .iter()
        .map(|it| (render_link(it.method, it.path, it.id), render_form_operation(document, it)))
        .unzip();
    contents += &render_contents(forms::TAG.0, &links);
    groups += &render_group(forms::TAG.0, forms::TAG.1, &sections);
    let codes: String = Code::ALL.iter().map(|code| render_code(*code)).collect();
    let paragraphs = text_at(document, "/info/description").split("\n\n");
    let about: String = paragraphs.map(|it| format!("<p>{}</p>", render_prose(it))).collect();
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

/// A group in the table of contents.
fn render_contents(tag: &str, links: &[String]) -> String {
    format!("<details><summary>{tag}</summary><ul>{}</ul></details>", links.concat())
}

fn render_link(method: &str, path: &str, id: &str) -> String {
    format!("<li><a href=\"#{id}\"><b class=\"{method}\">{method}</b> {}</a></li>", allow_line_breaks(path))
}

/// A group: its heading, description and operations.
fn render_group(tag: &str, about: &str, sections: &[String]) -> String {
    format!("<h2>{tag}</h2><p>{}</p>{}", render_prose(about), sections.concat())
}

/// Lets browsers break a path before its slashes.
fn allow_line_breaks(path: &str) -> String {
    path.replace('/', "<wbr>/")
}

fn render_code(code: Code) -> String {
    format!(
        "<tr id=\"{name}\"><td>{status}</td><th scope=\"row\"><code>{name}</code></th><td>{title}</td><td>{help}</td></tr>\n",
        name = code.name(),
        status = code.status(),
        title = render_prose(code.title()),
        help = render_prose(code.help()),
    )
}

/// An operation: description, example request, parameters, responses and error codes.
fn render_operation(document: &Value, operation: &ApiOperation) -> String {
    let ApiOperation { method, path, id, summary, description, .. } = operation;
    let (item, described) = find_operation(document, method, path);
    let parameters = [item, described].into_iter().filter_map(|it| it.get("parameters")?.as_array()).flatten();
    let parameters: String =
        parameters.map(|parameter| render_parameter(document, resolve(document, parameter))).collect();
    let codes = responses::codes_of(operation).into_iter().map(Code::name);
    let codes: Vec<_> = codes.map(|name| format!("<a href=\"#{name}\"><code>{name}</code></a>")).collect();
    format!(
        "<section id=\"{id}\">{}<p>{}. {}</p>{}\
         <details><summary>Parameters and header fields</summary><table class=\"parameters\">{parameters}</table></details>\
         <details><summary>Responses</summary><ul>{}</ul><p>Errors: {}</p></details></section>\n",
        render_heading(method, path),
        render_prose(summary),
        render_prose(description),
        ExampleRequest::of_operation(document, operation).render(),
        render_responses(described, |status| !status.starts_with(['4', '5'])),
        codes.join(", "),
    )
}

/// An operation of the forms dialect.
fn render_form_operation(document: &Value, operation: &FormOperation) -> String {
    let FormOperation { method, path, id, summary, description, .. } = operation;
    let (_, described) = find_operation(document, method, path);
    format!(
        "<section id=\"{id}\">{}<p>{summary}. {}</p>{}\
         <details><summary>Responses</summary><ul>{}</ul></details></section>\n",
        render_heading(method, path),
        render_prose(description),
        ExampleRequest::of_form(operation, described).render(),
        render_responses(described, |_| true),
    )
}

/// The path item and the operation of the document; `null` where the document has none.
fn find_operation<'v>(document: &'v Value, method: &str, path: &str) -> (&'v Value, &'v Value) {
    let item = document.get("paths").and_then(|paths| paths.get(path)).unwrap_or(&Value::Null);
    (item, item.get(method.to_ascii_lowercase()).unwrap_or(&Value::Null))
}

fn render_responses(described: &Value, is_listed: impl Fn(&str) -> bool) -> String {
    let all = described.get("responses").and_then(Value::as_object).into_iter().flatten();
    let listed = all.filter(|(status, _)| is_listed(status));
    listed.map(|(status, it)| format!("<li>{status}: {}</li>", render_prose(text_at(it, "/description")))).collect()
}

fn render_heading(method: &str, path: &str) -> String {
    format!("<h3><b class=\"{method}\">{method}</b> <code>{path}</code></h3>")
}

/// Follows a reference; returns other values unchanged.
fn resolve<'v>(document: &'v Value, value: &'v Value) -> &'v Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    reference.and_then(|it| document.pointer(it.trim_start_matches('#'))).unwrap_or(value)
}

fn render_parameter(document: &Value, parameter: &Value) -> String {
    let schema = parameter.get("schema").unwrap_or(&Value::Null);
    let item = resolve(document, schema.get("items").unwrap_or(schema));
    let mut accepted = String::new();
    if let Some(values) = item.get("enum").and_then(Value::as_array) {
        let values: Vec<_> =
            values.iter().filter_map(Value::as_str).map(|value| format!("<code>{value}</code>")).collect();
        accepted = format!(" One of {}.", values.join(", "));
    }
    for (word, about) in [("minimum", "At least"), ("maximum", "At most")] {
        if let Some(number) = schema.get(word) {
            accepted += &format!(" {about} {number}.");
        }
    }
    if schema.get("items").is_some() {
        accepted += " Separate several values with commas.";
    }
    let (name, place, about) =
        (text_at(parameter, "/name"), text_at(parameter, "/in"), text_at(parameter, "/description"));
    format!("<tr><td><code>{name}</code></td><td>{place}</td><td>{}{accepted}</td></tr>", render_prose(about))
}
