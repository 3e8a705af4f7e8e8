//! `/explorer`: its paths, its content security policy, and the files that it loads.

use std::io::Write;

use user_relationships::http::ops::explorer::FILES;

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

/// The most that the explorer may add to the program, compressed.
const LARGEST_EXPLORER: usize = 400 * 1024;

/// Names that look like addresses: the namespace of SVG, the extension for operations.
const NAMES: [&str; 2] = ["http://www.w3.org/2000/svg", "https://jsonapi.org/ext/atomic"];

/// The page, two of its links, and its files.
fn explorer_paths() -> Vec<String> {
    let pages = ["/explorer", "/explorer/users/1005", "/explorer/views/changes"].map(str::to_owned);
    pages.into_iter().chain(FILES.iter().map(|(name, _)| format!("/explorer/{name}"))).collect()
}

/// The values of `src`, `href` and `import … from` in a page or a script.
pub fn references(text: &str) -> Vec<&str> {
    let after = |mark| text.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
    after(" src=\"").chain(after(" href=\"")).chain(after(" from \"")).collect()
}

both!(explorer_paths_are_404_when_it_is_disabled, |app| {
    for client in [app.anonymous(), app.admin()] {
        for path in explorer_paths().iter().map(String::as_str).chain(["/explorer/"]) {
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
        let paths = explorer_paths();
        for path in paths.iter().map(String::as_str) {
            let answer = app.anonymous().get(path).expect(200);
            assert_protected(&answer, path);
            let text = answer.text.as_str();
            let hosts = NAMES.iter().fold(text.to_owned(), |rest, name| rest.replace(name, ""));
            assert!(!hosts.contains("://"), "{path} names another host");
            for name in references(text).into_iter().filter(|name| !name.starts_with("data:")) {
                let name = name.strip_prefix("./").map_or_else(|| name.to_owned(), |name| format!("/explorer/{name}"));
                assert!(paths.contains(&name) || name == "/docs", "{path} loads {name}");
            }
            for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "eval(", "innerHTML", "Storage"]
            {
                assert!(!text.contains(inline), "{path}: {inline}");
            }
            assert_eq!(app.anonymous().send("HEAD", path, &[], None).expect(200).text, "");
            app.anonymous().send("POST", path, &[], None).refused(405, "method-not-allowed");
        }
        assert_eq!(app.anonymous().get("/explorer/").expect(200).text, app.anonymous().get("/explorer").text);
        for unknown in ["/explorer/secret.js", "/explorer/mod.rs", "/explorer/users", "/explorer/users/1/2"] {
            app.anonymous().get(unknown).refused(404, "not-found");
        }
        app.anonymous().get("/api/v2/users/me").refused(401, "unauthenticated");
    }
);

#[test]
fn the_explorer_is_small() {
    let mut archive = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for (_, text) in FILES {
        archive.write_all(text.as_bytes()).expect("memory");
    }
    let size = archive.finish().expect("memory").len();
    assert!(size < LARGEST_EXPLORER, "{size} bytes");
}

#[test]
fn the_explorer_preloads_all_its_modules() {
    let page = include_str!("../../src/http/ops/explorer/index.html");
    for (name, _) in FILES {
        assert!(page.contains(&format!("/explorer/{name}\"")), "index.html does not name {name}");
    }
}
