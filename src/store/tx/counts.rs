//! Queries that check and repair the stored counts and keys.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::store::key_rows::{KeyFunctions, UserKeyRow, UserKeys};
use crate::store::postgres::spread::copies;
use crate::store::rows::{Drift, UserDrift};

impl Tx<'_> {
    pub(in crate::store) fn drifts_by_user(&mut self) -> Result<Vec<Drift>> {
        ask!(self, check::by_user())
    }

    pub(in crate::store) fn drifts_by_target(&mut self) -> Result<Vec<Drift>> {
        ask!(self, check::by_target())
    }

    pub(in crate::store) fn drifts_by_type(&mut self) -> Result<Vec<Drift>> {
        ask!(self, check::by_type())
    }

    pub(in crate::store) fn drifts_of_users(&mut self) -> Result<Vec<UserDrift>> {
        ask!(self, check::of_users())
    }

    pub(in crate::store) fn dangling_relationships(&mut self) -> Result<Vec<i64>> {
        ask!(self, check::dangling())
    }

    pub(in crate::store) fn delete_dangling(&mut self, ids: &[i64]) -> Result<()> {
        let deleted = ask!(self, handovers::delete_edges(ids))?;
        self.log_deleted_edges(deleted)
    }

    pub(in crate::store) fn keys_after(&mut self, id: i64, limit: i64) -> Result<Vec<UserKeyRow>> {
        ask!(self, keys::page(id, limit, KeyFunctions::Current))
    }

    pub(in crate::store) fn key_holder(&mut self, email_key: &str) -> Result<Option<i64>> {
        ask!(self, keys::holder(email_key))
    }

    pub(in crate::store) fn put_keys(&mut self, rows: &[(&UserKeyRow, UserKeys)]) -> Result<()> {
        ask!(self, keys::put(rows, KeyFunctions::Current))
    }

    /// The names of the copies of spread rows that differ from them.
    pub(in crate::store) fn differing_copies(&mut self) -> Result<Vec<&'static str>> {
        if self.is_spread() { self.ask_postgres(copies::differing) } else { Ok(Vec::new()) }
    }

    pub(in crate::store) fn recount(&mut self) -> Result<()> {
        if self.is_spread() {
            self.ask_postgres(copies::rebuild)?;
        }
        ask!(self, check::recount())
    }

    pub(in crate::store) fn lock_everything(&mut self) -> Result<()> {
        ask!(self, check::lock_all())
    }
}
