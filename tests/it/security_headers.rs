//! Header fields of every response for browsers and caches.

use crate::both;
use crate::support::{Answer, edge};

const EDGES: &str = "/api/v2/user-relationships";

fn assert_protected(answer: &Answer, caching: &str) {
    let shown = format!("{} {:?}", answer.status, answer.headers);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{shown}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{shown}");
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe-") && !policy.contains('*') && !policy.contains("http"), "{policy}");
    assert_eq!(answer.header("cache-control"), Some(caching), "{shown}");
    let vary = answer.header("vary").expect("`Vary`").to_ascii_lowercase();
    assert!(vary.contains("accept-encoding"), "{vary}");
}

both!(every_response_has_the_security_headers, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    assert_protected(&made, "no-store");
    let shown = ann.get(EDGES).expect(200);
    assert_protected(&shown, "private, no-cache");
    let tag = shown.header("etag").expect("a tag").to_owned();
    let known = ann.send("GET", EDGES, &[("if-none-match", &tag)], None).expect(304);
    assert_protected(&known, "private, no-cache");
    assert_protected(&ann.send("HEAD", EDGES, &[], None).expect(200), "private, no-cache");
    assert_protected(&ann.get("/api/v2/users/999999").refused(404, "not-found"), "no-store");
    assert_protected(&app.anonymous().get(EDGES).refused(401, "unauthenticated"), "no-store");
    assert_protected(&app.anonymous().get("/nothing").refused(404, "not-found"), "no-store");
    assert_protected(&app.anonymous().send("OPTIONS", EDGES, &[], None).expect(204), "no-store");
    for path in ["/", "/docs", "/openapi.json"] {
        assert_protected(&app.anonymous().get(path).expect(200), "no-cache");
    }
    for path in ["/livez", "/readyz", "/metrics", "/livez/"] {
        assert_protected(&app.anonymous().get(path).expect(200), "no-store");
    }
});

both!(the_documentation_page_allows_only_its_own_styles, |app| {
    let page = app.anonymous().get("/docs").expect(200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.text.contains(" style=") && !page.text.contains(" onclick="), "the policy does not allow that");
});
