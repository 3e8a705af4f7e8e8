//! `/api/v2/imports`: upload, preview, rows, run.

use crate::both;
use crate::support::import::lines;
use crate::support::uploads::{
    CSV, IMPORTS, NDJSON, attributes, preview, request, rows, run, state, upload, wait_while,
};
use crate::support::{App, json};

const PEOPLE: &str = "email,first-name,last-name,Supervisor\n\
    ada@firm.example,Ada,Boss,\n\
    bob@firm.example,Bob,Clerk,ada@firm.example\n\
    cy@firm.example,Cy,Clerk,ada@firm.example\n";

fn edges(app: &App) -> i64 {
    let admin = app.admin();
    admin.get("/api/v2/user-relationships?limit=0").expect(200).body["meta"]["total-count"].as_i64().expect("a count")
}

both!(an_upload_becomes_a_preview_and_writes_nothing, |app| {
    let admin = app.admin();
    let answer = upload(&admin, "", CSV, PEOPLE).expect(202);
    let id = answer.id();
    let own = format!("{IMPORTS}/{id}");
    assert_eq!(answer.header("location"), Some(&*own));
    assert!(answer.header("etag").is_some());
    let data = &answer.body["data"];
    assert_eq!((&data["type"], &data["links"]), (&json!("imports"), &json!({"self": own})));
    let actor = json!({"data": {"type": "users", "id": admin.id.to_string()}});
    let linked = json!({"links": {"related": format!("{own}/rows")}});
    assert_eq!(data["relationships"], json!({"actor": actor, "rows": linked}));
    let first = &data["attributes"];
    assert_eq!((&first["state"], &first["finished-at"]), (&json!("reading"), &json!(null)));
    let created = first["created-at"].as_str().expect("a time");
    assert!(created.ends_with('Z') && created.len() == 27, "{created}");
    let shown = wait_while(&admin, id, &["reading"]);
    let counts = json!({"created": 5, "changed": 0, "moved": 0, "disabled": 0, "unchanged": 0, "rejected": 0});
    assert_eq!((&shown["state"], &shown["counts"]), (&json!("preview"), &counts));
    assert_eq!((&shown["problem"], &shown["deleted"], &shown["missing"]), (&json!(null), &json!(0), &json!(0)));
    assert_eq!(edges(app), 0);
    let created = rows(&admin, id, "created");
    assert_eq!(created.len(), 5);
    assert_eq!(
        created[0],
        json!({"line": 2, "outcome": "created", "subject": "Ada Boss (ada@firm.example)", "before": null,
               "after": null, "problems": []})
    );
    let edge = created.iter().find(|row| !row["after"].is_null()).expect("a relationship");
    assert_eq!(edge["after"], json!({"subordinate": "Ada Boss (ada@firm.example)"}));
});

both!(a_run_writes_what_the_preview_shows, |app| {
    let admin = app.admin();
    let id = preview(&admin, "", CSV, PEOPLE);
    let answer = request(&admin, id, "running").expect(202);
    assert_eq!(answer.body["data"]["attributes"]["finished-at"], json!(null), "{}", answer.text);
    let done = wait_while(&admin, id, &["running"]);
    assert_eq!((&done["state"], &done["progress"]), (&json!("done"), &json!(1.0)));
    assert_eq!((&done["counts"]["created"], &done["counts"]["rejected"]), (&json!(5), &json!(0)));
    assert!(done["finished-at"].as_str().is_some_and(|at| at.ends_with('Z')), "{done}");
    assert_eq!(edges(app), 2);
    // The same file again changes nothing.
    let again = preview(&admin, "", CSV, PEOPLE);
    assert_eq!(
        run(&admin, again)["counts"],
        json!({"created": 0, "changed": 0, "moved": 0, "disabled": 0, "unchanged": 5, "rejected": 0})
    );
    assert_eq!(rows(&admin, again, "").len(), 0);
    app.assert_no_drift();
});

both!(changes_of_a_run_name_the_admin_and_the_request, |app| {
    let admin = app.admin();
    let id = preview(&admin, "", CSV, PEOPLE);
    let document = json!({"data": {"type": "imports", "id": id.to_string(), "attributes": {"state": "running"}}});
    let headers = [("content-type", "application/vnd.api+json"), ("x-request-id", "the-run")];
    let path = format!("{IMPORTS}/{id}");
    let other = app.admin();
    other.send("PATCH", &path, &headers, Some(document.to_string().as_bytes())).expect(202);
    wait_while(&admin, id, &["running"]);
    let filter = format!("filter[actor]={}&filter[subject-type]=user-relationships", other.id);
    let changes = admin.get(&format!("/api/v2/changes?{filter}")).expect(200);
    let changes = changes.body["data"].as_array().expect("changes");
    assert_eq!(changes.len(), 2);
    for change in changes {
        let attributes = &change["attributes"];
        assert_eq!((&attributes["request-id"], &attributes["reason"]), (&json!("the-run"), &json!("import")));
    }
    // Who ran it is its actor.
    let actor = &admin.get(&path).expect(200).body["data"]["relationships"]["actor"]["data"]["id"];
    assert_eq!(*actor, json!(other.id.to_string()));
});

both!(ndjson_and_relationship_files_are_imported, |app| {
    let admin = app.admin();
    let lines =
        "{\"type\":\"user\",\"email\":\"ada@firm.example\"}\n{\"type\":\"user\",\"email\":\"bob@firm.example\"}\n";
    let id = preview(&admin, "", NDJSON, lines);
    assert_eq!(run(&admin, id)["counts"]["created"], 2);
    let table = "user,target,relationship\nemail:bob@firm.example,email:ada@firm.example,subordinate\n";
    let id = preview(&admin, "", "text/csv; charset=utf-8", table);
    assert_eq!(run(&admin, id)["counts"]["created"], 1);
    assert_eq!(edges(app), 1);
});

both!(a_rejected_line_has_a_row_and_the_others_are_written, |app| {
    let admin = app.admin();
    let table = "email,unit,access-level\nada@firm.example,x,king\nbob@firm.example,y,\nno address,z,\n";
    let id = preview(&admin, "", CSV, table);
    let shown = attributes(&admin, id);
    assert_eq!((&shown["state"], &shown["counts"]["rejected"]), (&json!("preview"), &json!(2)));
    let rejected = rows(&admin, id, "rejected");
    assert_eq!(rejected.iter().map(|row| row["line"].clone()).collect::<Vec<_>>(), [2, 4]);
    assert!(rejected[0]["problems"][0].as_str().is_some_and(|text| text.contains("king")), "{rejected:?}");
    let done = run(&admin, id);
    assert_eq!(
        (&done["state"], &done["counts"]["created"], &done["counts"]["rejected"]),
        (&json!("done"), &json!(1), &json!(2))
    );
    assert_eq!(rows(&admin, id, "rejected").len(), 2);
});

both!(a_rejected_row_names_all_its_faults, |app| {
    let admin = app.admin();
    let table = format!(
        "email,access-level,First Name,Supervisor,Guide\nada@firm.example,,Ada,,\n\
         bob@firm.example,king,{},no@firm.example,A\0x\ncho@firm.example,,Cho,ada@firm.example,no@firm.example\n\
         no address,,,dan@firm.example,\n",
        "x".repeat(256)
    );
    for query in
        ["?import-map=%7B%22Guide%22:%22mentor%22%7D", "?import-sync=true&import-map=%7B%22Guide%22:%22mentor%22%7D"]
    {
        let id = preview(&admin, query, CSV, &table);
        let rejected = rows(&admin, id, "rejected");
        let named = |place: usize| {
            let problems = rejected[place]["problems"].as_array().expect("a list").iter();
            let column = |text: &str| text.split('`').nth(1).map(ToOwned::to_owned);
            let mut columns: Vec<_> = problems.filter_map(|text| column(text.as_str()?)).collect();
            columns.sort();
            columns
        };
        let lines: Vec<_> = rejected.iter().map(|row| row["line"].clone()).collect();
        assert_eq!(lines, [3, 5, 4], "{rejected:?}");
        assert_eq!(named(0), ["First Name", "Guide", "Supervisor", "access-level"], "{rejected:?}");
        assert_eq!(
            (named(1), named(2)),
            (vec!["Supervisor".to_owned(), "email".to_owned()], vec!["Guide".to_owned()]),
            "{rejected:?}"
        );
        let values = rejected[0]["problems"].to_string();
        assert!(values.contains("got `no@firm.example`") && values.contains("U+0000"), "{values}");
        assert_eq!(attributes(&admin, id)["counts"]["rejected"], 3);
        if !query.contains("sync") {
            assert_eq!(run(&admin, id)["state"], "done");
            assert_eq!(rows(&admin, id, "rejected"), rejected);
        }
    }
});

both!(a_synchronization_moves_deletes_and_disables, |app| {
    let admin = app.admin();
    let file = "email,alt-id,Supervisor\n\
        ada@firm.example,1,\nbob@firm.example,2,ada@firm.example\ncy@firm.example,3,ada@firm.example\n\
        dee@firm.example,4,ada@firm.example\n";
    let id = preview(&admin, "", CSV, file);
    run(&admin, id);
    let next = "email,alt-id,Supervisor\n\
        ada@firm.example,1,\nbob@firm.example,2,\ncy@firm.example,3,bob@firm.example\n";
    let id = preview(&admin, "?import-sync=true&import-missing=disable&import-max-changes=2", CSV, next);
    let shown = attributes(&admin, id);
    let counts = json!({"created": 0, "changed": 0, "moved": 1, "disabled": 1, "unchanged": 3, "rejected": 0});
    assert_eq!((&shown["counts"], &shown["deleted"]), (&counts, &json!(1)), "{shown}");
    let moved = &rows(&admin, id, "moved")[0];
    assert_eq!(moved["before"], json!({"subordinate": "ada@firm.example"}));
    assert_eq!(moved["after"], json!({"subordinate": "bob@firm.example"}));
    let disabled = &rows(&admin, id, "disabled")[0];
    assert_eq!((&disabled["line"], &disabled["after"]), (&json!(null), &json!({"is-enabled": "false"})));
    let done = run(&admin, id);
    assert_eq!((&done["state"], &done["counts"], &done["deleted"]), (&json!("done"), &counts, &json!(1)));
    let disabled = admin.get("/api/v2/users?filter[email]=dee@firm.example&filter[is-enabled]=false").expect(200);
    assert_eq!(disabled.ids().len(), 1);
    app.assert_no_drift();
});

both!(a_synchronization_that_takes_too_much_away_cannot_be_run, |app| {
    let admin = app.admin();
    let file = "email,alt-id\nada@firm.example,1\nbob@firm.example,2\ncy@firm.example,3\n";
    run(&admin, preview(&admin, "", CSV, file));
    let less = "email,alt-id\nada@firm.example,1\n";
    let id = preview(&admin, "?import-sync=true&import-missing=disable&import-max-changes=5%25", CSV, less);
    let shown = attributes(&admin, id);
    assert_eq!((&shown["state"], &shown["counts"]["disabled"]), (&json!("preview"), &json!(2)));
    assert!(shown["problem"].as_str().is_some_and(|text| text.contains("import-max-changes=5%")), "{shown}");
    request(&admin, id, "running").refused(409, "import-not-runnable");
    // A rejected line stops a synchronization as well.
    let id = preview(&admin, "?import-sync=true", CSV, "email,alt-id\nno address,1\n");
    assert_eq!(attributes(&admin, id)["counts"]["rejected"], 1);
    request(&admin, id, "running").refused(409, "import-not-runnable");
    assert_eq!(state(&admin, id), "preview");
});

both!(a_mapping_names_columns_and_unknown_ones_can_be_ignored, |app| {
    let admin = app.admin();
    let file = "Work,Fancy,Notes\nada@firm.example,sales,x\n";
    let id = preview(&admin, "", CSV, file);
    let failed = attributes(&admin, id);
    assert_eq!(failed["state"], "failed");
    let problem = failed["problem"].as_str().expect("a problem");
    assert!(problem.contains("Fancy") && problem.contains("import-ignore-unknown=true"), "{problem}");
    assert!(!problem.contains("--"), "{problem}");
    assert!(failed["finished-at"].is_string());
    let map = "import-map=%7B%22Work%22%3A%22email%22%2C%22Fancy%22%3A%22unit%22%2C%22Notes%22%3A%22-%22%7D";
    let id = preview(&admin, &format!("?{map}"), CSV, file);
    assert_eq!(run(&admin, id)["counts"]["created"], 1);
    let user = admin.get("/api/v2/users?filter[email]=ada@firm.example").expect(200);
    assert_eq!(user.body["data"][0]["attributes"]["unit"], json!(["sales"]));
    let ignored = preview(&admin, "?import-map=%7B%22Work%22%3A%22email%22%7D&import-ignore-unknown=true", CSV, file);
    assert_eq!(state(&admin, ignored), "preview");
    let unused = preview(&admin, "?import-map=%7B%22Absent%22%3A%22email%22%7D", CSV, "email\na@firm.example\n");
    let problem = attributes(&admin, unused)["problem"].as_str().expect("a problem").to_owned();
    assert!(problem.contains("`import-map`"), "{problem}");
});

both!(lists_of_imports_and_of_rows_have_pages, |app| {
    let admin = app.admin();
    let user = |user: i64| json!({"type": "user", "email": format!("u{user}@firm.example")});
    let file = lines(&(0..45).map(user).collect::<Vec<_>>());
    let ids: Vec<_> = (0..3).map(|_| preview(&admin, "", NDJSON, &file)).collect();
    let list = admin.get(&format!("{IMPORTS}?sort=-id&page[limit]=2")).expect(200);
    assert_eq!((list.ids(), &list.body["meta"]["total-count"]), (vec![ids[2], ids[1]], &json!(3)));
    let path = format!("{IMPORTS}/{}/rows", ids[0]);
    let page = admin.get(&format!("{path}?page[limit]=20&page[offset]=40")).expect(200);
    let data = page.body["data"].as_array().expect("rows");
    assert_eq!((data.len(), &page.body["meta"]["total-count"]), (5, &json!(45)));
    assert_eq!((&data[0]["type"], &data[0]["id"]), (&json!("import-rows"), &json!(format!("{}-41", ids[0]))));
    assert!(data[0].get("links").is_none());
    let next = admin.get(&format!("{path}?page[size]=30")).expect(200).body["links"]["next"].clone();
    let rest = admin.get(next.as_str().expect("a link")).expect(200);
    assert_eq!(rest.body["data"].as_array().expect("rows").len(), 15);
    let none = admin.get(&format!("{path}?filter[outcome]=rejected,moved&page[limit]=0")).expect(200);
    assert_eq!((&none.body["data"], &none.body["meta"]["total-count"]), (&json!([]), &json!(0)));
    admin.get(&format!("{path}?filter[outcome]=odd")).refused(400, "invalid-parameter");
    admin.get(&format!("{IMPORTS}/999/rows")).refused(404, "not-found");
    admin.get(&format!("{IMPORTS}/x")).refused(404, "not-found");
    let fields = admin.get(&format!("{IMPORTS}/{}?fields[imports]=state", ids[0])).expect(200);
    assert_eq!(fields.body["data"]["attributes"], json!({"state": "preview"}));
});
