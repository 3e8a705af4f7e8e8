//! Plans the passes over the files of an import: one for each file, and more for people files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::sources::{
    self, FileLocation, LineInput, OpenInput, OpenSource, SourceError, TableInput, TableOptions, TableSource,
    read_failure,
};
use crate::domain::transfer::EdgeColumn;
use crate::files::columns::{Columns, EdgeTarget};
use crate::files::people::{EdgeReader, PeopleFacts, PeopleScan};
use crate::files::record::RecordKind;
use crate::files::table::OpenTable;

/// The most bytes of a people file that is not a regular file and is kept on disk to be read again.
const MAX_SPOOL: u64 = 1 << 30;

/// One pass over a file.
pub struct Pass {
    /// The file.
    pub location: FileLocation,
    /// What is read.
    pub content: PassContent,
    /// The headings of the columns that become members, for messages: member and heading.
    pub labels: Vec<(String, String)>,
}

/// What a pass reads.
pub enum PassContent {
    /// Lines of NDJSON.
    Lines(LineInput),
    /// The resources of a JSON:API document.
    Document(LineInput),
    /// The rows of a table.
    Rows {
        /// The table.
        input: PassInput,
        /// What its columns become.
        columns: Arc<Columns>,
        /// The lines that repeat a person with other values, each with the line of the first row of the person.
        conflicts: HashMap<u64, u64>,
        /// Whether further passes need to know the rejected rows.
        is_people: bool,
    },
    /// One column of a people file, after the pass over its users.
    Edges {
        /// The table.
        input: PassInput,
        /// What its columns become.
        columns: Arc<Columns>,
        /// Converts the column.
        reader: EdgeReader,
    },
}

/// The table of a pass.
pub enum PassInput {
    /// It is open, after its header.
    Open(Box<TableInput>),
    /// It is opened when the pass begins.
    Again(TableCopy),
}

/// A table that can be read more than once.
#[derive(Debug, Clone)]
pub struct TableCopy {
    place: CopyPlace,
    kind: RecordKind,
    options: TableOptions,
    bytes: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
enum CopyPlace {
    /// A file that can be opened again.
    File(FileLocation),
    /// The rest of a pipe after its header, in UTF-8, in a file without a name.
    Spool { file: Arc<File>, delimiter: u8, line_ends: u64 },
}

impl PassInput {
    /// The table, after its header.
    ///
    /// # Errors
    /// Those of the file.
    pub fn open(self) -> io::Result<TableInput> {
        match self {
            Self::Open(table) => Ok(*table),
            Self::Again(copy) => copy.open(),
        }
    }
}

impl TableCopy {
    fn open(&self) -> io::Result<TableInput> {
        match &self.place {
            CopyPlace::File(location) => {
                sources::reopen(location, self.kind, &self.options, &self.bytes).map(|source| source.table)
            }
            CopyPlace::Spool { file, delimiter, line_ends } => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                let rest: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(1 << 16, file));
                Ok(OpenTable::resume(Cursor::new(Vec::new()).chain(rest), *delimiter, *line_ends))
            }
        }
    }
}

/// The passes over a file. `edges` are what the columns that become relationships become, in their order.
///
/// # Errors
/// [`SourceError`] when the file cannot be read to its end, or is not valid in its encoding.
pub fn plan(
    source: OpenSource,
    edges: Vec<EdgeColumn>,
    options: &TableOptions,
    bytes: &Arc<AtomicU64>,
) -> Result<Vec<Pass>, SourceError> {
    let location = source.location;
    let failure = |error: io::Error| read_failure(&location, &error);
    let table = match source.input {
        OpenInput::Lines(input) => {
            return Ok(vec![Pass { location, content: PassContent::Lines(input), labels: Vec::new() }]);
        }
        OpenInput::Document(input) => {
            return Ok(vec![Pass { location, content: PassContent::Document(input), labels: Vec::new() }]);
        }
        OpenInput::Table(table) => *table,
    };
    if edges.is_empty() {
        if source.size.is_some() {
            sources::validate_text(&location, options).map_err(failure)?;
        }
        return Ok(vec![rows_pass(
            location,
            PassInput::Open(Box::new(table.table)),
            table.columns,
            PeopleFacts::default(),
        )]);
    }
    let columns = Arc::clone(&table.columns);
    let copy = copy_of(location.clone(), source.size.is_some(), table, options, bytes).map_err(failure)?;
    let facts = scan(&copy, &columns).map_err(failure)?;
    let readers = edge_readers(&columns, edges, &facts);
    let users = rows_pass(location.clone(), PassInput::Again(copy.clone()), Arc::clone(&columns), facts);
    let edges =
        readers.into_iter().map(|reader| edges_pass(location.clone(), copy.clone(), Arc::clone(&columns), reader));
    Ok([users].into_iter().chain(edges).collect())
}

/// How the columns of a people file refer to users.
///
/// # Errors
/// Those of the file.
pub fn scan(copy: &TableCopy, columns: &Columns) -> io::Result<PeopleFacts> {
    let unread = TableCopy { bytes: Arc::default(), ..copy.clone() };
    let mut table = unread.open()?;
    let mut scan = PeopleScan::new(columns);
    while let Some((number, row)) = table.next_row()? {
        if let Some(cells) = row.ok().filter(|cells| !columns.repeats_header(cells)) {
            scan.add(number, &cells);
        }
    }
    Ok(scan.finish())
}

/// A table that can be read more than once: a file that can be opened again, or a copy of the rest of a pipe.
///
/// # Errors
/// Those of the pipe and of the temporary folder.
pub fn copy_of(
    location: FileLocation,
    is_file: bool,
    table: TableSource,
    options: &TableOptions,
    bytes: &Arc<AtomicU64>,
) -> io::Result<TableCopy> {
    let kind = table.columns.kind;
    let place = if is_file { CopyPlace::File(location) } else { spool(table.table, MAX_SPOOL)? };
    Ok(TableCopy { place, kind, options: options.clone(), bytes: Arc::clone(bytes) })
}

fn spool(table: TableInput, most: u64) -> io::Result<CopyPlace> {
    let delimiter = table.delimiter();
    let mut file = tempfile::tempfile()?;
    let (mut rest, line_ends) = table.into_rest()?;
    let copied = io::copy(&mut (&mut rest).take(most), &mut file)?;
    if copied == most && !rest.fill_buf()?.is_empty() {
        let problem = format!(
            "columns that become relationships, and `--sync`, need the data more than once, which a pipe allows up to \
             {most} bytes; write the data to a file first"
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    file.flush()?;
    Ok(CopyPlace::Spool { file: Arc::new(file), delimiter, line_ends })
}

pub(super) fn rows_pass(location: FileLocation, input: PassInput, columns: Arc<Columns>, facts: PeopleFacts) -> Pass {
    let is_people = !facts.kinds.is_empty();
    let labels = columns.labels();
    Pass { location, content: PassContent::Rows { input, columns, conflicts: facts.conflicts, is_people }, labels }
}

fn edges_pass(location: FileLocation, copy: TableCopy, columns: Arc<Columns>, reader: EdgeReader) -> Pass {
    let labels = vec![
        (reader.member().to_owned(), reader.heading.clone()),
        (reader.own_member().to_owned(), heading_of(&columns, reader.email)),
    ];
    Pass { location, content: PassContent::Edges { input: PassInput::Again(copy), columns, reader }, labels }
}

fn edge_readers(columns: &Columns, edges: Vec<EdgeColumn>, facts: &PeopleFacts) -> Vec<EdgeReader> {
    let email = columns.place_of("email").unwrap_or_default();
    let reader = |((place, _), column): ((usize, &EdgeTarget), EdgeColumn)| {
        let kind = *facts.kinds.get(&place)?;
        Some(EdgeReader { place, heading: heading_of(columns, place), email, kind, column })
    };
    columns.edges().zip(edges).filter_map(reader).collect()
}

fn heading_of(columns: &Columns, place: usize) -> String {
    columns.columns.get(place).map(|column| column.heading.clone()).unwrap_or_default()
}

/// The pass over a file of lines, for tests.
///
/// # Panics
/// If the file cannot be read.
#[cfg(test)]
pub fn of_lines(path: &std::path::Path, bytes: &Arc<AtomicU64>) -> Vec<Pass> {
    let (file, options) = (sources::SourceFile::new(path, sources::SourceFormat::Lines), TableOptions::default());
    plan(sources::open(&file, &options, bytes).unwrap(), Vec::new(), &options, bytes).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &'static [u8]) -> TableInput {
        let mut table = OpenTable::open(Box::new(text) as Box<dyn BufRead + Send>, None).unwrap();
        table.next_row().unwrap().unwrap().1.unwrap();
        table
    }

    #[test]
    fn a_pipe_that_is_too_long_is_not_kept() {
        let text = b"sep=;\na;b\n1;2\n\n3;4\n";
        let rest = (text.len() - b"sep=;\na;b\n".len()) as u64;
        let problem = spool(table(text), rest - 1).unwrap_err();
        assert!(problem.to_string().contains("write the data to a file first"), "{problem}");
        let place = spool(table(text), rest).unwrap();
        let kind = RecordKind::User;
        let copy = TableCopy { place, kind, options: TableOptions::default(), bytes: Arc::default() };
        for _ in 0..2 {
            let mut rows = copy.open().unwrap();
            let mut found = Vec::new();
            while let Some((number, row)) = rows.next_row().unwrap() {
                found.push((number, row.unwrap().join(" ")));
            }
            assert_eq!(found, [(3, "1 2".to_owned()), (5, "3 4".to_owned())]);
        }
    }
}
