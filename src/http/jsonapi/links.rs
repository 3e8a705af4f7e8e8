//! Links between the pages of a list (JSON:API 1.1, "Pagination").

use serde::Serialize;

use super::query::Query;
use crate::model::page::Window;

/// Links to a page's neighbours; `None` becomes `null`, which says that there is none.
#[derive(Debug, Serialize)]
pub struct PageLinks {
    #[serde(rename = "self")]
    this: String,
    first: Option<String>,
    last: Option<String>,
    prev: Option<String>,
    next: Option<String>,
}

/// The parameters that a window is given by.
const PAGE: [&str; 2] = ["page[offset]", "page[limit]"];

impl PageLinks {
    /// The links of one page. `self` repeats the request, the others use the JSON:API names of all its parameters;
    /// none leads beyond `max_offset`.
    #[must_use]
    pub fn new(path: &str, raw_query: &str, query: &Query, window: Window, total: i64, max_offset: i64) -> Self {
        let this = if raw_query.is_empty() { path.to_owned() } else { format!("{path}?{raw_query}") };
        if window.limit == 0 {
            return Self { this, first: None, last: None, prev: None, next: None };
        }
        let mut base = form_urlencoded::Serializer::new(String::with_capacity(96));
        for (name, value) in query.canonical(&PAGE) {
            base.append_pair(name, value);
        }
        let base = base.finish();
        let page = |offset: i64| {
            let glue = if base.is_empty() { "" } else { "&" };
            let limit = window.limit;
            (offset <= max_offset)
                .then(|| format!("{path}?{base}{glue}page%5Boffset%5D={offset}&page%5Blimit%5D={limit}"))
        };
        let last = (total - 1).max(0) / window.limit * window.limit;
        let previous = (window.offset > 0).then(|| window.offset.saturating_sub(window.limit).min(last).max(0));
        let next = window.offset.saturating_add(window.limit);
        Self {
            this,
            first: page(0),
            last: page(last),
            prev: previous.and_then(page),
            next: (next < total).then(|| page(next)).flatten(),
        }
    }
}
