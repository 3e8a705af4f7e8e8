//! Stores the rows of a preview as they come, and hashes them.

use std::collections::{BTreeMap, HashMap};

use super::rows::{add_problems, hash_problems, hash_row, rejected_row, stored_row};
use super::settings::for_requests;
use super::work::{EndOfWork, ImportWork};
use crate::domain::transfer::ImportRow;
use crate::model::import::{ImportState, ImportedRow};

/// The rows of a transaction.
const ROWS_PER_JOB: usize = 500;

/// The rows of a preview.
pub(super) struct RowSink<'w> {
    work: &'w ImportWork,
    is_stored: bool,
    /// The share of the file that is read, in millionths.
    pub progress: i64,
    number: i64,
    hash: u64,
    waiting: Vec<ImportedRow>,
    /// The numbers of the rows of rejected lines of a people file, whose other columns are read later.
    rejected: HashMap<u64, i64>,
}

impl<'w> RowSink<'w> {
    pub fn new(work: &'w ImportWork, is_stored: bool) -> Self {
        Self { work, is_stored, progress: 0, number: 0, hash: 0, waiting: Vec::new(), rejected: HashMap::new() }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Those of the store.
    pub fn put(&mut self, rows: &[ImportRow]) -> Result<(), EndOfWork> {
        rows.iter().try_for_each(|row| {
            let problems: Vec<_> = row.problem.iter().map(|problem| for_requests(problem)).collect();
            self.add(row, &problems)
        })
    }

    /// Adds rejected lines with their problems, to which others may be added if `is_people`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn put_rejected(&mut self, lines: &BTreeMap<u64, Vec<String>>, is_people: bool) -> Result<(), EndOfWork> {
        lines.iter().try_for_each(|(line, problems)| {
            self.add(&rejected_row(*line), problems)?;
            if is_people && self.is_stored {
                self.rejected.insert(*line, self.number);
            }
            Ok(())
        })
    }

    /// Adds problems to rejected lines of a people file.
    ///
    /// # Errors
    /// Those of the store.
    pub fn add_problems(&mut self, lines: BTreeMap<u64, Vec<String>>) -> Result<(), EndOfWork> {
        for (line, problems) in &lines {
            self.hash = self.hash.wrapping_add(hash_problems(*line, problems));
        }
        let numbered = lines.into_iter().filter_map(|(line, problems)| Some((*self.rejected.get(&line)?, problems)));
        let numbered: Vec<_> = numbered.collect();
        if numbered.is_empty() {
            return Ok(());
        }
        self.flush()?;
        let id = self.work.id();
        for some in numbered.chunks(ROWS_PER_JOB) {
            let some: HashMap<_, _> = some.iter().cloned().collect();
            self.work.step(ImportState::Reading, move |tx, _| {
                let numbers: Vec<_> = some.keys().copied().collect();
                for row in tx.import_rows_of_numbers(id, &numbers)? {
                    let more = some.get(&row.number).map_or(&[][..], Vec::as_slice);
                    tx.replace_import_row(id, row.number, &add_problems(&row.content, more))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn add(&mut self, row: &ImportRow, problems: &[String]) -> Result<(), EndOfWork> {
        self.number += 1;
        let row = stored_row(self.work.id(), self.number, row, problems);
        self.hash = self.hash.wrapping_add(hash_row(&row));
        if self.is_stored {
            self.waiting.push(row);
        }
        if self.waiting.len() >= ROWS_PER_JOB { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), EndOfWork> {
        let (rows, progress) = (std::mem::take(&mut self.waiting), self.progress);
        self.work.step(ImportState::Reading, move |tx, import| {
            import.progress = progress;
            tx.insert_import_rows(rows.clone())
        })
    }

    /// Stores the rows of a batch and the progress.
    ///
    /// # Errors
    /// Those of the store.
    pub fn end_batch(&mut self) -> Result<(), EndOfWork> {
        if self.is_stored { self.flush() } else { Ok(()) }
    }

    /// Stores the rows that are left, and returns the hash of all.
    ///
    /// # Errors
    /// Those of the store.
    pub fn finish(&mut self) -> Result<i64, EndOfWork> {
        self.end_batch()?;
        Ok(self.hash.cast_signed())
    }
}
