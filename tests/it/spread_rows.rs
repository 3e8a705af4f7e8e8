//! Rows that are spread over the nodes of a Citus cluster (docs/SCALE.md): how many nodes each frequent request asks, what
//! `migrate run --citus` refuses, and that the copies of relationships agree.

use std::sync::Mutex;
use std::thread;

use user_relationships::config::Config;

use super::plans::{ONE_AT_A_TIME, record_statements};
use crate::both;
use crate::support::app::Home;
use crate::support::citus::{citus, has_spread_rows, shards};
use crate::support::process::run;
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{App, Engine, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";

/// Statements with their values, each after the URL of its database: other tests run beside this one.
static SEEN: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Keeps a statement, while a test of this module runs.
pub fn note(database: &str, text: &str) {
    if has_spread_rows() {
        SEEN.lock().expect("the list").push((database.to_owned(), text.to_owned()));
    }
}

/// A service whose rows are spread; `None`, with a message, without such a cluster.
fn spread_app(settings: fn(&mut Config)) -> Option<App> {
    if !has_spread_rows() {
        skip("rows spread by Citus: set TEST_CITUS_URL to the coordinator of a cluster, and TEST_CITUS_LAYOUT=rows");
        return None;
    }
    Home::new(Engine::Postgres).map(|home| App::start(home, settings))
}

/// The values of a statement, as SQL.
fn values(binds: &str) -> Vec<String> {
    let mut values = Vec::new();
    let (mut depth, mut is_text, mut value) = (0, false, String::new());
    for sign in binds.chars() {
        match sign {
            '"' => is_text = !is_text,
            '[' if !is_text => depth += 1,
            ']' if !is_text => depth -= 1,
            ',' if depth == 0 && !is_text => values.push(std::mem::take(&mut value)),
            _ => {}
        }
        value.push(sign);
    }
    values.push(value);
    let literal = |value: String| {
        let value = value.trim_start_matches(',').trim();
        let value = value.strip_prefix("Some(").and_then(|value| value.strip_suffix(')')).unwrap_or(value);
        match value.strip_prefix('[').and_then(|value| value.strip_suffix(']')) {
            Some(values) => {
                let kind = if values.contains('"') { "text" } else { "bigint" };
                let values = values.replace("Some(", "").replace(')', "").replace("None", "NULL");
                format!("CAST('{{{values}}}' AS {kind}[])")
            }
            None if value == "None" => "NULL".to_owned(),
            None => value.replace('\'', "''").replace('"', "'"),
        }
    };
    values.into_iter().map(literal).collect()
}

/// How many tasks Citus makes of a statement; 0 if it runs on the coordinator.
fn tasks(raw: &mut Raw, text: &str) -> usize {
    let (statement, binds) = text.split_once(" -- binds: ").expect("values");
    let binds = binds.trim_end().strip_prefix('[').and_then(|binds| binds.strip_suffix(']')).expect("a list");
    let mut statement = statement.to_owned();
    for (place, value) in values(binds).iter().enumerate().rev() {
        statement = statement.replace(&format!("${}", place + 1), value);
    }
    let Raw::Postgres(conn) = raw else { panic!("Citus is PostgreSQL") };
    let plan = crate::support::plan::explain_literals(conn, &statement);
    let counts = plan.lines().filter_map(|line| line.trim().strip_prefix("Task Count: "));
    counts.map(|count| count.parse::<usize>().expect("a number")).sum()
}

/// Asserts the most tasks that a statement of a request has, when it runs for the second time.
fn expect_tasks(app: &App, what: &str, most: usize, request: &dyn Fn()) {
    request();
    SEEN.lock().expect("the list").clear();
    request();
    let seen = std::mem::take(&mut *SEEN.lock().expect("the list"));
    let url = app.home().text();
    let own = url.rsplit('/').next().expect("the name of the database");
    let is_statement = |(database, text): &&(String, String)| {
        let starts = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
        database.contains(own) && starts.iter().any(|start| text.starts_with(start)) && !text.contains("digest")
    };
    let mut raw = Raw::connect(&app.config.database_url);
    let found: Vec<_> = seen.iter().filter(is_statement).map(|(_, text)| (tasks(&mut raw, text), text)).collect();
    assert_eq!(found.iter().map(|(tasks, _)| *tasks).max(), Some(most), "{what}: {found:#?}");
}

#[test]
fn frequent_requests_ask_the_nodes_of_their_users_only() {
    let Some(app) = spread_app(record_statements) else { return };
    let _turn = ONE_AT_A_TIME.lock();
    let admin = app.admin();
    let users: Vec<_> = (0..4).map(|_| app.user().id).collect();
    let [ann, bob, cem, dan] = *users else { panic!("four users") };
    let create = |user, kind, target| admin.post(EDGES, &edge(Some(user), kind, target)).expect(201).id();
    let delete = |id| drop(admin.delete(&format!("{EDGES}/{id}")).expect(204));
    let retype = |id: i64, kind| {
        let retyped = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                      "attributes": {"relationship": kind}}});
        admin.patch(&format!("{EDGES}/{id}"), &retyped).expect(200);
    };
    let first = create(ann, "mentor", bob);
    create(bob, "subordinate", cem);
    create(cem, "subordinate", dan);
    let get = |path: &str| drop(admin.get(path).expect(200));
    let expect = |what, most, request: &dyn Fn()| expect_tasks(&app, what, most, request);
    let mut raw = Raw::connect(&app.config.database_url);
    let all_shards = usize::try_from(shards(&mut raw)).expect("a number");
    // A statement that looks for two users, such as both ends of a relationship, asks the shards of both.
    let mut shards_of = |one: i64, other: i64| {
        let question = "SELECT COUNT(DISTINCT get_shard_id_for_distribution_column('users', id)) AS number FROM \
                        unnest(ARRAY[";
        usize::try_from(raw.number(&format!("{question}{one}, {other}]) AS given (id)"))).expect("a number")
    };
    let (above, below, ends) = (shards_of(cem, dan), shards_of(bob, cem), shards_of(ann, cem));

    expect("a list of a user", 1, &|| get(&format!("{EDGES}?user={ann}")));
    expect("a list of a target and a type", 1, &|| get(&format!("{EDGES}?target={bob}&relationship=mentor")));
    expect("a list of a type", all_shards + 2, &|| get(&format!("{EDGES}?relationship=mentor")));
    expect("a relationship", 1, &|| get(&format!("{EDGES}/{first}")));
    expect("a user", 1, &|| get(&format!("{USERS}/{ann}")));
    expect("a list with its ends", 1, &|| get(&format!("{EDGES}?user={ann}&include=target")));
    expect("a path to the top", above, &|| get(&format!("{USERS}/{bob}/supervisors?max-depth=all")));
    expect("a subtree", below, &|| get(&format!("{USERS}/{dan}/subordinates?max-depth=all")));
    expect("a create and a delete", ends, &|| delete(create(ann, "mentor", cem)));
    expect("two changes", 1, &|| ["colleague", "mentor"].into_iter().for_each(|kind| retype(first, kind)));
}

#[test]
fn concurrent_lists_and_lookups_each_have_their_rows() {
    let Some(app) = spread_app(|_| {}) else { return };
    let admin = app.admin();
    let users: Vec<_> = (0..12).map(|_| app.user().id).collect();
    let hub = app.user().id;
    let post = |user: &i64, kind, target| admin.post(EDGES, &edge(Some(*user), kind, target)).expect(201).id();
    let ids: Vec<_> = users.iter().map(|user| post(user, "mentor", hub)).collect();
    thread::scope(|scope| {
        for (user, id) in users.iter().zip(&ids) {
            let admin = &admin;
            scope.spawn(move || {
                for _ in 0..20 {
                    let found = admin.get(&format!("{EDGES}/{id}")).expect(200);
                    assert_eq!(found.body["data"]["relationships"]["user"]["data"]["id"], user.to_string());
                    let list = admin.get(&format!("{EDGES}?user={user}&include=target")).expect(200);
                    assert_eq!((list.ids(), list.total()), (vec![*id], 1));
                    assert_eq!(list.body["included"][0]["id"], hub.to_string());
                    let found = admin.get(&format!("{USERS}/{user}")).expect(200);
                    assert_eq!(found.body["data"]["id"], user.to_string());
                }
            });
        }
    });
    let list = admin.get(&format!("{EDGES}?target={hub}&page[limit]=5&page[offset]=2")).expect(200);
    assert_eq!((list.ids(), list.total()), (ids[2..7].to_vec(), 12));
}

#[test]
fn only_the_first_read_of_a_long_list_reads_all_of_it() {
    let Some(app) = spread_app(record_statements) else { return };
    let _turn = ONE_AT_A_TIME.lock();
    let (admin, hub) = (app.admin(), app.user().id);
    let ids: Vec<_> =
        (0..101).map(|_| admin.post(EDGES, &edge(Some(app.user().id), "mentor", hub)).expect(201).id()).collect();
    let url = app.home().text();
    let own = url.rsplit('/').next().expect("the name of the database");
    let reads_all = |(database, text): &(String, String)| {
        database.contains(own) && text.contains("relationships_by_target") && !text.contains("ORDER BY")
    };
    for expected in [true, false] {
        SEEN.lock().expect("the list").clear();
        let list = admin.get(&format!("{EDGES}?target={hub}&page[limit]=2&page[offset]=99")).expect(200);
        assert_eq!((list.ids(), list.total()), (ids[99..].to_vec(), 101));
        assert_eq!(SEEN.lock().expect("the list").iter().any(reads_all), expected);
    }
}

#[test]
fn spread_rows_are_neither_reverted_nor_loaded_and_their_copies_are_repaired() {
    let Some(app) = spread_app(|_| {}) else { return };
    let (url, admin) = (app.home().text(), app.admin());
    let (ann, bob) = (app.user().id, app.user().id);
    let id = admin.post(EDGES, &edge(Some(ann), "mentor", bob)).expect(201).id();
    for refused in [&["migrate", "revert", "--yes"][..], &["copy", "--from", &url, "--to", &url]] {
        let refusal = run(&url, refused).expect(1).stderr;
        assert!(refusal.contains("are spread over nodes"), "{refusal}");
    }
    assert_eq!(run(&url, &["migrate", "run", "--citus"]).expect(0).stdout, "", "they are spread already");
    run(&url, &["check"]).expect(0);
    let mut raw = Raw::connect(&app.config.database_url);
    raw.run(&format!("DELETE FROM relationships_by_target WHERE target_id = {bob}"));
    let found = run(&url, &["check"]).expect(1).stdout;
    assert!(found.contains("relationships_by_target"), "{found}");
    run(&url, &["check", "--repair"]).expect(0);
    run(&url, &["check"]).expect(0);
    assert_eq!(admin.get(&format!("{EDGES}?target={bob}")).expect(200).ids(), [id]);
}

both!(rows_are_spread_only_on_the_coordinator_of_a_cluster, |app| {
    if citus().is_some() {
        return;
    }
    let refused = run(&app.home().text(), &["migrate", "run", "--citus"]).expect(1).stderr;
    assert!(refused.contains("the rows were not spread"), "{refused}");
    assert_eq!(app.admin().get(EDGES).expect(200).total(), 0);
});
