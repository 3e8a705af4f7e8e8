//! Opens the files of an import.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::Encoding;

pub use super::location::{FileLocation, SourceError, UploadedFile};
use crate::files::cell_text::EmptyCells;
use crate::files::columns::Columns;
use crate::files::encoding::TextReader;
use crate::files::lines;
use crate::files::mapping::Mapping;
use crate::files::matching::match_columns;
use crate::files::record::RecordKind;
use crate::files::table::OpenTable;

/// An input file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Where it is.
    pub location: FileLocation,
    /// Its format.
    pub format: SourceFormat,
}

/// The format of an input file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFormat {
    /// NDJSON.
    Lines,
    /// A JSON:API document.
    Document,
    /// CSV with records of a kind.
    Table(RecordKind),
}

impl SourceFile {
    /// A file at a path in a format.
    #[must_use]
    pub fn new(path: &Path, format: SourceFormat) -> Self {
        Self { location: FileLocation::Path(path.to_owned()), format }
    }
}

/// How tables are read.
#[derive(Debug, Clone, Default)]
pub struct TableOptions {
    /// The delimiter, if the file does not decide on it.
    pub delimiter: Option<u8>,
    /// The encoding of files without a byte order mark.
    pub encoding: Option<&'static Encoding>,
    /// What an empty cell does.
    pub empty: EmptyCells,
    /// What the columns become.
    pub mapping: Mapping,
}

/// An open file with lines of NDJSON.
pub type LineInput = BufReader<Counting>;
/// An open table.
pub type TableInput = OpenTable<Box<dyn BufRead + Send>>;

/// An open file and its properties.
pub struct OpenSource {
    /// Where it is.
    pub location: FileLocation,
    /// Its size, if known. Such a file can be read again.
    pub size: Option<u64>,
    /// Its content.
    pub input: OpenInput,
}

impl OpenSource {
    /// What the columns become, if it is a table.
    #[must_use]
    pub fn columns(&self) -> Option<&Arc<Columns>> {
        match &self.input {
            OpenInput::Lines(_) | OpenInput::Document(_) => None,
            OpenInput::Table(table) => Some(&table.columns),
        }
    }
}

/// The content of an open file.
pub enum OpenInput {
    /// Lines of NDJSON.
    Lines(LineInput),
    /// A JSON:API document.
    Document(LineInput),
    /// A table after its header.
    Table(Box<TableSource>),
}

/// A table after its header.
pub struct TableSource {
    /// The table.
    pub table: TableInput,
    /// What its columns become.
    pub columns: Arc<Columns>,
    /// The name of its encoding.
    pub encoding: &'static str,
}

/// A file, with a count of the bytes that are read.
pub struct Counting {
    inner: Box<dyn Read + Send>,
    bytes: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}

/// Opens a file, and reads its header if it is a table.
///
/// # Errors
/// [`SourceError`] when it cannot be opened, or its header is invalid.
pub fn open(source: &SourceFile, options: &TableOptions, bytes: &Arc<AtomicU64>) -> Result<OpenSource, SourceError> {
    let failure = |error: io::Error| read_failure(&source.location, &error);
    let (inner, size) = open_file(&source.location).map_err(failure)?;
    let file = Counting { inner, bytes: Arc::clone(bytes) };
    let input = match source.format {
        SourceFormat::Lines => open_lines(file).map(OpenInput::Lines),
        SourceFormat::Document => open_lines(file).map(OpenInput::Document),
        SourceFormat::Table(kind) => open_table(file, kind, options).map(|table| OpenInput::Table(Box::new(table))),
    };
    Ok(OpenSource { location: source.location.clone(), size, input: input.map_err(failure)? })
}

/// Opens a table of users, or of other records, as its header says.
///
/// # Errors
/// [`SourceError`] when it cannot be opened, or its header is invalid.
pub fn open_table_of_any_kind(
    location: &FileLocation,
    options: &TableOptions,
    bytes: &Arc<AtomicU64>,
) -> Result<OpenSource, SourceError> {
    let open = |kind| {
        let file = SourceFile { location: location.clone(), format: SourceFormat::Table(kind) };
        open(&file, options, bytes)
    };
    if location.path() == Some(Path::new("-")) {
        return open(RecordKind::User);
    }
    let kinds = [RecordKind::Relationship, RecordKind::Member, RecordKind::Group];
    if let Some(source) = kinds.into_iter().find_map(|kind| open(kind).ok()) {
        return Ok(source);
    }
    // The table of users explains what is wrong, but every column of a table of types may be right.
    open(RecordKind::User).or_else(|problem| open(RecordKind::Type).map_err(|_| problem))
}

/// Opens a table again, after its header.
///
/// # Errors
/// Those of the file, and an invalid header.
pub fn reopen(
    location: &FileLocation,
    kind: RecordKind,
    options: &TableOptions,
    bytes: &Arc<AtomicU64>,
) -> io::Result<TableSource> {
    let (inner, _) = open_file(location)?;
    open_table(Counting { inner, bytes: Arc::clone(bytes) }, kind, options)
}

/// Opens a file of lines again.
///
/// # Errors
/// Those of the file.
pub fn reopen_lines(location: &FileLocation, bytes: &Arc<AtomicU64>) -> io::Result<LineInput> {
    let (inner, _) = open_file(location)?;
    open_lines(Counting { inner, bytes: Arc::clone(bytes) })
}

/// Reads a file to its end, so that one that is not valid in its encoding is refused before anything is written.
///
/// # Errors
/// Those of the file, and the first byte that is not valid.
pub fn validate_text(location: &FileLocation, options: &TableOptions) -> io::Result<()> {
    let (inner, _) = open_file(location)?;
    let mut text = TextReader::new(inner, options.encoding)?;
    loop {
        let read = text.fill_buf()?.len();
        if read == 0 {
            return Ok(());
        }
        text.consume(read);
    }
}

/// Requires that some file has each column that `--map` names.
///
/// # Errors
/// [`SourceError`] for the first column that no file has.
pub fn require_used_mapping(options: &TableOptions, opened: &[OpenSource]) -> Result<(), SourceError> {
    let headings: Vec<_> = opened.iter().filter_map(OpenSource::columns).flat_map(|columns| &columns.columns).collect();
    match options.mapping.find_unused(headings.iter().map(|column| column.heading.as_str())) {
        Some(entry) => {
            let known: Vec<_> = headings.iter().map(|column| format!("`{}`", column.heading)).collect();
            Err(SourceError(format!(
                "`--map`: no column has the heading `{}`; the headings are {}",
                entry.heading,
                known.join(", ")
            )))
        }
        None => Ok(()),
    }
}

/// A file that cannot be read.
#[must_use]
pub fn read_failure(location: &FileLocation, error: &io::Error) -> SourceError {
    SourceError(format!("cannot read {location}: {error}"))
}

fn open_lines(file: Counting) -> io::Result<LineInput> {
    let mut input = BufReader::with_capacity(1 << 16, file);
    lines::skip_byte_order_mark(&mut input)?;
    Ok(input)
}

fn open_table(file: Counting, kind: RecordKind, options: &TableOptions) -> io::Result<TableSource> {
    let text = TextReader::new(file, options.encoding)?;
    let encoding = text.encoding_name();
    let mut table = OpenTable::open(Box::new(text) as Box<dyn BufRead + Send>, options.delimiter)?;
    let columns = read_header(&mut table, kind, options)?;
    Ok(TableSource { table, columns: Arc::new(columns), encoding })
}

fn read_header(table: &mut TableInput, kind: RecordKind, options: &TableOptions) -> io::Result<Columns> {
    let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    let Some((number, first)) = table.next_row()? else {
        return Err(invalid("the header line with the column names is missing".to_owned()));
    };
    let columns = first.and_then(|headings| match_columns(&headings, kind, &options.mapping, options.empty));
    columns.map_err(|problem| invalid(format!("line {number}: {problem}")))
}

/// The content of a file, and its size if it can be opened again.
fn open_file(location: &FileLocation) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    let path = match location {
        FileLocation::Path(path) => path,
        FileLocation::Upload(upload) => return Ok((upload.open()?, Some(upload.size()))),
    };
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    Ok((Box::new(file), about.is_file().then_some(about.len())))
}
