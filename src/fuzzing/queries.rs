//! Query strings.

use aws_lc_rs::hmac;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use super::support::{check_failure, select};
use crate::http::jsonapi::change_cursor::ChangeCursors;
use crate::http::jsonapi::change_paging::ChangePaging;
use crate::http::jsonapi::cursor::Cursors;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::paging::{Paging, wants_cursors};
use crate::http::jsonapi::parameter::Parameter;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::v2::change_parameters::LIST_CHANGES;
use crate::http::v2::parameters::{FILTER_AS_OF, LIST_GROUPS, LIST_RELATIONSHIPS, LIST_USERS};
use crate::http::v2::relationship_filter;
use crate::http::v2::{changes, groups, users};
use crate::model::id::UserId;
use crate::model::page::Sort;

const CALLER: UserId = UserId::new(7);
const MAX_OFFSET: i64 = 10_000;
const LISTS: [&[Parameter]; 4] = [LIST_RELATIONSHIPS, LIST_USERS, LIST_CHANGES, LIST_GROUPS];

/// The query of a list; the first byte selects the list, and `Prefer: handling=strict`.
///
/// An accepted query means the same after it was printed with the names of JSON:API.
pub fn query(data: &[u8]) {
    let (case, data) = select(data);
    let raw = String::from_utf8_lossy(data);
    check_query(case % LISTS.len(), &raw, case & 128 != 0);
}

/// A value of a filter, a sort key, a fieldset or a page; the first byte selects the list, and the second the parameter.
pub fn filter(data: &[u8]) {
    let (list, data) = select(data);
    let (place, data) = select(data);
    let list = list % LISTS.len();
    let Some(parameter) = LISTS.get(list).and_then(|parameters| parameters.get(place % parameters.len())) else {
        return;
    };
    let value = String::from_utf8_lossy(data);
    let raw = form_urlencoded::Serializer::new(String::new()).append_pair(parameter.name, &value).finish();
    check_query(list, &raw, false);
}

fn check_query(list: usize, raw: &str, strict: bool) {
    match parse(list, raw, strict) {
        Ok((meaning, printed)) => {
            let again = parse(list, &printed, true).map(|(again, _)| again);
            assert_eq!(again.map_err(|failure| failure.to_string()), Ok(meaning), "{raw:?} {printed:?}");
        }
        Err(failure) => check_failure(&failure),
    }
}

/// What a query means, and the query printed.
fn parse(list: usize, raw: &str, strict: bool) -> Result<(String, String), Failure> {
    static KEY: LazyLock<Arc<hmac::Key>> = LazyLock::new(|| Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])));
    let mut query = Query::parse(raw, LISTS.get(list).copied().unwrap_or_default(), strict)?;
    let mut meaning = String::new();
    let filter = match list {
        0 => write!(meaning, "{:?}", relationship_filter::parse_filter(&mut query, CALLER)),
        1 => write!(meaning, "{:?}", users::parse_filter(&mut query)),
        2 => write!(meaning, "{:?}", changes::parse_filter(&mut query, CALLER)),
        _ => write!(meaning, "{:?}", groups::parse_filter(&mut query, CALLER)),
    };
    let sort = query.sort(Sort::default());
    let options = RenderOptions::of(&mut query, chrono_tz::Tz::UTC);
    let moment = if list == 0 { query.moment(&FILTER_AS_OF) } else { None };
    let cursors = Cursors::new(&KEY, ["users"].into_iter());
    if list == 2 {
        let paging = ChangePaging::parse(&mut query, &ChangeCursors::new(&KEY), sort.direction);
        write!(meaning, "{paging:?}").ok();
    } else if wants_cursors(&query, false) {
        write!(meaning, "{:?}", Paging::by_cursor(&mut query, &cursors)).ok();
    } else {
        write!(meaning, "{:?}", Paging::by_offset(&mut query, MAX_OFFSET)).ok();
    }
    let more = write!(meaning, "{sort:?}{moment:?}{:?}{:?}", options.included_paths(), options.names_authors());
    assert!(filter.is_ok() && more.is_ok());
    query.finish()?;
    let printed = form_urlencoded::Serializer::new(String::new()).extend_pairs(query.canonical(&[])).finish();
    Ok((meaning, printed))
}
