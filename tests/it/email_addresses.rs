//! E-mail addresses that people have, in all scripts, and as they arrive: with spaces around them.

use crate::both;
use crate::forms::form;
use crate::support::app::{App, Engine};
use crate::support::import::{ImportFixture, lines};
use crate::support::{Answer, Client, encoded, json};

const USERS: &str = "/api/v2/users";

fn create(admin: &Client, email: &str) -> Answer {
    admin.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": email}}}))
}

fn email_of(answer: &Answer) -> &str {
    answer.body["data"]["attributes"]["email"].as_str().expect("an address")
}

both!(addresses_of_all_scripts_are_accepted, |app| {
    let admin = app.admin();
    for email in [
        "विश्व@उदाहरण.भारत",
        "สมศรี@ตัวอย่าง.ไทย",
        "தமிழ்@உதாரணம்.இந்தியா",
        "ខ្មែរ@ឧទាហរណ៍.ខ្មែរ",
        "မြန်မာ@example.com",
        "jose\u{301}@example.com",
        "ann@col·legi.cat",
        "אבג@דוגמה.קום",
        "x@ශ්\u{200D}රී.example",
        "😀@example.com",
    ] {
        let made = create(&admin, email).expect(201);
        assert_eq!(email_of(&made), email);
        let found = admin.get(&format!("{USERS}?filter[email]={}", encoded(email))).expect(200);
        assert_eq!(found.ids(), [made.id()], "{email}");
        let values = json!({"first_name": "A", "email": email, "password": "long enough"});
        assert_eq!(admin.form("POST", "/api/users", &form("create_user", &values)).expect(422).fields(), ["email"]);
    }
    for (one, other) in
        [("jose\u{301}@example.com", "jos\u{E9}@example.com"), ("ann@col·legi.cat", "ann@xn--collegi-xma.cat")]
    {
        let found = admin.get(&format!("{USERS}?filter[email]={}", encoded(other))).expect(200);
        assert_eq!(found.total(), 1, "{one} and {other}");
        create(&admin, other).refused(409, "email-taken");
    }
});

both!(an_invalid_address_is_a_422_that_names_the_culprit, |app| {
    let admin = app.admin();
    for (email, culprit) in [
        ("ann tag@example.com", "a space is not allowed before `@`"),
        ("ann\u{200B}@example.com", "U+200B is not allowed before `@`"),
        ("ann\u{200D}b@example.com", "U+200D is not allowed before `@`"),
        ("ann@exa mple.com", "`exa mple.com` is not a domain name"),
        ("ann.example.com", "it has no `@`"),
    ] {
        let refused = create(&admin, email).refused(422, "invalid-attribute");
        let detail = refused.body["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("must be a valid e-mail address") && detail.contains(culprit), "{detail}");
    }
});

both!(spaces_around_an_address_are_trimmed, |app| {
    let admin = app.admin();
    let made = create(&admin, " \tann@example.com\u{A0}\n").expect(201);
    assert_eq!(email_of(&made), "ann@example.com");
    create(&admin, " ANN@example.com ").refused(409, "email-taken");
    let path = format!("{USERS}/{}", made.id());
    let change =
        json!({"data": {"type": "users", "id": made.id().to_string(), "attributes": {"email": " bob@example.com "}}});
    assert_eq!(email_of(&admin.patch(&path, &change).expect(200)), "bob@example.com");
    let found = admin.get(&format!("{USERS}?filter[email]=+bob@example.com,%20x@example.com%20")).expect(200);
    assert_eq!(found.ids(), [made.id()]);

    let add = json!({"atomic:operations": [{"op": "add", "data": {"type": "users",
        "attributes": {"email": " cho@example.com "}}}]});
    let atomic = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    let done = admin
        .send("POST", "/api/v2/operations", &[("content-type", atomic)], Some(add.to_string().as_bytes()))
        .expect(200);
    assert_eq!(done.body["atomic:results"][0]["data"]["attributes"]["email"], "cho@example.com");

    let values = json!({"first_name": "A", "email": " dan@example.com\n", "password": "long enough"});
    let id = admin.form("POST", "/api/users", &form("create_user", &values)).expect(201).model_id();
    assert_eq!(email_of(&admin.get(&format!("{USERS}/{id}")).expect(200)), "dan@example.com");
    let session = json!({"email": "\tdan@example.com ", "password": "long enough"});
    app.anonymous().form("POST", "/api/sessions", &form("create_session", &session)).expect(201);
});

#[test]
fn form_properties_that_are_addresses_are_trimmed() {
    let file = "name: with_mail\nresource: User\nconfiguration:\n  email: { validation: { presence: true, confirmation: true } }\n  \
                properties:\n    private_mail: { validation: { email: true } }\n    note: {}\n";
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(home) = crate::support::app::Home::new(engine) else { continue };
        let app = App::start_with_forms(home, &[("own.yml", file)]);
        let values = json!({"email": "ann@example.com", "email_confirmation": " ann@example.com",
            "properties": {"private_mail": " ann@home.example ", "note": " kept "}});
        let body = json!({"form_configuration_name": "with_mail", "form": values});
        let refused = app.admin().form("POST", "/api/users", &body);
        let id = refused.expect(201).model_id();
        let profile = format!("SELECT profile AS line FROM users WHERE id = {id}");
        let stored = crate::support::sql::Raw::connect(&app.config.database_url).lines(&profile);
        assert!(stored[0].contains("\"ann@home.example\"") && stored[0].contains("\" kept \""), "{stored:?}");
    }
}

#[test]
fn commands_and_imports_trim_addresses() {
    for fixture in ImportFixture::all() {
        let ok = |args: &[&str]| fixture.run(args).expect(0).stdout;
        ok(&["user", "add", "--email", " ann@example.com "]);
        ok(&["user", "set", " ann@example.com ", "--email", " bob@example.com "]);
        ok(&["token", "create", "--user", " bob@example.com\n"]);
        let import = lines(&[
            json!({"type": "user", "email": " bob@example.com ", "last-name": "Ray"}),
            json!({"type": "user", "email": "cho@example.com\u{A0}"}),
            json!({"type": "user-relationship", "user": "email: bob@example.com ", "target": "email:cho@example.com ",
                   "relationship": "mentor"}),
        ]);
        fixture.import(&import, &[]).expect(0);
        let stored = fixture.export();
        for expected in
            ["\"email\":\"bob@example.com\"", "\"last-name\":\"Ray\"", "\"email\":\"cho@example.com\"", "mentor"]
        {
            assert!(stored.contains(expected), "{expected}: {stored}");
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 2);
        let users = fixture.write("users.csv", "email,last-name\n  dan@example.com ,Dan\n");
        fixture.run(&["import", "--format", "csv", "--users", &users]).expect(0);
        assert!(fixture.export().contains("\"dan@example.com\""));
        fixture.run(&["check"]).expect(0);
    }
}

both!(a_malformed_email_filter_is_a_400_that_mentions_the_plus, |app| {
    let admin = app.admin();
    let id = create(&admin, "ann+tag@example.com").expect(201).id();
    assert_eq!(admin.get(&format!("{USERS}?filter[email]=ann%2Btag@example.com")).expect(200).ids(), [id]);
    for value in
        ["ann+tag@example.com", "ann%20tag@example.com", "ann", "ann@", "x@example.com,ann", "", "ann@exa mple.com"]
    {
        let value = value.replace(' ', "%20");
        let refused = admin.get(&format!("{USERS}?filter[email]={value}")).refused(400, "invalid-parameter");
        assert_eq!(refused.source("parameter"), Some("filter[email]"));
        let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("must be sent as `%2B`"), "{detail}");
    }
    let refused = admin.get(&format!("{USERS}?filter[email]=ann+tag@example.com")).expect(400);
    assert!(refused.text.contains("got `ann tag@example.com`"), "{}", refused.text);
});
