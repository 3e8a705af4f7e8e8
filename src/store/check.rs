//! Compares what is stored twice: counts with rows, keys with what they are computed from, and ends of relationships
//! with users.

use super::rows::level_of;
use super::tx::Tx;
use crate::model::error::Result;

/// What a check found, a line for each finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What [`Tx::repair`] repairs.
    pub repairable: Vec<String>,
    /// What an operator must decide: users whose addresses have the same key.
    pub collisions: Vec<String>,
}

/// How many users a batch reads.
const BATCH: i64 = 1_000;

impl Tx<'_> {
    /// Compares every kept count with the rows, and the keys of users with their names and addresses. The job must see
    /// one snapshot.
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
        let mut report = Report { repairable: lines, collisions: Vec::new() };
        self.check_keys(&mut report, false)?;
        Ok(report)
    }

    /// Removes relationships whose ends are missing, counts again and writes the keys that differ. Returns what it
    /// found, including the collisions, which stay as they are.
    pub fn repair(&mut self) -> Result<Report> {
        self.lock_everything()?;
        let mut report = self.check()?;
        if !report.repairable.is_empty() {
            let dangling = self.dangling_relationships()?;
            for some in dangling.chunks(100) {
                self.delete_dangling(some)?;
            }
            self.recount()?;
            self.check_keys(&mut Report::default(), true)?;
            // Of two users that both lacked their key, one has it now.
            let mut left = Report::default();
            self.check_keys(&mut left, false)?;
            report.collisions = left.collisions;
        }
        Ok(report)
    }

    /// Compares the keys of all users with those that this release computes, and writes the latter where `repair`.
    fn check_keys(&mut self, report: &mut Report, repair: bool) -> Result<()> {
        let mut last = i64::MIN;
        loop {
            let rows = self.keys_after(last, BATCH)?;
            let Some(end) = rows.last() else { return Ok(()) };
            last = end.id;
            for row in &rows {
                let keys = row.compute();
                if row.keys == keys {
                    continue;
                }
                let holder = self.key_holder(&keys.email)?.filter(|holder| *holder != row.id);
                if row.keys.name != keys.name {
                    report.repairable.push(format!("user {}: the key of its name is not current", row.id));
                }
                match holder {
                    Some(holder) => report.collisions.push(format!(
                        "user {}: user {holder} has the same e-mail address, spelled differently; change one of them \
                         with `user set {} --email ADDRESS`",
                        row.id, row.id
                    )),
                    None if row.keys.email != keys.email => {
                        report
                            .repairable
                            .push(format!("user {}: the key of its e-mail address is not current", row.id));
                    }
                    None => {}
                }
                if repair {
                    self.put_keys(row, &keys)?;
                }
            }
        }
    }
}
