//! Every kept count against the rows, and relationships whose ends are missing.

use super::rows::level_of;
use super::tx::Tx;
use crate::model::error::Result;

/// What a check found, a line for people each; empty when all is well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report(pub Vec<String>);

impl Tx<'_> {
    /// Compares every kept count with the rows. The job must see one snapshot.
    pub fn check(&mut self) -> Result<Report> {
        let mut lines = Vec::new();
        for (whose, drifts) in
            [("user", self.drifts_by_user()?), ("target", self.drifts_by_target()?), ("type", self.drifts_by_type()?)]
        {
            for (id, kind, kept, found) in drifts {
                let owner = if whose == "type" { String::new() } else { format!("{whose} {id}, ") };
                lines.push(format!("count by {whose}: {owner}type {kind}: kept {kept}, found {found}"));
            }
        }
        for (is_enabled, level, kept, found) in self.drifts_of_users()? {
            let state = if is_enabled { "enabled" } else { "disabled" };
            let level = level_of(level).name();
            lines.push(format!("count of users: {state}, level {level}: kept {kept}, found {found}"));
        }
        let dangling = self.dangling_relationships()?;
        lines.extend(dangling.iter().map(|id| format!("relationship {id}: an end is no user")));
        Ok(Report(lines))
    }

    /// Removes relationships whose ends are missing and makes all counts anew; tells what was off.
    pub fn repair(&mut self) -> Result<Report> {
        self.lock_everything()?;
        let report = self.check()?;
        if !report.0.is_empty() {
            let dangling = self.dangling_relationships()?;
            for some in dangling.chunks(100) {
                self.delete_dangling(some)?;
            }
            self.recount()?;
        }
        Ok(report)
    }
}
