//! Reads and parses files on a separate thread and sends their lines in batches.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::passes::{Pass, PassContent};
use super::sources::{FileLocation, LineInput, TableInput};
use crate::domain::transfer::{ImportLine, NamedReference, Record};
use crate::files::cell::Members;
use crate::files::columns::Columns;
use crate::files::document;
use crate::files::lines::{self, LineRead, MAX_LINE_BYTES};
use crate::files::people::EdgeReader;
use crate::files::problem::{LineProblem, RejectedLine};
use crate::files::record::{RecordKind, RecordReader};
use crate::files::resource;
use crate::model::json_size::json_size;

/// Lines of one file that are written in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// The index of the pass.
    pub source: usize,
    /// Whether its rejected rows matter to others.
    pub kind: BatchKind,
    /// The parsed lines.
    pub lines: Vec<ImportLine>,
    /// The lines that cannot be parsed.
    pub refused: Vec<(u64, RejectedLine)>,
    /// The member that the cells of a column of a people file become.
    pub cell: Option<&'static str>,
    /// The users whom the cells of rejected rows of a people file name.
    pub references: Vec<NamedReference>,
    /// What is wrong with other cells of rejected rows of a people file.
    pub more_faults: Vec<(u64, RejectedLine)>,
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

/// Whether the rejected rows of a batch matter to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchKind {
    /// No.
    #[default]
    Alone,
    /// It has users of a people file, of which no relationship is written if their row is rejected.
    People,
    /// It has relationships of a people file.
    EdgesOfPeople,
}

/// Starts to read the files.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(passes: Vec<Pass>, plan: Plan, bytes: Arc<AtomicU64>) -> io::Result<Batches> {
    let (sender, batches) = sync_channel(1);
    let feed = BatchReader { plan, reader: RecordReader::default(), batch: Batch::default(), weight: 0, bytes, sender };
    std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || feed.run(passes))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot start the reading thread: {error}")))?;
    Ok(batches)
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

/// The result of a pass.
type PassResult = io::Result<Result<(), Stopped>>;

impl BatchReader {
    fn run(mut self, passes: Vec<Pass>) {
        for (source, pass) in passes.into_iter().enumerate() {
            self.batch.source = source;
            let done = self.read_pass(pass.content);
            if !self.end_pass(&pass.location, done) {
                return;
            }
        }
    }

    fn read_pass(&mut self, content: PassContent) -> PassResult {
        match content {
            PassContent::Lines(input) => self.read_lines(input),
            PassContent::Document(input) => self.read_document(input),
            PassContent::Rows { input, columns, conflicts, is_people } => {
                self.batch.kind = if is_people { BatchKind::People } else { BatchKind::Alone };
                self.read_rows(input.open()?, &columns, &conflicts)
            }
            PassContent::Edges { input, columns, reader } => {
                self.batch.kind = BatchKind::EdgesOfPeople;
                self.batch.cell = Some(reader.member());
                self.read_edges(input.open()?, &columns, &reader)
            }
        }
    }

    /// Sends the rest of a pass. Returns whether another may follow.
    fn end_pass(&mut self, location: &FileLocation, done: PassResult) -> bool {
        let is_flushed = !matches!(done, Ok(Err(Stopped))) && self.flush().is_ok();
        (self.batch.kind, self.batch.cell) = (BatchKind::Alone, None);
        match done {
            Ok(_) => is_flushed,
            Err(error) => {
                // Lines before the error are still valid.
                if is_flushed {
                    let problem = format!("cannot continue reading {location}: {error}");
                    drop(self.sender.send(Err(io::Error::new(error.kind(), problem))));
                }
                false
            }
        }
    }

    fn read_lines(&mut self, mut input: LineInput) -> PassResult {
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
            let record = members.map_err(|reason| RejectedLine::unreadable(None, reason));
            let record = record.and_then(|members| self.reader.read(members, None));
            if self.add(number, record, weight).is_err() {
                return Ok(Err(Stopped));
            }
        }
    }

    fn read_document(&mut self, input: LineInput) -> PassResult {
        let mut result = Ok(());
        document::read(input, &mut |number, object| {
            if number <= self.plan.skip {
                return true;
            }
            let weight = object.as_ref().map_or(0, json_size);
            let members = object.and_then(resource::members_of);
            let record = members.map_err(|reason| RejectedLine::unreadable(None, reason));
            let record = record.and_then(|(kind, members)| self.reader.read(members, Some(kind)));
            result = self.add(number, record, weight);
            result.is_ok()
        })?;
        Ok(result)
    }

    fn read_rows(&mut self, mut table: TableInput, columns: &Columns, conflicts: &HashMap<u64, u64>) -> PassResult {
        let kind = Some(columns.kind);
        while let Some((number, row)) = table.next_row()? {
            if number <= self.plan.skip || row.as_ref().is_ok_and(|cells| Columns::is_blank(cells)) {
                continue;
            }
            let weight = row.as_ref().map_or(0, |cells| cells.iter().map(|cell| cell.len()).sum());
            let record = row.map_err(|reason| RejectedLine::unreadable(kind, reason)).and_then(|cells| {
                let record = self.reader.read_row(columns, &cells);
                let Some(first) = conflicts.get(&number) else { return record };
                let mut problem = repeated_person(*first);
                columns.locate(&mut problem, &cells);
                let others = record.err().map(|rejected| rejected.problems).unwrap_or_default();
                Err(RejectedLine { kind, problems: [problem].into_iter().chain(others).collect() })
            });
            if self.add(number, record, weight).is_err() {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    fn read_edges(&mut self, mut table: TableInput, columns: &Columns, reader: &EdgeReader) -> PassResult {
        let kind = Some(RecordKind::Relationship);
        while let Some((number, row)) = table.next_row()? {
            // The pass over the users has reported rows that cannot be read.
            let is_good = |cells: &Vec<&str>| columns.require_width(cells).is_ok() && !columns.repeats_header(cells);
            let Some(cells) = row.ok().filter(is_good) else { continue };
            let record = match reader.read(&cells) {
                Ok(None) => continue,
                Ok(Some(line)) => Ok(Record::Relationship(line)),
                Err(problem) => Err(RejectedLine { kind, problems: vec![problem] }),
            };
            let weight = cells.iter().map(|cell| cell.len()).sum();
            if self.add(number, record, weight).is_err() {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Adds a line to the batch, and sends the batch when it is full.
    fn add(&mut self, number: u64, record: Result<Record, RejectedLine>, weight: usize) -> Result<(), Stopped> {
        // A bulk load, which begins with a batch, cannot change rules.
        let is_type = record.as_ref().is_ok_and(Record::is_type);
        if self.batch.lines.last().is_some_and(|last| last.record.is_type() != is_type) {
            self.flush()?;
        }
        match record {
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
        let Batch { source, kind, cell, .. } = self.batch;
        let mut batch = std::mem::replace(&mut self.batch, Batch { source, kind, cell, ..Batch::default() });
        if batch.lines.is_empty() && batch.refused.is_empty() {
            return Ok(());
        }
        batch.position = self.bytes.load(Ordering::Relaxed);
        self.sender.send(Ok(batch)).map_err(|_| Stopped)
    }
}

fn repeated_person(first: u64) -> LineProblem {
    let detail = format!("line {first} has the same person with other values; keep one of the two lines");
    LineProblem::of_value("email", &detail)
}
