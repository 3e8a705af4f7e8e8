//! Queries of imports over HTTP.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::id::ImportId;
use crate::model::import::{Import, ImportedRow, NewImport, UnfinishedImport};
use crate::model::page::{Page, PageRequest};
use crate::model::time::Timestamp;
use crate::store::import_rows::{ImportRecord, ImportRowRecord, unfinished_of};

impl Tx<'_> {
    /// Stores an import that is being uploaded.
    pub fn insert_import(&mut self, new: &NewImport) -> Result<Import> {
        let row = ImportRecord::new(new, self.now());
        ask!(self, imports::insert(row))?.into_import()
    }

    /// The import with that id.
    pub fn import(&mut self, id: ImportId) -> Result<Option<Import>> {
        ask!(self, imports::find(id.get()))?.map(|row| row.into_import()).transpose()
    }

    /// The import with that id, which others cannot change until the job ends.
    pub fn lock_import(&mut self, id: ImportId) -> Result<Option<Import>> {
        ask!(self, imports::lock(id.get()))?.map(|row| row.into_import()).transpose()
    }

    /// Stores the values of a locked import, with the next version.
    pub fn save_import(&mut self, import: &Import) -> Result<()> {
        let row = ImportRecord::next(import);
        ask!(self, imports::update(import.id.get(), &row)).map(drop)
    }

    /// Deletes an import; [`prune_imports`](Self::prune_imports) deletes its bytes and rows later.
    pub fn delete_import(&mut self, id: ImportId) -> Result<()> {
        ask!(self, imports::delete(id.get())).map(drop)
    }

    /// The import that runs.
    pub fn running_import(&mut self) -> Result<Option<ImportId>> {
        Ok(ask!(self, imports::running())?.map(ImportId::new))
    }

    /// A page of the imports whose upload is complete, in order, with the total.
    pub fn imports(&mut self, slice: &PageRequest) -> Result<Page<Import>> {
        let (total, rows) = ask!(self, imports::page(slice))?;
        Ok(Page::whole(rows.into_iter().map(|row| row.into_import()).collect::<Result<_>>()?, total))
    }

    /// A page of the rows of an import, in order, with the total; only those with some outcomes, unless there are none.
    pub fn import_rows(
        &mut self,
        id: ImportId,
        outcomes: &[&'static str],
        slice: &PageRequest,
    ) -> Result<Page<ImportedRow>> {
        let (total, rows) = ask!(self, imports::rows(id.get(), outcomes, slice))?;
        Ok(Page::whole(rows.into_iter().map(ImportedRow::from).collect(), total))
    }

    /// Some rows of an import, by their numbers.
    pub fn import_rows_of_numbers(&mut self, id: ImportId, numbers: &[i64]) -> Result<Vec<ImportedRow>> {
        let rows = ask!(self, imports::rows_of_numbers(id.get(), numbers))?;
        Ok(rows.into_iter().map(ImportedRow::from).collect())
    }

    /// Replaces the content of a row.
    pub fn replace_import_row(&mut self, id: ImportId, number: i64, content: &str) -> Result<()> {
        ask!(self, imports::replace_row(id.get(), number, content)).map(drop)
    }

    /// The number of the last row of an import; 0 without rows.
    pub fn last_import_row(&mut self, id: ImportId) -> Result<i64> {
        Ok(ask!(self, imports::last_row(id.get()))?.unwrap_or_default())
    }

    /// Stores rows of an import.
    pub fn insert_import_rows(&mut self, rows: Vec<ImportedRow>) -> Result<()> {
        let rows: Vec<ImportRowRecord> = rows.into_iter().map(Into::into).collect();
        ask!(self, imports::insert_rows(&rows))
    }

    /// Deletes the first rows of an import, at most `most`, and returns how many.
    pub fn delete_import_rows(&mut self, id: ImportId, most: i64) -> Result<usize> {
        ask!(self, imports::delete_rows(id.get(), most))
    }

    /// Stores a piece of an upload.
    pub fn insert_import_chunk(&mut self, id: ImportId, number: i64, bytes: &[u8]) -> Result<()> {
        ask!(self, imports::insert_chunk(id.get(), number, bytes)).map(drop)
    }

    /// A piece of an upload, by number from 0.
    pub fn import_chunk(&mut self, id: ImportId, number: i64) -> Result<Option<Vec<u8>>> {
        ask!(self, imports::chunk(id.get(), number))
    }

    /// Deletes the imports that have ended before a time, at most `most`, and returns how many. Their bytes and rows are
    /// deleted later.
    pub fn delete_ended_imports(&mut self, before: Timestamp, most: i64) -> Result<usize> {
        ask!(self, imports::delete_ended(before.micros(), most))
    }

    /// Deletes some bytes that no unfinished import needs, and some rows of deleted imports. Returns how many of both.
    pub fn prune_imports(&mut self, most_chunks: i64, most_rows: i64) -> Result<usize> {
        ask!(self, imports::prune(most_chunks, most_rows))
    }

    /// The imports that are not in a final state.
    pub fn unfinished_imports(&mut self) -> Result<Vec<UnfinishedImport>> {
        ask!(self, imports::unfinished())?.into_iter().map(unfinished_of).collect()
    }

    /// Shows that an instance still works on some imports.
    pub fn beat_imports(&mut self, runner: &str, ids: &[ImportId]) -> Result<()> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        ask!(self, imports::beat(runner, &ids)).map(drop)
    }

    /// Gives an import to an instance, unless it has changed since it was seen. Returns whether it has.
    pub fn take_over_import(&mut self, seen: &UnfinishedImport, runner: &str) -> Result<bool> {
        let state = (seen.id.get(), seen.state.number(), seen.beat);
        ask!(self, imports::take_over(state, seen.runner.as_deref(), runner))
    }
}
