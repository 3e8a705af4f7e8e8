//! Searches for users by parts of their texts.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::sql::Sql;
use super::{Conn, dialect};
use crate::model::filter::UserFilter;
use crate::model::key::{self, SearchedAttribute};
use crate::store::common_trigrams::IndexedTrigrams;
use crate::store::schema::users::dsl;

/// The most places in the order of ids from which a sample is read.
const PLACES: i64 = 32;
/// The most users of each place.
const USERS_OF_PLACE: i64 = 32;

/// The trigrams in the index of texts, and the texts of some users that it has.
pub(in crate::store) fn sample(conn: &mut Conn) -> QueryResult<(IndexedTrigrams, Vec<String>)> {
    let indexed = dialect::indexed_trigrams(conn)?;
    let last: Option<i64> = dsl::users.select(diesel::dsl::max(dsl::id)).first(conn)?;
    let Some(last) = last.filter(|_| indexed != IndexedTrigrams::None) else { return Ok((indexed, Vec::new())) };
    let step = (last / PLACES).max(USERS_OF_PLACE);
    let mut sql = Sql::new("SELECT texts FROM (");
    let mut glue = "";
    for place in (0..PLACES).filter(|place| place * step < last) {
        sql.text(glue)
            .text("SELECT * FROM (SELECT name_key || ' ' || email_key || ' ' || search_key AS texts FROM users");
        sql.text(" WHERE id > ").integer(place * step);
        sql.text(" ORDER BY id LIMIT ").integer(USERS_OF_PLACE).text(") AS place");
        glue = " UNION ALL ";
    }
    sql.text(") AS sample");
    Ok((indexed, sql.returning::<Text>().load(conn)?))
}

/// At most that many users that no search would find by the index.
pub(in crate::store) fn missing(conn: &mut Conn, limit: i64) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM users WHERE ");
    sql.text(dialect::IS_MISSING_IN_TEXT_INDEX).text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<BigInt>().load(conn)
}

/// Adds these users to the index.
pub(in crate::store) fn add_missing(conn: &mut Conn) -> QueryResult<()> {
    dialect::add_to_text_index(conn)
}

/// Pushes conditions by which the index finds the users that contain all of these trigrams.
pub(super) fn push_trigrams(sql: &mut Sql, trigrams: &[String]) {
    for (before, value, after) in dialect::conditions_on_text_index(trigrams) {
        sql.text(before).string(value).text(after);
    }
}

/// Pushes the conditions of a filter on texts.
pub(super) fn push_conditions(sql: &mut Sql, filter: &UserFilter) {
    for word in &filter.words {
        let pattern = substring_pattern(word);
        sql.text(" AND (name_key LIKE ").string(pattern.clone()).text(" ESCAPE '!' OR email_key LIKE ");
        sql.string(pattern.clone()).text(" ESCAPE '!' OR search_key LIKE ").string(pattern).text(" ESCAPE '!')");
    }
    push_values(sql, SearchedAttribute::Unit, &filter.units);
    push_values(sql, SearchedAttribute::JobTitle, &filter.job_titles);
    // The texts of other searches are too different to be used again.
    if filter.words.len() + filter.units.len() + filter.job_titles.len() > MOST_CACHED {
        sql.do_not_cache();
    }
}

/// The most texts of a search whose statement is kept prepared: on PostgreSQL planning takes as long as the search.
const MOST_CACHED: usize = 3;

/// Pushes the condition that an attribute has one of these values.
fn push_values(sql: &mut Sql, attribute: SearchedAttribute, values: &[String]) {
    let mut glue = " AND (search_key LIKE ";
    for value in values {
        sql.text(glue).string(substring_pattern(&key::of_attribute(attribute, value))).text(" ESCAPE '!'");
        glue = " OR search_key LIKE ";
    }
    sql.text(if values.is_empty() { "" } else { ")" });
}

/// A pattern that matches `key` anywhere; `%` and `_` are escaped.
fn substring_pattern(key: &str) -> String {
    let mut pattern = String::with_capacity(key.len() + 2);
    pattern.push('%');
    for letter in key.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
