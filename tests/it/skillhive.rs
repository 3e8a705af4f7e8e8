//! Skillhive's documented exchange, as printed: its clients work unchanged.

use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::id::UserId;
use user_relationships::model::user::{Field, Value as Held};

use crate::both;
use crate::support::{App, Client, Value, edge, json};

/// The documentation's request to create a relationship.
const CREATE: &str = r#"
    {"data":{"type":"user-relationships","attributes":{"relationship":"subordinate"},
             "relationships":{"user":{"data":{"type":"users","id":"1234"}},"target":{"data":{"type":"users","id":"9876"}}}}}"#;

/// Asserts that `whole` has every member of `part`, with the same value.
#[track_caller]
fn assert_has(whole: &Value, part: &Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                assert_has(whole.get(name).unwrap_or_else(|| panic!("no `{name}`")), value);
            }
        }
        (Value::Array(whole), Value::Array(part)) => {
            assert_eq!(whole.len(), part.len());
            whole.iter().zip(part).for_each(|(whole, part)| assert_has(whole, part));
        }
        _ => assert_eq!(whole, part),
    }
}

/// A user with a given id, as a client.
fn user_with_id(app: &App, id: i64, level: &str) -> Client {
    let changes = vec![
        (Field::Email, Held::Text(format!("user{id}@example.com"))),
        (Field::AccessLevel, Held::Text(level.to_owned())),
    ];
    app.write(move |tx| users::create(tx, &Caller::OPERATOR, Some(UserId::new(id)), &changes));
    app.client_of(UserId::new(id))
}

both!(
    skillhives_documented_exchange_works_as_printed,
    |config| {
        config.time_zone = chrono_tz::Europe::Helsinki;
    },
    |app| {
        let user = user_with_id(app, 1234, "user");
        user_with_id(app, 9876, "user");
        let headers = [("content-type", "application/vnd.api+json")];
        let made = user.send("POST", "/api/v2/user-relationships", &headers, Some(CREATE.as_bytes())).expect(201);
        assert_eq!(made.header("location"), made.body["data"]["links"]["self"].as_str());
        for name in ["created-at", "updated-at"] {
            let time = made.body["data"]["attributes"][name].as_str().unwrap();
            assert!(time.ends_with(" +0300") || time.ends_with(" +0200"), "{time}");
        }
        let listed =
            user.get("/api/v2/user-relationships?user=1234&relationship=subordinate&offset=0&limit=20").expect(200);
        let attributes = &made.body["data"]["attributes"];
        assert_has(
            &listed.body,
            &json!({
                "data": [{
                    "type": "user-relationships",
                    "id": made.id().to_string(),
                    "attributes": {
                        "relationship": "subordinate",
                        "created-at": attributes["created-at"],
                        "updated-at": attributes["updated-at"],
                    },
                    "relationships": {"target": {"data": {"type": "users", "id": "9876"}}},
                }],
                "meta": {"total-count": 1},
            }),
        );
        let for_another = edge(Some(9876), "subordinate", 1234);
        user.post("/api/v2/user-relationships", &for_another).refused(403, "not-owner");
        user_with_id(app, 5, "admin").post("/api/v2/user-relationships", &for_another).expect(201);
        user.delete(&format!("/api/v2/user-relationships/{}", made.id())).expect(204);
    }
);
