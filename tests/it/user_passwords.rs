//! Changing passwords with `PATCH /api/v2/users/{id}`.

use crate::both;
use crate::forms::form;
use crate::support::{Answer, App, Client, Value, json};

const ME: &str = "/api/v2/users/me";
const OLD: &str = "the old password";
const NEW: &str = "the new password";

fn sign_in(app: &App, email: &str, password: &str) -> Answer {
    let values = json!({"email": email, "password": password});
    app.anonymous().form("POST", "/api/sessions", &form("create_session", &values))
}

/// A client with the token of a new session.
fn session(app: &App, email: &str, password: &str) -> Client {
    let opened = sign_in(app, email, password).expect(201);
    let token = opened.body["model"]["token"].as_str().expect("a token");
    app.anonymous().with_authorization(&format!("Token token={token}"))
}

/// A client of a new user with the password [`OLD`].
fn with_password(app: &App, email: &str, level: &str) -> Client {
    let client = app.named(email, level);
    set(&app.admin(), &format!("/api/v2/users/{}", client.id), &json!({"password": OLD})).expect(200);
    client
}

fn set(client: &Client, path: &str, attributes: &Value) -> Answer {
    client.patch(path, &json!({"data": {"type": "users", "attributes": attributes}}))
}

#[track_caller]
fn assert_pointer(answer: &Answer, name: &str) {
    assert_eq!(answer.source("pointer"), Some(&*format!("/data/attributes/{name}")), "{}", answer.text);
}

both!(a_user_needs_its_current_password_to_set_a_new_one, |app| {
    for level in ["user", "ext", "admin"] {
        let email = format!("{level}@example.org");
        let me = with_password(app, &email, level);
        let path = format!("/api/v2/users/{}", me.id);
        for path in [ME, &path] {
            let missing =
                set(&me, path, &json!({"password": NEW, "first-name": "X"})).refused(422, "missing-attribute");
            assert_eq!(missing.source("pointer"), Some("/data/attributes"));
            let wrong = json!({"password": NEW, "current-password": "a wrong password", "first-name": "X"});
            let refused = set(&me, path, &wrong).refused(422, "invalid-attribute");
            assert_pointer(&refused, "current-password");
            assert!(!refused.text.contains(NEW) && !refused.text.contains("a wrong password"), "{}", refused.text);
        }
        assert_eq!(me.get(ME).expect(200).body["data"]["attributes"]["first-name"], Value::Null, "nothing is written");
        sign_in(app, &email, OLD).expect(201);
        let right = json!({"password": NEW, "current-password": OLD, "first-name": "Ann"});
        let changed = set(&me, ME, &right).expect(200);
        let attributes = &changed.body["data"]["attributes"];
        assert_eq!(attributes["first-name"], "Ann");
        assert!(attributes.get("password").is_none() && attributes.get("current-password").is_none(), "{attributes}");
        assert!(!changed.text.contains("password"), "{}", changed.text);
        sign_in(app, &email, OLD).expect(401);
        sign_in(app, &email, NEW).expect(201);
    }
});

both!(an_account_without_a_password_gets_its_first_one_from_an_admin, |app| {
    let ann = app.named("ann@example.com", "user");
    let sent = json!({"password": NEW, "current-password": OLD});
    assert_pointer(&set(&ann, ME, &sent).refused(422, "invalid-attribute"), "current-password");
    let path = format!("/api/v2/users/{}", ann.id);
    set(&app.admin(), &path, &json!({"password": OLD})).expect(200);
    set(&ann, ME, &sent).expect(200);
    sign_in(app, "ann@example.com", NEW).expect(201);
});

both!(only_the_user_and_admins_change_a_password, |app| {
    let (ann, bob, root) = (with_password(app, "ann@example.com", "user"), app.user(), app.admin());
    let path = format!("/api/v2/users/{}", ann.id);
    for sent in [json!({"password": NEW}), json!({"password": NEW, "current-password": OLD})] {
        set(&bob, &path, &sent).refused(403, "not-owner");
        set(&app.anonymous(), &path, &sent).refused(401, "unauthenticated");
    }
    let refused = set(&root, &path, &json!({"password": NEW, "current-password": OLD}));
    assert_pointer(&refused.refused(422, "invalid-attribute"), "current-password");
    sign_in(app, "ann@example.com", OLD).expect(201);
    set(&root, &path, &json!({"password": NEW})).expect(200);
    sign_in(app, "ann@example.com", NEW).expect(201);
});

both!(a_new_password_ends_sessions_and_keeps_api_tokens, |app| {
    let ann = with_password(app, "ann@example.com", "user");
    let [one, two] = [OLD, OLD].map(|password| session(app, "ann@example.com", password));
    set(&one, ME, &json!({"password": NEW, "current-password": "a wrong password"})).expect(422);
    two.get(ME).expect(200);
    set(&one, ME, &json!({"password": NEW, "current-password": OLD})).expect(200);
    for client in [&one, &two] {
        client.get(ME).refused(401, "unauthenticated");
    }
    ann.get(ME).expect(200);
    let three = session(app, "ann@example.com", NEW);
    set(&app.admin(), &format!("/api/v2/users/{}", ann.id), &json!({"password": OLD})).expect(200);
    three.get(ME).refused(401, "unauthenticated");
    ann.get(ME).expect(200);
});

both!(a_password_has_limits_and_is_not_repeated, |app| {
    let (ann, root) = (with_password(app, "ann@example.com", "user"), app.admin());
    let path = format!("/api/v2/users/{}", ann.id);
    for bad in
        [json!("5hort77"), json!("p\u{0}ssword"), json!("é".repeat(513)), json!(12_345_678), json!(null), json!([OLD])]
    {
        let refused = set(&root, &path, &json!({"password": bad, "first-name": 1})).expect(422);
        assert_eq!(refused.codes(), ["invalid-attribute"; 2]);
        assert_pointer(&refused, "password");
        let text = bad.as_str().unwrap_or("12345678");
        assert!(!refused.text.contains(text), "{}", refused.text);
    }
    for bad in [json!(7), json!(null), json!("é".repeat(513))] {
        let refused = set(&ann, ME, &json!({"password": NEW, "current-password": bad}));
        assert_pointer(&refused.refused(422, "invalid-attribute"), "current-password");
    }
    let alone = set(&ann, ME, &json!({"current-password": OLD})).refused(422, "invalid-attribute");
    assert_pointer(&alone, "current-password");
    for good in ["é".repeat(512), "8 chars!".to_owned()] {
        set(&root, &path, &json!({ "password": good })).expect(200);
        sign_in(app, "ann@example.com", &good).expect(201);
    }
});

both!(a_password_is_refused_wherever_it_cannot_be_set, |app| {
    let root = app.admin();
    let new = json!({"data": {"type": "users", "attributes": {"email": "new@example.com", "password": NEW}}});
    assert_pointer(&root.post("/api/v2/users", &new).refused(422, "unknown-attribute"), "password");
    let ann = app.user();
    let media = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    let data = json!({"type": "users", "id": ann.id.to_string(), "attributes": {"password": NEW}});
    let body = json!({"atomic:operations": [{"op": "update", "data": data}]}).to_string();
    let headers = [("content-type", media), ("accept", media)];
    let refused = root.send("POST", "/api/v2/operations", &headers, Some(body.as_bytes()));
    let refused = refused.refused(422, "unknown-attribute");
    assert_eq!(refused.source("pointer"), Some("/atomic:operations/0/data/attributes/password"));
    root.get("/api/v2/users?fields[users]=password").refused(400, "unknown-field");
});

both!(
    guesses_of_the_current_password_count_like_those_of_sign_ins,
    |config| {
        config.auth_failure_limit = 2;
    },
    |app| {
        let ann = with_password(app, "ann@example.com", "user");
        let guess = |password: &str| set(&ann, ME, &json!({"password": NEW, "current-password": password}));
        guess("a wrong password").refused(422, "invalid-attribute");
        sign_in(app, "ann@example.com", "a wrong password").expect(401);
        assert!(guess(OLD).refused(429, "rate-limited").header("retry-after").is_some());
        sign_in(app, "ann@example.com", OLD).expect(429);
        ann.get(ME).expect(200);
        let bob = with_password(app, "bob@example.com", "user");
        set(&bob, ME, &json!({"password": NEW, "current-password": OLD})).expect(200);
    }
);

both!(one_of_two_concurrent_changes_of_a_password_succeeds, |app| {
    let ann = with_password(app, "ann@example.com", "user");
    let words: Vec<_> = (0..4).map(|number| format!("the new password {number}")).collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let change = |word: &String| set(&ann, ME, &json!({"password": word, "current-password": OLD}));
        let running: Vec<_> = words.iter().map(|word| scope.spawn(move || change(word).status)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut sorted = answers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [200, 422, 422, 422]);
    for (word, status) in words.iter().zip(&answers) {
        sign_in(app, "ann@example.com", word).expect(if *status == 200 { 201 } else { 401 });
    }
});

both!(a_change_of_a_password_is_logged_by_its_name_only, |app| {
    let ann = with_password(app, "ann@example.com", "user");
    set(&ann, ME, &json!({"password": NEW, "current-password": OLD})).expect(200);
    let changes = app.admin().get("/api/v2/changes?filter[subject-type]=users&page[size]=500").expect(200);
    let subject = ann.id.to_string();
    let last =
        changes.body["data"].as_array().unwrap().iter().rfind(|change| {
            change["attributes"]["subject-id"] == subject && change["attributes"]["action"] == "updated"
        });
    assert_eq!(last.unwrap()["attributes"]["changed"], json!(["password"]));
    assert!(!changes.text.contains(NEW) && !changes.text.contains("argon2"), "{}", changes.text);
});

both!(a_change_of_a_password_obeys_preconditions, |app| {
    let ann = with_password(app, "ann@example.com", "user");
    let tag = ann.get(ME).expect(200).header("etag").unwrap().to_owned();
    let headers = |tag| [("content-type", "application/vnd.api+json"), ("if-match", tag)];
    let body = json!({"data": {"attributes": {"password": NEW, "current-password": OLD}}}).to_string();
    let stale = ann.send("PATCH", ME, &headers("\"stale\""), Some(body.as_bytes()));
    stale.refused(412, "precondition-failed");
    sign_in(app, "ann@example.com", OLD).expect(201);
    ann.send("PATCH", ME, &headers(&tag), Some(body.as_bytes())).expect(200);
    sign_in(app, "ann@example.com", NEW).expect(201);
});
