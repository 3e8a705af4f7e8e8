//! Keys of names and e-mail addresses: which are equal, who may sign in, and how stored keys are computed again.

use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeySource, Secret};
use user_relationships::config::Config;

use crate::both;
use crate::forms::form;
use crate::support::app::{App, Engine, Home};
use crate::support::import::{ImportFixture, lines};
use crate::support::jwt::{Key, SECRET, claims, token};
use crate::support::process::{Service, revert_to_before, run};
use crate::support::sql::Raw;
use crate::support::{Answer, encoded, json};

const ME: &str = "/api/v2/users/me";
const USERS: &str = "/api/v2/users";
const KELVIN: &str = "mar\u{212A}@example.com";

fn with_jwt(config: &mut Config) {
    config.jwt = Some(JwtSettings {
        source: KeySource::Secret(Secret::new(SECRET)),
        requirements: ClaimRequirements::default(),
    });
}

fn ask_as(app: &App, email: &str) -> Answer {
    let token = token(Key::Secret, None, &claims(&json!({ "email": email })));
    app.anonymous().with_authorization(&format!("Bearer {token}")).get(ME)
}

fn create(app: &App, email: &str, last_name: &str) -> Answer {
    let attributes = json!({"email": email, "last-name": last_name});
    app.admin().post(USERS, &json!({"data": {"type": "users", "attributes": attributes}}))
}

both!(a_jwt_with_an_address_that_folds_to_ascii_is_a_401, |config| { with_jwt(config) }, |app| {
    let users = ["mark@example.com", "mask@example.com", "kit@example.com", "mark@xn--bcher-kva.example"];
    let ids = users.map(|email| app.named(email, "user").id);
    for (presented, victim) in [
        (KELVIN, 0),
        ("mar\u{212A}@EXAMPLE.com", 0),
        ("mark@\u{FF45}xample.com", 0),
        ("mark@example\u{3002}com", 0),
        ("ma\u{17F}k@example.com", 1),
        ("k\u{131}t@example.com", 2),
        ("\u{212A}it@example.com", 2),
        ("\u{FF4B}it@example.com", 2),
        ("mar\u{212A}@b\u{FC}cher.example", 3),
        ("mar\u{212A}@xn--bcher-kva.example", 3),
    ] {
        ask_as(app, presented).refused(401, "unauthenticated");
        // With the account of the victim in the cache as well.
        assert_eq!(ask_as(app, users[victim]).expect(200).id(), ids[victim]);
        ask_as(app, presented).refused(401, "unauthenticated");
    }
    app.named("\u{212A}arl@example.com", "user");
    ask_as(app, "karl@example.com").refused(401, "unauthenticated");
    let greek = app.named("οδος@example.com", "user").id;
    for presented in ["οδος@example.com", "ΟΔΟΣ@Example.com", "οδοσ@example.com"] {
        assert_eq!(ask_as(app, presented).expect(200).id(), greek, "{presented}");
    }
});

both!(both_forms_of_an_internationalized_domain_authenticate, |config| { with_jwt(config) }, |app| {
    for (stored, other) in [
        ("ann@xn--bcher-kva.example", "Ann@b\u{FC}cher.example"),
        ("bob@b\u{FC}cher.example", "bob@XN--BCHER-kva.example"),
    ] {
        let id = app.named(stored, "user").id;
        assert_eq!(ask_as(app, other).expect(200).id(), id, "{other}");
    }
});

both!(a_password_with_an_address_that_folds_to_ascii_is_a_401, |app| {
    let values = json!({"first_name": "A", "email": "mark@example.com", "password": "long enough"});
    app.admin().form("POST", "/api/users", &form("create_user", &values)).expect(201);
    let sign_in = |email: &str| {
        let values = json!({"email": email, "password": "long enough"});
        app.anonymous().form("POST", "/api/sessions", &form("create_session", &values))
    };
    sign_in(KELVIN).expect(401);
    sign_in("MARK@example.com").expect(201);
});

both!(an_address_that_differs_only_in_form_is_a_409, |app| {
    for (email, others) in [
        ("mark@example.com", &[KELVIN, "mark@\u{FF45}xample.com"][..]),
        ("ΟΔΟΣ@example.com", &["οδος@example.com", "οδοσ@example.com"]),
        ("andr\u{E9}@example.com", &["ANDR\u{C9}@example.com"]),
        ("ann@b\u{FC}cher.example", &["ann@xn--bcher-kva.example", "ann@B\u{DC}CHER.example"]),
    ] {
        let id = create(app, email, "x").expect(201).id();
        for other in others {
            create(app, other, "x").refused(409, "email-taken");
            let found = app.admin().get(&format!("{USERS}?filter[email]={}", encoded(other))).expect(200);
            assert_eq!(found.ids(), [id], "{other}");
        }
    }
});

both!(a_search_finds_other_cases_and_normal_forms, |app| {
    let id = create(app, "ann@B\u{DC}CHER.example", "ΟΔΟΣ Andre\u{301}").expect(201).id();
    for term in ["οδος", "ΟΔΟΣ", "οδοσ", "andr\u{E9}", "ANDR\u{C9}", "b\u{FC}ch", "xn--bcher-kva.example"] {
        assert_eq!(app.admin().get(&format!("{USERS}?query={}", encoded(term))).expect(200).ids(), [id], "{term}");
    }
    assert_eq!(app.admin().get(&format!("{USERS}?query=odos")).expect(200).total(), 0);
});

both!(a_user_may_change_the_form_of_its_own_address, |app| {
    let id = create(app, "ΟΔΟΣ@example.com", "x").expect(201).id();
    let attributes = json!({"email": "οδος@example.com"});
    let document = json!({"data": {"type": "users", "id": id.to_string(), "attributes": attributes}});
    app.admin().patch(&format!("{USERS}/{id}"), &document).expect(200);
});

/// A database with an earlier schema and the users that a release stored in it: address, name, and both keys, which that
/// release stored in lower case.
fn old_database(engine: Engine, users: &[(&str, &str)]) -> Option<Home> {
    let home = Home::revertible(engine)?;
    revert_to_before(&home.text(), "100000_keys");
    let mut raw = Raw::connect(&home.url());
    for (email, name) in users {
        let (email_key, name_key) = (email.to_lowercase(), name.to_lowercase());
        raw.run(&format!(
            "INSERT INTO users (email, email_key, last_name, name_key, access_level, is_enabled, profile, created_at, \
             updated_at) VALUES ('{email}', '{email_key}', '{name}', '{name_key}', 0, TRUE, '{{}}', 1, 1)"
        ));
    }
    raw.run("INSERT INTO counts_of_users (is_enabled, access_level, n) SELECT TRUE, 0, COUNT(*) FROM users");
    Some(home)
}

fn keys(home: &Home) -> Vec<String> {
    Raw::connect(&home.url()).lines("SELECT email_key || ' ' || name_key AS line FROM users ORDER BY id")
}

fn homes(users: &[(&str, &str)]) -> Vec<Home> {
    [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(|engine| old_database(engine, users)).collect()
}

#[test]
fn a_migration_computes_the_keys_of_stored_users_once() {
    let users = [("Ann@example.com", "Ann"), ("ΟΔΟΣ@example.com", "ΟΔΟΣ"), ("x@B\u{DC}CHER.example", "e\u{301}")];
    for home in homes(&users) {
        let before = keys(&home);
        assert_eq!(before[1], "οδος@example.com οδος");
        assert!(run(&home.text(), &["migrate", "status"]).expect(0).stdout.contains("pending  2026-11-28-100000_keys"));
        assert!(run(&home.text(), &["migrate", "run"]).expect(0).stdout.contains("applied 2026-11-28-100000_keys"));
        let expected = ["ann@example.com ann", "οδοσ@example.com οδοσ", "x@b\u{FC}cher.example e"];
        assert_eq!(keys(&home), expected);
        run(&home.text(), &["check"]).expect(0);
        // A key that another instance writes later is not computed at the next start.
        let mut raw = Raw::connect(&home.url());
        raw.run("UPDATE users SET email_key = 'οδος@example.com' WHERE email LIKE '%ΟΔΟΣ%'");
        assert_eq!(run(&home.text(), &["migrate", "run"]).expect(0).stdout, "");
        assert_eq!(keys(&home)[1], "οδος@example.com οδοσ");
        // An interrupted run continues.
        raw.run("DELETE FROM computed_data");
        let status = run(&home.text(), &["migrate", "status"]).expect(0).stdout;
        assert!(status.contains("pending  2026-11-28-200000_search_keys"), "{status}");
        run(&home.text(), &["user", "list"]).expect(1);
        assert_eq!(run(&home.text(), &["migrate", "run"]).expect(0).line(), "applied 2026-11-28-200000_search_keys");
        assert_eq!(keys(&home), expected);
        revert_to_before(&home.text(), "_search_keys");
        assert_eq!(keys(&home)[2], "x@b\u{FC}cher.example \u{E9}", "names with accents, as in version 1");
        let status = run(&home.text(), &["migrate", "status"]).expect(0).stdout;
        assert!(status.contains("applied  2026-11-28-100000_keys"), "{status}");
        run(&home.text(), &["migrate", "revert", "--yes"]).expect(0);
        assert_eq!(keys(&home), before, "the earlier release finds its keys");
    }
}

#[test]
fn keys_of_more_than_one_batch_of_users_are_computed() {
    for home in homes(&[("first@example.com", "x")]) {
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2100)
            INSERT INTO users (email, email_key, last_name, name_key, access_level, is_enabled, profile, created_at,
                updated_at) SELECT 'ΟΔΟΣ' || i || '@x.example', 'οδος' || i || '@x.example', NULL, '', 0, TRUE, '{}', 1, 1
            FROM n";
        Raw::connect(&home.url()).run(rows);
        run(&home.text(), &["migrate", "run"]).expect(0);
        let left = "SELECT COUNT(*) AS number FROM users WHERE email_key LIKE '%ς%'";
        assert_eq!(Raw::connect(&home.url()).number(left), 0);
    }
}

#[test]
fn users_with_equal_new_keys_stay_and_check_names_them() {
    for home in homes(&[("ΟΔΟΣ@example.com", "Ann"), ("οδοσ@example.com", "Bob"), ("cho@example.com", "Cho")]) {
        let url = home.text();
        let service = Service::start(&url, &[("JWT_SECRET", SECRET)]);
        assert_eq!(keys(&home)[..2], ["οδος@example.com ann", "οδοσ@example.com bob"]);
        let ask_as = |email: &str| {
            let token = token(Key::Secret, None, &claims(&json!({ "email": email })));
            service.anonymous().with_authorization(&format!("Bearer {token}")).get(ME).expect(200).id()
        };
        for (email, id) in [("ΟΔΟΣ@example.com", 1), ("οδος@example.com", 1), ("οδοσ@example.com", 2)] {
            assert_eq!(ask_as(email), id, "{email}");
        }
        for args in [&["check"][..], &["check", "--repair"]] {
            let found = run(&url, args).expect(1);
            assert!(found.line().contains("user 1: user 2 has the same e-mail address"), "{found:?}");
            assert!(!found.stdout.contains("example.com"), "{found:?}");
        }
        run(&url, &["user", "add", "--email", "Οδος@example.com"]).expect(1);
        // The other attributes of a user can still be updated.
        run(&url, &["user", "set", "1", "--last-name", "Anna"]).expect(0);
        run(&url, &["user", "set", "1", "--email", "ΟΔΟΣ@Example.com"]).expect(1);
        run(&url, &["user", "set", "1", "--email", "anna@example.com"]).expect(0);
        run(&url, &["check"]).expect(0);
    }
}

#[test]
fn check_repairs_keys_that_another_release_wrote() {
    for fixture in ImportFixture::all() {
        let url = fixture.home.text();
        run(&url, &["user", "add", "--email", "ΟΔΟΣ@example.com", "--last-name", "ΟΔΟΣ"]).expect(0);
        Raw::connect(&fixture.home.url()).run("UPDATE users SET email_key = 'οδος@example.com', name_key = 'x'");
        let found = run(&url, &["check"]).expect(1);
        assert_eq!(found.stdout.lines().count(), 2, "{found:?}");
        // Before that, the user is found and cannot be added again.
        run(&url, &["user", "add", "--email", "οδος@example.com"]).expect(1);
        let import = lines(&[json!({"type": "user", "email": "ΟΔΟΣ@example.com", "last-name": "x"})]);
        fixture.import(&import, &[]).expect(0);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 1);
        run(&url, &["check", "--repair"]).expect(0);
        run(&url, &["check"]).expect(0);
    }
}

#[test]
fn an_import_refuses_an_address_that_two_users_have() {
    for home in homes(&[("ΟΔΟΣ@example.com", "Ann"), ("οδοσ@example.com", "Bob")]) {
        let url = home.text();
        run(&url, &["migrate", "run"]).expect(0);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lines.ndjson");
        let line = json!({"type": "user", "email": "ΟΔΟΣ@example.com", "last-name": "Cho"});
        std::fs::write(&file, format!("{line}\n")).expect("a file");
        let outcome = run(&url, &["import", &file.display().to_string()]).expect(1);
        assert!(outcome.stderr.contains("two users have this address"), "{outcome:?}");
        assert_eq!(Raw::connect(&home.url()).lines("SELECT last_name AS line FROM users ORDER BY id"), ["Ann", "Bob"]);
    }
}
