//! Reads and parses files on a separate thread and sends their lines in batches.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::cell::Members;
use super::lines::{self, LineRead, MAX_LINE_BYTES};
use super::record::{RecordKind, RecordReader, RejectedLine};
use super::table::{CsvHeader, Table};
use crate::cli::command_error::CommandError;
use crate::domain::transfer::ImportLine;

/// An input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path; `-` is stdin.
    pub path: PathBuf,
    /// The kind of its records for CSV; `None` for NDJSON.
    pub table_of: Option<RecordKind>,
}

/// Lines of one file that are written in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// The index of the file.
    pub source: usize,
    /// The parsed lines.
    pub lines: Vec<ImportLine>,
    /// The lines that cannot be parsed.
    pub refused: Vec<(u64, RejectedLine)>,
    /// The number of the last line.
    pub last: u64,
    /// Bytes of all files read so far.
    pub position: u64,
}

/// Options of the reading thread.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Lines to skip at the beginning.
    pub skip: u64,
    /// Stop at the first line that cannot be parsed.
    pub is_strict: bool,
    /// Lines per batch; changes while the import runs.
    pub size: Arc<AtomicUsize>,
}

/// The most bytes of a batch.
const MAX_BATCH_BYTES: u64 = 8 << 20;

/// The batches of the reading thread.
pub type Batches = Receiver<io::Result<Batch>>;

/// An open file.
type SourceInput = BufReader<Counting<Box<dyn Read + Send>>>;

/// An open file and its properties.
enum OpenSource {
    Lines(SourceInput),
    Table(Box<Table<SourceInput>>, CsvHeader, RecordKind),
}

/// Counts the bytes that are read.
struct Counting<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}

/// Opens all files and starts to read them; returns their total size too, if known.
///
/// # Errors
/// [`CommandError`] when one cannot be opened.
pub fn start(sources: &[SourceFile], plan: Plan) -> Result<(Batches, Option<u64>), CommandError> {
    let bytes = Arc::<AtomicU64>::default();
    let mut total = Some(0);
    let mut open = Vec::new();
    for source in sources {
        let failure =
            |error: io::Error| CommandError::failed(format!("cannot read `{}`: {error}", source.path.display()));
        let (inner, size) = open_file(&source.path).map_err(failure)?;
        total = total.zip(size).map(|(total, size)| total + size);
        let mut input = BufReader::with_capacity(1 << 16, Counting { inner, bytes: Arc::clone(&bytes) });
        lines::skip_byte_order_mark(&mut input).map_err(failure)?;
        let input = match source.table_of {
            None => OpenSource::Lines(input),
            Some(kind) => {
                let mut table = Table::new(input);
                let header = header_of(&mut table, kind).map_err(failure)?;
                OpenSource::Table(Box::new(table), header, kind)
            }
        };
        open.push((source.path.clone(), input));
    }
    let (sender, batches) = sync_channel(1);
    let feed = BatchReader { plan, reader: RecordReader::default(), batch: Batch::default(), weight: 0, bytes, sender };
    std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || feed.run(open))
        .map_err(|error| CommandError::failed(format!("cannot start the reading thread: {error}")))?;
    Ok((batches, total))
}

/// Reads the header of a table.
fn header_of(table: &mut Table<SourceInput>, kind: RecordKind) -> io::Result<CsvHeader> {
    let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    let Some((number, first)) = table.next()? else {
        return Err(invalid("the header line with the column names is missing".to_owned()));
    };
    CsvHeader::new(&first, kind).map_err(|problem| invalid(format!("line {number}: {problem}")))
}

fn open_file(path: &Path) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
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

struct BatchReader {
    plan: Plan,
    reader: RecordReader,
    batch: Batch,
    weight: u64,
    bytes: Arc<AtomicU64>,
    sender: SyncSender<io::Result<Batch>>,
}

/// The receiver is gone.
struct Stopped;

impl BatchReader {
    fn run(mut self, open: Vec<(PathBuf, OpenSource)>) {
        for (source, (path, input)) in open.into_iter().enumerate() {
            self.batch.source = source;
            let done = match input {
                OpenSource::Table(table, header, kind) => self.read_table(*table, &header, kind),
                OpenSource::Lines(input) => self.read_lines(input),
            };
            match done {
                Ok(Ok(())) => {}
                Ok(Err(Stopped)) => return,
                Err(error) => {
                    // Lines before the error are still valid.
                    if self.flush().is_ok() {
                        let problem = format!("cannot continue reading `{}`: {error}", path.display());
                        drop(self.sender.send(Err(io::Error::new(error.kind(), problem))));
                    }
                    return;
                }
            }
            if self.flush().is_err() {
                return;
            }
        }
    }

    fn read_lines(&mut self, mut input: SourceInput) -> io::Result<Result<(), Stopped>> {
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            let what = lines::read(&mut input, &mut line)?;
            number += 1;
            if what == LineRead::End {
                return Ok(Ok(()));
            }
            if number <= self.plan.skip {
                continue;
            }
            let text = match what {
                LineRead::TooLong => Err(format!("the line is longer than {MAX_LINE_BYTES} bytes")),
                _ => std::str::from_utf8(&line)
                    .map_err(|error| format!("the line is not UTF-8 from byte {} on", error.valid_up_to() + 1)),
            };
            if text.as_ref().is_ok_and(|text| text.trim_ascii().is_empty()) {
                continue;
            }
            let weight = line.len();
            let members = text.and_then(Members::of_json);
            if self.add(number, members, None, weight).is_err() {
                return Ok(Err(Stopped));
            }
        }
    }

    fn read_table(
        &mut self,
        mut table: Table<SourceInput>,
        header: &CsvHeader,
        kind: RecordKind,
    ) -> io::Result<Result<(), Stopped>> {
        while let Some((number, row)) = table.next()? {
            if number <= self.plan.skip {
                continue;
            }
            let weight = row.as_ref().map_or(0, |cells| cells.iter().map(|cell| cell.len()).sum());
            if self.add(number, header.members(row), Some(kind), weight).is_err() {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Adds a line to the batch, and sends the batch when it is full.
    fn add(
        &mut self,
        number: u64,
        members: Result<Members<'_>, String>,
        kind: Option<RecordKind>,
        weight: usize,
    ) -> Result<(), Stopped> {
        let refused = |reason| RejectedLine { kind, reason };
        match members.map_err(refused).and_then(|members| self.reader.read(members, kind)) {
            Ok(record) => self.batch.lines.push(ImportLine { number, record }),
            Err(refusal) => self.batch.refused.push((number, refusal)),
        }
        self.batch.last = number;
        self.weight += u64::try_from(weight).unwrap_or_default();
        if self.plan.is_strict && !self.batch.refused.is_empty() {
            self.flush()?;
            return Err(Stopped);
        }
        let lines = self.batch.lines.len() + self.batch.refused.len();
        if lines >= self.plan.size.load(Ordering::Relaxed) || self.weight >= MAX_BATCH_BYTES {
            return self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        self.weight = 0;
        let source = self.batch.source;
        let mut batch = std::mem::replace(&mut self.batch, Batch { source, ..Batch::default() });
        if batch.lines.is_empty() && batch.refused.is_empty() {
            return Ok(());
        }
        batch.position = self.bytes.load(Ordering::Relaxed);
        self.sender.send(Ok(batch)).map_err(|_| Stopped)
    }
}
