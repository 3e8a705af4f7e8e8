//! External callers and graphs: neither rows, counts, paths, examples nor refusals tell of a user that is hidden from them.

use std::collections::BTreeSet;

use crate::both;
use crate::support::graph::{self, EDGES, TYPES, acyclic, create, register, repetitions, stored, symmetric, users};
use crate::support::random::Random;
use crate::support::{Answer, App, Client, Value, json};

const USERS: &str = "/api/v2/users";
const JSON_API: [(&str, &str); 1] = [("content-type", "application/vnd.api+json")];
const KINDS: [&str; 4] = ["boss", "needs", "knows", "pair"];
/// Far from any other number in a document, so that an id is found in its text.
const FIRST: i64 = 7_130_000_000_001;

/// A random graph of every kind of type around an external caller.
struct Scene<'a> {
    app: &'a App,
    admin: Client,
    ext: Client,
    /// All users besides the admin.
    ids: Vec<i64>,
    random: Random,
}

impl<'a> Scene<'a> {
    fn new(app: &'a App) -> Self {
        let admin = app.admin();
        let rules =
            [json!({"is-acyclic": true, "max-per-user": 1}), acyclic(), json!({"max-per-user": 3}), symmetric()];
        for (kind, mut rules) in KINDS.into_iter().zip(rules) {
            rules["user-role"] = json!(format!("{kind}-users"));
            rules["target-role"] = json!(format!("{kind}-{}", if kind == "pair" { "users" } else { "targets" }));
            register(&admin, kind, &rules);
        }
        // The next users get ids from here on.
        let first = json!({"type": "user", "id": FIRST, "email": "first@example.org"});
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("first.ndjson");
        std::fs::write(&file, first.to_string()).expect("a file");
        crate::support::process::run(&app.home().text(), &["import", &file.display().to_string()]).expect(0);
        let ext = app.caller("ext");
        let mut ids = users(app, 10);
        assert!(ids[0] > FIRST && ext.id > FIRST);
        ids.push(ext.id);
        let mut scene = Self { app, admin, ext, ids, random: Random::new(11) };
        for _ in 0..60 {
            let (kind, user, target) = (KINDS[scene.random.below(4)], scene.any_user(), scene.any_user());
            // Rules refuse some.
            assert_ne!(create(&scene.admin, user, kind, target).status, 500);
        }
        scene
    }

    fn any_user(&mut self) -> i64 {
        self.random.choose(&self.ids)
    }

    /// The users whom the caller may see: itself, and the other ends of its edges.
    fn visible(&self) -> BTreeSet<i64> {
        let me = self.ext.id;
        let edges = KINDS.iter().flat_map(|kind| stored(self.app, kind).into_values());
        edges
            .filter(|(user, target)| *user == me || *target == me)
            .flat_map(|ends| [ends.0, ends.1])
            .chain([me])
            .collect()
    }

    /// A random URL of a role or of edges.
    fn url(&mut self) -> String {
        let kind = KINDS[self.random.below(4)];
        let end = if kind == "pair" || self.random.below(2) == 0 { "users" } else { "targets" };
        // Mostly the caller itself: all other users that it sees are few.
        let user = if self.random.below(3) == 0 { self.any_user() } else { self.ext.id };
        let (one, other) = (self.any_user(), self.any_user());
        let depth = ["all", "1", "2", "64"][self.random.below(4)];
        let role = format!("{kind}-{end}");
        match self.random.below(14) {
            0..4 => format!("{USERS}/{user}/{role}?max-depth={depth}&page[size]={}", 1 + self.random.below(3)),
            4 => format!("{USERS}/{user}/{role}?max-depth={depth}&limit=0"),
            5 => format!("{USERS}/{user}/{role}?max-depth={depth}&filter[id]={one},{other}"),
            6 => format!("{USERS}/{user}/{role}?max-depth={depth}&filter[shared-with]={one}"),
            7 => format!("{USERS}/{user}/{role}"),
            8 => format!("{USERS}/{user}/relationships/{role}"),
            9 => format!("{USERS}/{user}?include={role}"),
            10 => format!("{USERS}?filter[has]={role}&include={role}"),
            11 => format!("{USERS}?filter[lacks]={role}"),
            12 => format!("{EDGES}?filter[participant]={one},{other}&include=user,target"),
            _ => format!("{EDGES}?user={one}&relationship={kind}"),
        }
    }

    /// A random write.
    fn write(&mut self) -> (&'static str, String, Option<Value>) {
        let (kind, user, target) = (KINDS[self.random.below(4)], self.any_user(), self.any_user());
        let user = if self.random.below(4) == 0 { user } else { self.ext.id };
        let role = format!("{kind}-{}", if kind == "pair" || self.random.below(4) == 0 { "users" } else { "targets" });
        let member = json!({"type": "users", "id": target.to_string()});
        let linkage = format!("{USERS}/{user}/relationships/{role}");
        let edges: Vec<_> = stored(self.app, kind).into_keys().collect();
        let edge = edges.get(self.random.below(edges.len().max(1))).copied().unwrap_or(1);
        match self.random.below(9) {
            0..3 => ("POST", EDGES.to_owned(), Some(crate::support::edge(Some(user), kind, target))),
            3 => ("PATCH", linkage, Some(json!({"data": member}))),
            4 => ("POST", linkage, Some(json!({"data": [member]}))),
            5 => ("DELETE", linkage, Some(json!({"data": [member]}))),
            6 => {
                let body = json!({"data": {"type": "user-relationships", "id": edge.to_string(),
                                           "attributes": {"relationship": KINDS[self.random.below(4)]}}});
                ("PATCH", format!("{EDGES}/{edge}"), Some(body))
            }
            7 => ("PATCH", format!("{TYPES}/{kind}"), Some(graph::kind(kind, &json!({"max-per-user": 1})))),
            _ => ("DELETE", format!("{USERS}/{user}?transfer-to={target}"), None),
        }
    }

    /// Asserts that an answer has no id of a hidden user, except those that the request named.
    #[track_caller]
    fn assert_hides(&self, request: &str, answer: &Answer, visible: &BTreeSet<i64>) {
        assert!(answer.status < 500, "{request}: {}", answer.text);
        for id in self.ids.iter().chain([&FIRST]).filter(|id| !visible.contains(id)) {
            let is_told = answer.text.contains(&id.to_string()) && !request.contains(&id.to_string());
            assert!(!is_told, "{request} tells of {id}: {}", answer.text);
        }
        assert!(
            !answer.text.contains("below-count") && !answer.text.contains("\"path\""),
            "{request}: {}",
            answer.text
        );
        if let (Some(rows), 200) = (answer.body["data"].as_array(), answer.status)
            && answer.body["data"][0]["type"] == "users"
        {
            let hidden = rows.iter().any(|row| {
                let id: i64 = row["id"].as_str().expect("an id").parse().expect("a number");
                !visible.contains(&id)
            });
            assert!(!hidden, "{request}: {}", answer.text);
        }
    }
}

both!(nothing_tells_an_ext_caller_of_hidden_users_in_graphs, |app| {
    let mut scene = Scene::new(app);
    let visible = scene.visible();
    assert!(visible.len() > 3 && visible.len() < scene.ids.len(), "{visible:?} of {:?}", scene.ids);
    let (mut rows, mut refused) = (0, BTreeSet::new());
    for _ in 0..repetitions("TRAVERSAL_ROUNDS", 150) {
        let (url, visible) = (scene.url(), scene.visible());
        let (mut next, mut found, mut total) = (Some(url), 0, None);
        while let Some(url) = next {
            let page = scene.ext.get(&url);
            scene.assert_hides(&url, &page, &visible);
            next = page.body["links"]["next"].as_str().map(str::to_owned);
            found += page.body["data"].as_array().map_or(0, Vec::len);
            let is_count = url.contains("limit=0");
            total = page.body["meta"]["total-count"].as_i64().filter(|_| !is_count);
            rows += found;
        }
        if let Some(total) = total {
            assert_eq!(total, i64::try_from(found).expect("few"), "a count agrees with its rows");
        }
        let (method, path, body) = scene.write();
        let visible = scene.visible();
        let text = body.as_ref().map(ToString::to_string);
        let headers = if text.is_some() { &JSON_API[..] } else { &[] };
        let answer = scene.ext.send(method, &path, headers, text.as_deref().map(str::as_bytes));
        let request = format!("{method} {path} {}", text.unwrap_or_default());
        scene.assert_hides(&request, &answer, &visible);
        refused.extend(answer.codes().into_iter().map(str::to_owned));
    }
    assert!(rows > 50, "{rows} rows");
    for code in ["already-exists", "too-many-relationships", "related-resource-not-found", "not-owner"] {
        assert!(refused.contains(code), "{code} is not in {refused:?}");
    }
});

both!(a_hidden_user_is_refused_to_an_ext_caller_like_a_missing_one, |app| {
    let mut scene = Scene::new(app);
    let visible = scene.visible();
    let hidden: Vec<_> = scene.ids.iter().copied().filter(|id| !visible.contains(id)).collect();
    assert!(!hidden.is_empty());
    let missing = FIRST + 900_000;
    for id in hidden {
        for _ in 0..20 {
            let ((url, (method, path, body)), placeholder) = ((scene.url(), scene.write()), "{id}");
            let any = scene.ids.iter().map(ToString::to_string).collect::<Vec<_>>();
            // The same request about the hidden user and about one that never was.
            let about = |text: &str, id: i64| {
                let mut text = text.to_owned();
                for known in any.iter().filter(|known| **known != scene.ext.id.to_string()) {
                    text = text.replace(known, placeholder);
                }
                text.replace(placeholder, &id.to_string())
            };
            let neutral = |answer: Answer, id: i64| {
                let mut body = answer.body;
                for error in body["errors"].as_array_mut().into_iter().flatten() {
                    error["id"] = Value::Null;
                }
                (answer.status, body.to_string().replace(&id.to_string(), placeholder))
            };
            let get = |id: i64| neutral(scene.ext.get(&about(&url, id)), id);
            let (of_hidden, of_missing) = (get(id), get(missing));
            // Cursors and tags differ with the filter; statuses, counts and errors do not.
            assert_eq!(of_hidden.0, of_missing.0, "{url}");
            if of_hidden.0 >= 400 {
                assert_eq!(of_hidden.1, of_missing.1, "{url}");
            }
            if path.starts_with(&format!("{EDGES}/")) || path.starts_with(TYPES) {
                continue;
            }
            let send = |id: i64| {
                let body = body.as_ref().map(|body| about(&body.to_string(), id));
                let headers = if body.is_some() { &JSON_API[..] } else { &[] };
                neutral(scene.ext.send(method, &about(&path, id), headers, body.as_deref().map(str::as_bytes)), id)
            };
            let (of_hidden, of_missing) = (send(id), send(missing));
            assert_eq!(of_hidden, of_missing, "{method} {path}");
        }
    }
});

both!(a_cycle_through_hidden_users_tells_an_ext_caller_nothing_of_them, |app| {
    let scene = Scene::new(app);
    let (ext, ids) = (scene.ext.id, users(app, 3));
    for (user, target) in [(ids[0], ids[1]), (ids[1], ids[2]), (ids[2], ext)] {
        create(&scene.admin, user, "needs", target).expect(201);
    }
    create(&scene.admin, ids[0], "pair", ext).expect(201);
    let visible = scene.visible();
    assert!(visible.contains(&ids[0]) && !visible.contains(&ids[1]));
    let refused = create(&scene.ext, ext, "needs", ids[0]).refused(409, "relationship-cycle");
    assert!(!refused.text.contains(&ids[1].to_string()) && graph::meta(&refused, "path").is_null(), "{}", refused.text);
});
