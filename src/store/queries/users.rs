//! Users: pages, single users, and their changes.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::order::{listing_order, push_bounds, push_end};
use super::rows::{LISTED_COLUMNS, Profiles, SUBORDINATES, UserColumns, UserRow, level_of, number_of, text_of};
use super::schema::users::dsl;
use super::sql::{Sql, split_total};
use super::user_columns::{push_columns, select};
use super::{Conn, counts, dialect, edge_tables, retired, role_filters, user_search};
use crate::model::filter::UserFilter;
use crate::model::key;
use crate::model::page::PageRequest;
use crate::model::relationship::End;
use crate::model::relationship_type::TypeName;
use crate::model::user::UserData;

/// The rows of a page, in order, and the total. `trigrams` are contained in each user that the filter finds by texts.
pub(in crate::store) fn page(
    conn: &mut Conn,
    filter: &UserFilter,
    trigrams: &[String],
    slice: &PageRequest,
    profiles: Profiles,
) -> QueryResult<(i64, Vec<UserRow>)> {
    let listing = |count, page| Sql::listing::<UserColumns>(count, LISTED_COLUMNS, page, listing_order(slice.sort));
    let mut page = select(profiles, ", name_key");
    let statement = if trigrams.is_empty() {
        push_conditions(&mut page, filter);
        push_bounds(&mut page, slice);
        push_end(&mut page, slice);
        listing(count(filter), page)
    } else {
        // Found once for the count and the page, and only the users of the page are read whole.
        let mut found =
            Sql::new("WITH found AS MATERIALIZED (SELECT id, name_key, created_at, updated_at FROM users WHERE ");
        push_conditions(&mut found, filter);
        user_search::push_trigrams(&mut found, trigrams);
        found.text(") ");
        page.text("id IN (SELECT id FROM found WHERE 1 = 1");
        push_bounds(&mut page, slice);
        push_end(&mut page, slice);
        page.text(")");
        listing(Sql::new("SELECT COUNT(*) AS total FROM found"), page).after(found)
    };
    statement.load(conn).map(split_total)
}

/// The users with these ids, by id; unknown ids are ignored.
pub(in crate::store) fn find(conn: &mut Conn, ids: &[i64], profiles: Profiles) -> QueryResult<Vec<UserRow>> {
    let mut sql = Sql::new("SELECT ");
    push_columns(&mut sql, profiles, dialect::is_spread().then_some(ids));
    sql.text(" FROM users WHERE ").in_ids("id", ids);
    sql.text(" ORDER BY id");
    sql.returning::<UserColumns>().load(conn)
}

/// Which of these ids belong to a user.
pub(in crate::store) fn existing(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM users WHERE ");
    sql.in_ids("id", ids);
    sql.returning::<BigInt>().load(conn)
}

/// Key and id of the users with one of these keys.
pub(in crate::store) fn ids_of_email(
    conn: &mut Conn,
    [key, earlier_key]: &[String; 2],
) -> QueryResult<Vec<(String, i64)>> {
    dsl::users
        .filter(dsl::email_key.eq(key).or(dsl::email_key.eq(earlier_key)))
        .select((dsl::email_key, dsl::id))
        .load(conn)
}

/// Stores a user with a chosen id or the next one; `None` if the id or the address is taken.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    id: Option<i64>,
    data: &UserData,
    now: i64,
) -> QueryResult<Option<i64>> {
    let values = (
        (
            dsl::email.eq(&data.email),
            dsl::email_key.eq(data.email_key()),
            dsl::first_name.eq(data.first_name.as_deref()),
            dsl::last_name.eq(data.last_name.as_deref()),
            dsl::name_key.eq(data.name_key()),
            dsl::search_key.eq(data.search_key()),
        ),
        (
            dsl::access_level.eq(number_of(data.access_level)),
            dsl::is_enabled.eq(data.is_enabled),
            dsl::alt_id.eq(data.alt_id.as_deref()),
            dsl::profile.eq(text_of(&data.profile)),
            dsl::created_at.eq(now),
            dsl::updated_at.eq(now),
        ),
    );
    let insert = diesel::insert_into(dsl::users);
    let new: Option<i64> = match id {
        None => insert.values(values).on_conflict_do_nothing().returning(dsl::id).get_result(conn).optional()?,
        Some(id) => insert
            .values((dsl::id.eq(id), values))
            .on_conflict_do_nothing()
            .returning(dsl::id)
            .get_result(conn)
            .optional()?,
    };
    if new.is_some() {
        counts::add_users(conn, data.is_enabled, number_of(data.access_level), 1)?;
        if let Some(id) = id {
            dialect::advance_user_ids(conn, id)?;
        }
    }
    Ok(new)
}

/// Writes all of a user's data; `false` if the row is gone or no longer has that version.
pub(in crate::store) fn update(
    conn: &mut Conn,
    (id, version): (i64, i64),
    old: &UserData,
    new: &UserData,
    now: i64,
) -> QueryResult<bool> {
    let row = dsl::users.filter(dsl::id.eq(id).and(dsl::version.eq(version)));
    let changed = diesel::update(row)
        .set((
            dsl::version.eq(dsl::version + 1),
            dsl::email.eq(&new.email),
            // A user that shares its key with another one has its earlier key until its address changes.
            (new.email != old.email).then(|| dsl::email_key.eq(new.email_key())),
            dsl::first_name.eq(new.first_name.as_deref()),
            dsl::last_name.eq(new.last_name.as_deref()),
            dsl::name_key.eq(new.name_key()),
            dsl::search_key.eq(new.search_key()),
            dsl::access_level.eq(number_of(new.access_level)),
            dsl::is_enabled.eq(new.is_enabled),
            dsl::alt_id.eq(new.alt_id.as_deref()),
            dsl::profile.eq(text_of(&new.profile)),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    if changed == 1 {
        let (before, after) =
            ((old.is_enabled, number_of(old.access_level)), (new.is_enabled, number_of(new.access_level)));
        if before != after {
            let mut steps = [(before, -1), (after, 1)];
            steps.sort_unstable();
            for ((is_enabled, level), by) in steps {
                counts::add_users(conn, is_enabled, level, by)?;
            }
        }
    }
    Ok(changed == 1)
}

/// Locks a user and its relationships against changes until the transaction ends.
pub(in crate::store) fn lock(conn: &mut Conn, id: i64) -> QueryResult<()> {
    dialect::lock_user(conn, id)
}

/// Locks the row of a user against changes until the transaction ends.
pub(in crate::store) fn lock_row(conn: &mut Conn, id: i64) -> QueryResult<()> {
    dialect::lock_user_row(conn, id)
}

/// Deletes a user whose relationships and tokens are deleted already; `false` if there is none.
pub(in crate::store) fn delete(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    let row: Option<(bool, i16)> = diesel::delete(dsl::users.find(id))
        .returning((dsl::is_enabled, dsl::access_level))
        .get_result(conn)
        .optional()?;
    if let Some((is_enabled, level)) = row {
        counts::add_users(conn, is_enabled, number_of(level_of(level)), -1)?;
        retired::retire_user(conn, id)?;
    }
    Ok(row.is_some())
}

/// Pushes the number of the type, by its name: the cached number may belong to a type that another process has replaced.
fn push_subordinate_type(sql: &mut Sql) {
    sql.text("(SELECT id FROM relationship_types WHERE name = ").string(TypeName::SUBORDINATE.to_owned()).text(")");
}

fn push_conditions(sql: &mut Sql, filter: &UserFilter) {
    sql.text("1 = 1");
    if !filter.enabled.is_empty() {
        sql.text(" AND ");
        sql.in_values("is_enabled", &filter.enabled, Sql::flag);
    }
    if !filter.levels.is_empty() {
        let levels: Vec<_> = filter.levels.iter().map(|level| number_of(*level)).collect();
        sql.text(" AND ");
        sql.in_values("access_level", &levels, Sql::small);
    }
    if !filter.ids.is_empty() {
        let ids: Vec<_> = filter.ids.iter().map(|id| id.get()).collect();
        sql.text(" AND ");
        sql.in_values("id", &ids, Sql::integer);
    }
    if !filter.emails.is_empty() {
        push_texts(sql, " AND email_key IN (", filter.emails.iter().flat_map(|email| key::stored_keys_of_email(email)));
    }
    if !filter.alt_ids.is_empty() {
        push_texts(sql, " AND alt_id IN (", filter.alt_ids.iter().cloned());
    }
    user_search::push_conditions(sql, filter);
    match *filter.supervisors {
        [] | [true, false] | [false, true] => {}
        // Supervisors are few: one set of them is cheaper than a lookup for each user.
        [true, ..] => {
            sql.text(" AND id IN (SELECT target_id FROM counts_by_target WHERE type_id = ");
            push_subordinate_type(sql);
            sql.text(" GROUP BY target_id HAVING SUM(n) > 0)");
        }
        [false, ..] => {
            sql.text(" AND ").text(SUBORDINATES).text(" <= 0");
        }
    }
    for (roles, glue) in [(&filter.has, " AND ("), (&filter.lacks, " AND NOT (")] {
        if !roles.is_empty() {
            sql.text(glue);
            role_filters::push(sql, roles, filter.seen_by);
            sql.text(")");
        }
    }
    if let Some(me) = filter.seen_by {
        // One set, in which each row is looked up: with conditions joined by OR each of them would run for each user.
        sql.text(" AND id IN (SELECT CAST(").integer(me.get()).text(" AS BIGINT)");
        sql.text(" UNION SELECT target_id FROM user_relationships WHERE user_id = ").integer(me.get());
        sql.text(" UNION SELECT user_id FROM ").text(edge_tables::of_end(End::Target));
        sql.text(" WHERE target_id = ").integer(me.get()).text(")");
    }
}

/// Pushes the texts of an `IN` list, after `glue`.
fn push_texts(sql: &mut Sql, mut glue: &'static str, texts: impl Iterator<Item = String>) {
    sql.do_not_cache();
    for text in texts {
        sql.text(glue).string(text);
        glue = ", ";
    }
    sql.text(")");
}

fn count(filter: &UserFilter) -> Sql {
    let mut sql = Sql::new(if filter.is_counted() {
        "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total FROM counts_of_users WHERE "
    } else {
        "SELECT COUNT(*) AS total FROM users WHERE "
    });
    push_conditions(&mut sql, filter);
    sql
}
