//! Checks relationships against the rules of their types, and the counts below against the relationships.

use std::collections::BTreeMap;

use super::check::Report;
use super::tx::Tx;
use crate::model::counts_below::{CountBelow, count_below};
use crate::model::error::Result;
use crate::model::relationship_type::{MAX_TYPES, RelationshipType, TypeName};
use crate::model::violations::find_violations;

/// A user, and what is stored and counted of the users below it.
type BelowDrift = (i64, CountBelow, CountBelow);

impl Tx<'_> {
    /// Finds relationships that break the rules of their types, and compares the counts below, where `repair` writes
    /// those that differ. Rules can be broken only by instances of a release that does not know them.
    pub(super) fn check_rules(&mut self, report: &mut Report, repair: bool) -> Result<()> {
        // The cached number of a type may be that of a deleted type of the same name.
        self.read_types()?;
        for one in self.types(0, MAX_TYPES.into())?.items {
            let counted = self.check_rules_of(&one, report)?;
            let drifts = drifts_below(self.counts_below(&one.name)?, &counted);
            if repair && !drifts.is_empty() {
                self.replace_counts_below(&one.name, &counted)?;
            }
            report.repairable.extend(drifts.iter().map(|drift| line_of(&one.name, drift)));
        }
        Ok(())
    }

    /// Finds relationships that break the rules of a type, and returns the counts below that it must have.
    fn check_rules_of(&mut self, one: &RelationshipType, report: &mut Report) -> Result<Vec<(i64, CountBelow)>> {
        let rules = one.data.rules();
        if !rules.restrict_data() {
            return Ok(Vec::new());
        }
        let edges = self.edges_of_type(&one.name, None)?.unwrap_or_default();
        let (violations, graph) = find_violations(edges, rules);
        report.violations.extend(violations.iter().map(|violation| format!("type {}: {violation}", one.name)));
        Ok(if rules.is_tree() { count_below(&graph) } else { Vec::new() })
    }
}

/// Where stored and counted users below differ. Nothing stored means that there are none.
fn drifts_below(stored: Vec<(i64, CountBelow)>, counted: &[(i64, CountBelow)]) -> Vec<BelowDrift> {
    let mut all: BTreeMap<i64, (CountBelow, CountBelow)> =
        stored.into_iter().map(|(user, stored)| (user, (stored, CountBelow::default()))).collect();
    for (user, counted) in counted {
        all.entry(*user).or_default().1 = *counted;
    }
    let differ = |(_, (stored, counted)): &(_, (CountBelow, CountBelow))| stored != counted;
    all.into_iter().filter(differ).map(|(user, (stored, counted))| (user, stored, counted)).collect()
}

fn line_of(kind: &TypeName, (user, stored, counted): &BelowDrift) -> String {
    format!(
        "count below: user {user}, type {kind}: stored {} with height {}, counted {} with height {}",
        stored.n, stored.height, counted.n, counted.height
    )
}
