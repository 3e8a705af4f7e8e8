//! `/docs`: the page that error objects link to.

use actix_web::HttpResponse;
use std::fmt::Write;

use crate::model::code::Code;

/// `GET /docs`
pub async fn get() -> HttpResponse {
    let mut rows = String::new();
    for code in Code::ALL {
        // Writing to a string cannot fail; the texts are constants of this program, so that nothing needs escaping.
        let _ = writeln!(
            rows,
            "<tr id=\"{name}\"><td>{status}</td><td><code>{name}</code></td><td>{title}</td><td>{help}</td></tr>",
            name = code.name(),
            status = code.status(),
            title = code.title(),
            help = code.help(),
        );
    }
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>user-relationships</title>\
         <style>{STYLE}</style></head><body><h1>user-relationships {}</h1>\
         <p>Typed relationships between users over JSON:API, below <code>/api/v2</code>: \
         <code>user-relationships</code>, <code>users</code>, <code>relationship-types</code>.</p>\
         <h2>Error codes</h2><table><thead><tr><th>Status</th><th>Code</th><th>Title</th><th>What to do</th></tr></thead>\
         <tbody>\n{rows}</tbody></table></body></html>\n",
        env!("CARGO_PKG_VERSION"),
    );
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem;border-bottom:1px solid #8884}\
tr:target{background:#fd03}:root{color-scheme:light dark}";
