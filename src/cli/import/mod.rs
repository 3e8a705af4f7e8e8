//! `import`: users and relationships out of files.

mod cell;
mod desk;
mod feed;
mod lines;
pub mod record;
mod table;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use clap::ValueEnum;

use super::database::{self, Fresh};
use super::demo::scratch::Scratch;
use super::failure::Failure;
use super::progress::Progress;
use crate::config::Config;
use crate::domain::transfer::Options;
use crate::store::url::DatabaseUrl;
use crate::store::{self, Store};
use desk::Desk;
use feed::{Plan, Source};
use record::Kind;
use work::Work;

/// How data is written in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line, users before the relationships that name them
    Ndjson,
    /// Two tables, whose first lines name the columns
    Csv,
}

/// What is read, and what may be done about it.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("input").args(["file", "users", "relationships"]).required(true).multiple(true),
    after_help = "What is there already is left as it is, so that an import that was interrupted can simply be run
again. Lines that are not possible are told with their number and passed over; the exit code is then 1.

Examples:
  user-relationships import company.ndjson
  zcat company.ndjson.gz | user-relationships import -
  user-relationships import --format csv --users users.csv --relationships edges.csv
  user-relationships import company.ndjson --dry-run"
)]
pub struct Args {
    /// A file of NDJSON; `-` is stdin
    #[arg(conflicts_with_all = ["users", "relationships"])]
    file: Option<PathBuf>,
    /// How the data is written; `csv` takes `--users` and `--relationships` instead of FILE
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// A CSV file of users; `-` is stdin
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// A CSV file of relationships, read after the users; `-` is stdin
    #[arg(long, value_name = "FILE")]
    relationships: Option<PathBuf>,
    /// Register relationship types that are not known yet
    #[arg(long)]
    create_types: bool,
    /// Tell what would happen and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Stop at the first line that is not possible; what was written before stays
    #[arg(long)]
    strict: bool,
    /// Pass over so many lines at the beginning
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "users")]
    skip_lines: u64,
}

/// Reads the files into the database and tells what became of their lines.
///
/// # Errors
/// [`Failure`] when a file cannot be read, the database is away, or lines were rejected.
pub fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let sources = sources(args)?;
    let size = Arc::new(AtomicUsize::new(work::FIRST_SIZE));
    let plan = Plan { skip: args.skip_lines, is_strict: args.strict, size: Arc::clone(&size) };
    let (batches, total) = feed::start(&sources, plan)?;
    let may_load = !args.dry_run && store::is_unused(&config.database_url);
    let (store, _scratch) =
        if args.dry_run { open_to_look(config)? } else { (database::open(config, Fresh::Create)?, None) };
    let names = sources.iter().map(|source| source.path.display().to_string()).collect();
    let desk = Arc::new(Desk::new(Progress::begin("import", total), names));
    let options = Options { creates_types: args.create_types, is_load: false };
    let mut work = Work::new(store, Arc::clone(&desk), options, size, args.strict);
    let done = database::wait(async {
        if args.dry_run { work.rehearse(batches).await } else { work.import(batches, may_load).await }
    });
    desk.end(args.dry_run);
    done?;
    match desk.rejected() {
        0 => Ok(()),
        1 => Err(Failure::failed("1 line was rejected")),
        many => Err(Failure::failed(format!("{many} lines were rejected"))),
    }
}

/// Opens a database that nothing is written to; an empty one where there is none yet, which goes away again.
fn open_to_look(config: &Config) -> Result<(Store, Option<Scratch>), Failure> {
    match &config.database_url {
        DatabaseUrl::Sqlite(path) if !path.exists() => {
            let scratch =
                Scratch::new().map_err(|error| Failure::failed(format!("no temporary directory: {error}")))?;
            let database_url = DatabaseUrl::Sqlite(scratch.path().join("rehearsal.db"));
            let store = database::open(&Config { database_url, ..config.clone() }, Fresh::Create)?;
            Ok((store, Some(scratch)))
        }
        _ => Ok((database::open(config, Fresh::Refuse)?, None)),
    }
}

fn sources(args: &Args) -> Result<Vec<Source>, Failure> {
    let tables = [(&args.users, Kind::User), (&args.relationships, Kind::Relationship)];
    let tables: Vec<_> = tables
        .into_iter()
        .filter_map(|(path, kind)| Some(Source { path: path.clone()?, table_of: Some(kind) }))
        .collect();
    let told = match (&args.file, args.format) {
        (Some(path), Format::Ndjson) => return Ok(vec![Source { path: path.clone(), table_of: None }]),
        (Some(_), Format::Csv) => {
            "`--format csv` takes `--users FILE` and `--relationships FILE` instead of a file of both"
        }
        (None, Format::Ndjson) => "`--users` and `--relationships` need `--format csv`",
        (None, Format::Csv) => match tables.as_slice() {
            [one, other] if one.path == other.path => "`--users` and `--relationships` are two files",
            _ => return Ok(tables),
        },
    };
    Err(Failure::usage(told))
}
