//! Changes as lines for people: when, who, what.

use std::collections::HashMap;

use super::output;
use crate::domain::changes::VisibleChange;
use crate::model::change::{Change, ChangeReason, ChangeSubject, EdgeChange};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::read_budget::ReadBudget;
use crate::store::Tx;

/// The e-mail addresses of users.
struct Names(HashMap<UserId, String>);

impl Names {
    /// The address of a user, or its id if it is deleted.
    fn of(&self, id: UserId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("user {id}"))
    }
}

/// One line for each change, tab-separated: time, who, what.
///
/// # Errors
/// Those of the store.
pub(super) fn lines(tx: &mut Tx<'_>, changes: &[VisibleChange]) -> Result<Vec<String>> {
    let mut ids: Vec<_> = changes.iter().flat_map(|change| users_of(&change.change.change)).collect();
    ids.sort_unstable();
    ids.dedup();
    let users = tx.users_of(&ids, &mut ReadBudget::for_answer(false))?;
    let names = Names(users.into_iter().map(|user| (user.id, user.data.email)).collect());
    Ok(changes.iter().map(|change| line(&change.change.change, &names)).collect())
}

fn users_of(change: &Change) -> impl Iterator<Item = UserId> {
    change.subject.users().into_iter().chain([change.actor]).flatten()
}

fn line(change: &Change, names: &Names) -> String {
    let who = change.actor.map_or_else(|| "command line".to_owned(), |id| names.of(id));
    output::row([Some(change.at.iso8601()), Some(who), Some(what(change, names))])
}

fn what(change: &Change, names: &Names) -> String {
    let action = change.action.name();
    let what = match &change.subject {
        ChangeSubject::Relationship(edge) => format!("{action} {}", describe_edge(edge, names)),
        ChangeSubject::User(id) => format!("{action} user {}", names.of(*id)),
        ChangeSubject::RelationshipType(name) => format!("{action} relationship type {name}"),
        ChangeSubject::Group(id) => format!("{action} group {id}"),
        ChangeSubject::GroupMember(id) => format!("{action} group member {id}"),
        ChangeSubject::Many(kind) => format!("{action} many {}", kind.name()),
    };
    let changed = if change.changed.is_empty() { String::new() } else { format!(": {}", change.changed.join(", ")) };
    let reason = change.reason.map(ChangeReason::name).map(|reason| format!(" ({reason})")).unwrap_or_default();
    [what, changed, reason].concat()
}

fn describe_edge(edge: &EdgeChange, names: &Names) -> String {
    let (user, target) = (names.of(edge.user), names.of(edge.target));
    let was = edge.previous_relationship.as_ref().map(|name| format!(", before: {name}")).unwrap_or_default();
    format!("{user} {} {target}{was}", edge.relationship)
}
