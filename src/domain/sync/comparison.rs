//! Compares the relationships of one type in the files with the stored ones.

use std::collections::HashSet;

use super::differences::{WantedEdge, find_differences};
use super::plan::{SyncPlan, TypeSteps};
use super::planner::Planner;
use super::violations;
use crate::domain::transfer::PendingRecords;
use crate::model::edge_graph::StoredEdge;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::model::rules::Rules;
use crate::store::Tx;

impl Planner {
    /// Adds the steps of a type to the plan, and what is wrong with them.
    pub(super) fn compare(
        &self,
        tx: &mut Tx<'_>,
        name: TypeName,
        wanted: Vec<WantedEdge>,
        plan: &mut SyncPlan,
    ) -> Result<()> {
        let rules = rules_of(tx, &name, &self.pending)?;
        // In a symmetric type two relationships between two users are one.
        if self.column_types.contains(&name) && !rules.is_acyclic && !rules.is_symmetric {
            plan.warnings.extend(violations::find_rings(tx, &name, &wanted, &self.pending)?);
        }
        let named: HashSet<_> = wanted.iter().map(|edge| edge.user).collect();
        let is_known = |user: i64| {
            let user = UserId::new(user);
            self.people.contains_key(&user) || named.contains(&user)
        };
        let is_doubtful =
            |user: i64| !self.doubtful.is_empty() && self.doubtful.contains(&(UserId::new(user), name.clone()));
        let is_of_files = |edge: &StoredEdge| {
            let is_known = is_known(edge.user) || rules.is_symmetric && is_known(edge.target);
            is_known && !is_doubtful(edge.user) && !(rules.is_symmetric && is_doubtful(edge.target))
        };
        let mut stored = Vec::new();
        tx.visit_edges_of_type(&name, |edge| {
            if rules.is_acyclic || is_of_files(&edge) {
                stored.push(edge);
            }
        })?;
        let mut found = find_differences(wanted, stored, rules.is_symmetric, is_of_files, &self.people);
        plan.unchanged_edges += found.unchanged;
        plan.problems.extend(violations::order_steps(tx, &name, rules, &mut found, &self.pending)?);
        plan.types.push(TypeSteps { relationship: name, steps: found.steps });
        Ok(())
    }
}

/// The rules of a type after the lines with types; those of a new one for a type that is not registered.
fn rules_of(tx: &mut Tx<'_>, name: &TypeName, pending: &PendingRecords) -> Result<Rules> {
    if let Some((_, data)) = pending.types().find(|(known, _)| *known == name) {
        return Ok(data.rules());
    }
    if !tx.has_type(name)? {
        return Ok(Rules::default());
    }
    let held = tx.hold_types(std::slice::from_ref(name))?;
    Ok(held.first().map(|held| held.rules).unwrap_or_default())
}
