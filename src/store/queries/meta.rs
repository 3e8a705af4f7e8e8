//! The version of the schema, and the secrets of the database.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::Conn;
use super::schema::service_secrets::dsl;
use super::sql::Sql;

/// The version of the newest applied migration; `None` for an empty database.
pub(in crate::store) fn schema_version(conn: &mut Conn) -> QueryResult<Option<String>> {
    Sql::new("SELECT MAX(version) FROM __diesel_schema_migrations").returning::<Nullable<Text>>().get_result(conn)
}

/// The secret with that name.
pub(in crate::store) fn secret(conn: &mut Conn, name: &str) -> QueryResult<Option<String>> {
    dsl::service_secrets.find(name).select(dsl::value).first(conn).optional()
}
