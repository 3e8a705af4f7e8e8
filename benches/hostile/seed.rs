//! The data: users and relationships from `benches/load`, one normal user, and attackers that store as much as ordinary
//! users may, through the API.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::Stop;
use super::data::run;
use super::http::{Client, JSON_API, Request};

/// The number of attackers.
pub const ATTACKERS: usize = 12;
/// Members of the group whose list includes them.
const MEMBERS: usize = 400;
/// Lists of a profile, each of up to 100 strings of 1,000 characters.
const LISTS: [&str; 8] = ["location", "unit", "phone", "mobile", "job-title", "website", "skype", "twitter"];
/// A character of four bytes.
const WIDE: &str = "\u{1D11E}";
const PATIENCE: Duration = Duration::from_mins(1);

/// A user with a token.
#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub token: String,
}

/// Facts about the data of a run.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The largest user id; ids begin at 1.
    pub users: u64,
    pub normal: User,
    pub attackers: Vec<User>,
    /// The token of an admin.
    pub admin: String,
    /// The group with many large members.
    pub group: String,
    /// How much the attackers stored, for the report.
    pub stored: String,
}

/// Creates the users and tokens with the command line.
pub fn make_users(url: &str, users: u64, admin: &str) -> Seed {
    let user = |email: &str| {
        run(url, &["user", "add", "--email", email, "--access-level", "user"]);
        let token = run(url, &["token", "create", "--user", email]).trim().to_owned();
        User { id: String::new(), token }
    };
    let normal = user("normal@example.org");
    let attackers = (0..ATTACKERS).map(|number| user(&format!("attacker{number}@example.org"))).collect();
    Seed { users, normal, attackers, admin: admin.to_owned(), group: String::new(), stored: String::new() }
}

/// Stores as much as ordinary users may: profiles, and a group with members.
pub fn fill(address: SocketAddr, seed: &mut Seed) {
    let stop = Stop::default();
    let mut client = Client::new(address, Ipv4Addr::new(127, 0, 0, 4), &stop);
    for user in seed.attackers.iter_mut().chain([&mut seed.normal]) {
        let me = client.send(&Request::new("GET", "/api/v2/users/me").token(&user.token), PATIENCE).expect("an answer");
        assert_eq!(me.status, 200, "{}", String::from_utf8_lossy(&me.body));
        user.id = me.member("id").expect("an id");
    }
    let mut profile = 0;
    for user in &seed.attackers {
        profile = fill_profile(&mut client, user).max(profile);
    }
    let (group, members, size) = fill_group(&mut client, &seed.attackers[0], seed.users);
    seed.group = group;
    seed.stored = format!("profiles of {} KiB, a group of {members} members of {size} KiB", profile / 1024);
}

/// The largest profile that the service accepts, roughly, in bytes.
fn fill_profile(client: &mut Client, user: &User) -> usize {
    let mut stored = 0;
    let mut patch = |attributes: String| {
        let body = format!(r#"{{"data":{{"type":"users","id":"{}","attributes":{{{attributes}}}}}}}"#, user.id);
        let request = Request::new("PATCH", "/api/v2/users/me").token(&user.token).body(JSON_API, body);
        client.send(&request, PATIENCE).is_ok_and(|answer| answer.status == 200)
    };
    // This name is the first in the list by name.
    assert!(patch(r#""first-name":"!!""#.to_owned()), "a user may change its name");
    let item = format!("\"{}\"", WIDE.repeat(1_000));
    for list in LISTS {
        let mut items = 100;
        while items > 0 && !patch(format!(r#""{list}":[{}]"#, vec![item.as_str(); items].join(","))) {
            items /= 2;
        }
        stored += items * item.len();
    }
    stored
}

/// A group with large members: its id, how many, and the KiB of each.
fn fill_group(client: &mut Client, owner: &User, users: u64) -> (String, usize, usize) {
    let mut post = |path: &str, form: &str, parent: &str, values: String| {
        let body = format!(
            r#"{{"form_configuration_name":"reference_rest_api_{form}","parent_resource_id":"{parent}","form":{values}}}"#
        );
        let request = Request::new("POST", path).token(&owner.token).body("application/json", body);
        client.send(&request, PATIENCE)
    };
    let values = r#"{"properties":{"group_name":"Captains"}}"#.to_owned();
    let made = post("/api/user/relationships", "relationship_create", "special_group", values).expect("an answer");
    assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    let group = made.member("id").expect("an id");
    let mut length = 10_000;
    let mut members = 0;
    while members < MEMBERS && length > 0 {
        let user = 3 + members as u64 % (users - 3);
        let status = WIDE.repeat(length);
        let values = format!(r#"{{"relationship_id":{group},"user_id":{user},"properties":{{"status":"{status}"}}}}"#);
        let form = ("relationship_user_create", "special_group_users");
        let made = post("/api/user/relationship_users", form.0, form.1, values).expect("an answer");
        if made.status == 201 { members += 1 } else { length /= 2 }
    }
    (group, members, length * WIDE.len() / 1024)
}
