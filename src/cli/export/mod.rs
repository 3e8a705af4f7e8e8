//! `export`: exports users and relationships to files that `import` reads.

pub mod row;
pub mod sink;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::command_error::CommandError;
use super::database;
use super::import::FileFormat;
use super::output;
use super::progress::{Progress, group_digits};
use crate::config::Config;
use crate::model::error::Result as JobResult;
use crate::model::filter::{RelationshipFilter, UserFilter};
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::PageRequest;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::Relationship;
use crate::model::user::User;
use crate::store::{Cost, Tx};
use sink::Sink;

/// The relationships of a page.
const RELATIONSHIPS_PER_PAGE: i64 = 2_000;
/// The users of a page; each can have 64 KiB.
const USERS_PER_PAGE: i64 = 500;

/// The arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Users precede relationships, each ordered by id, and everything is from one snapshot of the database. An
export is not a backup: it has no groups, passwords, tokens, clients and keys. For a backup use `pg_dump`, or `sqlite3 FILE \".backup COPY\"`.

Examples:
  user-relationships export > company.ndjson
  user-relationships export --output company.ndjson
  user-relationships export --format csv --users users.csv --relationships edges.csv"
)]
pub struct ExportArgs {
    /// Format of the data; `csv` needs `--users` and `--relationships`
    #[arg(long, value_enum, default_value_t = FileFormat::Ndjson)]
    format: FileFormat,
    /// Output file; stdout by default
    #[arg(long, value_name = "FILE", conflicts_with_all = ["users", "relationships"])]
    output: Option<PathBuf>,
    /// CSV file for users; `-` is stdout
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// CSV file for relationships; `-` is stdout
    #[arg(long, value_name = "FILE")]
    relationships: Option<PathBuf>,
}

/// A part of the data.
enum ExportPage {
    /// The number of rows.
    Total(i64),
    Users(Vec<User>),
    Relationships(Vec<Relationship>),
}

/// The number of written rows.
#[derive(Default)]
struct Written {
    users: u64,
    relationships: u64,
    summary: String,
}

/// Runs the export.
///
/// # Errors
/// [`CommandError`] when a file cannot be written or the database is unreachable.
pub fn run(config: &Config, args: &ExportArgs) -> Result<(), CommandError> {
    check(args)?;
    let store = database::open(config)?;
    let sinks = sinks(args)?;
    let (has_users, has_relationships) = (sinks.users.is_some(), sinks.relationships.is_some());
    // One page is read while another is written.
    let (sender, pages) = sync_channel(1);
    let writer = std::thread::Builder::new()
        .name("export".to_owned())
        .spawn(move || sinks.write(&pages))
        .map_err(|error| CommandError::failed(format!("cannot start the writing thread: {error}")))?;
    let is_begun = AtomicBool::new(false);
    let read = database::wait(store.read("export", Cost::Unbounded, move |tx: &mut Tx<'_>| {
        // Written rows cannot be undone, so the job cannot be retried.
        if is_begun.swap(true, Ordering::Relaxed) {
            return Err(Tx::interrupted());
        }
        read(tx, &sender, has_users, has_relationships)
    }));
    let written = writer.join().unwrap_or_else(|_| Err(CommandError::failed("the writing thread failed")));
    read?;
    let Written { users, relationships, summary } = written?;
    output::tell(&format!(
        "{} users and {} relationships: {summary}",
        group_digits(users),
        group_digits(relationships)
    ));
    Ok(())
}

/// Sends all pages, as long as the writer receives them.
fn read(tx: &mut Tx<'_>, sender: &SyncSender<ExportPage>, has_users: bool, has_relationships: bool) -> JobResult<()> {
    let nothing = PageRequest { limit: 0, ..PageRequest::default() };
    let mut total = 0;
    if has_users {
        let filter = UserFilter { enabled: vec![true, false], ..UserFilter::default() };
        total += tx.users(&filter, &nothing, &mut ReadBudget::for_answer(false))?.total;
    }
    if has_relationships {
        total += tx.relationships(&RelationshipFilter::default(), &nothing)?.total;
    }
    let mut is_receiving = sender.send(ExportPage::Total(total)).is_ok();
    let mut last = UserId::new(0);
    while has_users && is_receiving {
        let users = tx.users_after(last, USERS_PER_PAGE, ReadBudget::for_answer(true))?;
        let Some(user) = users.last() else { break };
        last = user.id;
        is_receiving = sender.send(ExportPage::Users(users)).is_ok();
    }
    let mut last = RelationshipId::new(0);
    while has_relationships && is_receiving {
        let relationships = tx.relationships_after(last, RELATIONSHIPS_PER_PAGE)?;
        let Some(relationship) = relationships.last() else { break };
        last = relationship.id;
        is_receiving = sender.send(ExportPage::Relationships(relationships)).is_ok();
    }
    Ok(())
}

fn check(args: &ExportArgs) -> Result<(), CommandError> {
    let problem = match (args.format, &args.output, &args.users, &args.relationships) {
        (FileFormat::Ndjson, _, None, None) => return Ok(()),
        (FileFormat::Ndjson, ..) => "`--users` and `--relationships` need `--format csv`",
        (FileFormat::Csv, Some(_), ..) | (FileFormat::Csv, None, None, None) => {
            "`--format csv` needs `--users FILE`, `--relationships FILE` or both"
        }
        (FileFormat::Csv, None, Some(users), Some(relationships)) if users == relationships => {
            "`--users` and `--relationships` must be different files"
        }
        (FileFormat::Csv, ..) => return Ok(()),
    };
    Err(CommandError::usage(problem))
}

/// The files that rows are written to.
struct Sinks {
    format: FileFormat,
    open: Vec<Sink>,
    /// The index of the sink for users, if any.
    users: Option<usize>,
    relationships: Option<usize>,
}

fn sinks(args: &ExportArgs) -> Result<Sinks, CommandError> {
    if args.format == FileFormat::Ndjson {
        let open = vec![Sink::open(args.output.as_deref())?];
        return Ok(Sinks { format: args.format, open, users: Some(0), relationships: Some(0) });
    }
    let mut sinks = Sinks { format: args.format, open: Vec::new(), users: None, relationships: None };
    for (path, place, columns) in [
        (&args.users, &mut sinks.users, row::user_columns()),
        (&args.relationships, &mut sinks.relationships, row::relationship_columns()),
    ] {
        if let Some(path) = path {
            let mut sink = Sink::open(Some(path))?;
            sink.put(|out| row::write_cells(out, columns.iter().copied()))?;
            *place = Some(sinks.open.len());
            sinks.open.push(sink);
        }
    }
    Ok(sinks)
}

impl Sinks {
    fn write(mut self, pages: &Receiver<ExportPage>) -> Result<Written, CommandError> {
        let mut progress = None;
        let (mut users, mut relationships) = (0, 0);
        for page in pages {
            let rows = match page {
                ExportPage::Total(total) => {
                    progress = Some(Progress::begin("export", u64::try_from(total).ok()));
                    continue;
                }
                ExportPage::Users(page) => {
                    self.put(self.users, page.iter().map(row::ExportRow::User))?;
                    users += page.len() as u64;
                    page.len()
                }
                ExportPage::Relationships(page) => {
                    self.put(self.relationships, page.iter().map(row::ExportRow::Relationship))?;
                    relationships += page.len() as u64;
                    page.len()
                }
            };
            if let Some(progress) = &progress {
                progress.advance(users + relationships, rows as u64);
            }
        }
        let summary = progress.map(|progress| progress.end()).unwrap_or_default();
        for sink in self.open {
            sink.finish()?;
        }
        Ok(Written { users, relationships, summary })
    }

    fn put<'a>(
        &mut self,
        place: Option<usize>,
        rows: impl Iterator<Item = row::ExportRow<'a>>,
    ) -> Result<(), CommandError> {
        let format = self.format;
        let Some(sink) = place.and_then(|place| self.open.get_mut(place)) else { return Ok(()) };
        sink.put(|out| {
            for row in rows {
                match format {
                    FileFormat::Ndjson => row.write_json(out)?,
                    FileFormat::Csv => row.write_csv(out)?,
                }
            }
            io::Result::Ok(())
        })
    }
}
