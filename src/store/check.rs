//! Checks the redundant data: counts against rows, keys against names and addresses, and ends of relationships against
//! users. `rule_checks` compares relationships with the rules of their types.

use super::rows::level_of;
use super::tx::Tx;
use crate::model::error::Result;

/// The findings of a check, one line each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Findings that [`Tx::repair`] repairs.
    pub repairable: Vec<String>,
    /// Findings that an operator must resolve: users whose addresses have the same key.
    pub collisions: Vec<String>,
    /// Findings that an operator must resolve: relationships that break the rules of their types.
    pub violations: Vec<String>,
}

/// The number of users that one query reads. Each may have a profile of 64 KiB.
const BATCH: i64 = 250;

impl Tx<'_> {
    /// Compares every stored count with the rows, the number of logged changes with their numbers, relationships with the
    /// rules of their types, and the keys of users with their names and addresses. The job must see one snapshot.
    pub fn check(&mut self) -> Result<Report> {
        let mut lines = Vec::new();
        for (kind_of_count, drifts) in
            [("user", self.drifts_by_user()?), ("target", self.drifts_by_target()?), ("type", self.drifts_by_type()?)]
        {
            for (id, kind, stored, counted) in drifts {
                let owner = if kind_of_count == "type" { String::new() } else { format!("{kind_of_count} {id}, ") };
                lines.push(format!("count by {kind_of_count}: {owner}type {kind}: stored {stored}, counted {counted}"));
            }
        }
        for (is_enabled, level, stored, counted) in self.drifts_of_users()? {
            let state = if is_enabled { "enabled" } else { "disabled" };
            let level = level_of(level).name();
            lines.push(format!("count of users: {state}, level {level}: stored {stored}, counted {counted}"));
        }
        let dangling = self.dangling_relationships()?;
        lines.extend(dangling.iter().map(|id| format!("relationship {id}: the user at one end does not exist")));
        let copies = self.differing_copies()?;
        lines.extend(copies.iter().map(|copy| format!("the copies in {copy} differ from the rows")));
        if let Some(damage) = self.damage_of_changes()? {
            lines.push(format!("change log: {damage}; a repair restarts the log"));
        }
        let missing = self.users_missing_in_search()?;
        lines.extend(
            missing
                .iter()
                .map(|id| format!("user {id}: missing in the index of texts, so that searches do not find it")),
        );
        let mut report = Report { repairable: lines, ..Report::default() };
        self.check_rules(&mut report, false)?;
        self.check_keys(&mut report, false)?;
        Ok(report)
    }

    /// Removes relationships without a user at an end, rewrites the counts and the keys that differ. Returns the
    /// findings, including the collisions and violations, which it does not repair.
    pub fn repair(&mut self) -> Result<Report> {
        self.lock_everything()?;
        let report = self.check()?;
        if report.repairable.is_empty() {
            return Ok(report);
        }
        let dangling = self.dangling_relationships()?;
        for some in dangling.chunks(100) {
            self.delete_dangling(some)?;
        }
        if self.damage_of_changes()?.is_some() {
            self.repair_changes()?;
        }
        self.recount()?;
        self.add_missing_to_search()?;
        self.check_keys(&mut Report::default(), true)?;
        // A relationship that was removed breaks no rule. Of two users that both lacked a key, one has it now, and the
        // other collides.
        let mut left = Report::default();
        self.check_rules(&mut left, true)?;
        self.check_keys(&mut left, false)?;
        Ok(Report { repairable: report.repairable, ..left })
    }

    /// Compares the keys of all users with those that this release computes, and writes these if `repair`.
    fn check_keys(&mut self, report: &mut Report, repair: bool) -> Result<()> {
        let mut last = i64::MIN;
        loop {
            let rows = self.keys_after(last, BATCH)?;
            let Some(end) = rows.last() else { return Ok(()) };
            last = end.id;
            let computed = rows.iter().map(|row| (row, row.compute()));
            let differing: Vec<_> = computed.filter(|(row, keys)| row.keys != *keys).collect();
            for (row, keys) in &differing {
                let holder = self.key_holder(&keys.email)?.filter(|holder| *holder != row.id);
                if row.keys.name != keys.name {
                    report.repairable.push(format!("user {}: the key of its name is out of date", row.id));
                }
                if row.keys.search != keys.search {
                    report
                        .repairable
                        .push(format!("user {}: the keys of its other attributes are out of date", row.id));
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
                            .push(format!("user {}: the key of its e-mail address is out of date", row.id));
                    }
                    None => {}
                }
            }
            if repair {
                self.put_keys(&differing)?;
            }
        }
    }
}
