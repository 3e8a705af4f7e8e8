//! Lists around a user with 100,000 edges and a group with 10,000 members: each combination of filters uses its index.
//!
//! # Design
//! The test explains exactly the statements that the store sends, which it sees through diesel's instrumentation. On
//! SQLite a plan does not depend on bound values (`SQLITE_ENABLE_QPSG`); on PostgreSQL the test checks both the plan
//! for these values and the generic plan. It also bounds the time of each list, because a plan that names the right
//! index may still read all of it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use user_relationships::config::Config;
use user_relationships::store::Tx;

use super::{spread_rows, statements, transfer_plans};
use crate::both;
use crate::support::citus::skips_on_spread_rows;
use crate::support::graph::numbers;
use crate::support::plan::explain;
use crate::support::sql::Raw;
use crate::support::{App, Client, edge, encoded};

const EDGES: &str = "/api/v2/user-relationships";
/// The target of 100,000 edges of two types.
pub const TARGET: i64 = 1_000;
/// The owner of 50,000 edges of a third.
const OWNER: i64 = 1_001;
/// One of many users.
const ONE: i64 = 1_002;
/// A page size that no other test uses, by which the recorder knows the statements of these lists.
const LIMIT: &str = "43";
/// The longest time of the fastest try of a list, without optimization.
const BOUND: Duration = Duration::from_millis(50);
/// A busy machine has a quiet moment within this many tries, and a plan that reads too much is slow in all of them.
const TRIES: usize = 100;

/// One test at a time: the recorder is shared.
pub static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
/// Statements of lists with their values, for `EXPLAIN`.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Has a test record the statements of its connections.
pub fn record_statements(config: &mut Config) {
    // Seeding may take longer than a request on a busy machine.
    config.request_timeout = Duration::from_mins(1);
    set_default_instrumentation(recorder).unwrap();
}

#[expect(clippy::unnecessary_wraps, reason = "diesel requires an `Option`")]
fn recorder() -> Option<Box<dyn Instrumentation>> {
    let mut database = String::new();
    Some(Box::new(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartEstablishConnection { url, .. } = &event {
            (*url).clone_into(&mut database);
        }
        if let InstrumentationEvent::CacheQuery { sql, .. } = &event {
            statements::KEPT.lock().expect("the list").insert((*sql).to_owned());
        }
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            transfer_plans::note(&text);
            spread_rows::note(&database, &text);
            let binds = binds(&text);
            if text.contains("AS total") && binds.iter().any(|bind| bind == LIMIT || *bind == array_of(LIMIT)) {
                SEEN.lock().expect("the list").push(text);
            } else if binds.iter().any(|bind| statements::is_marked(bind)) {
                statements::SEEN.lock().expect("the list").insert(text);
            }
        }
    }))
}

/// The statement alone.
pub fn statement(text: &str) -> &str {
    text.split(" -- binds: ").next().unwrap_or_default()
}

/// The bound values in order; arrays of one value as PostgreSQL writes them.
fn binds(text: &str) -> Vec<String> {
    let list =
        text.trim_end().split_once(" -- binds: [").map_or("", |(_, list)| list.strip_suffix(']').unwrap_or(list));
    let bind = |bind: &str| match bind.strip_prefix('[').and_then(|bind| bind.strip_suffix(']')) {
        Some(value) => array_of(value),
        None => bind.to_owned(),
    };
    list.split(", ").filter(|bind| !bind.is_empty()).map(bind).collect()
}

fn array_of(value: &str) -> String {
    format!("'{{{value}}}'")
}

pub fn load(app: &App) {
    let mut raw = Raw::connect(&app.config.database_url);
    let numbers = match raw {
        Raw::Sqlite(_) => {
            "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 101001) SELECT i FROM n"
        }
        Raw::Postgres(_) => "SELECT i FROM generate_series(1000, 101001) AS n(i)",
    };
    let insert = "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at)";
    raw.run(&format!(
        "BEGIN;
         INSERT INTO users (id, email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at)
             SELECT i, 'u' || i || '@example.org', 'u' || i || '@example.org', '', access_level, is_enabled, profile, 0, 0
             FROM ({numbers}) AS numbers, (SELECT * FROM users WHERE id = 1) AS like_this;
         {insert} SELECT i, {TARGET}, i % 2 + 1, 0, 0 FROM ({numbers}) AS numbers WHERE i > {OWNER};
         {insert} SELECT {OWNER}, i, 3, 0, 0 FROM ({numbers}) AS numbers WHERE i > {OWNER} AND i <= {OWNER} + 50000;
         COMMIT"
    ));
    app.write(|tx: &mut Tx<'_>| tx.repair());
    raw.gather_statistics();
}

/// The plans of a statement, each as one text.
fn plans(app: &App, text: &str) -> Vec<String> {
    plans_of(app, text, "")
}

/// The plans of a statement whose values have these types.
pub fn plans_of(app: &App, text: &str, types: &str) -> Vec<String> {
    // A statement with a list of values is not prepared, and so is always planned for its values.
    let is_kept = !text.contains(" IN (") && !text.contains("* FROM (SELECT");
    let modes = if is_kept { &ANY_PLAN[..] } else { &ANY_PLAN[..1] };
    explained(app, statement(text), types, &binds(text).join(", ").replace('"', "'"), modes)
}

/// The plan modes of PostgreSQL for prepared statements: for their values, and generic.
pub const ANY_PLAN: [&str; 2] = ["force_custom_plan", "force_generic_plan"];

/// The plans of a statement: one on SQLite; on PostgreSQL one for each mode, with parameters of these optional types,
/// and values.
pub fn explained(app: &App, statement: &str, types: &str, values: &str, modes: &[&str]) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    match Raw::connect(&app.config.database_url) {
        Raw::Sqlite(mut conn) => {
            let steps = sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load::<Step>(&mut conn).expect("a plan");
            vec![steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n")]
        }
        Raw::Postgres(mut conn) => {
            modes.iter().map(|mode| explain(&mut conn, statement, types, values, mode)).collect()
        }
    }
}

/// The time of the first try of a list within the bound, else the shortest one; and the statement that it ran: the last
/// one that is one of these.
fn ask(caller: &Client, list: &str, filter: &str, is_it: fn(&str) -> bool) -> (Duration, String) {
    SEEN.lock().expect("the list").clear();
    let path = format!("{list}?limit={LIMIT}{filter}");
    let time = || {
        let asked = Instant::now();
        caller.get(&path).expect(200);
        asked.elapsed()
    };
    let mut best = time();
    for _ in 1..TRIES {
        if best < BOUND {
            break;
        }
        best = best.min(time());
    }
    let seen = SEEN.lock().expect("the list");
    let text = seen.iter().rfind(|text| is_it(text));
    (best, text.unwrap_or_else(|| panic!("no statement was seen for {filter}")).clone())
}

/// Whether a statement lists something else than users. For an ext caller the users around a page are read too.
fn is_without_users(text: &str) -> bool {
    !text.contains("FROM users")
}

fn check(app: &App) {
    let admin = app.admin();
    let ext = app.caller("ext");
    let ann = app.user();
    load(app);
    admin.post(EDGES, &edge(Some(ext.id), "mentor", TARGET)).expect(201);
    admin.post(EDGES, &edge(Some(ann.id), "mentor", ext.id)).expect(201);
    let is_sqlite = matches!(app.config.database_url, user_relationships::store::url::DatabaseUrl::Sqlite(_));
    let by_id: &[&str] = if is_sqlite { &[] } else { &["user_relationships_pkey"] };
    let cases: [(&Client, String, &[&str]); 16] = [
        (&admin, String::new(), by_id),
        (&admin, "&relationship=mentor".to_owned(), &["user_relationships_by_type"]),
        (&admin, "&relationship=mentor,colleague".to_owned(), &["user_relationships_by_type"]),
        (&admin, format!("&user={ONE}"), &["user_relationships_out"]),
        (&admin, format!("&user={OWNER}"), &["user_relationships_out"]),
        (&admin, format!("&user={OWNER}&relationship=mentor"), &["user_relationships_out_by_type"]),
        (&admin, format!("&user={OWNER}&relationship=colleague"), &["user_relationships_out_by_type"]),
        (&admin, format!("&target={ONE}"), &["user_relationships_in"]),
        (&admin, format!("&target={TARGET}"), &["user_relationships_in"]),
        (&admin, format!("&target={TARGET}&relationship=subordinate"), &["user_relationships_in_by_type"]),
        (&admin, format!("&target={TARGET}&relationship=subordinate,mentor"), &["user_relationships_in_by_type"]),
        (&admin, format!("&user={OWNER}&target={ONE}"), &["user_relationships_identity"]),
        (&admin, format!("&user={OWNER},1003&target={TARGET},1004"), &["user_relationships_identity"]),
        (&admin, format!("&user={ONE},{OWNER},1003"), &["user_relationships_out"]),
        (&admin, format!("&target={TARGET},{ONE},1003"), &["user_relationships_in"]),
        (&ext, String::new(), &["user_relationships_out", "user_relationships_in"]),
    ];
    for (caller, filter, indexes) in cases {
        let (time, text) = ask(caller, EDGES, &filter, is_without_users);
        for plan in plans(app, &text) {
            let scans: Vec<_> = plan.lines().filter(|line| line.contains("user_relationships")).collect();
            for index in indexes {
                // For few rows PostgreSQL may use the index that has the type in its middle: they have the same first
                // columns.
                let is_it = |word: &str| word == *index || !is_sqlite && word.starts_with(index);
                let names = |line: &&str| line.split([' ', ',']).any(is_it);
                assert!(scans.iter().any(names), "{filter}: {index} is not used\n{plan}\n{text}");
            }
            let is_scan = |line: &&&str| line.contains("Seq Scan") || line.trim_start().starts_with("SCAN");
            let allowed = is_sqlite && indexes.is_empty();
            assert!(allowed || !scans.iter().any(|line| is_scan(&line)), "{filter}\n{plan}\n{text}");
        }
        assert!(time < BOUND, "{filter} took {time:?}\n{text}");
    }
}

/// 20,000 groups of a hundred types and a thousand owners. The first ten have 10,000 members each, and [`ONE`] is in
/// 5,000 others.
fn load_groups(app: &App) {
    let mut raw = Raw::connect(&app.config.database_url);
    let is_sqlite = matches!(raw, Raw::Sqlite(_));
    let numbers = |from: i64, to: i64| {
        if is_sqlite {
            format!(
                "(WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to}) SELECT i FROM n)"
            )
        } else {
            format!("(SELECT i FROM generate_series({from}, {to}) AS n(i))")
        }
    };
    let member = "INSERT INTO group_members (member_type, group_id, user_id, properties, created_at, updated_at)";
    let (users, groups, first, more) = (numbers(1_000, 10_999), numbers(1, 20_000), numbers(1, 10), numbers(11, 5_010));
    raw.run(&format!(
        "BEGIN;
         INSERT INTO users (id, email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at)
             SELECT i, 'u' || i || '@example.org', 'u' || i || '@example.org', '', access_level, is_enabled, profile, 0, 0
             FROM {users} AS numbers, (SELECT * FROM users WHERE id = 1) AS like_this;
         INSERT INTO groups (id, group_type, owner_id, properties, created_at, updated_at)
             SELECT i, 't' || (i % 100), 1000 + i % 1000, '{{}}', 0, 0 FROM {groups} AS numbers;
         {member} SELECT 'm', g.i, u.i, '{{}}', 0, 0 FROM {first} AS g, {users} AS u;
         {member} SELECT 'm', i, {ONE}, '{{}}', 0, 0 FROM {more} AS numbers;
         COMMIT"
    ));
    raw.gather_statistics();
}

fn check_groups(app: &App) {
    let admin = app.admin();
    let ext = app.caller("ext");
    load_groups(app);
    let groups = "/api/v2/groups";
    let members = "/api/v2/group-members";
    Raw::connect(&app.config.database_url).run(&format!(
        "UPDATE groups SET owner_id = {} WHERE id = 9; UPDATE group_members SET user_id = {0} WHERE group_id = 8 AND user_id = 1009",
        ext.id
    ));
    let cases: [(&Client, &str, String, &[&str]); 11] = [
        (&admin, groups, String::new(), &[]),
        (&admin, groups, "&filter[group-type]=t7".to_owned(), &["groups_by_type"]),
        (&admin, groups, format!("&filter[owner]={ONE}"), &["groups_by_owner"]),
        (&admin, groups, format!("&filter[owner]={ONE}&filter[group-type]=t2"), &["groups_by_owner"]),
        (&admin, members, String::new(), &[]),
        (&admin, members, "&filter[group]=5".to_owned(), &["group_members_by_group"]),
        (&admin, members, "&filter[group]=5&sort=-id".to_owned(), &["group_members_by_group"]),
        (&admin, members, format!("&filter[user]={ONE}"), &["group_members_by_user"]),
        (&admin, members, format!("&filter[user]={ONE}&filter[group]=5"), &["group_members_identity"]),
        (&ext, groups, String::new(), &["groups_by_owner", "group_members_by_user"]),
        (&ext, members, String::new(), &["groups_by_owner", "group_members_by_user"]),
    ];
    for (caller, list, filter, indexes) in cases {
        let (time, text) = ask(caller, list, &filter, is_without_users);
        for plan in plans(app, &text) {
            for index in indexes {
                let is_used = plan.split(|it: char| !it.is_alphanumeric() && it != '_').any(|word| word == *index);
                assert!(is_used, "{list} {filter}: {index} is not used\n{plan}\n{text}");
            }
            let of_tables = plan.lines().filter(|line| line.contains("groups") || line.contains("group_members"));
            let is_scan = |line: &str| line.contains("Seq Scan") || line.trim_start().starts_with("SCAN");
            // The final sort of the page gets its rows in order already.
            let is_sorted = plan.matches("TEMP B-TREE").count() > 1 && caller.id == admin.id;
            let scans: Vec<_> = of_tables.filter(|line| is_scan(line)).collect();
            // Without a filter all rows are counted.
            assert!(indexes.is_empty() || scans.is_empty(), "{list} {filter}: {scans:?}\n{plan}\n{text}");
            assert!(!is_sorted, "{list} {filter} is sorted\n{plan}\n{text}");
        }
        // Without a filter an administrator's list counts all rows.
        assert!(indexes.is_empty() || time < BOUND, "{list} {filter} took {time:?}\n{text}");
    }
}

fn check_searches(app: &App) {
    let admin = app.admin();
    let mut raw = Raw::connect(&app.config.database_url);
    let numbers = numbers(&raw, 1_000, 40_000);
    raw.run(&format!(
        "INSERT INTO users (id, email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at)
         SELECT i, 'u' || i || '@example.org', 'u' || i || '@example.org', 'first' || i || ' last' || (i * 7919 % 40000),
                access_level, is_enabled, profile, 0, 0
         FROM ({numbers}) AS numbers, (SELECT * FROM users WHERE id = 1) AS like_this"
    ));
    raw.gather_statistics();
    // The writer indexes users after any write.
    app.caller("ext");
    let is_search = |text: &str| text.contains("WITH found");
    for (filter, total) in [("first1234 last", 11), ("7919", 8)] {
        let words = encoded(filter);
        let (time, text) = ask(&admin, "/api/v2/users", &format!("&filter[query]={words}"), is_search);
        let found = admin.get(&format!("/api/v2/users?filter[query]={words}")).expect(200).total();
        assert_eq!(found, total, "{filter}");
        for plan in plans(app, &text) {
            assert!(plan.contains("users_by_text"), "{filter}\n{plan}\n{text}");
            let is_scan = |line: &str| line.contains("Seq Scan on users") || line.trim() == "SCAN users";
            assert!(!plan.lines().any(is_scan), "{filter}\n{plan}\n{text}");
        }
        assert!(time < BOUND, "{filter} took {time:?}\n{text}");
    }
    // All users contain these words, so that the index would be slower than reading them.
    let all = admin.get("/api/v2/users?filter[query]=last+first").expect(200).total();
    assert_eq!(all, 40_000);
}

both!(a_search_among_40_000_users_uses_its_index, |config| { record_statements(config) }, |app| {
    if skips_on_spread_rows("the test reads plans of one server") {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock();
    check_searches(app);
});

both!(each_list_of_groups_and_of_10_000_members_uses_its_index, |config| { record_statements(config) }, |app| {
    if skips_on_spread_rows("the test reads plans of one server") {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock();
    check_groups(app);
});

both!(each_list_around_100_000_edges_uses_its_index, |config| { record_statements(config) }, |app| {
    if skips_on_spread_rows("the test reads plans of one server") {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock();
    check(app);
});
