//! The users with a role towards a user: pages of relationships around one user and of one type.
//!
//! # Design
//! A page is one index scan by id that stops after `offset + limit` rows, and the total is the stored count; for both ends
//! of a symmetric type it is a merge of two such scans.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};

use super::order::{push_bounds, push_end};
use super::rules::{keep_rules, push_type};
use super::sql::{Sql, split_total};
use super::{Conn, dialect, edge_tables};
use crate::model::page::{PageRequest, Sort};
use crate::model::relationship::End;
use crate::model::role::{MAX_INCLUDED, RoleEnd};
use crate::store::type_rows::{RULES_COLUMNS, RoleRow, RulesColumns};

type RoleColumns = (SmallInt, Text, Nullable<Text>, RulesColumns);

/// The type with a role.
pub(in crate::store) fn find(conn: &mut Conn, role: &str, is_writing: bool) -> QueryResult<Option<RoleRow>> {
    let mut sql = Sql::new(ROLE_COLUMNS);
    sql.text(RULES_COLUMNS);
    push_role(&mut sql, role);
    keep_rules(&mut sql, is_writing);
    sql.returning::<RoleColumns>().get_result(conn).optional()
}

/// The type with a role, whether a user exists, and how many users are below that user in the type.
pub(in crate::store) fn find_towards(
    conn: &mut Conn,
    role: &str,
    user: i64,
) -> QueryResult<Option<(RoleRow, bool, i64)>> {
    let mut sql = Sql::new(ROLE_COLUMNS);
    sql.text(RULES_COLUMNS).text(", EXISTS (SELECT 1 FROM users WHERE users.id = ").integer(user);
    sql.text("), COALESCE((SELECT n FROM counts_below WHERE type_id = t.id AND user_id = ").integer(user);
    sql.text("), 0)");
    push_role(&mut sql, role);
    sql.returning::<(RoleColumns, Bool, BigInt)>().get_result(conn).optional()
}

const ROLE_COLUMNS: &str = "SELECT t.id, t.name, t.user_role, ";

fn push_role(sql: &mut Sql, role: &str) {
    sql.text(" FROM relationship_types AS t WHERE t.user_role = ").string(role.to_owned());
    sql.text(" OR t.target_role = ").string(role.to_owned()).text(" LIMIT 1");
}

/// The relationships of one type around a user.
#[derive(Debug, Clone, Copy)]
struct RoleScan {
    /// The type.
    kind: i16,
    /// The end at which the members are. The user is at the other end.
    end: RoleEnd,
    /// The user.
    user: i64,
    /// The only member to return, if there is one.
    only: Option<i64>,
}

/// The relationships of a page with the members that they lead to, by id, and the total. The members are at an end of
/// relationships of a type with a user at the other end; `only` is the only one to return.
pub(in crate::store) fn page(
    conn: &mut Conn,
    kind: i16,
    end: RoleEnd,
    (user, only): (i64, Option<i64>),
    slice: &PageRequest,
) -> QueryResult<(i64, Vec<(i64, i64)>)> {
    const NOTHING: &str = "CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)";
    let scan = &RoleScan { kind, end, user, only };
    let listing = Sql::parts::<(BigInt, BigInt)>(count(scan), "id, member", NOTHING, rows(scan, slice));
    let (total, mut rows): (_, Vec<(i64, i64)>) = listing.load(conn).map(split_total)?;
    rows.sort_unstable();
    Ok((total, rows))
}

/// The columns of one index scan: the end of the user, its column, that of the members, and the indexes for all members and for one.
struct ScanColumns {
    end: End,
    user: &'static str,
    member: &'static str,
    all: &'static str,
}

const TO_TARGETS: ScanColumns = ScanColumns {
    end: End::User,
    user: "user_id",
    member: "target_id",
    all: dialect::by_index!("user_relationships_out_by_type"),
};
const TO_OWNERS: ScanColumns = ScanColumns {
    end: End::Target,
    user: "target_id",
    member: "user_id",
    all: dialect::by_index!("user_relationships_in_by_type"),
};

impl RoleScan {
    fn columns(&self) -> &'static [ScanColumns] {
        match self.end {
            RoleEnd::Owner => &[TO_OWNERS],
            RoleEnd::Target => &[TO_TARGETS],
            RoleEnd::Either => &[TO_TARGETS, TO_OWNERS],
        }
    }

    /// Pushes one scan, without its first word.
    fn push(&self, sql: &mut Sql, columns: &ScanColumns) {
        let index = if self.only.is_some() { dialect::by_index!("user_relationships_identity") } else { columns.all };
        sql.text("id, ")
            .text(columns.member)
            .text(" AS member FROM ")
            .text(edge_tables::of_end(columns.end))
            .text(index);
        sql.text(" WHERE ").text(columns.user).text(" = ").integer(self.user).text(" AND ");
        push_type(sql, "type_id", self.kind);
        if let Some(only) = self.only {
            sql.text(" AND ").text(columns.member).text(" = ").integer(only);
        }
    }
}

fn rows(scan: &RoleScan, slice: &PageRequest) -> Sql {
    let mut sql = Sql::new("SELECT ");
    if let [columns] = scan.columns() {
        scan.push(&mut sql, columns);
        push_bounds(&mut sql, slice);
        push_end(&mut sql, slice);
        return sql;
    }
    // Each scan returns all rows that the page may need from it; the page is a part of their union.
    let of_each = PageRequest { offset: 0, limit: slice.offset.saturating_add(slice.limit), ..slice.clone() };
    let mut glue = "id, member FROM (SELECT ";
    for columns in scan.columns() {
        sql.text(glue);
        scan.push(&mut sql, columns);
        push_bounds(&mut sql, &of_each);
        push_end(&mut sql, &of_each);
        sql.text(") AS scan");
        glue = " UNION ALL SELECT id, member FROM (SELECT ";
    }
    push_end(&mut sql, slice);
    sql
}

/// The total, from the stored counts unless only one member is wanted.
fn count(scan: &RoleScan) -> Sql {
    let mut sql = Sql::new("");
    push_count(&mut sql, scan);
    sql
}

fn push_count(sql: &mut Sql, scan: &RoleScan) {
    sql.text("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total FROM (");
    let mut glue = "SELECT ";
    for columns in scan.columns() {
        sql.text(glue);
        if scan.only.is_some() {
            sql.text("COUNT(*) AS n FROM (SELECT ");
            scan.push(sql, columns);
            sql.text(") AS scan");
        } else if columns.user == TO_TARGETS.user {
            sql.text("n FROM counts_by_user WHERE user_id = ").integer(scan.user);
            sql.text(" AND type_id = ").small(scan.kind);
        } else {
            sql.text("n FROM counts_by_target WHERE target_id = ").integer(scan.user);
            sql.text(" AND type_id = ").small(scan.kind);
        }
        glue = " UNION ALL SELECT ";
    }
    sql.text(") AS counts");
}

/// The totals and the first relationships of several users, each with its only member to return, if there is one: user,
/// relationship and member; the total has no relationship.
pub(in crate::store) fn of_many(
    conn: &mut Conn,
    kind: i16,
    end: RoleEnd,
    users: &[(i64, Option<i64>)],
) -> QueryResult<Vec<(i64, Option<i64>, i64)>> {
    let first = PageRequest::window(Sort::default(), 0, i64::try_from(MAX_INCLUDED).unwrap_or(i64::MAX));
    let mut sql = Sql::new("");
    sql.do_not_cache();
    let mut glue = "SELECT CAST(";
    for (user, only) in users {
        let scan = RoleScan { kind, end, user: *user, only: *only };
        sql.text(glue).integer(*user).text(" AS BIGINT), CAST(NULL AS BIGINT), total FROM (");
        push_count(&mut sql, &scan);
        sql.text(") AS counted");
        for columns in scan.columns() {
            sql.text(" UNION ALL SELECT CAST(").integer(*user).text(" AS BIGINT), id, member FROM (SELECT ");
            scan.push(&mut sql, columns);
            push_end(&mut sql, &first);
            sql.text(") AS scan");
        }
        glue = " UNION ALL SELECT CAST(";
    }
    sql.returning::<(BigInt, Nullable<BigInt>, BigInt)>().load(conn)
}
