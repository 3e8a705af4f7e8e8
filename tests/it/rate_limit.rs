//! `RATE_LIMIT`: a caller above its limit gets `Retry-After`, and others are not affected.

use std::thread;
use std::time::Duration;

use user_relationships::config::CorsOrigins;
use user_relationships::model::rate::Rate;

use crate::both;
use crate::support::scrape::scrape;
use crate::support::{Answer, Client, json};

const ME: &str = "/api/v2/users/me";

fn number(answer: &Answer, name: &str) -> u64 {
    let value = answer.header(name).unwrap_or_else(|| panic!("no {name} in {:?}", answer.headers));
    value.parse().unwrap_or_else(|_| panic!("{name}: {value}"))
}

/// Sends requests until there is a 429; returns the number of responses before it.
fn exhaust(client: &Client, path: &str) -> (u64, Answer) {
    for asked in 0..1_000 {
        let answer = client.get(path);
        if answer.status == 429 {
            return (asked, answer);
        }
    }
    panic!("no limit at {path}");
}

both!(
    a_caller_over_its_limit_gets_retry_after_and_others_are_served,
    |config| {
        config.rate_limit = Some(Rate { per_second: 1, burst: 5 });
        config.cors_origins = CorsOrigins::Any;
    },
    |app| {
        let (ann, bob) = (app.user(), app.user());
        let first = ann.get(ME).expect(200);
        assert_eq!((number(&first, "ratelimit-limit"), number(&first, "ratelimit-remaining")), (5, 4));
        assert_eq!(number(&first, "ratelimit-reset"), 1);
        let (asked, refused) = exhaust(&ann, ME);
        assert!((4..=8).contains(&asked), "{asked}");
        let refused = refused.refused(429, "rate-limited");
        assert_eq!(number(&refused, "ratelimit-remaining"), 0);
        let after = number(&refused, "retry-after");
        assert!((1..=2).contains(&after), "{after}");
        assert!(number(&refused, "ratelimit-reset") >= 4);
        bob.get(ME).expect(200);
        // A write above the limit is refused in the same way and not performed.
        let write = ann.patch(ME, &json!({"data": {"type": "users", "id": ann.id.to_string(), "attributes": {}}}));
        write.refused(429, "rate-limited");
        thread::sleep(Duration::from_secs(after));
        ann.get(ME).expect(200);
        let shown = bob.send("GET", ME, &[("origin", "https://a.example")], None).expect(200);
        let exposed = shown.header("access-control-expose-headers").expect("exposed").to_ascii_lowercase();
        for name in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert!(scrape(&app.anonymous()).sum("rate_limited_total", &[]) >= 2.0);
    }
);

both!(
    a_429_in_the_forms_dialect_has_its_shape_and_all_headers,
    |config| {
        config.rate_limit = Some(Rate { per_second: 1, burst: 1 });
        config.cors_origins = CorsOrigins::Any;
    },
    |app| {
        let ann = app.user();
        ann.get(ME).expect(200);
        let body = json!({"form": {}}).to_string();
        let headers = [("content-type", "application/json"), ("origin", "https://a.example")];
        let refused = ann.send("PUT", "/api/users/1", &headers, Some(body.as_bytes())).expect(429);
        assert_eq!(refused.fields(), ["base"]);
        assert!(number(&refused, "retry-after") >= 1 && number(&refused, "ratelimit-limit") == 1);
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "a browser may read it");
        assert_eq!(refused.headers.get_all("content-type").iter().count(), 1);
        assert_eq!(refused.headers.get_all("vary").iter().count(), 1);
    }
);

both!(
    anonymous_requests_count_by_address_and_probes_do_not_count,
    |config| {
        config.rate_limit = Some(Rate { per_second: 1, burst: 6 });
    },
    |app| {
        let (ann, anonymous) = (app.user(), app.anonymous());
        let wrong = anonymous.with_authorization("Token token=urt_wrong");
        wrong.get(ME).refused(401, "unauthenticated");
        anonymous.get(ME).refused(401, "unauthenticated");
        anonymous.get("/").expect(200);
        let options = anonymous.send("OPTIONS", ME, &[], None).expect(204);
        assert!(number(&options, "ratelimit-remaining") <= 3);
        let (asked, refused) = exhaust(&wrong, ME);
        assert!(asked <= 4, "{asked}");
        refused.refused(429, "rate-limited");
        anonymous.get("/docs").refused(429, "rate-limited");
        anonymous.form("POST", "/api/sessions", &json!({"form": {}})).expect(429);
        for path in ["/livez", "/readyz", "/metrics"] {
            for _ in 0..10 {
                assert!(anonymous.get(path).expect(200).header("ratelimit-limit").is_none());
            }
        }
        ann.get(ME).expect(200);
    }
);

both!(without_a_limit_there_are_no_rate_limit_headers, |app| {
    let ann = app.user();
    for _ in 0..50 {
        let answer = ann.get(ME).expect(200);
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("ratelimit")), "{:?}", answer.headers);
    }
});
