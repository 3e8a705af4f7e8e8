//! The tables of a copy, and the texts in which their rows travel.

/// A table, and the columns by which its rows are ordered.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct CopyTable {
    /// Its name.
    pub name: &'static str,
    /// Columns, separated by commas: where the rows are near each other in an index of the target.
    pub order: &'static str,
    /// Whether a new database has rows in it.
    pub is_seeded: bool,
}

const fn table(name: &'static str, order: &'static str) -> CopyTable {
    CopyTable { name, order, is_seeded: false }
}

const fn seeded(name: &'static str, order: &'static str) -> CopyTable {
    CopyTable { name, order, is_seeded: true }
}

/// All tables but that of the migrations, each after those to which it refers. Changes without a number, which only
/// PostgreSQL has, get one in the copy.
pub(in crate::store) const TABLES: [CopyTable; 27] = [
    table("users", "id"),
    seeded("relationship_types", "id"),
    seeded("relationship_type_locks", "type_id"),
    table("user_relationships", "id"),
    table("counts_by_user", "user_id, type_id"),
    table("counts_by_target", "target_id, type_id, slot"),
    table("counts_by_type", "type_id, slot"),
    seeded("counts_of_users", "is_enabled, access_level"),
    table("counts_below", "type_id, user_id"),
    table("api_tokens", "id"),
    table("groups", "id"),
    table("group_members", "id"),
    table("transfers", "id"),
    table("imports", "id"),
    table("import_chunks", "import_id, number"),
    table("import_rows", "import_id, id"),
    table("api_clients", "id"),
    table("api_client_keys", "id"),
    table("api_nonces", "client_id"),
    table("idempotency_keys", "caller_id"),
    table("retired_user_ids", "id"),
    seeded("retired_relationship_ids", "slot"),
    table("retired_type_ids", "id"),
    seeded("computed_data", "name"),
    seeded("service_secrets", "name"),
    table("changes", "n"),
    seeded("change_log", "id"),
];

/// The names of all tables.
pub(in crate::store) fn table_names() -> [&'static str; TABLES.len()] {
    TABLES.map(|table| table.name)
}

/// How the values of a column travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum ColumnKind {
    /// As they are: a number or a text.
    Plain,
    /// As 0 or 1.
    Flag,
    /// In hexadecimal.
    Bytes,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct CopiedColumn {
    /// Its name.
    pub name: String,
    /// The name of its type in the database.
    pub sql_type: String,
}

impl From<(String, String)> for CopiedColumn {
    fn from((name, sql_type): (String, String)) -> Self {
        Self { name, sql_type }
    }
}

impl CopiedColumn {
    /// How its values travel.
    pub fn kind(&self) -> ColumnKind {
        match self.sql_type.to_ascii_lowercase().as_str() {
            "boolean" => ColumnKind::Flag,
            "blob" | "bytea" => ColumnKind::Bytes,
            _ => ColumnKind::Plain,
        }
    }
}

/// The names of some columns as a list.
pub(in crate::store) fn names_of(columns: &[CopiedColumn]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

/// Rows that travel together: the text of a JSON array.
#[derive(Debug, Default)]
pub(in crate::store) struct RowPage {
    text: String,
    rows: usize,
}

/// The most rows of a page.
pub(in crate::store) const MOST_ROWS: usize = 1_000;
/// The length of a text, in bytes, after which no row is added.
const LONG: usize = 1 << 20;

impl RowPage {
    /// Adds a row, the text of a JSON array. A full page is written.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn add<E>(&mut self, row: &str, write: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        self.push(row);
        if self.is_full() { self.flush(write) } else { Ok(()) }
    }

    /// Writes the rows that are left.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn flush<E>(&mut self, mut write: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        self.take().map_or(Ok(()), |rows| write(&rows))
    }

    fn push(&mut self, row: &str) {
        self.text.push(if self.rows == 0 { '[' } else { ',' });
        self.text.push_str(row);
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS || self.text.len() >= LONG
    }

    /// The text of all rows, which are removed; `None` without rows.
    fn take(&mut self) -> Option<String> {
        let Self { mut text, rows } = std::mem::take(self);
        text.push(']');
        (rows > 0).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_an_array_of_its_rows() {
        let mut page = RowPage::default();
        assert_eq!(page.take(), None);
        page.push("[1]");
        page.push("[2]");
        assert!(!page.is_full());
        assert_eq!(page.take().as_deref(), Some("[[1],[2]]"));
        page.push(&"1".repeat(LONG));
        assert!(page.is_full());
    }
}
