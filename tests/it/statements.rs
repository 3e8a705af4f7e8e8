//! Every statement of requests for single records, lists and writes, beside 100,000 users and 150,000 edges: none scans
//! a large table, and those that write relationships stay prepared.
//!
//! # Design
//! The recorder of `plans` knows the statements of this test by the ids in them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::plans::{self, ANY_PLAN, ONE_AT_A_TIME, TARGET, load, record_statements};
use crate::both;
use crate::support::citus::skips_on_spread_rows;
use crate::support::graph::{TRANSFERS, transfer};
use crate::support::{App, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
/// Tables that grow with the data.
const LARGE: [&str; 4] = ["user_relationships", "users", "counts_by_user", "counts_by_target"];
/// Statements of batches: a part of the text, the types of the values, and the values of a batch of one request.
const BATCHES: [(&str, &str, &str); 3] = [
    (
        "INTO user_relationships",
        "(bigint[], bigint[], smallint[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], bigint, bigint)",
        "'{98030}', '{98031}', '{3}', '{1}', '{1}', '{1}', '{1}', '{x}', '{98030,98031}', 0, 32",
    ),
    (
        "UPDATE user_relationships AS edge",
        "(bigint[], bigint[], smallint[], bigint[], bigint[], text[], bigint, bigint)",
        "'{98040}', '{1}', '{3}', '{NULL}', '{1}', '{x}', 0, 32",
    ),
    (
        "DELETE FROM user_relationships AS edge",
        "(bigint[], bigint[], bigint[], text[], bigint, bigint, bigint)",
        "'{98041}', '{NULL}', '{1}', '{x}', 32, 32, 0",
    ),
];
/// Ids that no other test uses.
const MARKED: std::ops::Range<i64> = 98_000..99_000;

/// Statements about marked records, with their values.
pub static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Statements that stay prepared.
pub static KEPT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Whether a bound value is a marked id, or a text about a marked user.
pub fn is_marked(bind: &str) -> bool {
    let value = bind.trim_matches(|sign| "'{}[]\"".contains(sign)).split(',').next().unwrap_or_default();
    value.parse().is_ok_and(|id| MARKED.contains(&id)) || bind.trim_matches('"').starts_with("u98")
}

/// Sends every request about single records.
fn ask_everything(app: &App) {
    let admin = app.admin();
    let get = |path: String| admin.get(&path).expect(200);
    get(format!("{EDGES}/98001"));
    get(format!("{EDGES}/98001?include=user,target"));
    get(format!("{EDGES}/98001/user"));
    for filter in [
        "user=98010",
        "target=98010",
        "user=98010&relationship=mentor",
        "target=98010&relationship=colleague",
        "user=98010&target=1000",
        "user=98010,98011",
        "filter[participant]=98010",
        "filter[participant]=98010,98011&relationship=mentor",
        "target=98010,98011&relationship=mentor,colleague",
    ] {
        for more in ["", "&sort=-id", "&sort=created-at", "&offset=10", "&include=user,target", "&page[size]=2"] {
            get(format!("{EDGES}?{filter}{more}"));
        }
    }
    let first = get(format!("{EDGES}?user=1001&page[size]=2"));
    let next = first.body["links"]["next"].as_str().expect("another page");
    get(next.to_owned());
    get(format!("{USERS}/98020"));
    get(format!("{USERS}?filter[id]=98020,98021"));
    get(format!("{USERS}?filter[email]=u98022@example.org"));
    get(format!("{USERS}?filter[alt-id]=u98023,u98024"));

    for role in ["mentors", "mentees", "supervisors", "subordinates"] {
        for more in ["", "?page[size]=2", "?limit=3&offset=10"] {
            get(format!("{USERS}/98010/{role}{more}"));
            get(format!("{USERS}/98010/relationships/{role}{more}"));
        }
    }

    let made = admin.post(EDGES, &edge(Some(98_030), "mentor", 98_031)).expect(201).id();
    admin.post(EDGES, &edge(Some(98_030), "mentor", 98_031)).refused(409, "already-exists");
    admin.post(EDGES, &edge(Some(98_030), "mentor", 999_999_999)).refused(404, "related-resource-not-found");
    let operation = |id: i64| json!({"op": "remove", "ref": {"type": "user-relationships", "id": id.to_string()}});
    let atomic = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    let body = json!({"atomic:operations": [operation(made)]}).to_string();
    admin.send("POST", "/api/v2/operations", &[("content-type", atomic)], Some(body.as_bytes())).expect(200);
    let retyped = json!({"data": {"type": "user-relationships", "id": "98040",
                                  "attributes": {"relationship": "mentor"}}});
    admin.patch(&format!("{EDGES}/98040"), &retyped).expect(200);
    admin.delete(&format!("{EDGES}/98041")).expect(204);
    let renamed = json!({"data": {"type": "users", "id": "98050", "attributes": {"first-name": "Ann"}}});
    admin.patch(&format!("{USERS}/98050"), &renamed).expect(200);
    admin.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": "u98@example.org"}}})).expect(201);
    admin.delete(&format!("{USERS}/98060")).expect(204);

    // The statistics do not know these types, as after every registration.
    let rules = [("line", json!({"is-acyclic": true, "max-per-user": 1})), ("pair", json!({"is-symmetric": true}))];
    let rules = rules.into_iter().chain([("net", json!({"is-acyclic": true})), ("few", json!({"max-per-user": 2}))]);
    for ((name, mut attributes), first) in rules.zip((98_100..).step_by(10)) {
        let members = format!("{name}-members");
        attributes["user-role"] = json!(members);
        attributes["target-role"] = json!(if name == "pair" { members.clone() } else { format!("{name}-targets") });
        let kind = json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}});
        admin.post("/api/v2/relationship-types", &kind).expect(201);
        let path = [98_080, 98_081, 98_082, 98_083];
        let made: Vec<_> = path.windows(2).map(|ends| admin.post(EDGES, &edge(Some(ends[0]), name, ends[1]))).collect();
        let made: Vec<_> = made.into_iter().map(|answer| answer.expect(201).id()).collect();
        get(format!("{USERS}/98081/{members}"));
        get(format!("{USERS}/98081/relationships/{members}?page[size]=2"));
        get(format!("{USERS}/98081?include={members}"));
        get(format!("{USERS}?filter[id]=98081,98082&include={members}"));
        let linkage =
            |ids: &[i64]| ids.iter().map(|id| json!({"type": "users", "id": id.to_string()})).collect::<Vec<_>>();
        if name != "pair" {
            get(format!("{USERS}/98081/{name}-targets"));
            traverse(&admin, name);
        }
        if name == "line" {
            for target in linkage(&[98_081, 98_083]) {
                let url = format!("{USERS}/98085/relationships/line-targets");
                admin.patch(&url, &json!({"data": target})).expect(200);
            }
        } else {
            let url = format!("{USERS}/98085/relationships/{members}");
            let document = json!({"data": linkage(&[98_086, 98_087])});
            admin.post(&url, &document).expect(200);
            let body = document.to_string();
            let json_api = ("content-type", "application/vnd.api+json");
            admin.send("DELETE", &url, &[json_api], Some(body.as_bytes())).expect(200);
        }
        admin.post(EDGES, &edge(Some(98_080), name, 98_081)).refused(409, "already-exists");
        admin.delete(&format!("{EDGES}/{}", made[1])).expect(204);
        hand_over(&admin, name, first);
    }
    admin.post(EDGES, &edge(Some(98_081), "line", 98_080)).refused(409, "relationship-cycle");
    admin.delete(&format!("{USERS}/98080")).expect(204);

    // An ext caller with a popular neighbour.
    let ext = app.client_of(user_relationships::model::id::UserId::new(98_070));
    let excluded = json!({"data": {"type": "users", "id": "98070", "attributes": {"access-level": "ext"}}});
    admin.patch(&format!("{USERS}/98070"), &excluded).expect(200);
    ext.get(EDGES).expect(200);
    ext.get(&format!("{USERS}/{TARGET}")).expect(200);
    ext.get(USERS).expect(200);
    ext.get(&format!("{USERS}/98070/mentors")).expect(200);
    ext.get(&format!("{USERS}/{TARGET}/mentees")).expect(200);
    ext.post(EDGES, &edge(None, "mentor", TARGET)).expect(201);
}

/// Follows the roles of a type with relationships from 98,080 to 98,083.
fn traverse(admin: &Client, name: &str) {
    let get = |path: String| admin.get(&path).expect(200);
    for depth in ["max-depth=all", "max-depth=2", "max-depth=all&filter[id]=98080,98083"] {
        let first = get(format!("{USERS}/98083/{name}-members?{depth}&page[size]=1"));
        first.body["links"]["next"].as_str().map(|next| get(next.to_owned()));
        get(format!("{USERS}/98080/{name}-targets?{depth}&page[size]=1"));
    }
    get(format!("{USERS}/98080/{name}-targets?max-depth=all&filter[shared-with]=98081"));
}

/// Hands relationships over between users from `first` on: with a transfer, and with the deletion of the successor.
fn hand_over(admin: &Client, name: &str, first: i64) {
    let [leaver, successor, heir, above] = [first, first + 1, first + 2, first + 3];
    for (user, target) in [(first + 4, leaver), (first + 5, leaver), (leaver, above), (successor, heir)] {
        admin.post(EDGES, &edge(Some(user), name, target)).expect(201);
    }
    let made = admin.post(TRANSFERS, &transfer(name, leaver, successor, name != "few")).expect(201);
    assert_eq!(made.body["data"]["attributes"]["moved"], if name == "pair" { 3 } else { 2 });
    admin.get(&format!("{TRANSFERS}/{}", made.id())).expect(200);
    admin.delete(&format!("{USERS}/{successor}?transfer-to={heir}&transfer-types={name}")).expect(204);
}

/// The types of the values of a statement with arrays that PostgreSQL cannot infer.
fn types_of(statement: &str) -> &'static str {
    match statement {
        _ if statement.contains("AS r ON r.user_id = given.column1") => "(bigint[], bigint[], smallint)",
        _ if statement.contains("FROM unnest($2)") && statement.contains("FROM unnest($4)") => {
            "(bigint, bigint[], bigint, bigint[], bigint, bigint)"
        }
        _ if statement.contains("given.column3") => "(smallint, bigint[], bigint[], bigint[], smallint, bigint)",
        _ if statement.contains("FROM counts_below WHERE user_id = given.column1") => "(bigint[], smallint)",
        _ if statement.contains("INTO counts_by_user") && statement.contains("unnest") => {
            "(bigint[], smallint[], bigint[])"
        }
        _ if statement.contains("INTO counts_by_target") && statement.contains("unnest") => {
            "(bigint[], smallint[], bigint[], smallint[])"
        }
        _ if statement.contains("INTO counts_below") => "(bigint[], bigint[], bigint[], smallint[])",
        _ => "",
    }
}

/// Writes lists of values in the way of PostgreSQL, without spaces, which separate values.
fn flatten_lists(binds: &str) -> String {
    let mut flat = String::new();
    let mut is_in_list = false;
    for sign in binds.trim_end_matches(']').chars() {
        match sign {
            '[' => flat.push_str("'{"),
            ']' => flat.push_str("}'"),
            ' ' | '"' if is_in_list => {}
            sign => flat.push(sign),
        }
        is_in_list = (is_in_list || sign == '[') && sign != ']';
    }
    if is_in_list { flat + "}'" } else { flat }
}

/// Those that change relationships, count or log them: to prepare one takes longer than to run it.
fn assert_stay_prepared(seen: &BTreeSet<String>) {
    const TABLES: [&str; 4] = ["user_relationships", "counts_", "retired_relationship_ids", "changes"];
    let kept = KEPT.lock().expect("the list");
    let is_write = |text: &str| ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb));
    let texts = seen.iter().map(|text| plans::statement(text));
    let of_tables = texts.filter(|text| is_write(text) && TABLES.iter().any(|table| text.contains(table)));
    let (once, again): (Vec<_>, Vec<_>) = of_tables.partition(|text| kept.contains(*text));
    assert!(again.is_empty(), "prepared each time: {again:#?}");
    assert!(once.len() > 3, "{once:#?}");
}

fn check(app: &App) {
    // The other users have the same profile as the first.
    app.admin();
    load(app);
    SEEN.lock().expect("the list").clear();
    ask_everything(app);
    let seen = std::mem::take(&mut *SEEN.lock().expect("the list"));
    assert_stay_prepared(&seen);
    let mut explained = BTreeSet::new();
    for text in &seen {
        let statement = plans::statement(text);
        if !explained.insert(statement.to_owned()) {
            continue;
        }
        // Bytes are printed in a form that SQL does not accept; they are those of the few tokens here.
        if statement.contains("digest") {
            continue;
        }
        let batch = BATCHES.iter().find(|(part, ..)| statement.contains("unnest") && statement.contains(part));
        let found = if let Some((_, types, values)) = batch {
            plans::explained(app, statement, types, values, &ANY_PLAN)
        } else {
            let binds = text.split_once(" -- binds: [").map_or("", |(_, binds)| binds);
            let binds = flatten_lists(binds).replace("Some(", "").replace(')', "").replace("None", "NULL");
            plans::plans_of(app, &format!("{statement} -- binds: [{binds}"), types_of(statement))
        };
        for plan in found {
            for line in plan.lines() {
                let line = line.trim_start_matches([' ', '-', '>']);
                let scanned = line.strip_prefix("SCAN ").or_else(|| {
                    let (_, table) = line.split_once("Seq Scan on ")?;
                    Some(table)
                });
                let is_large = scanned.and_then(|rest| rest.split(' ').next()).is_some_and(|it| LARGE.contains(&it));
                // A page by an index in its order is a scan that ends early.
                let is_whole = is_large && !line.contains("USING");
                let is_of_type = line.contains("user_relationships_by_type");
                assert!(!is_whole && !is_of_type, "{line}\n{plan}\n{text}");
            }
        }
    }
    assert!(explained.len() > 40, "{} statements were seen", explained.len());
}

both!(no_statement_about_one_record_scans_a_large_table, |config| { record_statements(config) }, |app| {
    if skips_on_spread_rows("the test reads plans of one server") {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock();
    check(app);
});
