//! `export`: exports everything but credentials to files that `import` reads.

pub mod csv;
mod outputs;
mod pages;
pub mod row;
mod row_value;
pub mod sink;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use super::command_error::CommandError;
use super::database;
use super::import::FileFormat;
use super::output;
use crate::config::Config;
use crate::files::layout::parse_delimiter;
use crate::files::record::RecordKind;
use crate::http::jsonapi::export_resource::ExportedResources;
use crate::store::{Cost, Tx};
use csv::CsvStyle;
use outputs::{Encoder, Outputs};
use pages::ExportPlan;
use sink::Sink;

/// The delimiter of CSV files, and that of files for spreadsheets.
const DELIMITERS: (u8, u8) = (b',', b';');

/// The arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The order is relationship types, users, groups, members, relationships, each by id, and everything is from one
snapshot of the database. An export is not a backup: it has no passwords, tokens, clients, keys and changes. For a backup use
`pg_dump`, or `sqlite3 FILE \".backup COPY\"`.

In CSV files, a cell that a spreadsheet would run as a formula gets an apostrophe in front, which `import` removes.

Examples:
  user-relationships export > company.ndjson
  user-relationships export --output company.ndjson
  user-relationships export --format csv --users users.csv --relationships edges.csv
  user-relationships export --format csv --spreadsheet --users users.csv
  user-relationships export --format jsonapi --output company.json"
)]
pub struct ExportArgs {
    /// Format of the data; `csv` needs at least one file such as `--users`
    #[arg(long, value_enum, default_value_t = FileFormat::Ndjson)]
    format: FileFormat,
    /// Output file; stdout by default
    #[arg(long, value_name = "FILE", conflicts_with_all = ["types", "users", "relationships", "groups", "members"])]
    output: Option<PathBuf>,
    /// CSV file for relationship types; `-` is stdout
    #[arg(long, value_name = "FILE")]
    types: Option<PathBuf>,
    /// CSV file for users; `-` is stdout
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// CSV file for relationships; `-` is stdout
    #[arg(long, value_name = "FILE")]
    relationships: Option<PathBuf>,
    /// CSV file for groups; `-` is stdout
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    /// CSV file for the members of groups; `-` is stdout
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// Delimiter of CSV files: one character, or `tab`; `,` by default
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    delimiter: Option<u8>,
    /// Write CSV files for spreadsheets: UTF-8 with a byte order mark, lines that end with CR LF, and the delimiter `;`
    #[arg(long)]
    spreadsheet: bool,
}

/// Runs the export.
///
/// # Errors
/// [`CommandError`] when a file cannot be written or the database is unreachable.
pub fn run(config: &Config, args: &ExportArgs) -> Result<(), CommandError> {
    args.check()?;
    let store = database::open(config)?;
    let outputs = args.open(config)?;
    let plan = ExportPlan { kinds: outputs.kinds(), has_supervisors: args.format == FileFormat::Jsonapi };
    // One page is read while another is written.
    let (sender, pages) = sync_channel(1);
    let writer = std::thread::Builder::new()
        .name("export".to_owned())
        .spawn(move || outputs.write(&pages))
        .map_err(|error| CommandError::failed(format!("cannot start the writing thread: {error}")))?;
    let is_begun = AtomicBool::new(false);
    let read = database::wait(store.read("export", Cost::Unbounded, move |tx: &mut Tx<'_>| {
        // Written rows cannot be undone, so the job cannot be retried.
        if is_begun.swap(true, Ordering::Relaxed) {
            return Err(Tx::interrupted());
        }
        pages::read(tx, &sender, &plan)
    }));
    let written = writer.join().unwrap_or_else(|_| Err(CommandError::failed("the writing thread failed")));
    read?;
    output::tell(&written?);
    Ok(())
}

impl ExportArgs {
    /// The CSV files, and what they contain.
    fn tables(&self) -> Vec<(RecordKind, &PathBuf)> {
        let all = [
            (RecordKind::Type, &self.types),
            (RecordKind::User, &self.users),
            (RecordKind::Group, &self.groups),
            (RecordKind::Member, &self.members),
            (RecordKind::Relationship, &self.relationships),
        ];
        all.into_iter().filter_map(|(kind, path)| Some((kind, path.as_ref()?))).collect()
    }

    fn check(&self) -> Result<(), CommandError> {
        let tables = self.tables();
        let is_csv = self.format == FileFormat::Csv;
        let has_duplicate =
            tables.iter().enumerate().any(|(place, (_, path))| tables.iter().skip(place + 1).any(|(_, it)| it == path));
        let problem = if !is_csv && !tables.is_empty() {
            "`--types`, `--users`, `--relationships`, `--groups` and `--members` need `--format csv`"
        } else if !is_csv && (self.spreadsheet || self.delimiter.is_some()) {
            "`--spreadsheet` and `--delimiter` need `--format csv`"
        } else if is_csv && tables.is_empty() {
            "`--format csv` needs `--users FILE`, `--relationships FILE`, `--types FILE`, `--groups FILE` or \
             `--members FILE`, or several of them"
        } else if has_duplicate {
            "each table needs a file of its own"
        } else {
            return Ok(());
        };
        Err(CommandError::usage(problem))
    }

    fn open(&self, config: &Config) -> Result<Outputs, CommandError> {
        let output = || Sink::open(self.output.as_deref());
        match self.format {
            FileFormat::Ndjson => Outputs::one(Encoder::Lines, output()?),
            FileFormat::Jsonapi => {
                let resources = ExportedResources::new(config.public_url.as_deref());
                Outputs::one(Encoder::Document { resources, has_some: false }, output()?)
            }
            FileFormat::Csv => {
                let open = |(kind, path): (RecordKind, &PathBuf)| Ok((kind, Sink::open(Some(path))?));
                let sinks = self.tables().into_iter().map(open).collect::<Result<_, CommandError>>()?;
                Outputs::tables(self.style(), sinks)
            }
        }
    }

    fn style(&self) -> CsvStyle {
        let usual = if self.spreadsheet { DELIMITERS.1 } else { DELIMITERS.0 };
        CsvStyle { delimiter: self.delimiter.unwrap_or(usual), is_spreadsheet: self.spreadsheet }
    }
}
