//! Rules for every response (JSON:API 1.1, "Document Structure" and "Universal Responsibilities"), written from the
//! specification and independent of the program.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Answer, Value};

type Members = serde_json::Map<String, Value>;
type Found = Result<(), String>;

/// Asserts that the response to such a request breaks no rule of documents.
#[track_caller]
pub fn assert_sound(method: &str, path: &str, answer: &Answer) {
    if let Err(found) = check_answer(method, path, answer) {
        panic!("{found} in the response to {method} {path}: {} {}", answer.status, answer.text);
    }
}

fn need(holds: bool, otherwise: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn check_answer(method: &str, path: &str, answer: &Answer) -> Found {
    let vary = answer.header("vary").unwrap_or_default();
    need(vary.split(',').any(|name| name.trim().eq_ignore_ascii_case("accept")), || "no `Vary: Accept`".to_owned())?;
    if method == "HEAD" || matches!(answer.status, 204 | 304) {
        return need(answer.text.is_empty(), || "a body where none is allowed".to_owned());
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    if path.starts_with("/docs") && content_type.starts_with("text/html") {
        return Ok(());
    }
    let applied = read_content_type(content_type).ok_or_else(|| format!("the Content-Type `{content_type}`"))?;
    let is_sparse = path.contains("fields");
    check_applied(&answer.body, &applied, is_sparse)?;
    let Some(errors) = answer.body.get("errors").and_then(Value::as_array) else {
        return need(answer.status < 400, || "a failure without `errors`".to_owned());
    };
    need(answer.status >= 400, || "`errors` in a success".to_owned())?;
    let found: BTreeSet<_> = errors.iter().filter_map(|error| error["status"].as_str()).collect();
    let status = answer.status.to_string();
    need(found.len() != 1 || found.contains(&*status), || "a `status` that differs from that of HTTP".to_owned())
}

/// The URIs of the parameters `ext` and `profile`; `None` for any other media type or parameter.
pub fn read_content_type(text: &str) -> Option<BTreeMap<&str, Vec<&str>>> {
    let mut applied = BTreeMap::new();
    let mut rest = text.strip_prefix("application/vnd.api+json")?;
    while !rest.is_empty() {
        let (name, value) = rest.strip_prefix(';')?.trim_start().split_once("=\"")?;
        let (uris, others) = value.split_once('"')?;
        let uris: Vec<_> = uris.split(' ').collect();
        let are_uris = uris.iter().all(|uri| uri.starts_with("https://"));
        if !matches!(name, "ext" | "profile") || !are_uris || applied.insert(name, uris).is_some() {
            return None;
        }
        rest = others;
    }
    Some(applied)
}

/// Describes what is wrong with a document without extension and profile, if anything is.
pub fn check_document(document: &Value, is_sparse: bool) -> Found {
    check_applied(document, &BTreeMap::new(), is_sparse)
}

fn check_applied(document: &Value, applied: &BTreeMap<&str, Vec<&str>>, is_sparse: bool) -> Found {
    let root = object(document, "the document")?;
    let is_of_extension = |name: &str| applied.contains_key("ext") && name.contains(':');
    for name in root.keys().filter(|name| !is_of_extension(name)) {
        let known = ["data", "errors", "meta", "jsonapi", "links", "included"];
        need(known.contains(&&**name), || format!("an extra member `{name}` at the top"))?;
    }
    let has = |name: &str| root.contains_key(name);
    let is_something = has("data") || has("errors") || has("meta") || root.keys().any(|name| is_of_extension(name));
    need(is_something, || "neither `data` nor `errors` nor `meta`".to_owned())?;
    need(!(has("data") && has("errors")), || "`data` beside `errors`".to_owned())?;
    need(!has("included") || has("data"), || "`included` without `data`".to_owned())?;
    check_meta(root)?;
    if let Some(jsonapi) = root.get("jsonapi") {
        check_jsonapi(jsonapi, applied)?;
    }
    check_links(root, &["self", "related", "describedby", "first", "last", "prev", "next"])?;
    if let Some(errors) = root.get("errors") {
        let errors = errors.as_array().filter(|errors| !errors.is_empty()).ok_or("`errors` is not a list of errors")?;
        errors.iter().try_for_each(check_error)?;
    }
    let primary: Vec<&Value> = match root.get("data") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
    };
    primary.iter().try_for_each(|resource| check_resource(resource))?;
    let included = root.get("included").map(|all| all.as_array().ok_or("`included` is not a list")).transpose()?;
    let included: Vec<&Value> = included.into_iter().flatten().collect();
    included.iter().try_for_each(|resource| check_resource(resource))?;
    check_linkage(&primary, &included, is_sparse)
}

/// Checks full linkage, and that each resource occurs once.
fn check_linkage(primary: &[&Value], included: &[&Value], is_sparse: bool) -> Found {
    let name = |resource: &Value| (resource["type"].to_string(), resource["id"].to_string());
    let mut names = BTreeSet::new();
    for resource in primary.iter().chain(included) {
        need(names.insert(name(resource)), || format!("{:?} twice", name(resource)))?;
    }
    let mut linked = BTreeSet::new();
    for resource in primary.iter().chain(included) {
        for relationship in resource["relationships"].as_object().into_iter().flat_map(Members::values) {
            match &relationship["data"] {
                Value::Array(all) => linked.extend(all.iter().map(name)),
                Value::Object(_) => drop(linked.insert(name(&relationship["data"]))),
                _ => {}
            }
        }
    }
    for resource in included {
        need(is_sparse || linked.contains(&name(resource)), || format!("nothing links to {:?}", name(resource)))?;
    }
    Ok(())
}

fn check_resource(resource: &Value) -> Found {
    let members = object(resource, "a resource")?;
    only(members, &["type", "id", "attributes", "relationships", "links", "meta"])?;
    for name in ["type", "id"] {
        let text = members.get(name).and_then(Value::as_str);
        need(text.is_some_and(|text| !text.is_empty()), || format!("no string `{name}` in a resource"))?;
    }
    check_name(members["type"].as_str().unwrap_or_default())?;
    check_meta(members)?;
    check_links(members, &["self"])?;
    let part = |name| members.get(name).map(|part| object(part, name)).transpose();
    let (attributes, relationships) = (part("attributes")?, part("relationships")?);
    for name in attributes.into_iter().chain(relationships).flat_map(Members::keys) {
        check_name(name)?;
        need(!matches!(&**name, "type" | "id"), || format!("a field called `{name}`"))?;
        let is_both = attributes.is_some_and(|all| all.contains_key(name))
            && relationships.is_some_and(|all| all.contains_key(name));
        need(!is_both, || format!("`{name}` is an attribute and a relationship"))?;
    }
    relationships.into_iter().flat_map(Members::values).try_for_each(check_relationship)
}

fn check_relationship(relationship: &Value) -> Found {
    let members = object(relationship, "a relationship")?;
    only(members, &["links", "data", "meta"])?;
    need(!members.is_empty(), || "a relationship without members".to_owned())?;
    check_meta(members)?;
    check_links(members, &["self", "related", "first", "last", "prev", "next"])?;
    if let Some(links) = members.get("links") {
        need(links.get("self").or(links.get("related")).is_some(), || "links to nowhere".to_owned())?;
    }
    match members.get("data") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(all)) => all.iter().try_for_each(check_identifier),
        Some(one) => check_identifier(one),
    }
}

fn check_identifier(identifier: &Value) -> Found {
    let members = object(identifier, "an identifier")?;
    only(members, &["type", "id", "meta"])?;
    check_meta(members)?;
    let are_strings = ["type", "id"].iter().all(|name| members.get(*name).is_some_and(Value::is_string));
    need(are_strings, || format!("not a resource identifier: {identifier}"))
}

fn check_error(error: &Value) -> Found {
    let members = object(error, "an error")?;
    only(members, &["id", "links", "status", "code", "title", "detail", "source", "meta"])?;
    need(!members.is_empty(), || "an empty error".to_owned())?;
    check_meta(members)?;
    check_links(members, &["about", "type"])?;
    for name in ["id", "status", "code", "title", "detail"] {
        need(members.get(name).is_none_or(Value::is_string), || format!("`{name}` of an error is not a string"))?;
    }
    let Some(source) = members.get("source") else { return Ok(()) };
    let source = object(source, "source")?;
    only(source, &["pointer", "parameter", "header"])?;
    need(source.len() == 1 && source.values().all(Value::is_string), || "an invalid source".to_owned())
}

fn check_jsonapi(jsonapi: &Value, applied: &BTreeMap<&str, Vec<&str>>) -> Found {
    let members = object(jsonapi, "`jsonapi`")?;
    only(members, &["version", "ext", "profile", "meta"])?;
    check_meta(members)?;
    need(members.get("version").is_none_or(Value::is_string), || "`version` is not a string".to_owned())?;
    for name in ["ext", "profile"] {
        let found: Option<Vec<_>> =
            members.get(name).map(|all| all.as_array().into_iter().flatten().filter_map(Value::as_str).collect());
        need(found.as_ref() == applied.get(name), || format!("`{name}` differs from the Content-Type"))?;
    }
    Ok(())
}

fn check_meta(members: &Members) -> Found {
    let Some(meta) = members.get("meta") else { return Ok(()) };
    object(meta, "`meta`")?.keys().try_for_each(|name| check_name(name))
}

fn check_links(members: &Members, known: &[&str]) -> Found {
    let Some(links) = members.get("links") else { return Ok(()) };
    let links = object(links, "`links`")?;
    only(links, known)?;
    for (name, link) in links {
        let href = match link {
            Value::Null => continue,
            Value::Object(link) => {
                only(link, &["href", "rel", "describedby", "title", "type", "hreflang", "meta"])?;
                link.get("href").and_then(Value::as_str)
            }
            other => other.as_str(),
        };
        // `self` repeats the brackets of the client, which a URI may have only in a host.
        let is_legal = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || b"-._~:/?#@!$&'()*+,;=%".contains(&byte)
                || (name == "self" && matches!(byte, b'[' | b']'))
        };
        let is_reference = href.is_some_and(|href| !href.is_empty() && href.bytes().all(is_legal));
        need(is_reference, || format!("`{name}` is not a URI-reference: {link}"))?;
    }
    Ok(())
}

/// JSON:API 1.1, "Member Names", including the recommendation to use only characters that are safe in URLs.
fn check_name(name: &str) -> Found {
    let is_safe = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let ends_well =
        [name.bytes().next(), name.bytes().last()].iter().all(|end| end.is_some_and(|b| b.is_ascii_alphanumeric()));
    need(is_safe && ends_well, || format!("a member called `{name}`"))
}

fn only(members: &Members, known: &[&str]) -> Found {
    match members.keys().find(|name| !known.contains(&&***name)) {
        None => Ok(()),
        Some(name) => Err(format!("an extra member `{name}`, where only {known:?} are defined,")),
    }
}

fn object<'v>(value: &'v Value, what: &str) -> Result<&'v Members, String> {
    value.as_object().ok_or_else(|| format!("{what} is not an object"))
}
