//! Orders the steps of a type, and finds out what would break a rule of the type in the end.

use std::collections::HashMap;

use super::differences::Differences;
use crate::domain::transfer::{ImportRow, LinePlace, PendingRecords, RowOutcome, UserNames, ValueChange};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::levels::UserLevels;
use crate::model::relationship_type::TypeName;
use crate::model::rules::{MAX_DEPTH, Rules};
use crate::store::Tx;

/// A problem of a plan, before users are named.
enum PlanProblem {
    /// A line that is on a cycle: the users from its owner back to it.
    Cycle { user: UserId, target: UserId, place: Option<LinePlace>, path: Vec<UserId> },
    /// Cycles that are not listed.
    MoreCycles(u64),
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
        find_cycles(found, &levels, &mut violations);
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

fn find_cycles(found: &Differences, levels: &UserLevels, violations: &mut Vec<PlanProblem>) {
    let added = found
        .steps
        .iter()
        .flat_map(|step| step.added.iter().map(|edge| ((step.user.get(), edge.target.get()), edge.place)));
    let added: HashMap<_, _> = if levels.cycles.components > 0 { added.collect() } else { HashMap::new() };
    for cycle in &levels.cycles.examples {
        let steps = cycle.iter().zip(cycle.iter().skip(1));
        for (start, (user, target)) in steps.enumerate() {
            let Some(place) = added.get(&(*user, *target)) else { continue };
            // From this user back to it.
            let ring = cycle.iter().take(cycle.len() - 1);
            let path = ring.cycle().skip(start).take(cycle.len()).map(|user| UserId::new(*user)).collect();
            let (user, target) = (UserId::new(*user), UserId::new(*target));
            violations.push(PlanProblem::Cycle { user, target, place: Some(*place), path });
        }
    }
    let unlisted = levels.cycles.components - levels.cycles.examples.len() as u64;
    if unlisted > 0 {
        violations.push(PlanProblem::MoreCycles(unlisted));
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
            Self::MoreCycles(_) => Vec::new(),
            Self::TooDeep { user, target, .. } => vec![*user, *target],
            Self::TooMany { user, .. } => vec![*user],
        }
    }

    fn row(&self, name: &TypeName, names: &UserNames) -> ImportRow {
        let (user, target, place) = match self {
            Self::Cycle { user, target, place, .. } => (Some(*user), Some(*target), *place),
            Self::MoreCycles(_) => (None, None, None),
            Self::TooDeep { user, target, place, .. } => (Some(*user), Some(*target), Some(*place)),
            Self::TooMany { user, place, .. } => (Some(*user), None, *place),
        };
        let shown = |user: Option<UserId>| user.map(|user| names.name(user)).unwrap_or_default();
        let change = ValueChange { member: name.as_str().to_owned(), before: String::new(), after: shown(target) };
        ImportRow {
            place,
            outcome: RowOutcome::Rejected,
            subject: shown(user),
            changes: vec![change],
            problem: Some(self.describe(name, names)),
        }
    }

    fn describe(&self, name: &TypeName, names: &UserNames) -> String {
        match self {
            Self::Cycle { path, .. } => {
                let path: Vec<_> = path.iter().map(|user| names.name(*user)).collect();
                format!(
                    "`{name}` relationships may form no cycle, and these lead back to their start: {}; correct one of \
                     their lines",
                    path.join(" → ")
                )
            }
            Self::MoreCycles(cycles) => {
                format!("{cycles} more cycles of `{name}` relationships; correct the listed ones first")
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
