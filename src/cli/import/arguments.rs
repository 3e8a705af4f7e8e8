//! The arguments of `import`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use encoding_rs::Encoding;

use crate::cli::command_error::CommandError;
use crate::domain::sync::{ChangeLimit, MissingChoice};
use crate::files::cell_text::EmptyCells;
use crate::files::encoding::parse_encoding;
use crate::files::layout::parse_delimiter;
use crate::files::mapping::{MAX_MAPPING_BYTES, Mapping};
use crate::files::record::RecordKind;
use crate::imports::sources::{SourceFile, SourceFormat, TableOptions};

/// The options that name tables.
const TABLES: [&str; 5] = ["types", "users", "relationships", "groups", "members"];

/// The format of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// One JSON object per line, users before the relationships that name them
    Ndjson,
    /// Tables with a header line
    Csv,
    /// A JSON:API document with all records as resources
    Jsonapi,
}

/// What an empty cell does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmptyCellChoice {
    /// Leave the value alone
    Keep,
    /// Clear a string or a list
    Clear,
}

/// The arguments of `import`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("input").args(["file", "types", "users", "relationships", "groups", "members", "explain"]).required(true).multiple(true),
    after_help = "Existing records are kept, so an interrupted import can be repeated. Invalid lines are reported with their
number and skipped; the exit code is then 1. docs/IMPORT.md shows the way from an HR export to an organization.

Examples:
  user-relationships import company.ndjson
  zcat company.ndjson.gz | user-relationships import -
  user-relationships import --format csv --users users.csv --relationships edges.csv
  user-relationships import --format jsonapi company.json
  user-relationships import --explain employees.csv
  user-relationships import --format csv --users employees.csv --map 'Boss=subordinate:email' --map 'Notes=-'
  user-relationships import company.ndjson --dry-run
  user-relationships import --format csv --users employees.csv --sync --missing disable --report changes.csv"
)]
pub struct ImportArgs {
    /// NDJSON file or JSON:API document; `-` is stdin
    #[arg(conflicts_with_all = TABLES)]
    file: Option<PathBuf>,
    /// Format of the data; `csv` needs `--users` or another table instead of FILE
    #[arg(long, value_enum, default_value_t = FileFormat::Ndjson)]
    format: FileFormat,
    /// CSV file with relationship types, read first; `-` is stdin
    #[arg(long, value_name = "FILE")]
    types: Option<PathBuf>,
    /// CSV file with users; `-` is stdin
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// CSV file with relationships, read after the users; `-` is stdin
    #[arg(long, value_name = "FILE")]
    relationships: Option<PathBuf>,
    /// CSV file with groups, read after the users; `-` is stdin
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    /// CSV file with the members of groups, read after the groups; `-` is stdin
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// Delimiter of CSV files: one character, or `tab`; without it the header decides
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    delimiter: Option<u8>,
    /// Encoding of CSV files without a byte order mark, for example `windows-1252`; without it UTF-8
    #[arg(long, value_name = "NAME", value_parser = parse_encoding)]
    encoding: Option<&'static Encoding>,
    /// What an empty cell does
    #[arg(long, value_enum, default_value_t = EmptyCellChoice::Keep)]
    empty: EmptyCellChoice,
    /// What a column becomes: a member such as `email`, relationships such as `subordinate`, or `-` for nothing
    #[arg(long = "map", value_name = "HEADER=MEMBER")]
    maps: Vec<String>,
    /// YAML file with lines such as `Work Email: email`; `--map` replaces its entries
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Ignore unknown columns instead of refusing the file
    #[arg(long)]
    ignore_unknown: bool,
    /// Print what each column of a CSV file would become, and import nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "types", "users", "relationships", "groups", "members"])]
    pub explain: Option<PathBuf>,
    /// Register unknown relationship types
    #[arg(long)]
    pub create_types: bool,
    /// Show what would change without writing
    #[arg(long)]
    pub dry_run: bool,
    /// Stop at the first invalid line; earlier batches stay written
    #[arg(long)]
    pub strict: bool,
    /// Skip the first N lines
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with_all = ["users", "sync"])]
    pub skip_lines: u64,
    #[command(flatten)]
    pub sync: SyncArgs,
    /// Write what happens, row by row, as CSV
    #[arg(long, value_name = "FILE", conflicts_with = "explain")]
    pub report: Option<PathBuf>,
}

/// The arguments of a synchronization.
#[derive(Debug, clap::Args)]
pub struct SyncArgs {
    /// Delete relationships that the files no longer name, of the users and types that they have
    #[arg(id = "sync", long, conflicts_with = "explain")]
    pub is_on: bool,
    /// With `--sync`: what happens to enabled users with an alt-id that are not in the files
    #[arg(long, value_enum, requires = "sync", default_value_t = MissingUsers::Report)]
    missing: MissingUsers,
    /// With `--sync`: the most deletions and disablings, as a number or as a percentage of the users concerned; with more,
    /// nothing is written
    #[arg(long, value_name = "N|P%", requires = "sync", default_value_t = ChangeLimit::default())]
    pub max_changes: ChangeLimit,
}

/// What happens to users that are not in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissingUsers {
    /// List them
    Report,
    /// Disable them
    Disable,
    /// Ignore them
    Keep,
}

impl SyncArgs {
    /// What happens to users that are not in the files.
    pub const fn missing(&self) -> MissingChoice {
        match self.missing {
            MissingUsers::Report => MissingChoice::Report,
            MissingUsers::Disable => MissingChoice::Disable,
            MissingUsers::Keep => MissingChoice::Keep,
        }
    }
}

impl ImportArgs {
    /// The files, in the order in which they are read.
    ///
    /// # Errors
    /// A contradiction between the options.
    pub fn sources(&self) -> Result<Vec<SourceFile>, CommandError> {
        let tables = self.tables();
        let problem = match (&self.file, self.format) {
            (Some(path), FileFormat::Ndjson) if is_named(path, "csv") => {
                let path = path.display();
                return Err(CommandError::usage(format!(
                    "`{path}` has the name of a CSV file; use `--format csv --users {path}`, or `--relationships {path}`"
                )));
            }
            (Some(path), FileFormat::Ndjson) => return Ok(vec![SourceFile::new(path, SourceFormat::Lines)]),
            (Some(path), FileFormat::Jsonapi) => return Ok(vec![SourceFile::new(path, SourceFormat::Document)]),
            (Some(_), FileFormat::Csv) => {
                "`--format csv` needs `--users FILE` and `--relationships FILE` instead of one file"
            }
            (None, FileFormat::Ndjson | FileFormat::Jsonapi) => {
                "`--types`, `--users`, `--relationships`, `--groups` and `--members` need `--format csv`"
            }
            (None, FileFormat::Csv) if has_duplicates(&tables) => "each table needs a file of its own",
            (None, FileFormat::Csv) => return Ok(tables),
        };
        Err(CommandError::usage(problem))
    }

    /// Requires a file with users if missing ones are to be disabled.
    ///
    /// # Errors
    /// A contradiction between the options.
    pub fn require_users(&self) -> Result<(), CommandError> {
        let has_users = self.file.is_some() || self.users.is_some();
        if self.sync.missing == MissingUsers::Disable && !has_users {
            return Err(CommandError::usage("`--missing disable` needs a file with all users; add `--users FILE`"));
        }
        Ok(())
    }

    /// The file of the report.
    ///
    /// # Errors
    /// One that is stdout or an input.
    pub fn report_file(&self) -> Result<Option<&Path>, CommandError> {
        let Some(report) = &self.report else { return Ok(None) };
        let inputs =
            [&self.file, &self.types, &self.users, &self.groups, &self.members, &self.relationships, &self.mapping];
        let is_same = |input: &&PathBuf| match (input.canonicalize(), report.canonicalize()) {
            (Ok(input), Ok(report)) => input == report,
            _ => *input == report,
        };
        let shown = report.display();
        if report == Path::new("-") {
            return Err(CommandError::usage("`--report` needs the name of a file"));
        }
        if inputs.into_iter().flatten().any(|input| is_same(&input)) {
            return Err(CommandError::usage(format!("`--report {shown}` is an input; name another file")));
        }
        Ok(Some(report))
    }

    /// The tables, in an order in which each comes after those that it refers to.
    fn tables(&self) -> Vec<SourceFile> {
        let all = [
            (&self.types, RecordKind::Type),
            (&self.users, RecordKind::User),
            (&self.groups, RecordKind::Group),
            (&self.members, RecordKind::Member),
            (&self.relationships, RecordKind::Relationship),
        ];
        let table =
            |(path, kind): (&Option<PathBuf>, _)| Some(SourceFile::new(path.as_ref()?, SourceFormat::Table(kind)));
        all.into_iter().filter_map(table).collect()
    }

    /// How tables are read.
    ///
    /// # Errors
    /// An invalid mapping.
    pub fn table_options(&self) -> Result<TableOptions, CommandError> {
        let mut mapping = Mapping::new(self.ignore_unknown);
        if let Some(path) = &self.mapping {
            let failure = |problem: String| CommandError::failed(format!("`--mapping {}`: {problem}", path.display()));
            let text = read_mapping(path).map_err(failure)?;
            mapping.add_yaml(&text).map_err(failure)?;
        }
        for entry in &self.maps {
            mapping.add(entry).map_err(|problem| CommandError::usage(format!("`--map`: {problem}")))?;
        }
        let empty = match self.empty {
            EmptyCellChoice::Keep => EmptyCells::Keep,
            EmptyCellChoice::Clear => EmptyCells::Clear,
        };
        Ok(TableOptions { delimiter: self.delimiter, encoding: self.encoding, empty, mapping })
    }
}

fn is_named(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn has_duplicates(tables: &[SourceFile]) -> bool {
    tables
        .iter()
        .enumerate()
        .any(|(place, one)| tables.iter().skip(place + 1).any(|other| other.location.path() == one.location.path()))
}

fn read_mapping(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_MAPPING_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_MAPPING_BYTES {
        return Err(format!("must have at most {MAX_MAPPING_BYTES} bytes"));
    }
    Ok(text)
}
