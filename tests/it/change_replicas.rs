//! The feed with a replica: it and the past are read from the primary, which alone has every committed change.

use user_relationships::clock::Clock;

use crate::support::changes::{CHANGES, cursor, now};
use crate::support::cluster::PrivateServer;
use crate::support::graph::{EDGES, retype};
use crate::support::past::as_of;
use crate::support::process::{PATIENCE, Service, until};
use crate::support::replica::{admin, raw, replica_pair};
use crate::support::skip::skip;
use crate::support::{edge, json};

const APPEND: &str = "INSERT INTO changes (n, place, at, action, subject_type, subject_id) \
                      SELECT last_number + 1, 0, last_at, 0, 1, 5 FROM change_log; \
                      UPDATE change_log SET last_number = last_number + 1";

#[test]
fn changes_come_from_the_primary() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[]);
    let root = admin(&pair.url(), &service);
    let position = now(&root);
    pair.pause();
    raw(&pair.url()).run(APPEND);
    let page = root.get(&format!("{CHANGES}?page[after]={position}")).expect(200);
    assert_eq!(page.ids().len(), 1, "{}", page.text);
    let history = root.get(&format!("/api/v2/users/{}/changes?page[after]={position}", root.id)).expect(200);
    assert_eq!(cursor(&history), cursor(&page));
}

#[test]
fn the_past_comes_from_the_primary() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[]);
    let root = admin(&pair.url(), &service);
    let new = json!({"data": {"type": "users", "attributes": {"email": "past@example.com"}}});
    let other = root.post("/api/v2/users", &new).expect(201).id();
    let id = root.post(EDGES, &edge(None, "mentor", other)).expect(201).id();
    pair.pause();
    retype(&root, id, "colleague").expect(200);
    let moment = as_of(Clock::System.now().plus_seconds(30).micros());
    let mentors = format!("/api/v2/users/{}/mentors?", root.id);
    for list in
        [&format!("{EDGES}?filter[user]=me&relationship=mentor&"), &mentors, &format!("{mentors}max-depth=all&")]
    {
        assert_eq!(root.get(list).expect(200).total(), 1, "the replica is up to date: {list}");
        assert_eq!(root.get(&format!("{list}{moment}")).expect(200).total(), 0, "{list}");
    }
    assert_eq!(root.get(&format!("{EDGES}/{id}/changes")).expect(200).ids().len(), 2);
}

#[test]
fn changes_are_503_while_the_primary_is_away() {
    let Some(mut primary) = PrivateServer::start() else { return skip("no PostgreSQL programs") };
    let url = primary.url("postgres");
    // The server is killed, which must not lose the user and its token.
    raw(&url).run("ALTER ROLE postgres SET synchronous_commit = on");
    let token = crate::support::process::new_user_token(&url, "root@example.com", "admin");
    let service = Service::start(&url, &[("DATABASE_TIMEOUT", "500ms")]);
    let root = service.client(&token);
    let position = now(&root);
    let path = format!("{CHANGES}?page[after]={position}");
    primary.stop();
    let refused = root.send("GET", &path, &[("prefer", "wait=5")], None).refused(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    primary.start_again();
    until("the feed is back", PATIENCE, || root.get(&path).status == 200);
}
