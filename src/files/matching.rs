//! Decides what each column of a table becomes: what the mapping says, the member with the name of the heading, or what
//! the heading means in exports of known systems, in this order.

use super::cell_text::EmptyCells;
use super::columns::{ColumnUse, Columns, EdgeTarget, ReferenceKind, TableColumn, WhyIgnored};
use super::heading::{find_similar, normalize};
use super::known_headings;
use super::mapping::{IGNORE, Mapping};
use super::record::RecordKind;
use crate::model::relationship_type::TypeName;
use crate::model::text::excerpt;

/// A column before its conflicts with others are resolved.
struct Candidate {
    becomes: ColumnUse,
    /// The rank of a known heading; `None` if the mapping or the heading itself names what it becomes.
    rank: Option<usize>,
}

/// Matches the header of a table.
///
/// # Errors
/// All its problems, in one line: missing, unknown and duplicate columns.
pub fn match_columns(
    headings: &[&str],
    kind: RecordKind,
    mapping: &Mapping,
    empty: EmptyCells,
) -> Result<Columns, String> {
    let headings = trim_headings(headings);
    let is_entra = kind == RecordKind::User && known_headings::are_of_entra(headings.iter().copied());
    let mut complaints = Vec::new();
    let mut candidates = Vec::new();
    let mut has_unknown = false;
    for (place, heading) in headings.iter().enumerate() {
        let found = match_heading(heading, kind, mapping, is_entra).unwrap_or_else(|complaint| {
            complaints.push(complaint);
            None
        });
        candidates.push(found.unwrap_or_else(|| {
            if !mapping.ignores_unknown {
                has_unknown = true;
                complaints.push(complaint_about_unknown(heading, place, kind));
            }
            Candidate { becomes: ColumnUse::Ignored(WhyIgnored::Unknown), rank: None }
        }));
    }
    complaints.extend(duplicates(&headings, &candidates));
    let columns = supersede(&headings, candidates);
    let columns = Columns { kind, columns, empty };
    let missing = kind.required().iter().filter(|name| columns.place_of(name).is_none());
    complaints.extend(missing.map(|name| complaint_about_missing(name, kind)));
    if complaints.is_empty() {
        return Ok(columns);
    }
    let cure = "; map unknown columns with `--map 'HEADER=MEMBER'`, or ignore them with `--ignore-unknown`";
    Err(format!("invalid header line: {}{}", complaints.join("; "), if has_unknown { cure } else { "" }))
}

/// The headings without surrounding white space, and without empty ones at the end.
fn trim_headings<'h>(headings: &[&'h str]) -> Vec<&'h str> {
    let mut headings: Vec<_> = headings.iter().map(|heading| heading.trim()).collect();
    while headings.last().is_some_and(|heading| heading.is_empty()) {
        headings.pop();
    }
    headings
}

fn match_heading(
    heading: &str,
    kind: RecordKind,
    mapping: &Mapping,
    is_entra: bool,
) -> Result<Option<Candidate>, String> {
    if let Some(entry) = mapping.find(heading) {
        let becomes = parse_target(&entry.target, kind)
            .map_err(|reason| format!("`{}={}`: {reason}", excerpt(heading), excerpt(&entry.target)))?;
        return Ok(Some(Candidate { becomes, rank: None }));
    }
    if is_entra && normalize(heading) == "id" {
        return Ok(Some(known("alt-id", usize::MAX)));
    }
    if let Some(becomes) = member(heading, kind) {
        return Ok(Some(Candidate { becomes, rank: None }));
    }
    let found = known_headings::find(heading).filter(|_| kind == RecordKind::User);
    Ok(found.map(|(target, rank)| known(target, rank)))
}

fn known(target: &'static str, rank: usize) -> Candidate {
    let becomes = if target == IGNORE {
        ColumnUse::Ignored(WhyIgnored::Known)
    } else {
        member(target, RecordKind::User)
            .unwrap_or_else(|| ColumnUse::Edges(EdgeTarget { name: target.to_owned(), kind: None }))
    };
    Candidate { becomes, rank: Some(rank) }
}

/// The member with a name, without regard to its spelling.
fn member(name: &str, kind: RecordKind) -> Option<ColumnUse> {
    let name = normalize(name);
    let name = kind.members().into_iter().find(|member| normalize(member) == name)?;
    let is_computed = kind.computed().contains(&name);
    Some(match name {
        "created-at" | "updated-at" => ColumnUse::Member { name, kind: None },
        _ if is_computed => ColumnUse::Ignored(WhyIgnored::Computed),
        _ => ColumnUse::Member { name, kind: kind.kind_of(name) },
    })
}

/// What the target of a mapping means.
fn parse_target(target: &str, kind: RecordKind) -> Result<ColumnUse, String> {
    if target == IGNORE {
        return Ok(ColumnUse::Ignored(WhyIgnored::Mapped));
    }
    if let Some(becomes) = member(target, kind) {
        return Ok(becomes);
    }
    let (name, reference) = target.split_once(':').map_or((target, None), |(name, kind)| (name, Some(kind)));
    if kind != RecordKind::User || TypeName::parse(name).is_none() {
        return Err(format!("unknown member{}", suggestion(name, writable_members(kind))));
    }
    let reference = reference.map(parse_reference_kind).transpose()?;
    Ok(ColumnUse::Edges(EdgeTarget { name: name.to_owned(), kind: reference }))
}

fn parse_reference_kind(text: &str) -> Result<ReferenceKind, String> {
    let found = ReferenceKind::ALL.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| format!("after the colon must be `id`, `email`, `alt-id` or `name`; got `{}`", excerpt(text)))
}

fn complaint_about_unknown(heading: &str, place: usize, kind: RecordKind) -> String {
    if heading.is_empty() {
        return format!("column {} has no heading", place + 1);
    }
    let known = known_headings::all().filter(|_| kind == RecordKind::User);
    format!(
        "`{}`: unknown column{}",
        excerpt(heading),
        suggestion(heading, writable_members(kind).into_iter().chain(known))
    )
}

/// The members that a column can usefully become.
#[must_use]
pub fn writable_members(kind: RecordKind) -> Vec<&'static str> {
    kind.members().into_iter().filter(|name| !kind.computed().contains(name)).collect()
}

/// `, did you mean …?`, if there are similar names.
#[must_use]
pub fn suggestion<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let similar: Vec<_> = find_similar(name, names).into_iter().map(|name| format!("`{name}`")).collect();
    if similar.is_empty() { String::new() } else { format!(", did you mean {}?", similar.join(" or ")) }
}

fn complaint_about_missing(name: &str, kind: RecordKind) -> String {
    match kind {
        RecordKind::User => format!("`{name}` is missing; name its column with `--map 'HEADER={name}'`"),
        _ => format!("`{name}` is missing"),
    }
}

/// Complaints about headings that occur twice, and about columns that become the same, although no table ranks them.
fn duplicates(headings: &[&str], candidates: &[Candidate]) -> Vec<String> {
    let mut complaints = Vec::new();
    let used: Vec<_> = headings.iter().zip(candidates).filter(|(_, one)| key(&one.becomes).is_some()).collect();
    for (place, (heading, candidate)) in used.iter().enumerate() {
        for (other, earlier) in used.iter().take(place) {
            if normalize(heading) == normalize(other) {
                complaints.push(format!("`{}` is a duplicate", excerpt(heading)));
            } else if candidate.rank.is_none()
                && earlier.rank.is_none()
                && key(&candidate.becomes) == key(&earlier.becomes)
            {
                complaints.push(format!(
                    "`{}` and `{}` become the same; ignore one, for example with `--map '{}=-'`",
                    excerpt(other),
                    excerpt(heading),
                    excerpt(heading)
                ));
            }
        }
    }
    complaints
}

/// The name of what a column becomes; `None` if it becomes nothing.
fn key(becomes: &ColumnUse) -> Option<&str> {
    match becomes {
        ColumnUse::Member { name, .. } => Some(name),
        ColumnUse::Edges(target) => Some(&target.name),
        ColumnUse::Ignored(_) => None,
    }
}

/// Ignores known headings where a better column becomes the same.
fn supersede(headings: &[&str], candidates: Vec<Candidate>) -> Vec<TableColumn> {
    let strength = |one: &Candidate| one.rank.map_or((0, 0), |rank| (1, rank));
    let mut best: Vec<(String, (u8, usize), String)> = Vec::new();
    for (heading, one) in headings.iter().zip(&candidates) {
        let Some(key) = key(&one.becomes) else { continue };
        match best.iter_mut().find(|(known, ..)| known == key) {
            Some((_, found, holder)) if strength(one) < *found => {
                (*found, *holder) = (strength(one), (*heading).to_owned());
            }
            Some(_) => {}
            None => best.push((key.to_owned(), strength(one), (*heading).to_owned())),
        }
    }
    let resolve = |(heading, one): (&&str, Candidate)| {
        let better =
            one.rank.and_then(|_| key(&one.becomes)).and_then(|key| best.iter().find(|(known, ..)| known == key));
        let better = better.filter(|(_, _, holder)| holder != heading).map(|(_, _, holder)| holder.clone());
        let becomes = better.map_or(one.becomes, |holder| ColumnUse::Ignored(WhyIgnored::Superseded(holder)));
        TableColumn { heading: (*heading).to_owned(), becomes }
    };
    headings.iter().zip(candidates).map(resolve).collect()
}
