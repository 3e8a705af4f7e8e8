//! Bodies: JSON:API documents, operations, forms and their definitions.

use serde_json::Map;
use std::sync::{Arc, LazyLock};

use super::support::{check_failure, select};
use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::catalogue::Catalogue;
use crate::http::forms::config::definition::Form;
use crate::http::forms::config::yaml as yaml_nodes;
use crate::http::forms::request::parse_object;
use crate::http::jsonapi::atomic as operations;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::import_resources::IMPORTS;
use crate::http::jsonapi::input::{IdPolicy, Input};
use crate::http::jsonapi::linkage;
use crate::http::jsonapi::requests;
use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};
use crate::http::jsonapi::transfer_resource::TRANSFERS;
use crate::http::v2::imports;
use crate::model::id::UserId;

/// A document of each resource that requests may contain; the first byte selects which.
pub fn document(data: &[u8]) {
    let (case, body) = select(data);
    let parse = |kind, policy| Input::parse(body, kind, policy);
    let (new, old) = (IdPolicy::New, IdPolicy::Existing("7"));
    let parsed: Result<(), Failure> = match case % 10 {
        0 => parse(USER_RELATIONSHIPS, new).and_then(requests::parse_new_relationship).map(drop),
        1 => parse(USER_RELATIONSHIPS, old).and_then(requests::parse_relationship_change).map(drop),
        2 => parse(USERS, new).and_then(requests::parse_user_changes).map(drop),
        3 => parse(USERS, IdPolicy::OptionalButMatching("7")).and_then(|mut input| {
            requests::take_password(&mut input, true);
            requests::parse_user_changes(input).map(drop)
        }),
        4 => parse(RELATIONSHIP_TYPES, IdPolicy::NewWithId).and_then(requests::parse_type_changes).map(drop),
        5 => parse(TRANSFERS, new).and_then(requests::parse_new_transfer).map(drop),
        6 => linkage::parse_to_one(body).map(drop),
        7 => parse(RELATIONSHIP_TYPES, IdPolicy::Existing("boss")).and_then(requests::parse_type_changes).map(drop),
        8 => parse(IMPORTS, old).and_then(imports::parse_state).map(drop),
        _ => linkage::parse_to_many(body).map(drop),
    };
    if let Err(failure) = parsed {
        check_failure(&failure);
    }
}

/// A document of operations.
pub fn atomic(data: &[u8]) {
    let (case, body) = select(data);
    let base = if case % 2 == 0 { "" } else { "/base" };
    match operations::parse(body, UserId::new(7), base) {
        Ok(parsed) => assert!((1..=operations::MOST).contains(&parsed.len())),
        Err(failure) => check_failure(&failure),
    }
}

/// The body of a form; the first byte selects the form, its type, and whether the record is new.
pub fn form(data: &[u8]) {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::built_in);
    static TYPES: LazyLock<Option<Arc<Type>>> = LazyLock::new(|| CATALOGUE.types().next().map(Arc::clone));
    let (case, body) = select(data);
    let forms: Vec<&Form> = CATALOGUE.forms().collect();
    let Some(form) = forms.get(case / 4 % forms.len().max(1)) else { return };
    let Ok(members) = parse_object(body) else { return };
    let sent = members.get("form").and_then(|form| form.as_object()).cloned().unwrap_or_else(Map::new);
    let kind = TYPES.as_deref().filter(|_| case & 1 != 0);
    if let Ok(validated) = form.validate(&sent, kind, case & 2 != 0) {
        let errors = serde_json::to_vec(&validated.errors).unwrap_or_default();
        // Each value has at most a few messages of 200 bytes.
        assert!(errors.len() <= 64 * 1024 + 256 * body.len(), "{}", errors.len());
        // What was accepted is accepted again.
        if validated.errors.is_empty() {
            let again = form.validate(&sent, kind, case & 2 != 0);
            assert!(again.is_ok_and(|again| again.errors.is_empty() && again.values == validated.values));
        }
    }
}

/// A file of forms and types: every problem has one line of text, and the line of the file that it concerns.
pub fn yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = u64::try_from(text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count()).unwrap_or(u64::MAX);
    for node in yaml_nodes::parse(text).into_iter().flatten() {
        let _ = node.to_json();
    }
    for problem in Catalogue::of_text("x", text).err().into_iter().flatten() {
        assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem:?} of {lines}");
        assert!(!problem.reason.is_empty() && !problem.reason.contains('\n'), "{problem:?}");
        assert!(problem.reason.len() <= 4 * 1024 + 8 * text.len(), "{}", problem.reason.len());
    }
}
