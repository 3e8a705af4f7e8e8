//! The roles of relationship types: reserved and taken names, also for concurrent requests.

use std::sync::Barrier;
use std::thread;

use user_relationships::model::user::USER_MEMBERS;

use crate::both;
use crate::support::graph::assert_no_deadlock;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, json};

const URL: &str = "/api/v2/relationship-types";
const MENTOR: &str = "/api/v2/relationship-types/mentor";

fn document(name: &str, attributes: &Value) -> Value {
    json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}})
}

fn register(client: &Client, name: &str, attributes: &Value) -> Answer {
    client.post(URL, &document(name, attributes))
}

fn change(client: &Client, name: &str, attributes: &Value) -> Answer {
    client.patch(&format!("{URL}/{name}"), &document(name, attributes))
}

/// Code and pointer of every error of a document.
fn errors(answer: &Answer) -> Vec<(&str, &str)> {
    let errors = answer.body["errors"].as_array().unwrap().iter();
    errors
        .map(|error| (error["code"].as_str().unwrap(), error["source"]["pointer"].as_str().unwrap_or("none")))
        .collect()
}

fn detail(answer: &Answer) -> &str {
    answer.body["errors"][0]["detail"].as_str().unwrap()
}

fn pointer(attribute: &str) -> String {
    format!("/data/attributes/{attribute}")
}

both!(reserved_names_cannot_be_roles, |app| {
    let admin = app.admin();
    let others =
        ["type", "id", "lid", "links", "meta", "relationships", "me", "changes", "groups", "mentor", "subordinate"];
    for name in USER_MEMBERS.iter().chain(&others) {
        for role in ["user-role", "target-role"] {
            for answer in
                [change(&admin, "colleague", &json!({role: name})), register(&admin, "new", &json!({role: name}))]
            {
                let refused = answer.refused(422, "invalid-attribute");
                assert_eq!(errors(&refused), [("invalid-attribute", &*pointer(role))], "{name}");
                let words = detail(&refused);
                assert!(words.contains(&format!("`{name}`")) && words.contains("choose another"), "{words}");
            }
        }
    }
    // The type itself may have the name.
    change(&admin, "colleague", &json!({"user-role": "colleague"})).expect(200);
    register(&admin, "email", &json!({})).expect(201);
});

both!(a_role_of_another_type_is_taken, |app| {
    let admin = app.admin();
    for role in ["user-role", "target-role"] {
        for taken in ["subordinates", "supervisors", "mentees", "mentors"] {
            for answer in
                [change(&admin, "colleague", &json!({role: taken})), register(&admin, "new", &json!({role: taken}))]
            {
                let refused = answer.refused(409, "role-taken");
                assert_eq!(errors(&refused), [("role-taken", &*pointer(role))], "{taken}");
                assert!(detail(&refused).contains(&format!("`{taken}`")), "{}", refused.text);
            }
        }
    }
    // A role that is given up is free.
    change(&admin, "mentor", &json!({"user-role": null})).expect(200);
    change(&admin, "colleague", &json!({"target-role": "mentees"})).expect(200);
    admin.delete(MENTOR).expect(204);
    change(&admin, "colleague", &json!({"user-role": "mentors"})).expect(200);
    // Both roles of one type may be exchanged.
    let exchanged = json!({"user-role": "mentees", "target-role": "mentors"});
    let changed = change(&admin, "colleague", &exchanged).expect(200);
    assert_eq!(changed.body["data"]["attributes"]["target-role"], "mentors");
});

both!(no_type_is_registered_with_the_name_of_a_role, |app| {
    let admin = app.admin();
    for name in ["supervisors", "mentees"] {
        let refused = register(&admin, name, &json!({})).refused(409, "role-taken");
        assert_eq!(errors(&refused), [("role-taken", "/data/id")]);
        assert!(detail(&refused).contains("choose another name"), "{}", refused.text);
        admin.get(&format!("{URL}/{name}")).refused(404, "not-found");
    }
    let own = json!({"user-role": "friend", "target-role": "friends"});
    register(&admin, "friend", &own).expect(201);
    register(&admin, "friend", &own).refused(409, "already-exists");
    change(&admin, "mentor", &json!({"user-role": "pupils"})).expect(200);
    register(&admin, "mentees", &json!({})).expect(201);
});

both!(a_role_that_is_kept_is_not_checked_again, |app| {
    // An earlier release knows no roles.
    let earlier = "INSERT INTO relationship_types (id, name, created_at, updated_at) VALUES (77, 'supervisors', 0, 0)";
    Raw::connect(&app.config.database_url).run(earlier);
    let admin = app.admin();
    let changed = change(&admin, "subordinate", &json!({"description": "Reports to", "is-acyclic": true})).expect(200);
    assert_eq!(changed.body["data"]["attributes"]["target-role"], "supervisors");
    change(&admin, "supervisors", &json!({"managed-by": "admin"})).expect(200);
    change(&admin, "subordinate", &json!({"target-role": "bosses"})).expect(200);
    change(&admin, "subordinate", &json!({"target-role": "supervisors"})).refused(422, "invalid-attribute");
});

/// Two admins of two instances, which claim the same name at the same time in all ways; returns the statuses.
fn claim_concurrently(app: &App, beside: &App, round: usize) -> Vec<u16> {
    let (admin, name) = (app.admin(), format!("role-{round}"));
    for kind in ["one", "two"] {
        register(&admin, &format!("{kind}-{round}"), &json!({})).expect(201);
    }
    let there = beside.client_like(&admin);
    let claims: [(&Client, &str, String, Value); 4] = [
        (&admin, "PATCH", format!("one-{round}"), json!({"user-role": name})),
        (&there, "PATCH", format!("two-{round}"), json!({"target-role": name})),
        (&admin, "POST", name.clone(), json!({})),
        (&there, "POST", format!("three-{round}"), json!({"target-role": name})),
    ];
    let start = Barrier::new(claims.len());
    thread::scope(|scope| {
        let claim = |(client, method, kind, attributes): (&Client, &str, String, Value)| {
            let (start, client, method) = (&start, client.clone(), method.to_owned());
            scope.spawn(move || {
                start.wait();
                match method.as_str() {
                    "PATCH" => change(&client, &kind, &attributes).status,
                    _ => register(&client, &kind, &attributes).status,
                }
            })
        };
        let all: Vec<_> = claims.into_iter().map(claim).collect();
        all.into_iter().map(|one| one.join().expect("no panic")).collect()
    })
}

both!(of_concurrent_claims_of_a_role_one_succeeds, |app| {
    let beside = app.beside();
    for round in 0..40 {
        let statuses = claim_concurrently(app, &beside, round);
        let winners = statuses.iter().filter(|status| **status < 300).count();
        assert!(
            winners == 1 && statuses.iter().all(|status| [200, 201, 409, 422].contains(status)),
            "{round}: {statuses:?}"
        );
    }
});

both!(changes_of_types_do_not_wait_for_each_other_in_a_circle, |app| {
    let beside = app.beside();
    let admin = app.admin();
    let there = beside.client_like(&admin);
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for number in 0..8 {
            let (start, client) = (&start, if number % 2 == 0 { &admin } else { &there });
            scope.spawn(move || {
                start.wait();
                for round in 0..10 {
                    let (kind, text) = (["mentor", "colleague"][(number + round) % 2], format!("{number} {round}"));
                    let sent =
                        if number % 4 < 2 { json!({"description": text}) } else { json!({"max-per-user": 10 + round}) };
                    change(client, kind, &sent).expect(200);
                }
            });
        }
    });
    assert_no_deadlock(app);
});
