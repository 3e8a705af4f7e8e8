//! Searches for parts of names find exactly the users that contain all words, whether an index finds them or not.

use std::collections::BTreeMap;

use user_relationships::model::key;

use crate::both;
use crate::support::app::{Engine, Home};
use crate::support::process::{Service, run};
use crate::support::random::Random;
use crate::support::sql::Raw;
use crate::support::{App, Client, Value, encoded, json};

const USERS: &str = "/api/v2/users";
const PARTS: [&str; 12] = ["an", "ber", "cla", "dör", "el", "fünf", "ñu", "ов", "жук", "o'b", "x-y", "100%"];

/// A word of some parts.
fn word(random: &mut Random) -> String {
    (0..=random.below(3)).map(|_| PARTS[random.below(PARTS.len())]).collect()
}

fn attributes(random: &mut Random, number: usize) -> Value {
    json!({"email": format!("{}{number}@example.com", "ab".repeat(random.below(3))), "first-name": word(random),
           "last-name": word(random), "unit": [word(random)], "alt-id": format!("P-{number}-{}", word(random))})
}

/// The texts of a user that a search reads.
fn texts(attributes: &Value) -> Vec<String> {
    let name = format!("{} {}", attributes["first-name"].as_str().unwrap(), attributes["last-name"].as_str().unwrap());
    let others = [&attributes["email"], &attributes["unit"][0], &attributes["alt-id"]];
    let others = others.into_iter().map(|text| text.as_str().unwrap().to_owned());
    others.chain([name]).map(|text| key::of_search_text(&text)).collect()
}

fn find(admin: &Client, words: &str) -> Vec<i64> {
    let answer = admin.get(&format!("{USERS}?filter[query]={}&page[limit]=50&sort=id", encoded(words))).expect(200);
    assert_eq!(answer.total(), i64::try_from(answer.ids().len()).unwrap(), "{words}");
    answer.ids()
}

both!(searches_agree_with_reading_all_users, |app| {
    let admin = app.named("zzz@example.org", "admin");
    let mut random = Random::new(20_261_130);
    let mut stored: BTreeMap<i64, Value> = BTreeMap::new();
    for step in 0..240 {
        let some = stored.keys().nth(random.below(stored.len().max(1))).copied();
        match (random.below(6), some) {
            (0, Some(id)) => {
                let changed = attributes(&mut random, step);
                let body = json!({"data": {"type": "users", "id": id.to_string(), "attributes": &changed}});
                admin.patch(&format!("{USERS}/{id}"), &body).expect(200);
                stored.insert(id, changed);
            }
            (1, Some(id)) if stored.len() > 20 => {
                admin.delete(&format!("{USERS}/{id}")).expect(204);
                stored.remove(&id);
            }
            // At most a page.
            _ if stored.len() < 48 => {
                let new = attributes(&mut random, step);
                let id = admin.post(USERS, &json!({"data": {"type": "users", "attributes": &new}})).expect(201).id();
                stored.insert(id, new);
            }
            _ => {}
        }
        if step % 4 == 0 {
            let words: Vec<_> = (0..=random.below(2)).map(|_| word(&mut random)).collect();
            let contains_all = |user: &Value| {
                let texts = texts(user);
                words.iter().all(|word| texts.iter().any(|text| text.contains(&key::of_search_text(word))))
            };
            let expected: Vec<_> = stored.iter().filter(|(_, user)| contains_all(user)).map(|(id, _)| *id).collect();
            assert_eq!(find(&admin, &words.join(" ")), expected, "{words:?}");
        }
    }
    app.assert_no_drift();
});

/// The number of users that wait for the index of SQLite.
fn waiting(app: &App) -> i64 {
    Raw::connect(&app.config.database_url).number("SELECT COUNT(*) AS number FROM users_by_text_waiting")
}

both!(users_who_wait_for_the_index_are_few, |app| {
    if app.config.database_url.to_string().starts_with("postgres") {
        return;
    }
    let admin = app.admin();
    for number in 0..200 {
        let attributes = json!({"email": format!("n{number}@example.com"), "last-name": format!("Waiter{number}")});
        admin.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}})).expect(201);
        assert!(waiting(app) <= 65, "{number}");
    }
    assert_eq!(find(&admin, "waiter19").len(), 11);
});

#[test]
fn users_whom_the_previous_release_writes_are_found_and_a_check_finds_those_that_are_missing() {
    let home = Home::new(Engine::Sqlite).expect("a database");
    let url = home.text();
    // The triggers need no module of SQLite that the previous release lacks.
    let insert = |name: &str, level: u8| {
        format!(
            "INSERT INTO users (email, email_key, last_name, name_key, access_level, is_enabled, profile, created_at, updated_at)
             VALUES ('{name}@example.com', '{name}@example.com', '{name}', '{name}', {level}, TRUE, '{{}}', 1, 1);
             UPDATE counts_of_users SET n = n + 1 WHERE access_level = {level};"
        )
    };
    Raw::connect(&home.url()).run(&format!(
        "INSERT INTO counts_of_users (is_enabled, access_level, n) VALUES (TRUE, 0, 0), (TRUE, 1, 0); {} {} {}",
        insert("zoe", 1),
        insert("latecomer", 0),
        insert("forgotten", 0)
    ));
    let token = run(&url, &["token", "create", "--user", "zoe@example.com"]).expect(0).line().to_owned();
    let service = Service::start(&url, &[]);
    let admin = service.anonymous().with_authorization(&format!("Bearer {token}"));
    assert_eq!(find(&admin, "latecomer"), [2]);
    Raw::connect(&home.url()).run("DELETE FROM users_by_text_waiting WHERE user_id = 3");
    assert_eq!(find(&admin, "forgotten"), [0; 0]);
    let found = run(&url, &["check"]).expect(1);
    assert!(found.stdout.contains("user 3: missing in the index of texts"), "{found:?}");
    run(&url, &["check", "--repair"]).expect(0);
    assert_eq!(find(&admin, "forgotten"), [3]);
    run(&url, &["check"]).expect(0);
}
