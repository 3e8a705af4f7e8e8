//! Names the column and the value in the reasons for which lines are rejected.

use super::feed::{Batch, BatchKind};
use crate::domain::transfer::{Record, UserReference};
use crate::model::text::excerpt;

/// The reason of the database, with the heading of the column instead of the member. In people files it has the value as
/// well. `labels` are members, and the headings of their columns.
#[must_use]
pub fn describe(labels: &[(String, String)], batch: &Batch, number: u64, reason: &str) -> String {
    let parts = reason.strip_prefix('`').and_then(|rest| rest.split_once('`'));
    let found = parts.and_then(|(member, rest)| {
        let (_, heading) = labels.iter().find(|(name, _)| name == member)?;
        Some(format!("`{}`{rest}{}", excerpt(heading), value_of(batch, number, member, rest)))
    });
    found.unwrap_or_else(|| reason.to_owned())
}

/// The value of a cell that names a user, unless the reason has it.
fn value_of(batch: &Batch, number: u64, member: &str, reason: &str) -> String {
    let line = batch.lines.iter().find(|line| line.number == number && batch.kind == BatchKind::EdgesOfPeople);
    let reference = batch.references.iter().find(|it| it.line == number && it.member == member).map(|it| &it.user);
    let user = match line.map(|line| &line.record) {
        Some(Record::Relationship(edge)) => Some(if member == "user" { &edge.user } else { &edge.target }),
        _ => reference,
    };
    let Some(user) = user else { return String::new() };
    let value = match user {
        UserReference::Id(id) => id.to_string(),
        UserReference::Email(text) | UserReference::AltId(text) | UserReference::Name(text) => {
            excerpt(text).into_owned()
        }
    };
    if reason.contains(&value) { String::new() } else { format!("; got `{value}`") }
}
