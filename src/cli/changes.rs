//! `changes`: prints the change log, and follows it.

use clap::ValueEnum;
use std::time::Duration;

use super::change_text;
use super::command_error::CommandError;
use super::database;
use super::output;
use super::user_reference::find;
use crate::config::{Config, read};
use crate::domain::changes::{self, ChangeBound, ChangeScope, ChangeStart, ChangesRequest, VisibleChanges};
use crate::http::jsonapi::change_resource::json_line;
use crate::model::caller::Caller;
use crate::model::change_query::ChangeFilter;
use crate::model::error::{Error, Result as JobResult};
use crate::model::page::Direction;
use crate::model::time::Timestamp;
use crate::model::time_parser::parse_iso_time;
use crate::store::{Cost, Store, Tx};

/// Changes per page.
const PAGE: i64 = 500;
/// How often `--follow` looks for changes.
const INTERVAL: Duration = Duration::from_millis(250);

/// The arguments of `changes`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships changes --since 1h --format text
  user-relationships changes --user ann@example.com
  user-relationships changes --since 2026-03-01T00:00:00Z --follow")]
pub struct ChangesArgs {
    /// Only changes at this time or later: ISO 8601 with an offset from UTC, or a duration before now such as `1h`
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Only changes of this user and of its relationships, at either end
    #[arg(long, value_name = "EMAIL_OR_ID")]
    user: Option<String>,
    /// Print further changes as they happen, until the command is interrupted
    #[arg(long)]
    follow: bool,
    /// How to print changes: the resource objects of the API, one per line, or lines for people
    #[arg(long, value_enum, default_value = "ndjson")]
    format: ChangeFormat,
    /// Print one JSON object per line, as `--format ndjson` does
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// How changes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ChangeFormat {
    Ndjson,
    Text,
}

/// The earliest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Time(Timestamp),
    Ago(Duration),
}

impl Since {
    fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Time(time) => time,
            Self::Ago(time) => {
                let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.micros().saturating_sub(micros))
            }
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    let time = parse_iso_time(text).map(Since::Time);
    time.or_else(|| read::duration(text).ok().map(Since::Ago)).ok_or_else(|| {
        "must be a time such as `2026-03-01T00:00:00Z`, with its offset from UTC, or a duration such as `1h`".to_owned()
    })
}

/// Prints changes.
///
/// # Errors
/// [`CommandError`] when the database is unreachable, changes are not logged, or the user is unknown.
pub fn run(config: &Config, args: &ChangesArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    database::wait(async {
        let mut request = first_request(&store, args).await?;
        loop {
            let (page, lines) = read_page(&store, &request, args.format).await?;
            let is_empty = lines.is_empty();
            output::print(lines)?;
            if page.is_end && !args.follow {
                return Ok(());
            }
            if page.is_end && is_empty {
                tokio::time::sleep(INTERVAL).await;
            }
            let bound = |position| ChangeBound { position, is_inclusive: false };
            request = ChangesRequest { after: page.cursor.map(bound), ..request };
        }
    })
}

async fn first_request(store: &Store, args: &ChangesArgs) -> Result<ChangesRequest, Error> {
    let (user, since) = (args.user.clone(), args.since);
    let job = move |tx: &mut Tx<'_>| {
        let users = user.as_deref().map(|user| find(tx, user)).transpose()?.into_iter().collect();
        let since = since.map(|since| since.time(tx.now()));
        Ok(ChangeFilter { users, since, ..ChangeFilter::default() })
    };
    let filter = store.read("changes.filter", Cost::Bounded, job).await?;
    let (scope, order, start) = (ChangeScope::All, Direction::Ascending, ChangeStart::First);
    Ok(ChangesRequest { scope, filter, order, start, after: None, before: None, size: PAGE })
}

/// A page of changes, and its lines.
async fn read_page(
    store: &Store,
    request: &ChangesRequest,
    format: ChangeFormat,
) -> Result<(VisibleChanges, Vec<String>), Error> {
    let request = request.clone();
    let job = move |tx: &mut Tx<'_>| {
        let page = changes::read(tx, &Caller::OPERATOR, &request)?;
        let lines = match format {
            ChangeFormat::Ndjson => json_lines(&page)?,
            ChangeFormat::Text => change_text::lines(tx, &page.changes)?,
        };
        Ok((page, lines))
    };
    store.read_changes("changes.list", Cost::Unbounded, job).await
}

fn json_lines(page: &VisibleChanges) -> JobResult<Vec<String>> {
    let lines: Option<_> = page.changes.iter().map(json_line).collect();
    lines.ok_or_else(|| Error::Internal("a change cannot be printed".to_owned()))
}
