//! Which table has the relationships that a query looks for, and on which node.
//!
//! # Design
//! On one server all are in `user_relationships`. Where rows are spread over nodes, that table is distributed by owner, and
//! copies by target and by type (`migrations/citus`), so that each question goes to one node. `Tx` writes the copies.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::sql::Sql;
use super::{Conn, bulk, dialect};
use crate::model::relationship::End;

/// The table that has the relationships of a user at an end on one node.
pub(super) fn of_end(end: End) -> &'static str {
    match end {
        End::Target if dialect::is_spread() => "relationships_by_target",
        End::Target | End::User => "user_relationships",
    }
}

/// The table that has the relationships of a type on one node.
pub(super) fn of_type() -> &'static str {
    if dialect::is_spread() { "relationships_by_type" } else { "user_relationships" }
}

/// The owner of a relationship, if that tells the node of its row; one that does not exist has none with any row.
pub(super) fn owner(conn: &mut Conn, id: i64) -> QueryResult<Option<i64>> {
    if !dialect::is_spread() {
        return Ok(None);
    }
    let mut sql = Sql::new("SELECT user_id FROM relationship_owners WHERE id = ");
    sql.integer(id);
    sql.returning::<BigInt>().get_result(conn).optional().map(|owner| owner.or(Some(i64::MIN)))
}

/// Pushes that relationships with these ids are on the nodes of their owners.
pub(super) fn push_owners(conn: &mut Conn, sql: &mut Sql, ids: &[i64]) -> QueryResult<()> {
    if dialect::is_spread() {
        let mut found = Sql::new("SELECT DISTINCT user_id FROM relationship_owners WHERE ");
        found.in_ids("id", ids);
        let owners: Vec<i64> = found.returning::<BigInt>().load(conn)?;
        match *owners {
            [one] => sql.text(" AND user_id = ").integer(one),
            _ => sql.text(" AND ").in_list("user_id", bulk::ValueList::of_integers(&owners)),
        };
    }
    Ok(())
}

/// Runs a statement for the row of a relationship.
macro_rules! on_row {
    ($conn:ident, $id:expr, |$row:ident| $statement:expr) => {{
        use crate::store::schema::user_relationships::dsl as edges;
        match edge_tables::owner($conn, $id)? {
            None => {
                let $row = edges::user_relationships.find($id);
                $statement
            }
            Some(owner) => {
                let $row = edges::user_relationships.find($id).filter(edges::user_id.eq(owner));
                $statement
            }
        }
    }};
}
pub(super) use on_row;
