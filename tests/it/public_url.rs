//! `PUBLIC_URL`: absolute links, and a path under which everything is served.

use user_relationships::config::Config;
use user_relationships::http::jsonapi::etag::TagBuilder;
use user_relationships::http::jsonapi::profile::Applied;
use user_relationships::http::jsonapi::render_options::RenderOptions;
use user_relationships::http::urls::BaseUrl;

use crate::both;
use crate::support::groups::{new_group, new_member};
use crate::support::{App, Client, Value, edge, json};

const ORIGIN: &str = "https://people.example";
const BASE: &str = "https://people.example/hr/relationships";
const PATH: &str = "/hr/relationships";
const EDGES: &str = "/api/v2/user-relationships";
const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";

/// All links of a document, at any depth.
fn links_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for link in members.get("links").and_then(Value::as_object).into_iter().flat_map(|links| links.values()) {
                found.extend(link.as_str().or_else(|| link["href"].as_str()).map(str::to_owned));
            }
            members.values().for_each(|member| links_in(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| links_in(item, found)),
        _ => {}
    }
}

/// Asserts that every link of a document starts with `base` and leads to this service.
fn check_links(client: &Client, document: &Value, base: &str, path: &str) -> usize {
    let mut found = Vec::new();
    links_in(document, &mut found);
    for link in &found {
        let target = link.strip_prefix(base).unwrap_or_else(|| panic!("{link} does not start with {base}"));
        assert!(target.starts_with('/'), "{link}");
        client.get(&format!("{path}{}", target.split('#').next().unwrap())).expect(200);
    }
    found.len()
}

/// Creates one resource of each type and returns the paths of lists and single resources.
fn fill(app: &App, path: &str) -> (Client, Vec<String>) {
    let (ann, bob) = (app.user(), app.user());
    let made = ann.post(&format!("{path}{EDGES}"), &edge(None, "mentor", bob.id)).expect(201);
    let group = new_group(app, ann.id, "{}");
    new_member(app, group, bob.id, "{}");
    let lists = ["users", "user-relationships", "relationship-types", "groups", "group-members"];
    let mut paths: Vec<_> = lists.iter().map(|list| format!("{path}/api/v2/{list}?limit=1")).collect();
    for list in [
        "user-relationships?include=user,target&page[size]=1",
        "groups?include=members,owner",
        "users?page[number]=1&page[size]=1",
    ] {
        paths.push(format!("{path}/api/v2/{list}"));
    }
    let id = made.id();
    for one in [
        format!("user-relationships/{id}"),
        format!("user-relationships/{id}/relationships/target"),
        format!("user-relationships/{id}/user"),
        format!("groups/{group}/relationships/owner"),
        "users/me".to_owned(),
    ] {
        paths.push(format!("{path}/api/v2/{one}"));
    }
    paths.extend([format!("{path}/api/v2"), format!("{path}/"), format!("{path}/livez"), format!("{path}/readyz")]);
    (ann, paths)
}

both!(
    links_are_absolute_with_a_public_url,
    |config| {
        config.public_url = Some(ORIGIN.to_owned());
    },
    |app| {
        let (ann, paths) = fill(app, "");
        for path in &paths {
            let answer = ann.get(path).expect(200);
            let links = check_links(&ann, &answer.body, ORIGIN, "");
            assert!(links > 0, "{path} has no links");
        }
        let bob = app.user();
        let made = ann.post(EDGES, &edge(None, "colleague", bob.id)).expect(201);
        let location = made.header("location").unwrap();
        assert_eq!(
            (location, location.strip_prefix(ORIGIN)),
            (made.body["data"]["links"]["self"].as_str().unwrap(), Some(&*format!("{EDGES}/{}", made.id())))
        );
        let exists = ann.post(EDGES, &edge(None, "colleague", bob.id)).refused(409, "already-exists");
        let links = &exists.body["errors"][0]["links"];
        assert_eq!(links, &json!({"type": format!("{ORIGIN}/docs#already-exists"), "about": location}));
        let openapi = ann.get("/openapi.json").expect(200).body;
        assert_eq!(
            (&openapi["servers"][0]["url"], &openapi["externalDocs"]["url"]),
            (&json!(ORIGIN), &json!(format!("{ORIGIN}/docs")))
        );
    }
);

both!(
    a_retried_create_has_the_location_of_the_first,
    |config| {
        config.public_url = Some(BASE.to_owned());
    },
    |app| {
        let (ann, bob) = (app.user(), app.user());
        let body = edge(None, "mentor", bob.id).to_string();
        let headers = [("content-type", "application/vnd.api+json"), ("idempotency-key", "k")];
        let send = || ann.send("POST", &format!("{PATH}{EDGES}"), &headers, Some(body.as_bytes())).expect(201);
        let (first, second) = (send(), send());
        assert_eq!(second.header("idempotent-replayed"), Some("true"));
        assert_eq!(first.header("location"), Some(&*format!("{BASE}{EDGES}/{}", first.id())));
        assert_eq!((first.header("location"), &first.body), (second.header("location"), &second.body));
    }
);

both!(links_are_relative_without_a_public_url, |app| {
    let (ann, paths) = fill(app, "");
    for path in &paths {
        check_links(&ann, &ann.get(path).expect(200).body, "", "");
    }
    let made = ann.post(EDGES, &edge(None, "colleague", app.user().id)).expect(201);
    assert_eq!(made.header("location"), Some(&*format!("{EDGES}/{}", made.id())));
    let openapi = ann.get("/openapi.json").expect(200).body;
    assert_eq!((&openapi["servers"][0]["url"], &openapi["externalDocs"]["url"]), (&json!("/"), &json!("/docs")));
});

fn below_a_path(config: &mut Config) {
    config.public_url = Some(BASE.to_owned());
    config.explorer = true;
}

both!(
    everything_is_served_below_the_path_of_the_public_url,
    |config| {
        below_a_path(config);
    },
    |app| {
        let (ann, paths) = fill(app, PATH);
        for path in &paths {
            let answer = ann.get(path).expect(200);
            check_links(&ann, &answer.body, BASE, PATH);
            assert_eq!(ann.send("HEAD", path, &[], None).expect(200).text, "");
        }
        let next = ann.get(&format!("{PATH}/api/v2/users?limit=1&sort=id")).expect(200).body["links"]["next"].clone();
        assert_eq!(
            next,
            json!(
                format!("{BASE}/api/v2/users?limit=1&sort=id")
                    .replace("limit=1&sort=id", "sort=id&page%5Boffset%5D=1&page%5Blimit%5D=1")
            )
        );
        // The document and the pages refer to the path.
        let openapi = ann.get(&format!("{PATH}/openapi.json")).expect(200).body;
        assert_eq!(openapi["servers"][0]["url"], json!(BASE));
        for page in ["/docs", "/explorer"] {
            let text = app.anonymous().get(&format!("{PATH}{page}")).expect(200).text;
            assert!(!text.contains("{base}"), "{page}");
            let attributes = [" href=\"", " src=\""].map(|name| text.split(name).skip(1));
            let references = attributes.into_iter().flatten().filter_map(|rest| rest.split('"').next());
            let references: Vec<_> = references.filter(|reference| reference.starts_with('/')).collect();
            assert!(references.len() >= 2, "{references:?}");
            for reference in references {
                assert!(reference.starts_with(PATH), "{reference}");
                app.anonymous().get(reference).expect(200);
            }
        }
        // Forms have no links; they are served below the path like everything else.
        let group = json!({
            "form_configuration_name": "reference_rest_api_relationship_create",
            "parent_resource_id": "special_group",
            "form": {"properties": {"group_name": "Captains"}},
        });
        ann.form("POST", &format!("{PATH}/api/user/relationships.json"), &group).expect(201);
        let wrong = ann.form("POST", &format!("{PATH}/api/user/relationships"), &json!({})).expect(406);
        assert_eq!(wrong.fields(), ["base"]);
    }
);

both!(
    only_probes_are_served_outside_the_path,
    |config| {
        below_a_path(config);
    },
    |app| {
        let ann = app.user();
        for probe in ["/livez", "/readyz", "/metrics", "/readyz?verbose"] {
            app.anonymous().get(probe).expect(200);
            app.anonymous().get(&format!("{PATH}{probe}")).expect(200);
        }
        for outside in [
            "/",
            "/docs",
            "/openapi.json",
            "/explorer",
            "/api/v2",
            EDGES,
            "/hr",
            "/hr/relationshipsx/api/v2",
            "/hr/relationshipsx",
        ] {
            ann.get(outside).refused(404, "not-found");
            app.anonymous().get(outside).refused(404, "not-found");
        }
        app.anonymous().get(&format!("{PATH}/api/nothing")).refused(401, "unauthenticated");
        app.anonymous().get(&format!("{PATH}/nothing")).refused(404, "not-found");
        ann.send("DELETE", &format!("{PATH}{EDGES}"), &[], None).refused(405, "method-not-allowed");
    }
);

both!(
    operations_accept_urls_with_and_without_the_path,
    |config| {
        below_a_path(config);
    },
    |app| {
        let ann = app.user();
        for url in [format!("{BASE}/api/v2/users/me"), format!("{PATH}/api/v2/users/me"), "/api/v2/users/me".to_owned()]
        {
            let operations = json!({"atomic:operations": [
                {"op": "update", "href": url, "data": {"type": "users", "id": ann.id.to_string(), "attributes": {"first-name": "A"}}},
            ]});
            let path = format!("{PATH}/api/v2/operations");
            let done = ann
                .send("POST", &path, &[("content-type", ATOMIC)], Some(operations.to_string().as_bytes()))
                .expect(200);
            check_links(&ann, &done.body, BASE, PATH);
        }
    }
);

#[test]
fn an_etag_depends_on_the_public_url() {
    let tag = |base: Option<&str>| {
        let options = RenderOptions::whole(chrono_tz::UTC).with_base(BaseUrl::new(base));
        TagBuilder::new("/a", &options, Applied::Nothing).of_list()
    };
    assert_ne!(tag(None), tag(Some(ORIGIN)));
    assert_ne!(tag(Some(ORIGIN)), tag(Some(BASE)));
}
