//! `import`: imports users and relationships from files.

mod cell;
mod feed;
mod job;
mod lines;
mod load;
pub mod record;
mod report;
mod table;
pub mod values;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use clap::ValueEnum;

use super::command_error::CommandError;
use super::database;
use super::progress::Progress;
use crate::config::Config;
use crate::domain::transfer::ImportOptions;
use crate::store;
use feed::{Plan, SourceFile};
use load::Importer;
use record::RecordKind;
use report::ImportReport;

/// The format of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// One JSON object per line, users before the relationships that name them
    Ndjson,
    /// Two tables with a header line
    Csv,
}

/// The arguments of `import`.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("input").args(["file", "users", "relationships"]).required(true).multiple(true),
    after_help = "Existing records are kept, so an interrupted import can be repeated. Invalid lines are reported with their
number and skipped; the exit code is then 1.

Examples:
  user-relationships import company.ndjson
  zcat company.ndjson.gz | user-relationships import -
  user-relationships import --format csv --users users.csv --relationships edges.csv
  user-relationships import company.ndjson --dry-run"
)]
pub struct ImportArgs {
    /// NDJSON file; `-` is stdin
    #[arg(conflicts_with_all = ["users", "relationships"])]
    file: Option<PathBuf>,
    /// Format of the data; `csv` needs `--users` and `--relationships` instead of FILE
    #[arg(long, value_enum, default_value_t = FileFormat::Ndjson)]
    format: FileFormat,
    /// CSV file with users; `-` is stdin
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// CSV file with relationships, read after the users; `-` is stdin
    #[arg(long, value_name = "FILE")]
    relationships: Option<PathBuf>,
    /// Register unknown relationship types
    #[arg(long)]
    create_types: bool,
    /// Show what would change without writing
    #[arg(long)]
    dry_run: bool,
    /// Stop at the first invalid line; earlier batches stay written
    #[arg(long)]
    strict: bool,
    /// Skip the first N lines
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "users")]
    skip_lines: u64,
}

/// Imports the files into the database and prints a summary.
///
/// # Errors
/// [`CommandError`] when a file cannot be read, the database is unreachable, or lines were rejected.
pub fn run(config: &Config, args: &ImportArgs) -> Result<(), CommandError> {
    let sources = sources(args)?;
    let size = Arc::new(AtomicUsize::new(load::FIRST_BATCH_SIZE));
    let plan = Plan { skip: args.skip_lines, is_strict: args.strict, size: Arc::clone(&size) };
    let (batches, total) = feed::start(&sources, plan)?;
    let is_alone = !args.dry_run && store::has_exclusive_access(&config.database_url);
    let store = database::open(config)?;
    let names = sources.iter().map(|source| source.path.display().to_string()).collect();
    let report = Arc::new(ImportReport::new(Progress::begin("import", total), names));
    let options = ImportOptions { creates_types: args.create_types };
    let importer = Importer::new(store, Arc::clone(&report), options, size, args.strict);
    let result = database::wait(async {
        if args.dry_run { importer.dry_run(batches).await } else { importer.import(batches, is_alone).await }
    });
    if !args.dry_run {
        store::checkpoint_wal(&config.database_url);
    }
    report.end(args.dry_run);
    result?;
    match report.rejected() {
        0 => Ok(()),
        1 => Err(CommandError::failed("1 line was rejected")),
        many => Err(CommandError::failed(format!("{many} lines were rejected"))),
    }
}

fn sources(args: &ImportArgs) -> Result<Vec<SourceFile>, CommandError> {
    let tables = [(&args.users, RecordKind::User), (&args.relationships, RecordKind::Relationship)];
    let tables: Vec<_> = tables
        .into_iter()
        .filter_map(|(path, kind)| Some(SourceFile { path: path.clone()?, table_of: Some(kind) }))
        .collect();
    let problem = match (&args.file, args.format) {
        (Some(path), FileFormat::Ndjson) => return Ok(vec![SourceFile { path: path.clone(), table_of: None }]),
        (Some(_), FileFormat::Csv) => {
            "`--format csv` needs `--users FILE` and `--relationships FILE` instead of one file"
        }
        (None, FileFormat::Ndjson) => "`--users` and `--relationships` need `--format csv`",
        (None, FileFormat::Csv) => match tables.as_slice() {
            [one, other] if one.path == other.path => "`--users` and `--relationships` must be different files",
            _ => return Ok(tables),
        },
    };
    Err(CommandError::usage(problem))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::io::BufReader;

    use super::cell::Members;
    use super::record::{RecordKind, RecordReader};
    use super::table::{CsvHeader, Table};
    use crate::cli::export::row::{self, ExportRow};
    use crate::domain::transfer::{Record, UserLine};
    use crate::model::attributes::{Attribute, HasAttributes};
    use crate::model::id::UserId;
    use crate::model::time::Timestamp;
    use crate::model::user::{AccessLevel, Field, FieldKind, User, UserData, Value};

    /// Users with arbitrary values; times are whole seconds.
    fn users() -> impl Strategy<Value = User> {
        let text = || prop::option::of("[^\\x00]{0,20}|[-'=+@\t\r0-9]{1,4}|\"|\"\"|,|\r\n|\\[\\]");
        let list = || prop::collection::vec("[^\\x00]{0,5}|\\+49 [0-9]{3}", 0..3);
        let values = (prop::collection::vec(text(), 6), prop::collection::vec(list(), 10));
        let rest = (1..=i64::MAX / 2, any::<bool>(), 0..4_usize, 0..Timestamp::MAX / 1_000_000);
        (values, rest).prop_map(|((texts, lists), (id, is_enabled, level, seconds))| {
            let mut data = UserData::new(format!("a{id}@example.com"));
            let (mut texts, mut lists) = (texts.into_iter(), lists.into_iter());
            for field in Field::ALL {
                let value = match field.kind() {
                    FieldKind::Text { .. } => texts.next().flatten().map_or(Value::Null, Value::Text),
                    FieldKind::List => Value::List(lists.next().unwrap_or_default()),
                    FieldKind::Flag => Value::Flag(is_enabled),
                    FieldKind::Level => Value::Text(AccessLevel::ALL[level].name().to_owned()),
                    FieldKind::Email
                    | FieldKind::TypeName
                    | FieldKind::Role
                    | FieldKind::Integer { .. }
                    | FieldKind::Manager => continue,
                };
                assert!(data.set(field, value), "{field:?}");
            }
            let at = Timestamp::from_micros(seconds * 1_000_000);
            User { id: UserId::new(id), version: 1, data, is_supervisor: false, created_at: at, updated_at: at }
        })
    }

    fn assert_same(user: &User, line: &UserLine) {
        let mut data = UserData::new(line.email.clone());
        for (field, value) in &line.fields {
            assert!(data.set(*field, value.clone()), "{field:?}");
        }
        assert_eq!(data, user.data);
        let times = (Some(user.created_at), Some(user.updated_at));
        assert_eq!((line.id, (line.created_at, line.updated_at)), (Some(user.id), times));
    }

    fn user_of(record: Record) -> UserLine {
        match record {
            Record::User(line) => *line,
            Record::Relationship(line) => panic!("{line:?}"),
        }
    }

    proptest! {
        #[test]
        fn an_exported_user_is_imported_unchanged(user in users()) {
            let mut line = Vec::new();
            ExportRow::User(&user).write_json(&mut line).unwrap();
            let members = Members::of_json(std::str::from_utf8(&line).unwrap().trim_end()).unwrap();
            assert_same(&user, &user_of(RecordReader::default().read(members, None).unwrap()));

            let mut table = Vec::new();
            row::write_cells(&mut table, row::user_columns().into_iter()).unwrap();
            ExportRow::User(&user).write_csv(&mut table).unwrap();
            let mut table = Table::new(BufReader::with_capacity(7, &*table));
            let header = CsvHeader::new(&table.next().unwrap().unwrap().1, RecordKind::User).unwrap();
            let (_, cells) = table.next().unwrap().unwrap();
            let members = header.members(cells).unwrap();
            assert_same(&user, &user_of(RecordReader::default().read(members, Some(RecordKind::User)).unwrap()));
            prop_assert!(table.next().unwrap().is_none());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,100}") {
            drop(Members::of_json(&text).map(|members| RecordReader::default().read(members, None)));
            let mut table = Table::new(&*bytes);
            let mut last = 1;
            while let Some((number, row)) = table.next().unwrap() {
                prop_assert!(number >= last && row.map_or_else(|problem| !problem.is_empty(), |cells| !cells.is_empty()));
                last = number;
            }
        }

        #[test]
        fn any_members_are_read_or_refused(
            names in prop::collection::vec("type|id|user|target|relationship|email|phone|created-at|\\PC{0,5}", 0..6),
            values in prop::collection::vec("null|true|-?[0-9]{1,20}|\"user\"|\"user-relationship\"|\"\\PC{0,9}\"|\\[\\]|\\{\\}|1e9", 6),
        ) {
            let members: Vec<_> = names.iter().zip(&values).map(|(name, value)| format!("{name:?}:{value}")).collect();
            if let Ok(members) = Members::of_json(&format!("{{{}}}", members.join(","))) {
                let mut reader = RecordReader::default();
                match reader.read(members, None) {
                    Ok(Record::User(line)) => prop_assert!(line.email.contains('@')),
                    Ok(Record::Relationship(line)) => prop_assert!(names.contains(&"target".to_owned()), "{line:?}"),
                    Err(refusal) => prop_assert!(!refusal.reason.is_empty()),
                }
            }
        }
    }
}
