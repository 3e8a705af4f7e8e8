//! The statements that read the pages and counts of a batch of lists.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text};

use crate::model::relationship::End;
use crate::store::postgres::conn::{Conn, Db};
use crate::store::relationship_rows::{NULLS, RelationshipColumns, RelationshipRow, relationship_columns};
use crate::store::rows::{
    COLUMNS_AFTER_PROFILE, COLUMNS_BEFORE_PROFILE, LISTED_COLUMNS, Profiles, SUBORDINATES, UserColumns, UserRow,
};

/// The statement for one end. Each `?` is an array with a value for each list. The texts differ in the names of columns
/// and in what is asked for: all types, a type, or a role, which the type must still have, towards a user that exists.
/// Each of them stays prepared.
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
    ($counts:literal, $end:literal, of_a_role, $role:literal) => {
        statement!(
            $counts,
            $end,
            concat!(
                "unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::smallint[], ?::text[], ?::boolean[]) \
                 WITH ORDINALITY AS asked (id, skipped, most, type_id, role, is_to_one, place) \
                 JOIN relationship_types AS t ON t.id = asked.type_id AND NOT t.is_symmetric \
                 AND EXISTS (SELECT 1 FROM users WHERE users.id = asked.id) AND ",
                $role
            ),
            " AND type_id = asked.type_id"
        )
    };
    ($counts:literal, $end:literal, $asked:expr, $and:literal) => {
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
    /// The names of the roles of these types; empty if the lists are not about roles.
    pub roles: Vec<String>,
    /// Whether at most one user has each of these roles.
    pub is_to_one: Vec<bool>,
    /// Whether the owners are included; empty if no list includes users.
    pub has_user: Vec<bool>,
    /// The same for the targets.
    pub has_target: Vec<bool>,
}

impl ListParameters {
    /// The statement for lists around this end.
    const fn statement(&self, end: End) -> &'static str {
        match (end, self.types.is_empty(), self.roles.is_empty()) {
            (End::User, true, _) => statement!("counts_by_user", "user_id"),
            (End::User, false, true) => statement!("counts_by_user", "user_id", of_a_type),
            (End::User, false, false) => statement!(
                "counts_by_user",
                "user_id",
                of_a_role,
                "t.target_role = asked.role AND (t.max_per_user IS NOT DISTINCT FROM 1) = asked.is_to_one"
            ),
            (End::Target, true, _) => statement!("counts_by_target", "target_id"),
            (End::Target, false, true) => statement!("counts_by_target", "target_id", of_a_type),
            (End::Target, false, false) => {
                statement!("counts_by_target", "target_id", of_a_role, "t.user_role = asked.role")
            }
        }
    }
}

/// For each list: how many relationships match, and the rows of the page; `None` if a type does not have the role, or there is
/// no such user.
type ListedRows = Vec<Option<(i64, Vec<RelationshipRow>)>>;
/// The columns of a list: its place from 1 on, its total, and a row of its page.
type ListColumns = (BigInt, BigInt, Nullable<RelationshipColumns>);
/// The same and a user, of which one part is `NULL`.
type WithEndsColumns = (Nullable<BigInt>, Nullable<BigInt>, Nullable<RelationshipColumns>, Nullable<UserColumns>);

/// A row of these columns.
type WithEndsRow = (Option<i64>, Option<i64>, Option<RelationshipRow>, Option<UserRow>);

/// For each list, in their order: how many relationships match, and the rows of the page by id.
pub(super) fn pages(conn: &mut Conn, end: End, parameters: ListParameters) -> QueryResult<ListedRows> {
    let mut pages = vec![None; parameters.ids.len()];
    let statement = ListStatement::<ListColumns>::new(parameters.statement(end).into(), parameters);
    let rows: Vec<(i64, i64, Option<RelationshipRow>)> = statement.load(conn)?;
    for (place, total, row) in rows {
        add(&mut pages, place, total, row);
    }
    sort(&mut pages);
    Ok(pages)
}

/// The same, and the users at the included ends of these rows, each once, with small profiles.
pub(super) fn pages_with_ends(
    conn: &mut Conn,
    end: End,
    parameters: ListParameters,
) -> QueryResult<(ListedRows, Vec<UserRow>)> {
    let (mut pages, mut users) = (vec![None; parameters.ids.len()], Vec::new());
    let text = with_ends(parameters.statement(end));
    let statement = ListStatement::<WithEndsColumns>::new(text.into(), parameters);
    for (place, total, row, user) in statement.load::<WithEndsRow>(conn)? {
        if let (Some(place), Some(total)) = (place, total) {
            add(&mut pages, place, total, row);
        }
        users.extend(user);
    }
    sort(&mut pages);
    Ok((pages, users))
}

/// The statement of lists, and the users at the ends that two more arrays ask for. `OFFSET 0` keeps the planner from
/// reading all users.
fn with_ends(lists: &str) -> String {
    format!(
        "WITH page AS MATERIALIZED ({lists}), \
         included AS (SELECT place, has_user, has_target FROM unnest(?::boolean[], ?::boolean[]) \
         WITH ORDINALITY AS included (has_user, has_target, place)) \
         SELECT place, total, {}, {} FROM page UNION ALL \
         SELECT NULL, NULL, {NULLS}, {LISTED_COLUMNS} FROM \
         (SELECT user_id AS end_id FROM page JOIN included USING (place) WHERE has_user AND user_id IS NOT NULL UNION \
         SELECT target_id FROM page JOIN included USING (place) WHERE has_target AND target_id IS NOT NULL) AS ends \
         CROSS JOIN LATERAL (SELECT {COLUMNS_BEFORE_PROFILE}{}{COLUMNS_AFTER_PROFILE}, {SUBORDINATES} AS subordinates \
         FROM users WHERE users.id = ends.end_id OFFSET 0) AS user_at_end",
        relationship_columns!(),
        ["NULL"; 12].join(", "),
        Profiles::Small.sql(),
    )
}

fn add(pages: &mut ListedRows, place: i64, total: i64, row: Option<RelationshipRow>) {
    let place = usize::try_from(place - 1).ok();
    if let Some(page) = place.and_then(|place| pages.get_mut(place)) {
        let (counted, rows) = page.get_or_insert_default();
        *counted = total;
        rows.extend(row);
    }
}

/// Sorts the rows by id: the order of joined rows is not guaranteed.
fn sort(pages: &mut ListedRows) {
    for (_, rows) in pages.iter_mut().flatten() {
        rows.sort_unstable_by_key(|row| row.id);
    }
}

#[derive(Debug)]
struct ListStatement<Columns> {
    text: Cow<'static, str>,
    parameters: ListParameters,
    columns: PhantomData<Columns>,
}

impl<Columns> ListStatement<Columns> {
    const fn new(text: Cow<'static, str>, parameters: ListParameters) -> Self {
        Self { text, parameters, columns: PhantomData }
    }
}

impl<Columns> QueryFragment<Db> for ListStatement<Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        let ListParameters { ids, offsets, limits, types, roles, is_to_one, has_user, has_target } = &self.parameters;
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
        if !roles.is_empty() {
            push_text(&mut out);
            out.push_bind_param::<Array<Text>, _>(roles)?;
        }
        for flags in [is_to_one, has_user, has_target].into_iter().filter(|flags| !flags.is_empty()) {
            push_text(&mut out);
            out.push_bind_param::<Array<Bool>, _>(flags)?;
        }
        push_text(&mut out);
        Ok(())
    }
}

impl<Columns> QueryId for ListStatement<Columns> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns> Query for ListStatement<Columns> {
    type SqlType = Columns;
}

impl<Columns> diesel::RunQueryDsl<Conn> for ListStatement<Columns> {}
