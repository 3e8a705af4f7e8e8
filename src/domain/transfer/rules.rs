//! Judges the relationships of lines by the rules of their types.

use super::super::admission::{Ends, Overlays, Verdict};
use super::lines::RequestedEdge;
use super::outcome::ImportOutcome;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::rules::{MAX_DEPTH, MAX_VISITED, Refusal};
use crate::store::{HeldType, Tx};

/// Removes relationships of types with rules, which are held, that exist or that a rule refuses. The lines of the latter
/// are rejected. All others are added to `overlays`. Without a `tx`, no relationships are stored.
pub(super) fn judge(
    mut tx: Option<&mut Tx<'_>>,
    overlays: &mut Overlays,
    types: &[HeldType],
    requested: &mut Vec<RequestedEdge<'_>>,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    for held in types {
        let is_of_type = |it: &RequestedEdge| it.edge.relationship == held.name;
        let ends = |it: &RequestedEdge| (it.edge.user, it.edge.target);
        let edges: Vec<Ends> = requested.iter().filter(|it| is_of_type(it)).map(ends).collect();
        let mut verdicts = overlays.judge(tx.as_deref_mut(), held, &edges)?.into_iter();
        requested
            .retain(|it| !is_of_type(it) || verdicts.next().is_some_and(|verdict| note(it, verdict, held, outcome)));
    }
    Ok(())
}

/// Whether a relationship is admitted. If not, counts its line.
fn note(it: &RequestedEdge<'_>, verdict: Verdict, held: &HeldType, outcome: &mut ImportOutcome) -> bool {
    match verdict {
        Verdict::Admitted => return true,
        Verdict::Exists(_) => outcome.relationships.unchanged += 1,
        Verdict::Refused(refusal) => {
            outcome.reject_relationship(it.number, [describe(held, (it.edge.user, it.edge.target), &refusal)]);
        }
    }
    false
}

/// Why a rule refuses the relationship of a line, and what to do.
fn describe(held: &HeldType, (user, target): Ends, refusal: &Refusal) -> String {
    let name = &held.name;
    match refusal {
        Refusal::Cycle(path) => {
            let path: Vec<_> = path.iter().map(|user| name_of(*user)).collect();
            format!(
                "`target`: {} already leads back to {} along `{name}` relationships, which may form no cycle ({}); \
                 correct the line, or delete one of these relationships",
                name_of(target),
                name_of(user),
                path.join(" → ")
            )
        }
        Refusal::TooMany => format!(
            "`user`: {} owns {} `{name}` relationships, which is the most that it may; delete one of them first",
            name_of(user),
            held.rules.max_per_user.unwrap_or_default()
        ),
        Refusal::TooDeep => format!(
            "`target`: from {} to {} a path of more than {MAX_DEPTH} `{name}` relationships would result, or cannot be \
             ruled out among {MAX_VISITED} users; choose another target",
            name_of(user),
            name_of(target)
        ),
    }
}

/// A user in a reason. A dry run knows no id of a user that it would add.
fn name_of(user: UserId) -> String {
    if user.get() > 0 { format!("user {user}") } else { "a new user".to_owned() }
}
