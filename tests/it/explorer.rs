//! The HTML pages: their paths, their content security policy, and the files that they load.

use std::process::Command;

use user_relationships::http::routes::EXPLORER;

use crate::both;
use crate::support::process::run;
use crate::support::{Answer, Value};

/// The required directives of the content security policy.
const POLICY: [&str; 7] = [
    "default-src 'none'",
    "script-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
];

fn assert_protected(answer: &Answer, path: &str) {
    let kind = match path.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => "text/html; charset=utf-8",
    };
    assert_eq!(answer.header("content-type"), Some(kind), "{path}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    let policy: Vec<_> = answer.header("content-security-policy").expect("a policy").split("; ").collect();
    for part in POLICY {
        assert!(policy.contains(&part), "{path}: {part}");
    }
    assert!(!policy.iter().any(|part| part.contains("unsafe")), "{path}: {policy:?}");
}

/// The values of `src`, `href` and `import … from` in a page or a script.
fn references(text: &str) -> Vec<&str> {
    let after = |mark| text.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
    after(" src=\"").chain(after(" href=\"")).chain(after(" from \"")).collect()
}

both!(explorer_paths_are_404_when_it_is_disabled, |app| {
    for client in [app.anonymous(), app.admin()] {
        for path in EXPLORER.iter().copied().chain(["/explorer/"]) {
            for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS"] {
                let answer = client.send(method, path, &[], None).expect(404);
                assert!(method == "HEAD" || answer.codes() == ["not-found"], "{method} {path}");
            }
        }
    }
});

both!(
    the_explorer_needs_no_credentials_when_it_is_enabled,
    |config| {
        config.explorer = true;
    },
    |app| {
        for path in EXPLORER {
            let answer = app.anonymous().get(path).expect(200);
            assert_protected(&answer, path);
            let text = answer.text.as_str();
            assert!(!text.contains("://") || text.contains("http://www.w3.org/2000/svg"), "{path} names another host");
            for name in references(text).into_iter().filter(|name| !name.starts_with("data:")) {
                let name = name.strip_prefix("./").map_or_else(|| name.to_owned(), |name| format!("/explorer/{name}"));
                assert!(EXPLORER.contains(&name.as_str()) || name == "/docs", "{path} loads {name}");
            }
            for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "eval(", "innerHTML", "Storage"]
            {
                assert!(!text.contains(inline), "{path}: {inline}");
            }
            assert_eq!(app.anonymous().send("HEAD", path, &[], None).expect(200).text, "");
            app.anonymous().send("POST", path, &[], None).refused(405, "method-not-allowed");
        }
        assert_eq!(app.anonymous().get("/explorer/").expect(200).text, app.anonymous().get("/explorer").text);
        app.anonymous().get("/explorer/secret.js").refused(404, "not-found");
        app.anonymous().get("/api/v2/users/me").refused(401, "unauthenticated");
    }
);

both!(docs_loads_only_its_own_files, |app| {
    for path in ["/docs", "/docs/style.css", "/docs/app.js"] {
        let answer = app.anonymous().get(path).expect(200);
        assert_protected(&answer, path);
        assert!(!answer.text.contains("innerHTML") && !answer.text.contains("Storage"), "{path}");
        assert_eq!(app.anonymous().send("HEAD", path, &[], None).expect(200).text, "");
        app.anonymous().send("POST", path, &[], None).refused(405, "method-not-allowed");
    }
});

both!(the_signing_example_of_docs_works_unchanged, |app| {
    let page = app.anonymous().get("/docs").expect(200).text;
    let (_, rest) = page.split_once("id=\"signing-example\">").expect("the example");
    let example = rest.split("</pre>").next().expect("its end").replace("&quot;", "\"").replace("&amp;", "&");
    let has = |name: &str| Command::new(name).arg("version").output().is_ok();
    if !has("openssl") || !has("curl") {
        eprintln!("SKIPPED: openssl or curl is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-ec", script]).current_dir(&folder).env("URL", app.anonymous().base());
        command
    };
    let keys = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem 2>/dev/null
                openssl pkey -in private.pem -pubout -out public.pem";
    assert!(shell(keys).status().expect("a shell").success());
    let key = folder.path().join("public.pem");
    let added = run(&app.home().text(), &["client", "add", "--public-key", &key.display().to_string()]).expect(0);
    let ann = app.named("ann@example.com", "user");
    let answered =
        shell(&example).env("API_ID", added.line()).env("API_USER", "ann@example.com").output().expect("a shell");
    let document: Value = serde_json::from_slice(&answered.stdout).unwrap_or_default();
    assert_eq!(document["data"]["id"], ann.id.to_string(), "{answered:?}");
});
