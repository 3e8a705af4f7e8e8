//! The statement that reads the pages and counts of a batch of lists.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt};

use crate::model::relationship::End;
use crate::store::postgres::conn::{Conn, Db};
use crate::store::relationship_rows::{RelationshipColumns, RelationshipRow, relationship_columns};

/// The statement for one end. Each `?` is an array with a value for each list. The four texts differ in the names of
/// columns and in the type; each of them stays prepared.
macro_rules! statement {
    ($counts:literal, $end:literal) => {
        statement!($counts, $end, "unnest(?::bigint[], ?::bigint[], ?::bigint[]) WITH ORDINALITY AS asked (id, skipped, most, place)", "")
    };
    ($counts:literal, $end:literal, of_a_type) => {
        statement!(
            $counts,
            $end,
            "unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::smallint[]) WITH ORDINALITY AS asked (id, skipped, most, type_id, place)",
            " AND type_id = asked.type_id"
        )
    };
    ($counts:literal, $end:literal, $asked:literal, $and:literal) => {
        concat!(
            "SELECT asked.place, c.total, p.* FROM ",
            $asked,
            " CROSS JOIN LATERAL (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total FROM ",
            $counts,
            " WHERE ",
            $end,
            " = asked.id",
            $and,
            ") AS c LEFT JOIN LATERAL (SELECT ",
            relationship_columns!(),
            " FROM user_relationships WHERE ",
            $end,
            " = asked.id",
            $and,
            " ORDER BY id LIMIT asked.most OFFSET asked.skipped) AS p ON TRUE"
        )
    };
}

/// The parameters of several lists of one shape, a value for each list.
#[derive(Debug, Default)]
pub(super) struct ListParameters {
    pub ids: Vec<i64>,
    pub offsets: Vec<i64>,
    pub limits: Vec<i64>,
    /// Empty if the lists include all types.
    pub types: Vec<i16>,
}

/// For each list, in their order: how many relationships match, and the rows of the page by id.
pub(super) fn pages(
    conn: &mut Conn,
    end: End,
    parameters: ListParameters,
) -> QueryResult<Vec<(i64, Vec<RelationshipRow>)>> {
    let text = match (end, parameters.types.is_empty()) {
        (End::User, true) => statement!("counts_by_user", "user_id"),
        (End::User, false) => statement!("counts_by_user", "user_id", of_a_type),
        (End::Target, true) => statement!("counts_by_target", "target_id"),
        (End::Target, false) => statement!("counts_by_target", "target_id", of_a_type),
    };
    let mut pages = vec![(0, Vec::new()); parameters.ids.len()];
    let rows: Vec<(i64, i64, Option<RelationshipRow>)> = ListStatement { text, parameters }.load(conn)?;
    for (place, total, row) in rows {
        let place = usize::try_from(place - 1).ok();
        if let Some((counted, rows)) = place.and_then(|place| pages.get_mut(place)) {
            *counted = total;
            rows.extend(row);
        }
    }
    // The order of joined rows is not guaranteed.
    for (_, rows) in &mut pages {
        rows.sort_unstable_by_key(|row| row.id);
    }
    Ok(pages)
}

#[derive(Debug)]
struct ListStatement {
    text: &'static str,
    parameters: ListParameters,
}

impl QueryFragment<Db> for ListStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        let ListParameters { ids, offsets, limits, types } = &self.parameters;
        let mut pieces = self.text.split('?');
        let mut push_text = move |out: &mut AstPass<'_, 'b, Db>| out.push_sql(pieces.next().unwrap_or_default());
        for integers in [ids, offsets, limits] {
            push_text(&mut out);
            out.push_bind_param::<Array<BigInt>, _>(integers)?;
        }
        if !types.is_empty() {
            push_text(&mut out);
            out.push_bind_param::<Array<SmallInt>, _>(types)?;
        }
        push_text(&mut out);
        Ok(())
    }
}

impl QueryId for ListStatement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for ListStatement {
    type SqlType = (BigInt, BigInt, Nullable<RelationshipColumns>);
}

impl diesel::RunQueryDsl<Conn> for ListStatement {}
