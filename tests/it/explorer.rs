//! `/explorer`: its paths, its content security policy, and the files that it loads.

use user_relationships::http::routes::EXPLORER;

use crate::both;
use crate::support::Answer;

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

/// Asserts the headers of a page or one of its files.
pub fn assert_protected(answer: &Answer, path: &str) {
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
pub fn references(text: &str) -> Vec<&str> {
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
