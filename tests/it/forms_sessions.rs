//! Sessions: a password is exchanged for a token that expires.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;
use user_relationships::model::id::UserId;

use crate::both;
use crate::forms::form;
use crate::support::process::run;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, json};

const SESSIONS: &str = "/api/sessions";

fn sign_in(app: &App, email: &str, password: &str) -> Answer {
    app.anonymous().form("POST", SESSIONS, &form("create_session", &json!({"email": email, "password": password})))
}

fn client_of(app: &App, opened: &Answer) -> Client {
    let token = opened.body["model"]["token"].as_str().expect("a token");
    app.anonymous().with_authorization(&format!("Token token={token}"))
}

/// The built-in forms, and one with which users change their own password.
fn own_forms() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let own = "name: change_password\nresource: User\nconfiguration:\n  password: { validation: { presence: true, length: { minimum: 8 } } }\n";
        std::fs::write(folder.path().join("own.yml"), own).expect("a file");
        std::fs::write(folder.path().join("built_in.yml"), run("", &["config", "forms"]).expect(0).stdout).expect("a file");
        folder
    });
    folder.path()
}

fn user(app: &App, email: &str, password: &str) -> i64 {
    let values = json!({"first_name": "A", "email": email, "password": password});
    app.admin().form("POST", "/api/users", &form("create_user", &values)).expect(201).model_id()
}

both!(a_session_is_opened_with_a_password_and_ended_by_delete, |app| {
    let id = user(app, "ann@example.com", "long enough");
    let opened = sign_in(app, "ANN@example.com", "long enough").expect(201);
    assert!(opened.body["model"]["id"].is_i64());
    let me = client_of(app, &opened);
    assert_eq!(me.get("/api/v2/users/me").expect(200).id(), id);
    let second = client_of(app, &sign_in(app, "ann@example.com", "long enough").expect(201));
    me.delete(&format!("{SESSIONS}?form_configuration_name=reference_rest_api_delete_session")).expect(204);
    me.get("/api/v2/users/me").refused(401, "unauthenticated");
    second.get("/api/v2/users/me").expect(200);
});

both!(deleting_a_session_with_a_token_of_another_kind_gets_404, |app| {
    let me = app.user();
    me.form("DELETE", SESSIONS, &form("delete_session", &json!({}))).expect(404);
    me.get("/api/v2/users/me").expect(200);
    let answer = app.anonymous().form("DELETE", SESSIONS, &form("delete_session", &json!({}))).expect(401);
    assert_eq!(answer.header("www-authenticate"), Some("Token"));
});

both!(
    changing_the_password_ends_all_sessions,
    |config| {
        config.forms_dir = Some(own_forms().to_owned());
    },
    |app| {
        let id = user(app, "ann@example.com", "long enough");
        let sessions: Vec<_> =
            (0..2).map(|_| client_of(app, &sign_in(app, "ann@example.com", "long enough").expect(201))).collect();
        let kept = app.client_of(user_relationships::model::id::UserId::new(id));
        let change = json!({"form_configuration_name": "change_password", "form": {"password": "another one"}});
        sessions[0].form("PUT", &format!("/api/users/{id}"), &change).expect(204);
        for session in &sessions {
            session.get("/api/v2/users/me").refused(401, "unauthenticated");
        }
        kept.get("/api/v2/users/me").expect(200);
        sign_in(app, "ann@example.com", "long enough").expect(401);
        sign_in(app, "ann@example.com", "another one").expect(201);
    }
);

both!(
    a_session_expires_and_is_deleted,
    |config| {
        config.session_ttl = Duration::from_secs(2);
        config.auth_refresh = Duration::ZERO;
    },
    |app| {
        user(app, "ann@example.com", "long enough");
        let me = client_of(app, &sign_in(app, "ann@example.com", "long enough").expect(201));
        me.get("/api/v2/users/me").expect(200);
        std::thread::sleep(Duration::from_millis(2_100));
        me.get("/api/v2/users/me").refused(401, "unauthenticated");
        sign_in(app, "ann@example.com", "long enough").expect(201);
        let kept = Raw::connect(&app.home().url()).number("SELECT COUNT(*) AS number FROM api_tokens WHERE is_session");
        assert_eq!(kept, 1, "the expired session is deleted");
    }
);

both!(unknown_addresses_and_wrong_passwords_get_the_same_401, |app| {
    user(app, "ann@example.com", "long enough");
    let without_password = app.named("bob@example.com", "user");
    let right = sign_in(app, "ann@example.com", "long enough").expect(201);
    assert!(right.fields().is_empty());
    let wrong: Vec<_> = [
        ("ann@example.com", "wrong"),
        ("unknown@example.com", "wrong"),
        ("bob@example.com", "wrong"),
        ("bob@example.com", ""),
        ("ann@example.com", &"x".repeat(1_000)),
    ]
    .into_iter()
    .filter(|(_, password)| !password.is_empty())
    .map(|(email, password)| sign_in(app, email, password))
    .collect();
    for answer in &wrong {
        assert_eq!((answer.status, &answer.text), (401, &wrong[0].text));
        assert_eq!(answer.header("www-authenticate"), Some("Token"));
    }
    assert!(!wrong[0].text.contains("wrong@") && !wrong[0].text.contains("example.com"));
    drop(without_password);
});

both!(a_disabled_user_cannot_open_a_session, |app| {
    let id = user(app, "ann@example.com", "long enough");
    let me = client_of(app, &sign_in(app, "ann@example.com", "long enough").expect(201));
    let disable = json!({"data": {"attributes": {"is-enabled": false}}});
    app.admin().patch(&format!("/api/v2/users/{id}"), &disable).expect(200);
    sign_in(app, "ann@example.com", "long enough").expect(403);
    sign_in(app, "ann@example.com", "wrong").expect(401);
    me.get("/api/v2/users/me").refused(403, "account-disabled");
});

both!(a_password_is_stored_as_a_hash_and_never_returned, |app| {
    let secret = "Tr0ub4dor&3-unique";
    let id = user(app, "ann@example.com", secret);
    let like = "password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'";
    let kept = format!("SELECT COUNT(*) AS number FROM users WHERE id = {id} AND {like}");
    assert_eq!(Raw::connect(&app.home().url()).number(&kept), 1);
    let values = json!({"first_name": "", "email": "x", "password": secret, "password_confirmation": secret});
    let admin = app.admin();
    for body in [
        form("create_user", &values),
        form("create_user", &json!({"email": "ann@example.com", "first_name": "A", "password": secret})),
    ] {
        let refused = admin.form("POST", "/api/users", &body);
        assert!([406, 422].contains(&refused.status) && !refused.text.contains(secret), "{}", refused.text);
    }
    let refused = sign_in(app, "unknown@example.com", secret);
    assert!(!refused.text.contains(secret));
});

both!(
    concurrent_logins_are_all_answered,
    |config| {
        config.workers = 2;
        config.auth_failure_limit = 1_000;
    },
    |app| {
        user(app, "ann@example.com", "long enough");
        std::thread::scope(|scope| {
            // More than are hashed at a time, but few enough for the queue timeout on a busy machine.
            for number in 0..10 {
                scope.spawn(move || {
                    let (password, status) = if number % 2 == 0 { ("long enough", 201) } else { ("wrong", 401) };
                    sign_in(app, "ann@example.com", password).expect(status);
                });
            }
        });
    }
);

both!(a_password_matches_in_every_normal_form, |app| {
    let (composed, decomposed) = ("d\u{e9}j\u{e0} vu encore", "de\u{301}ja\u{300}\u{a0}vu\u{3000}encore");
    user(app, "ann@example.com", composed);
    user(app, "bob@example.com", decomposed);
    for (email, password) in ["ann@example.com", "bob@example.com"]
        .into_iter()
        .flat_map(|email| [(email, composed), (email, decomposed), (email, "d\u{e9}ja\u{300} vu\u{2003}encore")])
    {
        sign_in(app, email, password).expect(201);
    }
    for wrong in ["deja vu encore", "D\u{e9}j\u{e0} vu encore", "d\u{e9}j\u{e0} vu encore ", "de\u{301}ja vu encore"] {
        sign_in(app, "ann@example.com", wrong).expect(401);
    }
    let values = json!({"first_name": "A", "email": "cy@example.com", "password": ""});
    app.admin().form("POST", "/api/users", &form("create_user", &values)).expect(422);
});

both!(a_password_that_was_hashed_as_it_was_typed_still_works, |app| {
    use argon2::PasswordHasher;
    let decomposed = "de\u{301}ja\u{300}\u{a0}vu";
    let id = user(app, "ann@example.com", "long enough");
    let hash = argon2::Argon2::default().hash_password_with_salt(decomposed.as_bytes(), &[7; 16]).unwrap().to_string();
    app.write(move |tx| tx.set_password(UserId::new(id), &hash));
    sign_in(app, "ann@example.com", decomposed).expect(201);
    sign_in(app, "ann@example.com", "long enough").expect(401);
});
