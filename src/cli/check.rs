//! `check`: compares the stored counts and keys with the rows, and the relationships with the rules of their types.

use serde_json::json;

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use super::output;
use crate::config::Config;
use crate::model::change::ChangeOrigin;
use crate::store::{Cost, Report, Tx};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints a line per problem, and exits 1 if there is any. `--repair` blocks all writers while it runs, and
exits 0 when the problems are repaired. Two users with the same e-mail address, spelled differently, are only reported:
change the address of one of them. Relationships that break a rule of their type are only reported as well: an instance of
an earlier release wrote them. Change or delete them, or turn the rule off.

Examples:
  user-relationships check
  user-relationships check --json
  user-relationships check --repair"
)]
pub struct CheckArgs {
    /// Remove relationships with a missing end, recompute all counts, and recompute keys that are not current
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    format: ListFormat,
}

/// Prints the problems, and repairs them with `--repair`.
///
/// # Errors
/// [`CommandError`] when problems remain, or the database is unreachable.
pub fn run(config: &Config, args: &CheckArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let report: Report = database::wait(async {
        if args.repair {
            store.write("check.repair", ChangeOrigin::WITHOUT_CALLER, |tx: &mut Tx<'_>| tx.repair()).await
        } else {
            store.read("check", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check()).await
        }
    })?;
    let state = if args.repair { "repaired" } else { "found" };
    for (problems, kind, state) in [
        (&report.repairable, "derived-data", state),
        (&report.violations, "rule", "found"),
        (&report.collisions, "email", "found"),
    ] {
        let object = |problem: &String| json!({ "kind": kind, "state": state, "problem": problem });
        args.format.print(problems, Clone::clone, object)?;
    }
    let repairable = match (report.repairable.len(), args.repair) {
        (0, _) => None,
        (_, true) => Some(format!("{} repaired", count(&report.repairable))),
        (_, false) => Some(format!("{} found; run `check --repair` to repair", count(&report.repairable))),
    };
    let rest: Vec<_> = [violations_in(&report), collisions_in(&report)].into_iter().flatten().collect();
    if rest.is_empty() && (args.repair || repairable.is_none()) {
        output::tell(&repairable.unwrap_or_else(|| {
            "all counts and keys agree with the rows, every relationship has both ends, and none breaks a rule"
                .to_owned()
        }));
        return Ok(());
    }
    Err(CommandError::failed(repairable.into_iter().chain(rest).collect::<Vec<_>>().join("; ")))
}

fn count(problems: &[String]) -> String {
    match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    }
}

/// What to do about relationships that break rules.
fn violations_in(report: &Report) -> Option<String> {
    let broken = match report.violations.len() {
        0 => return None,
        1 => "1 rule is broken".to_owned(),
        many => format!("{many} rules are broken"),
    };
    Some(format!("{broken} by relationships of an earlier release; change or delete them, or turn the rule off"))
}

/// What to do about users with the same e-mail address.
fn collisions_in(report: &Report) -> Option<String> {
    match report.collisions.len() {
        0 => None,
        1 => Some("1 user shares its e-mail address with another; change the address of one of them".to_owned()),
        many => Some(format!("{many} users share their e-mail addresses with others; change one address of each pair")),
    }
}
