//! The files that `/docs` loads.

use actix_web::HttpResponse;

use crate::http::ops::page;

/// A handler for each script.
macro_rules! scripts {
    ($($(#[$about:meta])* $name:ident => $file:literal;)*) => {
        $($(#[$about])*
        pub async fn $name() -> HttpResponse {
            page::script(include_str!($file))
        })*
    };
}

scripts! {
    /// `GET /docs/app.js`: shows one section at a time, and builds its parts.
    app => "app.js";
    /// `GET /docs/answer.js`: shows responses, and follows their links.
    answer => "answer.js";
    /// `GET /docs/elements.js`: creates elements.
    elements => "elements.js";
    /// `GET /docs/operation.js`: the form, samples and schemas of an operation.
    operation => "operation.js";
    /// `GET /docs/parameters.js`: fields for the parameters of an operation.
    parameters => "parameters.js";
    /// `GET /docs/request.js`: the token, and sending requests.
    request => "request.js";
    /// `GET /docs/samples.js`: a request as code for curl, JavaScript and Python.
    samples => "samples.js";
    /// `GET /docs/schemas.js`: schemas as lists of members.
    schemas => "schemas.js";
    /// `GET /docs/search.js`: the search.
    search => "search.js";
}

/// `GET /docs/style.css`
pub async fn style() -> HttpResponse {
    page::style(include_str!("style.css"))
}

/// `GET /docs/samples.json`: requests to the demo with their responses. A test compares them with the demo.
pub async fn sample_answers() -> HttpResponse {
    page::data(include_str!("samples.json"))
}
