//! Ids of deleted records are not reused.

use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeySource, Secret};
use user_relationships::model::id::UserId;

use crate::both;
use crate::support::import::{ImportFixture, lines, relation, user};
use crate::support::jwt::{Key, SECRET, claims, token};
use crate::support::process::{Outcome, run};
use crate::support::sql::Raw;
use crate::support::{App, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const ME: &str = "/api/v2/users/me";

fn import(app: &App, text: &str, options: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines.ndjson");
    std::fs::write(&file, text).expect("a file");
    run(&app.home().text(), &[&["import", file.to_str().expect("a path")], options].concat())
}

both!(
    the_id_of_a_deleted_user_is_not_reused,
    |config| {
        config.jwt = Some(JwtSettings {
            source: KeySource::Secret(Secret::new(SECRET)),
            requirements: ClaimRequirements::default(),
        });
        config.auth_refresh = std::time::Duration::ZERO;
    },
    |app| {
        let admin = app.admin();
        let add = |email: &str| run(&app.home().text(), &["user", "add", "--id", "77", "--email", email]);
        assert_eq!(add("old@example.com").expect(0).line(), "77");
        let jwt = token(Key::Secret, None, &claims(&json!({"sub": "77"})));
        let by_jwt = app.anonymous().with_authorization(&format!("Bearer {jwt}"));
        let by_token = app.client_of(UserId::new(77));
        for client in [&by_jwt, &by_token] {
            assert_eq!(client.get(ME).expect(200).id(), 77);
        }
        admin.delete(&format!("{USERS}/77")).expect(204);

        let refused = add("new@example.com");
        assert!(refused.code != 0 && refused.stderr.contains("user 77 was deleted"), "{refused:?}");
        let line = lines(&[user(77)]);
        for options in [&["--dry-run"][..], &[], &["--dry-run"]] {
            let rejected = import(app, &line, options);
            assert!(
                rejected.code == 1 && rejected.stderr.contains("line 1: `id`: user 77 was deleted"),
                "{rejected:?}"
            );
        }
        let beside = import(app, &lines(&[user(76), user(77), user(78)]), &[]);
        assert_eq!(beside.code, 1, "{beside:?}");
        assert_eq!(admin.get(&format!("{USERS}?filter[id]=76,77,78")).expect(200).ids().len(), 2);
        let next = json!({"data": {"type": "users", "attributes": {"email": "next@example.com"}}});
        assert!(admin.post(USERS, &next).expect(201).id() > 78);
        for client in [&by_jwt, &by_token] {
            client.get(ME).refused(401, "unauthenticated");
        }
        // An id in use and a taken e-mail address get the usual errors.
        let taken = run(&app.home().text(), &["user", "add", "--id", "76", "--email", "x@example.com"]);
        assert!(taken.stderr.contains("another user has this id"), "{taken:?}");
        app.assert_no_drift();
    }
);

both!(ids_of_users_deleted_by_operations_stay_retired, |app| {
    let admin = app.admin();
    let (one, other) = (app.user().id, app.user().id);
    let remove = json!({"op": "remove", "ref": {"type": "users", "id": one.to_string()}});
    let body = json!({"atomic:operations": [remove]}).to_string();
    let atomic = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    admin.send("POST", "/api/v2/operations", &[("content-type", atomic)], Some(body.as_bytes())).expect(200);
    admin.delete(&format!("{USERS}/{other}")).expect(204);
    for id in [one, other] {
        let refused = run(&app.home().text(), &["user", "add", "--id", &id.to_string(), "--email", "new@example.com"]);
        assert!(refused.code != 0 && refused.stderr.contains(&format!("user {id} was deleted")), "{refused:?}");
    }
});

both!(the_id_of_a_deleted_relationship_is_not_reused, |app| {
    let (admin, ann, bob, cleo) = (app.admin(), app.user(), app.user(), app.user());
    let make = |target: i64, kind: &str| ann.post(EDGES, &edge(None, kind, target)).expect(201).id();
    let (kept, deleted, with_user) = (make(bob.id, "mentor"), make(bob.id, "colleague"), make(cleo.id, "mentor"));
    let line = |id: i64, kind: &str| {
        let mut line = relation(ann.id, kind, bob.id);
        line["id"] = json!(id);
        line
    };
    ann.delete(&format!("{EDGES}/{deleted}")).expect(204);
    import(app, &lines(&[line(kept, "mentor"), line(deleted, "colleague")]), &[]).expect(0);
    ann.get(&format!("{EDGES}/{deleted}")).refused(404, "not-found");
    let mentors = ann.get(&format!("{EDGES}?user={}&relationship=mentor&target={}", ann.id, bob.id)).expect(200);
    assert_eq!(mentors.ids(), [kept], "existing records stay unchanged");
    let again = ann.get(&format!("{EDGES}?user={}&relationship=colleague", ann.id)).expect(200).ids();
    assert!(again.len() == 1 && again[0] > with_user, "{again:?}");

    // A relationship that is deleted with its user.
    admin.delete(&format!("{USERS}/{}", cleo.id)).expect(204);
    let last = ann.post(EDGES, &edge(None, "subordinate", bob.id)).expect(201).id();
    ann.delete(&format!("{EDGES}/{last}")).expect(204);
    for id in [with_user, last] {
        import(app, &lines(&[line(id, "subordinate")]), &[]).expect(0);
        ann.get(&format!("{EDGES}/{id}")).refused(404, "not-found");
        let made = ann.get(&format!("{EDGES}?user={}&relationship=subordinate", ann.id)).expect(200).ids();
        assert_eq!(made.len(), 1);
        ann.delete(&format!("{EDGES}/{}", made[0])).expect(204);
    }
    // An id that no relationship ever had is accepted.
    import(app, &lines(&[line(5_000, "subordinate")]), &[]).expect(0);
    ann.get(&format!("{EDGES}/5000")).expect(200);
    app.assert_no_drift();
});

both!(deleted_relationships_leave_no_rows, |app| {
    let (ann, bob) = (app.user(), app.user());
    let mut raw = Raw::connect(&app.config.database_url);
    let rows = "SELECT COUNT(*) AS number FROM retired_relationship_ids";
    let before = raw.number(rows);
    for _ in 0..40 {
        let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
        ann.delete(&format!("{EDGES}/{id}")).expect(204);
    }
    assert_eq!(raw.number(rows), before);
});

#[test]
fn an_import_into_an_empty_database_keeps_the_ids() {
    for fixture in ImportFixture::all() {
        let mut first = relation(7, "mentor", 9);
        first["id"] = json!(41);
        let mut second = relation(9, "mentor", 7);
        second["id"] = json!(17);
        fixture.import(&lines(&[user(9), user(7), first, second]), &[]).expect(0);
        let exported = fixture.export();
        let Some(other) = ImportFixture::new(if fixture.home.file().is_some() {
            crate::support::Engine::Sqlite
        } else {
            crate::support::Engine::Postgres
        }) else {
            return;
        };
        other.import(&exported, &[]).expect(0);
        assert_eq!(other.export(), exported);
        assert_eq!(other.number("SELECT MAX(id) AS number FROM user_relationships"), 41);
    }
}
