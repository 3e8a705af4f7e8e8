//! Shows steps to people.

use super::missing::MissingUser;
use super::plan::EdgeStep;
use crate::domain::transfer::{ImportRow, PendingRecords, RowOutcome, UserNames, ValueChange};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::store::Tx;

/// The rows of steps of one type. New users are those of the plan.
///
/// # Errors
/// Those of the store.
pub fn rows_of_steps(
    tx: &mut Tx<'_>,
    name: &TypeName,
    steps: &[EdgeStep],
    pending: &PendingRecords,
) -> Result<Vec<ImportRow>> {
    let users = steps.iter().flat_map(|step| {
        let removed = step.removed.iter().map(|edge| UserId::new(edge.target));
        let added = step.added.iter().map(|edge| edge.target);
        removed.chain(added).chain([step.user])
    });
    let names = UserNames::look_up(tx, users, pending)?;
    Ok(steps.iter().map(|step| row_of_step(name, step, &names)).collect())
}

fn row_of_step(name: &TypeName, step: &EdgeStep, names: &UserNames) -> ImportRow {
    let list =
        |users: &mut dyn Iterator<Item = UserId>| users.map(|user| names.name(user)).collect::<Vec<_>>().join(", ");
    let change = ValueChange {
        member: name.as_str().to_owned(),
        before: list(&mut step.removed.iter().map(|edge| UserId::new(edge.target))),
        after: list(&mut step.added.iter().map(|edge| edge.target)),
    };
    ImportRow {
        place: step.line(),
        outcome: step.outcome(),
        subject: names.name(step.user),
        changes: vec![change],
        problem: None,
    }
}

impl MissingUser {
    /// The row of the user.
    #[must_use]
    pub fn row(&self) -> ImportRow {
        let change = |after: &str| ValueChange {
            member: "is-enabled".to_owned(),
            before: true.to_string(),
            after: after.to_owned(),
        };
        let (outcome, changes) = if self.is_to_disable {
            (RowOutcome::Disabled, vec![change("false")])
        } else {
            (RowOutcome::Missing, Vec::new())
        };
        ImportRow { place: None, outcome, subject: self.subject.clone(), changes, problem: self.note.clone() }
    }
}
