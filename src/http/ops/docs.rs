//! `/docs`: the API reference. Error objects link to its table of codes.
//!
//! The page lists the guides, the operations and the error codes. Its scripts add forms, samples and schemas from
//! `/openapi.json`.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "rendered once, so clarity matters more than speed"
)]

pub mod files;
mod guides;
mod html;

use actix_web::{HttpResponse, web};
use serde_json::Value;
use std::sync::LazyLock;

use super::openapi::operation::{ApiOperation, Success};
use super::openapi::operations::{OPERATIONS, TAGS};
use super::openapi::{self, forms, responses};
use super::page;
use crate::http::state::AppState;
use crate::model::code::Code;
use guides::GUIDES;
use html::{render_prose, text_at};

static PAGE: LazyLock<String> = LazyLock::new(|| render_page(openapi::document()));

/// `GET /docs`
pub async fn get(state: web::Data<AppState>) -> HttpResponse {
    page::html(PAGE.as_str(), &state.base)
}

/// An operation on the page.
struct ListedOperation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    description: &'static str,
    /// Whether it has no successful response.
    is_refused: bool,
    /// Its error codes; none in the forms dialect, whose errors have no codes.
    codes: Vec<Code>,
}

/// All operations, in the order of the page.
fn entries() -> Vec<ListedOperation> {
    let of_api = OPERATIONS.iter().map(|it| {
        let ApiOperation { method, path, id, tag, summary, description, success, .. } = *it;
        let (is_refused, codes) = (success == Success::AlwaysFails, responses::codes_of(it));
        ListedOperation { method, path, id, tag, summary, description, is_refused, codes }
    });
    let of_forms = forms::OPERATIONS.iter().map(|it| {
        let forms::FormOperation { method, path, id, summary, description, .. } = *it;
        let (tag, is_refused, codes) = (forms::TAG.0, false, Vec::new());
        ListedOperation { method, path, id, tag, summary, description, is_refused, codes }
    });
    of_api.chain(of_forms).collect()
}

fn render_page(document: &Value) -> String {
    let entries = entries();
    let (mut contents, mut groups) = (String::new(), String::new());
    for (tag, about) in TAGS.iter().chain([&forms::TAG]) {
        let (refused, offered): (Vec<_>, Vec<_>) =
            entries.iter().filter(|entry| entry.tag == *tag).partition(|entry| entry.is_refused);
        contents += &render_contents(tag, &offered, &refused);
        groups += &render_group(tag, about, &offered, &refused);
        groups += &offered.iter().chain(&refused).map(|entry| render_operation(entry)).collect::<String>();
    }
    let guides: String = GUIDES.iter().map(render_guide).collect();
    let guide_links: String =
        GUIDES.iter().map(|it| format!("<li><a href=\"#{}\">{}</a></li>", it.id, it.title)).collect();
    let codes: String = Code::ALL.iter().map(|code| render_code(*code)).collect();
    let paragraphs = text_at(document, "/info/description").split("\n\n");
    let about: String = paragraphs.map(|it| format!("<p>{}</p>", render_prose(it))).collect();
    [
        ("{title}", text_at(document, "/info/title")),
        ("{version}", text_at(document, "/info/version")),
        ("{summary}", text_at(document, "/info/summary")),
        ("{about}", &about),
        ("{guide-links}", &guide_links),
        ("{contents}", &contents),
        ("{guides}", &guides),
        ("{groups}", &groups),
        ("{codes}", &codes),
    ]
    .into_iter()
    .fold(include_str!("docs/frame.html").to_owned(), |page, (name, text)| page.replace(name, text))
}

fn render_guide(guide: &guides::Guide) -> String {
    format!("<section id=\"{}\" class=\"guide\"><h2>{}</h2>\n{}</section>\n", guide.id, guide.title, guide.render())
}

/// Links to operations; those that are always refused are folded.
fn render_folded(
    offered: &[&ListedOperation],
    refused: &[&ListedOperation],
    link: impl Fn(&ListedOperation) -> String,
) -> String {
    let list = |entries: &[&ListedOperation]| {
        entries.iter().map(|entry| format!("<li>{}</li>", link(entry))).collect::<String>()
    };
    let mut text = format!("<ul>{}</ul>", list(offered));
    if !refused.is_empty() {
        text += &format!(
            "<details class=\"refused\"><summary>Always refused ({})</summary><ul>{}</ul></details>",
            refused.len(),
            list(refused)
        );
    }
    text
}

/// A group in the table of contents.
fn render_contents(tag: &str, offered: &[&ListedOperation], refused: &[&ListedOperation]) -> String {
    let link = |entry: &ListedOperation| {
        let ListedOperation { method, id, summary, .. } = entry;
        format!("<a href=\"#{id}\"><b class=\"{method}\">{method}</b> <span>{}</span></a>", render_prose(summary))
    };
    format!(
        "<details><summary>{tag}</summary><ul><li><a href=\"#tag-{tag}\">Overview</a></li></ul>{}</details>",
        render_folded(offered, refused, link)
    )
}

/// A group: its heading, description and a list of its operations.
fn render_group(tag: &str, about: &str, offered: &[&ListedOperation], refused: &[&ListedOperation]) -> String {
    let link = |entry: &ListedOperation| {
        let ListedOperation { method, path, id, summary, .. } = entry;
        format!(
            "<a href=\"#{id}\"><b class=\"{method}\">{method}</b> <code>{}</code></a> <span>{}</span>",
            allow_line_breaks(path),
            render_prose(summary)
        )
    };
    format!(
        "<section id=\"tag-{tag}\" class=\"group\"><h2>{tag}</h2><p>{}</p>{}</section>\n",
        render_prose(about),
        render_folded(offered, refused, link)
    )
}

/// Lets browsers break a path before its slashes.
fn allow_line_breaks(path: &str) -> String {
    path.replace('/', "<wbr>/")
}

fn render_code(code: Code) -> String {
    format!(
        "<tr id=\"{name}\"><td>{status}</td><th scope=\"row\"><a href=\"#{name}\"><code>{name}</code></a></th><td>{title}</td><td>{help}</td></tr>\n",
        name = code.name(),
        status = code.status(),
        title = render_prose(code.title()),
        help = render_prose(code.help()),
    )
}

/// An operation: its description and error codes. A script adds the rest.
fn render_operation(entry: &ListedOperation) -> String {
    let ListedOperation { method, path, id, tag, summary, description, codes, .. } = entry;
    let links: Vec<_> = codes.iter().map(|code| render_code_link(*code)).collect();
    let errors = if links.is_empty() {
        String::new()
    } else {
        format!(
            "<details class=\"errors\"><summary>Errors ({})</summary><ul>{}</ul></details>",
            links.len(),
            links.concat()
        )
    };
    format!(
        "<section id=\"{id}\" class=\"operation\" data-method=\"{method}\" data-path=\"{path}\">\
         <p class=\"crumb\"><a href=\"#tag-{tag}\">{tag}</a></p><h2>{}</h2>\
         <p class=\"route\"><b class=\"{method}\">{method}</b> <code>{}</code></p>\
         <p class=\"lead\">{}</p>{errors}</section>\n",
        render_prose(summary),
        allow_line_breaks(path),
        render_prose(description),
    )
}

fn render_code_link(code: Code) -> String {
    let (status, name, title) = (code.status(), code.name(), render_prose(code.title()));
    format!("<li>{status} <a href=\"#{name}\"><code>{name}</code></a> {title}</li>")
}
