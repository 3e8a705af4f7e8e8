//! `/explorer`: a page that draws who reports to whom, and changes it.
//!
//! The page contains no data and has no permissions. It sends requests to the public API with the credential that the user
//! enters. Its scripts are plain modules without a build ([decision 0051](../../../../docs/decisions)).

use actix_web::{HttpResponse, web};

use super::page;
use crate::http::jsonapi::errors::Failure;
use crate::http::state::AppState;

/// A file of the page by its name.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The scripts and stylesheets below `/explorer/`, by name, with their text.
        pub const FILES: &[(&str, &str)] = &[$(($name, include_str!($name))),*];
    };
}

files! {
    "style.css",
    "chart.css",
    "app.js",
    "api.js",
    "cards.js",
    "chain.js",
    "changes.js",
    "chart.js",
    "columns.js",
    "dialog.js",
    "export.js",
    "html.js",
    "imports.js",
    "input.js",
    "layout.js",
    "messages.js",
    "people.js",
    "person.js",
    "picker.js",
    "place.js",
    "session.js",
    "tree.js",
    "views.js",
}

/// `GET /explorer`, and the links that the page makes: `/explorer/users/{id}`, `/explorer/views/{view}`.
pub async fn get(state: web::Data<AppState>) -> HttpResponse {
    page::html(include_str!("index.html"), &state.base)
}

/// `GET /explorer/{file}`: one of [`FILES`].
pub async fn file(name: web::Path<String>) -> Result<HttpResponse, Failure> {
    let (name, text) = FILES.iter().find(|(known, _)| *known == *name).ok_or_else(Failure::not_found)?;
    Ok(match name.rsplit_once('.') {
        Some((_, "css")) => page::style(text),
        _ => page::script(text),
    })
}
