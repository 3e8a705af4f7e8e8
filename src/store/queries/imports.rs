//! Imports over HTTP: their states, the uploaded bytes, and the rows of their results.

use diesel::prelude::*;

use super::order::{listing_order, push_bounds, push_end};
use super::sql::{Sql, split_total};
use super::{Conn, bulk, dialect};
use crate::model::import::ImportState;
use crate::model::page::PageRequest;
use crate::store::import_rows::{
    IMPORT_COLUMNS, IMPORT_ROW_COLUMNS, ImportColumns, ImportRecord, ImportRowColumns, ImportRowRecord, STORED_IMPORT,
    UnfinishedRow,
};
use crate::store::import_schema::{import_chunks, import_rows, imports};

/// Stores an import, to which the database gives an id.
pub(in crate::store) fn insert(conn: &mut Conn, row: ImportRecord) -> QueryResult<ImportRecord> {
    diesel::insert_into(imports::table).values(row).returning(STORED_IMPORT).get_result(conn)
}

/// The import with that id.
pub(in crate::store) fn find(conn: &mut Conn, id: i64) -> QueryResult<Option<ImportRecord>> {
    imports::table.find(id).select(STORED_IMPORT).first(conn).optional()
}

/// The same; others cannot change it until the transaction ends.
pub(in crate::store) fn lock(conn: &mut Conn, id: i64) -> QueryResult<Option<ImportRecord>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(IMPORT_COLUMNS).text(" FROM imports AS t WHERE t.id = ").integer(id).text(dialect::LOCK_ROWS);
    sql.returning::<ImportColumns>().get_result(conn).optional()
}

/// Replaces the values of an import.
pub(in crate::store) fn update(conn: &mut Conn, id: i64, row: &ImportRecord) -> QueryResult<usize> {
    diesel::update(imports::table.find(id)).set(row).execute(conn)
}

/// Deletes an import. Its bytes and rows are deleted later.
pub(in crate::store) fn delete(conn: &mut Conn, id: i64) -> QueryResult<usize> {
    diesel::delete(imports::table.find(id)).execute(conn)
}

/// The import that runs.
pub(in crate::store) fn running(conn: &mut Conn) -> QueryResult<Option<i64>> {
    let state = ImportState::Running.number();
    imports::table.filter(imports::state.eq(state)).select(imports::id).first(conn).optional()
}

/// A page of the imports whose upload is complete, in order, with the total.
pub(in crate::store) fn page(conn: &mut Conn, slice: &PageRequest) -> QueryResult<(i64, Vec<ImportRecord>)> {
    let uploading = ImportState::Uploading.number();
    let mut count = Sql::new("SELECT COUNT(*) AS total FROM imports WHERE state <> ");
    count.small(uploading);
    let mut page = Sql::new("SELECT ");
    page.text(IMPORT_COLUMNS).text(" FROM imports WHERE state <> ").small(uploading);
    push_bounds(&mut page, slice);
    push_end(&mut page, slice);
    Sql::listing::<ImportColumns>(count, IMPORT_COLUMNS, page, listing_order(slice.sort)).load(conn).map(split_total)
}

/// A page of the rows of an import, in order, with the total; only those with some outcomes, unless there are none.
pub(in crate::store) fn rows(
    conn: &mut Conn,
    id: i64,
    outcomes: &[&'static str],
    slice: &PageRequest,
) -> QueryResult<(i64, Vec<ImportRowRecord>)> {
    let push_filter = |sql: &mut Sql| {
        sql.text(" FROM import_rows WHERE import_id = ").integer(id);
        if !outcomes.is_empty() {
            sql.text(" AND ").in_values("outcome", outcomes, |sql, outcome| sql.string(outcome.to_owned()));
        }
    };
    let mut count = Sql::new("SELECT COUNT(*) AS total");
    push_filter(&mut count);
    let mut page = Sql::new("SELECT ");
    page.text(IMPORT_ROW_COLUMNS);
    push_filter(&mut page);
    push_bounds(&mut page, slice);
    push_end(&mut page, slice);
    Sql::listing::<ImportRowColumns>(count, IMPORT_ROW_COLUMNS, page, listing_order(slice.sort))
        .load(conn)
        .map(split_total)
}

/// Some rows of an import, by their numbers.
pub(in crate::store) fn rows_of_numbers(
    conn: &mut Conn,
    id: i64,
    numbers: &[i64],
) -> QueryResult<Vec<ImportRowRecord>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(IMPORT_ROW_COLUMNS).text(" FROM import_rows WHERE import_id = ").integer(id).text(" AND ");
    sql.in_values("id", numbers, Sql::integer);
    sql.returning::<ImportRowColumns>().load(conn)
}

/// Replaces the content of a row.
pub(in crate::store) fn replace_row(conn: &mut Conn, id: i64, number: i64, content: &str) -> QueryResult<usize> {
    diesel::update(import_rows::table.find((id, number))).set(import_rows::content.eq(content)).execute(conn)
}

/// The number of the last row of an import.
pub(in crate::store) fn last_row(conn: &mut Conn, id: i64) -> QueryResult<Option<i64>> {
    let rows = import_rows::table.filter(import_rows::import_id.eq(id));
    rows.select(diesel::dsl::max(import_rows::id)).first(conn)
}

/// Stores rows.
pub(in crate::store) fn insert_rows(conn: &mut Conn, rows: &[ImportRowRecord]) -> QueryResult<()> {
    for some in rows.chunks(bulk::ROWS) {
        let mut sql = Sql::new("INSERT INTO import_rows (import_id, id, outcome, line, subject, content) ");
        sql.source(ImportRowRecord::columns(some));
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Deletes the first rows of an import, and returns how many.
pub(in crate::store) fn delete_rows(conn: &mut Conn, id: i64, most: i64) -> QueryResult<usize> {
    let mut sql = Sql::new("DELETE FROM import_rows WHERE import_id = ");
    sql.integer(id).text(" AND id IN (SELECT id FROM import_rows WHERE import_id = ").integer(id);
    sql.text(" ORDER BY id LIMIT ").integer(most).text(")");
    sql.returning::<()>().execute(conn)
}

/// Stores a piece of an upload.
pub(in crate::store) fn insert_chunk(conn: &mut Conn, id: i64, number: i64, bytes: &[u8]) -> QueryResult<usize> {
    let values = (import_chunks::import_id.eq(id), import_chunks::number.eq(number), import_chunks::bytes.eq(bytes));
    diesel::insert_into(import_chunks::table).values(values).execute(conn)
}

/// A piece of an upload.
pub(in crate::store) fn chunk(conn: &mut Conn, id: i64, number: i64) -> QueryResult<Option<Vec<u8>>> {
    import_chunks::table.find((id, number)).select(import_chunks::bytes).first(conn).optional()
}

/// Deletes the imports that have ended before a time, at most `most`, and returns how many. Their rows are deleted later.
pub(in crate::store) fn delete_ended(conn: &mut Conn, before: i64, most: i64) -> QueryResult<usize> {
    let mut sql = Sql::new("DELETE FROM imports WHERE id IN (SELECT i.id FROM imports AS i WHERE i.state >= ");
    sql.small(ImportState::Done.number()).text(" AND i.finished_at < ").integer(before);
    sql.text(" ORDER BY i.id LIMIT ").integer(most).text(")");
    sql.returning::<()>().execute(conn)
}

/// Deletes some bytes that no unfinished import needs, and some rows of deleted imports. Returns how many of both.
pub(in crate::store) fn prune(conn: &mut Conn, most_chunks: i64, most_rows: i64) -> QueryResult<usize> {
    let mut chunks = Sql::new("DELETE FROM import_chunks WHERE (import_id, number) IN (SELECT c.import_id, c.number ");
    chunks.text("FROM import_chunks AS c WHERE c.import_id NOT IN (SELECT id FROM imports WHERE state < 4) LIMIT ");
    chunks.integer(most_chunks).text(")");
    let mut rows = Sql::new("DELETE FROM import_rows WHERE (import_id, id) IN (SELECT r.import_id, r.id ");
    rows.text("FROM import_rows AS r WHERE r.import_id NOT IN (SELECT id FROM imports) LIMIT ");
    rows.integer(most_rows).text(")");
    Ok(chunks.returning::<()>().execute(conn)? + rows.returning::<()>().execute(conn)?)
}

/// The imports that are not in a final state.
pub(in crate::store) fn unfinished(conn: &mut Conn) -> QueryResult<Vec<UnfinishedRow>> {
    let columns = (imports::id, imports::state, imports::runner, imports::beat, imports::version, imports::read_at);
    let final_state = ImportState::Done.number();
    imports::table.filter(imports::state.lt(final_state)).order(imports::id).select(columns).load(conn)
}

/// Shows that an instance still works on some imports.
pub(in crate::store) fn beat(conn: &mut Conn, runner: &str, ids: &[i64]) -> QueryResult<usize> {
    let own = imports::table.filter(imports::runner.eq(runner)).filter(imports::id.eq_any(ids));
    diesel::update(own).set(imports::beat.eq(imports::beat + 1)).execute(conn)
}

/// Gives an import to an instance, unless it has changed since it was seen.
pub(in crate::store) fn take_over(
    conn: &mut Conn,
    (id, state, beat): (i64, i16, i64),
    known: Option<&str>,
    runner: &str,
) -> QueryResult<bool> {
    let mut sql = Sql::new("UPDATE imports SET beat = beat + 1, attempts = attempts + 1, runner = ");
    sql.string(runner.to_owned()).text(" WHERE id = ").integer(id).text(" AND state = ").small(state);
    sql.text(" AND beat = ").integer(beat);
    match known {
        Some(known) => sql.text(" AND runner = ").string(known.to_owned()),
        None => sql.text(" AND runner IS NULL"),
    };
    Ok(sql.returning::<()>().execute(conn)? == 1)
}
