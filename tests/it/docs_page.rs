//! `/docs`: what it lists, its guides, its samples, and the files that it loads.

use std::collections::{BTreeMap, BTreeSet};

use user_relationships::http::ops::openapi;
use user_relationships::http::routes::FILES;
use user_relationships::model::code::Code;

use crate::both;
use crate::explorer::{assert_protected, references};
use crate::support::sources::read;
use crate::support::{App, Value};

/// Every operation of the OpenAPI document by its id: method, path, operation object.
fn operations() -> BTreeMap<&'static str, (String, &'static str, &'static Value)> {
    let paths = openapi::document()["paths"].as_object().expect("paths");
    let of = |(path, item): (&'static String, &'static Value)| {
        let members = item.as_object().expect("a path item").iter();
        let found = members.filter_map(move |(method, it)| Some((it["operationId"].as_str()?, (method, path, it))));
        found.map(|(id, (method, path, it))| (id, (method.to_uppercase(), path.as_str(), it))).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

fn page(app: &App) -> String {
    app.anonymous().get("/docs").expect(200).text
}

/// The values between a mark and the next quotation mark.
fn values<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

both!(docs_lists_all_operations_with_descriptions, |app| {
    let page = page(app);
    for (id, (method, path, operation)) in operations() {
        let start = format!("<section id=\"{id}\" class=\"operation\" data-method=\"{method}\" data-path=\"{path}\">");
        let section = page.split(&start).nth(1).unwrap_or_default().split("</section>").next().unwrap_or_default();
        assert!(section.contains("<h2>"), "{id}");
        let described = section.split("<p class=\"lead\">").nth(1).and_then(|rest| rest.split("</p>").next());
        let about = operation["description"].as_str().unwrap_or_default();
        assert!(about.len() > 10 && described.unwrap_or_default().len() >= about.len(), "{id}: {described:?}");
        assert!(page.matches(&format!("href=\"#{id}\"")).count() >= 2, "{id}: in the contents and in its group");
    }
});

both!(docs_folds_the_operations_that_are_always_refused, |app| {
    let page = page(app);
    let folded: Vec<_> = page.split("<details class=\"refused\">").skip(1).collect();
    let folded: BTreeSet<_> = folded
        .iter()
        .flat_map(|rest| values(rest.split("</details>").next().unwrap_or_default(), "href=\"#"))
        .collect();
    let is_refused = |it: &Value| {
        it["responses"].as_object().is_some_and(|all| all.keys().all(|status| status.starts_with(['4', '5'])))
    };
    let refused: BTreeSet<_> =
        operations().into_iter().filter(|(_, (_, _, it))| is_refused(it)).map(|(id, _)| id).collect();
    assert!(!refused.is_empty());
    assert_eq!(folded, refused);
});

both!(docs_shows_every_error_code_once_with_cause_and_cure, |app| {
    let page = page(app);
    for code in Code::ALL {
        let row = page.split(&format!("<tr id=\"{}\">", code.name())).nth(1).expect("a row");
        let row = row.split("</tr>").next().unwrap_or_default();
        assert!(row.contains(code.title()) && row.matches("<td>").count() == 3, "{row}");
        assert_eq!(page.matches(&format!(" id=\"{}\"", code.name())).count(), 1, "{code:?}");
    }
});

both!(every_link_and_anchor_of_docs_is_unique_and_has_a_target, |app| {
    let page = page(app);
    let ids = values(&page, " id=\"");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "duplicate anchor");
    for target in values(&page, "href=\"#") {
        // A script adds the section of the schemas.
        assert!(ids.contains(&target) || target == "schemas", "#{target} has no target");
    }
    for target in values(&page, "href=\"").into_iter().filter(|target| !target.starts_with('#')) {
        assert!(["https://", "/", "data:,"].iter().any(|start| target.starts_with(start)), "{target}");
    }
    for inline in ["<script>", "<style", " style=", " onclick=", "@import", "url(", "javascript:", "{base}"] {
        assert!(!page.contains(inline), "{inline}");
    }
});

both!(docs_loads_only_its_own_files, |app| {
    let page = page(app);
    assert_eq!(values(&page, " src=\""), ["/docs/app.js"]);
    assert_eq!(values(&page, "<link rel=\"stylesheet\" href=\""), ["/docs/style.css"]);
    let mut size = page.len();
    for path in ["/docs"].iter().chain(FILES) {
        let kind = path.rsplit_once('.').map_or("", |(_, kind)| kind);
        if kind == "json" {
            continue;
        }
        let answer = app.anonymous().get(path).expect(200);
        assert_protected(&answer, path);
        let text = answer.text.as_str();
        for unsafe_name in ["innerHTML", "outerHTML", "insertAdjacentHTML", "Storage", "eval(", "document.write"] {
            assert!(!text.contains(unsafe_name), "{path}: {unsafe_name}");
        }
        if kind == "js" {
            for name in references(text) {
                let name = name.replacen("./", "/docs/", 1);
                assert!(FILES.contains(&name.as_str()), "{path} loads {name}");
            }
        }
        assert_eq!(app.anonymous().send("HEAD", path, &[], None).expect(200).text, "");
        app.anonymous().send("POST", path, &[], None).refused(405, "method-not-allowed");
        size += text.len();
    }
    // About a seventh of that on the wire.
    assert!(size < 700_000, "{size} bytes");
});

both!(guides_contain_the_examples_of_the_documents, |app| {
    let page = page(app).replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let examples = |text: &str| -> Vec<String> {
        text.split("\n```").skip(1).step_by(2).filter_map(|block| Some(block.split_once('\n')?.1.to_owned())).collect()
    };
    let signing = read("docs/SIGNING.md");
    let all = examples(&signing);
    assert!(all.len() >= 5);
    for example in all {
        assert!(page.contains(&example), "{example}");
    }
    for heading in ["JWTs", "Cursors", "Optimistic locking", "Wait for changes", "Your own columns"] {
        assert!(page.contains(&format!(">{heading}</h")), "{heading}");
    }
});

#[test]
fn samples_of_docs_are_documented_requests_with_documented_answers() {
    let samples: Value = serde_json::from_str(&read("src/http/ops/docs/samples.json")).expect("JSON");
    let operations = operations();
    let mut answered = BTreeSet::new();
    for sample in samples.as_array().expect("a list") {
        let id = sample["operation"].as_str().expect("an operation");
        let (method, path, operation) = operations.get(id).unwrap_or_else(|| panic!("{id} does not exist"));
        let (target, status) = (sample["target"].as_str().expect("a target"), sample["status"].to_string());
        assert_eq!(sample["method"], method.as_str(), "{id}");
        let sent: Vec<_> = target.split('?').next().unwrap_or_default().split('/').collect();
        let named: Vec<_> = path.split('/').collect();
        assert_eq!(sent.len(), named.len(), "{id}: {target}");
        assert!(named.iter().zip(&sent).all(|(name, part)| name.starts_with('{') || name == part), "{id}: {target}");
        assert!(operation["responses"][&status].is_object(), "{id}: {status} is not documented");
        answered.extend((status.as_str() < "400").then_some(id));
    }
    let succeeds = |it: &Value| it["responses"].as_object().expect("responses").keys().any(|it| it.as_str() < "400");
    let offered: Vec<_> = operations.iter().filter(|(_, (_, _, it))| succeeds(it)).map(|(id, _)| *id).collect();
    let missing: Vec<_> = offered.iter().filter(|id| !answered.contains(*id)).collect();
    // The responses of `/docs`, `/metrics` and `/openapi.json` are not JSON, or what the page shows.
    assert!(missing.len() <= offered.len() / 6, "without a sample: {missing:?}");
}
