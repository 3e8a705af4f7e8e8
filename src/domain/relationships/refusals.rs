//! The errors for relationships that do not exist, that exist already, and that the rules of their type refuse.

use super::super::admission::{Ends, Verdict};
use super::super::policy::{self, Action};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::{Edge, Relationship};
use crate::model::rules::{MAX_DEPTH, MAX_VISITED, Refusal};
use crate::store::{HeldType, Tx};

/// Refuses a relationship that the caller may not see.
///
/// # Errors
/// `not-found`.
pub(super) fn require_visible(caller: &Caller, found: &Relationship) -> Result<()> {
    let action = Action::SeeRelationship { user: found.user, target: found.target };
    policy::may(caller, action).map_err(|_| not_found())
}

/// The error for a relationship that does not exist, or that the caller may not see.
pub(super) fn not_found() -> Error {
    Error::not_found("user relationship")
}

/// The error of a verdict; `None` if the relationship is admitted.
///
/// # Errors
/// Those of the store.
pub(in crate::domain) fn of_verdict(
    tx: &mut Tx<'_>,
    caller: &Caller,
    held: &HeldType,
    ends: Ends,
    verdict: Option<&Verdict>,
) -> Result<Option<Error>> {
    let problem = match verdict {
        Some(Verdict::Admitted) => return Ok(None),
        Some(Verdict::Exists(id)) => {
            if held.rules.is_symmetric && !has_same_direction(tx, held, ends)? {
                tx.count_rule_refusal("symmetric");
            }
            already_exists(*id)
        }
        Some(Verdict::Refused(refusal)) => {
            tx.count_rule_refusal(refusal.rule());
            refused(tx, caller, held, ends, refusal)?
        }
        None => return Err(Error::Internal("a relationship was not judged".to_owned())),
    };
    Ok(Some(problem.into()))
}

/// Whether a relationship exists in the same direction, which no rule is needed to refuse.
fn has_same_direction(tx: &mut Tx<'_>, held: &HeldType, (user, target): Ends) -> Result<bool> {
    Ok(tx.find_edge(&Edge { user, target, relationship: held.name.clone() })?.is_some())
}

/// The error for an edge that exists.
///
/// # Errors
/// Those of the store.
pub(super) fn existing(tx: &mut Tx<'_>, edge: &Edge) -> Result<Error> {
    Ok(already_exists(tx.find_edge(edge)?).into())
}

fn already_exists(id: Option<RelationshipId>) -> Problem {
    let problem = Problem::new(Code::AlreadyExists, "the user already has this relationship to the target");
    match id {
        Some(id) => problem.existing(id),
        None => problem,
    }
}

fn refused(
    tx: &mut Tx<'_>,
    caller: &Caller,
    held: &HeldType,
    (user, target): Ends,
    refusal: &Refusal,
) -> Result<Problem> {
    Ok(match refusal {
        Refusal::Cycle(path) => cycle(caller, held, (user, target), path),
        Refusal::TooMany => {
            let existing = tx.owned_by(held, user)?;
            let target_role = match held.rules.max_per_user {
                Some(1) => tx.relationship_type(&held.name)?.and_then(|found| found.data.target_role),
                _ => None,
            };
            too_many(held, user, &existing, target_role.as_ref().map(|role| role.as_str()))
        }
        Refusal::TooDeep => {
            let detail = format!(
                "a path of more than {MAX_DEPTH} `{}` relationships would result, or cannot be ruled out among \
                 {MAX_VISITED} users",
                held.name
            );
            Problem::new(Code::RelationshipTooDeep, detail)
                .at(ErrorSource::Target)
                .with("max-depth", MAX_DEPTH)
                .with("max-visited", MAX_VISITED)
        }
    })
}

/// External callers do not learn which users are on the path.
fn cycle(caller: &Caller, held: &HeldType, (user, target): Ends, path: &[UserId]) -> Problem {
    let name = &held.name;
    if caller.sees_only().is_some() {
        let detail = format!("the target already leads back to the user along `{name}` relationships");
        return Problem::new(Code::RelationshipCycle, detail).at(ErrorSource::Target);
    }
    let detail = format!("user {target} already leads back to user {user} along `{name}` relationships");
    let path: Vec<_> = path.iter().map(ToString::to_string).collect();
    Problem::new(Code::RelationshipCycle, detail).at(ErrorSource::Target).with("path", path)
}

fn too_many(held: &HeldType, user: UserId, existing: &[RelationshipId], target_role: Option<&str>) -> Problem {
    let max = held.rules.max_per_user.unwrap_or_default();
    let cure = match target_role {
        Some(role) => format!("send a PATCH to `/api/v2/users/{user}/relationships/{role}` to replace it"),
        None => "delete one of them first".to_owned(),
    };
    let detail = format!("the user owns {max} `{}` relationships, which is the most that it may; {cure}", held.name);
    let ids: Vec<_> = existing.iter().map(ToString::to_string).collect();
    let about = if let [one] = existing { Some(*one) } else { None };
    Problem { about, ..Problem::new(Code::TooManyRelationships, detail) }.with("max", max).with("existing-ids", ids)
}
