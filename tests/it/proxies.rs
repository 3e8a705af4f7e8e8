//! `TRUSTED_PROXIES`: whose forwarding header fields are trusted.

use user_relationships::model::rate::Rate;

use crate::both;
use crate::support::Client;
use crate::support::app::{Engine, Home};
use crate::support::process::{PATIENCE, Service, finish, program, until};
use crate::support::{Value, json};

const EDGES: &str = "/api/v2/user-relationships";

fn ask(client: &Client, fields: &[(&str, &str)]) -> u16 {
    client.send("GET", EDGES, fields, None).status
}

both!(
    requests_behind_a_trusted_proxy_count_by_client_address,
    |config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        config.rate_limit = Some(Rate { per_second: 1, burst: 1 });
        config.auth_failure_limit = 1_000;
    },
    |app| {
        let anonymous = app.anonymous();
        for fields in [
            &[("x-forwarded-for", "203.0.113.1")][..],
            &[("forwarded", "for=203.0.113.2;proto=https, for=10.0.0.1")],
            &[("x-forwarded-for", "1.1.1.1, 203.0.113.3, 10.1.1.1")],
            &[("forwarded", "for=\"[2001:db8::1]:80\"")],
            // These count for the proxy itself.
            &[("x-forwarded-for", "nonsense")],
        ] {
            assert_eq!(ask(&anonymous, fields), 401, "{fields:?}");
            assert_eq!(ask(&anonymous, fields), 429, "{fields:?}");
        }
        assert_eq!(ask(&anonymous, &[]), 429);
        assert_eq!(
            ask(&anonymous, &[("x-forwarded-for", "9.9.9.9, 203.0.113.3")]),
            429,
            "entries further left are not trusted"
        );
        assert_eq!(
            ask(&anonymous, &[("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.8")]),
            429,
            "neither is trusted"
        );
    }
);

both!(
    without_trusted_proxies_forwarding_headers_are_ignored,
    |config| {
        config.rate_limit = Some(Rate { per_second: 1, burst: 1 });
    },
    |app| {
        let anonymous = app.anonymous();
        assert_eq!(ask(&anonymous, &[("x-forwarded-for", "203.0.113.1")]), 401);
        assert_eq!(ask(&anonymous, &[("x-forwarded-for", "203.0.113.2")]), 429);
        assert_eq!(ask(&anonymous, &[("forwarded", "for=203.0.113.3")]), 429);
    }
);

#[test]
fn the_log_has_the_client_behind_a_trusted_proxy() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let service = Service::start(&home.text(), &[("TRUSTED_PROXIES", "127.0.0.1, fd00::/8"), ("RUST_LOG", "info")]);
    let fields = [("x-request-id", "behind"), ("x-forwarded-for", "198.51.100.7, fd00::1")];
    service.anonymous().send("GET", EDGES, &fields, None);
    let client = || {
        let lines = service.log();
        let mut fields = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        fields.find(|fields| fields["request_id"] == "behind").map(|fields| fields["client_ip"].clone())
    };
    until("the line is logged", PATIENCE, || client().is_some());
    assert_eq!(client(), Some(json!("198.51.100.7")));
}

#[test]
fn invalid_limit_settings_are_named_with_the_accepted_values() {
    let wrong = [("RATE_LIMIT", "50"), ("TRUSTED_PROXIES", "10.1.0.0/8"), ("ADMIN_LISTEN", "here")];
    let ended = finish(program().envs(wrong).arg("config")).expect(78);
    for (name, cure) in [("RATE_LIMIT", "`50/100`"), ("TRUSTED_PROXIES", "`10.0.0.0/8`"), ("ADMIN_LISTEN", "ip:port")] {
        let line = ended.stderr.lines().find(|line| line.contains(name)).unwrap_or_default();
        assert!(line.contains(cure), "{}", ended.stderr);
    }
    let right = [("RATE_LIMIT", "50/100"), ("TRUSTED_PROXIES", "10.0.0.0/8,::1"), ("ADMIN_LISTEN", "127.0.0.1:9")];
    let shown = finish(program().envs(right).arg("config")).expect(0).stdout;
    for line in ["RATE_LIMIT=50/100", "TRUSTED_PROXIES=10.0.0.0/8,::1/128", "ADMIN_LISTEN=127.0.0.1:9"] {
        assert!(shown.lines().any(|found| found == line), "{shown}");
    }
}
