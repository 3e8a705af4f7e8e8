//! Orders the steps of a type, and finds out what would break a rule of the type in the end.

use std::collections::HashMap;

use super::differences::{Differences, WantedEdge};
use crate::domain::transfer::{ImportRow, LinePlace, PendingRecords, RowOutcome, UserNames, ValueChange};
use crate::model::cycles::Cycles;
use crate::model::edge_graph::{EdgeGraph, StoredEdge};
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::levels::UserLevels;
use crate::model::relationship_type::TypeName;
use crate::model::rules::{MAX_DEPTH, Rules};
use crate::model::text::noun_for;
use crate::store::Tx;

/// A problem of a plan, before users are named.
enum PlanProblem {
    /// A line that is on a cycle: the users from its owner back to it.
    Cycle { user: UserId, target: UserId, place: LinePlace, path: Vec<UserId>, is_allowed: bool },
    /// Cycles that are not listed.
    MoreCycles { cycles: u64, is_allowed: bool },
    /// A path through a line is too long.
    TooDeep { user: UserId, target: UserId, place: LinePlace, length: usize },
    /// A user would own too many relationships.
    TooMany { user: UserId, place: Option<LinePlace>, owned: usize, max: usize },
}

/// Sorts the steps from the top of the new tree downwards: the users above a target are where they stay when a user gets
/// it, so no step closes a cycle. Returns what breaks a rule in the end.
///
/// # Errors
/// Those of the store.
pub(super) fn order_steps(
    tx: &mut Tx<'_>,
    name: &TypeName,
    rules: Rules,
    found: &mut Differences,
    pending: &PendingRecords,
) -> Result<Vec<ImportRow>> {
    let mut violations = Vec::new();
    if let Some(max) = rules.max_per_user {
        find_too_many(found, usize::try_from(max).unwrap_or_default(), &mut violations);
    }
    if rules.is_acyclic && !found.steps.is_empty() {
        let levels = UserLevels::of(found.final_edges());
        let added = found
            .steps
            .iter()
            .flat_map(|step| step.added.iter().map(|edge| ((step.user.get(), edge.target.get()), edge.place)));
        find_cycles(&levels.cycles, added, false, &mut violations);
        find_too_deep(found, &levels, &mut violations);
        found.steps.sort_by_key(|step| levels.at(step.user.get()).depth);
    }
    describe_all(tx, name, &violations, pending)
}

fn find_too_many(found: &Differences, max: usize, violations: &mut Vec<PlanProblem>) {
    for step in &found.steps {
        let owned = found.owned.get(&step.user).copied().unwrap_or_default();
        if owned > max && !step.added.is_empty() {
            violations.push(PlanProblem::TooMany { user: step.user, place: step.line(), owned, max });
        }
    }
}

/// The lines of a type without the rule that lead back to their start, such as two people who are each other's
/// supervisors.
///
/// # Errors
/// Those of the store.
pub(super) fn find_rings(
    tx: &mut Tx<'_>,
    name: &TypeName,
    wanted: &[WantedEdge],
    pending: &PendingRecords,
) -> Result<Vec<ImportRow>> {
    let new = RelationshipId::new(0).get();
    let edge = |edge: &WantedEdge| StoredEdge { id: new, user: edge.user.get(), target: edge.target.get() };
    let cycles = Cycles::find(&EdgeGraph::of(wanted.iter().map(edge).collect()), usize::MAX);
    let places = wanted.iter().map(|edge| ((edge.user.get(), edge.target.get()), edge.place));
    let mut rings = Vec::new();
    find_cycles(&cycles, places, true, &mut rings);
    let mut rows = describe_all(tx, name, &rings, pending)?;
    rows.sort_by_key(|row| (row.place.is_none(), row.place));
    Ok(rows)
}

/// Adds the lines that are on a cycle. `lines` are their ends and places.
fn find_cycles(
    cycles: &Cycles,
    lines: impl Iterator<Item = ((i64, i64), LinePlace)>,
    is_allowed: bool,
    violations: &mut Vec<PlanProblem>,
) {
    if cycles.components == 0 {
        return;
    }
    let lines: HashMap<_, _> = lines.collect();
    for cycle in &cycles.examples {
        let steps = cycle.iter().zip(cycle.iter().skip(1));
        for (start, (user, target)) in steps.enumerate() {
            let Some(place) = lines.get(&(*user, *target)).copied() else { continue };
            // From this user back to it.
            let ring = cycle.iter().take(cycle.len() - 1);
            let path = ring.cycle().skip(start).take(cycle.len()).map(|user| UserId::new(*user)).collect();
            let (user, target) = (UserId::new(*user), UserId::new(*target));
            violations.push(PlanProblem::Cycle { user, target, place, path, is_allowed });
        }
    }
    let unlisted = cycles.components - cycles.examples.len() as u64;
    if unlisted > 0 {
        violations.push(PlanProblem::MoreCycles { cycles: unlisted, is_allowed });
    }
}

fn find_too_deep(found: &Differences, levels: &UserLevels, violations: &mut Vec<PlanProblem>) {
    for step in &found.steps {
        for edge in &step.added {
            let (above, below) = (levels.at(edge.target.get()).depth, levels.at(step.user.get()).height);
            let length = usize::try_from(above + 1 + below).unwrap_or(usize::MAX);
            if length > MAX_DEPTH {
                let (user, target, place) = (step.user, edge.target, edge.place);
                violations.push(PlanProblem::TooDeep { user, target, place, length });
            }
        }
    }
}

fn describe_all(
    tx: &mut Tx<'_>,
    name: &TypeName,
    violations: &[PlanProblem],
    pending: &PendingRecords,
) -> Result<Vec<ImportRow>> {
    let users = violations.iter().flat_map(PlanProblem::users);
    let names = UserNames::look_up(tx, users, pending)?;
    Ok(violations.iter().map(|violation| violation.row(name, &names)).collect())
}

impl PlanProblem {
    fn users(&self) -> Vec<UserId> {
        match self {
            Self::Cycle { path, .. } => path.clone(),
            Self::MoreCycles { .. } => Vec::new(),
            Self::TooDeep { user, target, .. } => vec![*user, *target],
            Self::TooMany { user, .. } => vec![*user],
        }
    }

    fn row(&self, name: &TypeName, names: &UserNames) -> ImportRow {
        let (user, target, place) = match self {
            Self::Cycle { user, target, place, .. } | Self::TooDeep { user, target, place, .. } => {
                (Some(*user), Some(*target), Some(*place))
            }
            Self::MoreCycles { .. } => (None, None, None),
            Self::TooMany { user, place, .. } => (Some(*user), None, *place),
        };
        let shown = |user: Option<UserId>| user.map(|user| names.name(user)).unwrap_or_default();
        let change = ValueChange { member: name.as_str().to_owned(), before: String::new(), after: shown(target) };
        let is_allowed =
            matches!(self, Self::Cycle { is_allowed: true, .. } | Self::MoreCycles { is_allowed: true, .. });
        ImportRow {
            place,
            outcome: if is_allowed { RowOutcome::Warning } else { RowOutcome::Rejected },
            subject: shown(user),
            changes: vec![change],
            problem: Some(self.describe(name, names)),
        }
    }

    fn describe(&self, name: &TypeName, names: &UserNames) -> String {
        match self {
            Self::Cycle { path, is_allowed, .. } => {
                let path: Vec<_> = path.iter().map(|user| names.name(*user)).collect();
                let path = path.join(" → ");
                if *is_allowed {
                    format!(
                        "these `{name}` relationships lead back to their start: {path}; correct one of their lines, unless \
                         this is intended: no rule of the type forbids it"
                    )
                } else {
                    format!(
                        "`{name}` relationships may form no cycle, and these lead back to their start: {path}; correct one \
                         of their lines"
                    )
                }
            }
            Self::MoreCycles { cycles, .. } => {
                let cycles = format!("{cycles} more {}", noun_for(*cycles, "cycle"));
                format!("{cycles} of `{name}` relationships; correct the listed ones first")
            }
            Self::TooDeep { length, .. } => format!(
                "a path of {length} `{name}` relationships leads through this one, and at most {MAX_DEPTH} are allowed; \
                 choose another target"
            ),
            Self::TooMany { owned, max, .. } => format!(
                "the files name {owned} `{name}` relationships of this user, which may own at most {max}; remove the others"
            ),
        }
    }
}
