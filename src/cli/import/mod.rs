//! `import`: imports users and relationships from files.

mod arguments;
mod explain;
mod job;
mod load;
mod pacing;
mod report;
mod report_rows;
mod rows;
mod sync;
mod sync_steps;
mod sync_tally;

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};

use super::command_error::CommandError;
use super::database;
use super::progress::Progress;
use crate::config::Config;
use crate::domain::sync::SyncOptions;
use crate::domain::transfer::ImportOptions;
use crate::imports::edge_columns;
use crate::imports::feed::{self, Plan};
use crate::imports::passes::{self, Pass};
use crate::imports::repeated_passes;
use crate::imports::sources::{self, OpenSource, TableOptions};
use crate::model::relationship_type::TypeName;
use crate::store::{self, Store};
use load::Importer;
use report::ImportReport;
use rows::RowWriter;
use sync::Synchronizer;

pub use arguments::{FileFormat, ImportArgs};

/// Imports the files into the database and prints a summary.
///
/// # Errors
/// [`CommandError`] when a file cannot be read, the database is unreachable, or lines were rejected.
pub fn run(config: &Config, args: &ImportArgs) -> Result<(), CommandError> {
    let options = args.table_options()?;
    if let Some(path) = &args.explain {
        return explain::run(config, path, args.create_types, &options);
    }
    let bytes = Arc::<AtomicU64>::default();
    let files = args.sources()?;
    let opened: Vec<_> = files.iter().map(|file| sources::open(file, &options, &bytes)).collect::<Result<_, _>>()?;
    sources::require_used_mapping(&options, &opened)?;
    let report_file = args.report_file()?;
    args.require_users()?;
    let is_alone = if args.sync.is_on {
        pacing::begin(&config.database_url)
    } else {
        !args.dry_run && store::has_exclusive_access(&config.database_url)
    };
    let mapped_bytes = if args.sync.is_on { Some(0) } else { None };
    let store = database::open_mapped(config, mapped_bytes)?;
    let (passes, total, types) = plan(&store, opened, args, &options, &bytes)?;
    let rows = RowWriter::open(args.dry_run, report_file)?;
    let report = Arc::new(ImportReport::new(Progress::begin("import", total), &passes, rows, args.sync.is_on));
    let written = store.clone();
    let result = if args.sync.is_on {
        let options = SyncOptions { creates_types: args.create_types, missing: args.sync.missing() };
        let (limit, is_dry_run, report) = (args.sync.max_changes, args.dry_run, Arc::clone(&report));
        database::wait(async {
            let pacing = pacing::choose(&store, is_alone).await?;
            let synchronizer = Synchronizer { store, report, options, limit, is_dry_run, pacing };
            synchronizer.run(passes, types, &bytes).await
        })
    } else {
        import(args, store, &report, passes, bytes, is_alone)
    };
    if !args.dry_run {
        store::checkpoint_wal(&config.database_url);
    }
    report.end(args.dry_run);
    report.finish_rows()?;
    result?;
    if !args.dry_run {
        database::wait(job::refresh_statistics(&written, report.stored_rows()))?;
    }
    match report.rejected() {
        0 => Ok(()),
        rejected => Err(CommandError::failed(sync::rejected_lines(rejected))),
    }
}

/// Adds what the files have to the database.
fn import(
    args: &ImportArgs,
    store: Store,
    report: &Arc<ImportReport>,
    passes: Vec<Pass>,
    bytes: Arc<AtomicU64>,
    is_alone: bool,
) -> Result<(), CommandError> {
    let size = Arc::new(AtomicUsize::new(load::FIRST_BATCH_SIZE));
    let plan = Plan { skip: args.skip_lines, is_strict: args.strict, size: Arc::clone(&size) };
    let batches = feed::start(passes, plan, bytes).map_err(CommandError::failed)?;
    let (creates_types, lists_rows) = (args.create_types, report.lists_rows());
    let options = ImportOptions { creates_types, lists_rows, ..ImportOptions::default() };
    let importer = Importer::new(store, Arc::clone(report), options, size, args.strict);
    database::wait(async {
        if args.dry_run {
            importer.dry_run(batches).await
        } else {
            importer.import(&Arc::new(Mutex::new(batches)), is_alone).await
        }
    })
}

/// Passes, the number of bytes of all of them, if known, and the types of columns that become relationships.
type PlannedPasses = (Vec<Pass>, Option<u64>, Vec<TypeName>);

/// The passes over the files.
fn plan(
    store: &Store,
    opened: Vec<OpenSource>,
    args: &ImportArgs,
    options: &TableOptions,
    bytes: &Arc<AtomicU64>,
) -> Result<PlannedPasses, CommandError> {
    let (mut passes, mut total, mut types) = (Vec::new(), Some(0), Vec::new());
    for source in opened {
        let size = source.size;
        let edges = database::wait(edge_columns::find(store, &source, args.create_types))?;
        types.extend(edges.iter().map(|column| column.relationship.clone()));
        let plan = if args.sync.is_on { repeated_passes::plan_repeatable } else { passes::plan };
        let planned = plan(source, edges, options, bytes)?;
        total = total.zip(size).map(|(total, size)| total + size * planned.len() as u64);
        passes.extend(planned);
    }
    Ok((passes, total, types))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::io::BufReader;

    use crate::cli::export::csv::CsvStyle;
    use crate::cli::export::row::ExportRow;
    use crate::domain::transfer::{Record, UserLine};
    use crate::files::cell::Members;
    use crate::files::cell_text::EmptyCells;
    use crate::files::encoding::TextReader;
    use crate::files::mapping::Mapping;
    use crate::files::matching::match_columns;
    use crate::files::record::{RecordKind, RecordReader};
    use crate::files::resource;
    use crate::files::table::OpenTable;
    use crate::http::jsonapi::export_resource::ExportedResources;
    use crate::model::attributes::{Attribute, HasAttributes};
    use crate::model::group::Properties;
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
            if is_enabled {
                data.profile.properties.insert("a|b".to_owned(), serde_json::json!({"é\"": ["=1", null, -1.5, {}]}));
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
        data.profile.properties.clone_from(line.properties.as_ref().unwrap_or(&Properties::new()));
        assert_eq!(data, user.data);
        let times = (Some(user.created_at), Some(user.updated_at));
        assert_eq!((line.id, (line.created_at, line.updated_at)), (Some(user.id), times));
    }

    /// The line of a user in a table.
    fn read_table(text: &[u8], delimiter: Option<u8>) -> UserLine {
        let text = TextReader::new(text, None).unwrap();
        let mut table = OpenTable::open(BufReader::with_capacity(7, text), delimiter).unwrap();
        let headings = table.next_row().unwrap().unwrap().1.unwrap();
        let columns = match_columns(&headings, RecordKind::User, &Mapping::default(), EmptyCells::Clear).unwrap();
        let cells = table.next_row().unwrap().unwrap().1.unwrap();
        let line = user_of(RecordReader::default().read_row(&columns, &cells).unwrap());
        assert!(table.next_row().unwrap().is_none());
        line
    }

    fn user_of(record: Record) -> UserLine {
        match record {
            Record::User(line) => *line,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn an_exported_user_is_imported_unchanged(
            user in users(),
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|', b'=', b'-', b'\'']),
        ) {
            let mut line = Vec::new();
            ExportRow::User(&user).write_json(&mut line).unwrap();
            let members = Members::of_json(std::str::from_utf8(&line).unwrap().trim_end()).unwrap();
            assert_same(&user, &user_of(RecordReader::default().read(members, None).unwrap()));

            for is_spreadsheet in [false, true] {
                let style = CsvStyle { delimiter, is_spreadsheet };
                let mut table = Vec::new();
                style.write_header(RecordKind::User, &mut table).unwrap();
                ExportRow::User(&user).write_csv(style, &mut table).unwrap();
                assert_same(&user, &read_table(&table, Some(delimiter)));
                let text = String::from_utf8(table).unwrap();
                let mut cells = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
                let (mut out, mut ends) = (vec![0; 1 << 16], vec![0; 100]);
                let row = text.split_once('\n').unwrap().1;
                let (_, _, _, count) = cells.read_record(row.as_bytes(), &mut out, &mut ends);
                let starts = [0].into_iter().chain(ends[..count].iter().copied());
                for (start, end) in starts.zip(&ends[..count]) {
                    let cell = std::str::from_utf8(&out[start..*end]).unwrap();
                    let is_number = cell.trim_start_matches(['+', '-']).parse::<f64>().is_ok();
                    prop_assert!(is_number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '\n']), "{cell:?}");
                }
            }

            let json = ExportRow::User(&user).resource(&ExportedResources::new(None)).unwrap();
            let (kind, members) = resource::members_of(serde_json::from_slice(&json).unwrap()).unwrap();
            assert_same(&user, &user_of(RecordReader::default().read(members, Some(kind)).unwrap()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,100}") {
            drop(Members::of_json(&text).map(|members| RecordReader::default().read(members, None)));
            let mut table = OpenTable::open(&*bytes, None).unwrap();
            let mut last = 1;
            while let Some((number, row)) = table.next_row().unwrap() {
                prop_assert!(number >= last && row.map_or_else(|problem| !problem.is_empty(), |cells| !cells.is_empty()));
                last = number;
            }
        }

        #[test]
        fn any_members_are_read_or_refused(
            names in prop::collection::vec("type|id|user|target|relationship|email|phone|created-at|\\PC{0,5}", 0..6),
            values in prop::collection::vec("null|true|-?[0-9]{1,20}|\"user\"|\"user-relationship\"|\"group\"|\"relationship-type\"|\"\\PC{0,9}\"|\\[\\]|\\{\\}|1e9", 6),
        ) {
            let members: Vec<_> = names.iter().zip(&values).map(|(name, value)| format!("{name:?}:{value}")).collect();
            if let Ok(members) = Members::of_json(&format!("{{{}}}", members.join(","))) {
                let mut reader = RecordReader::default();
                match reader.read(members, None) {
                    Ok(Record::User(line)) => prop_assert!(line.email.contains('@')),
                    Ok(line) => prop_assert!(names.iter().any(|name| name == "target" || name == "id"), "{line:?}"),
                    Err(refusal) => prop_assert!(!refusal.reason().is_empty()),
                }
            }
        }
    }
}
