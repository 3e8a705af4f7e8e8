//! Settings as people write them: booleans, lists, files and filters, and messages that say what to write instead.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::app::{Engine, Home};
use crate::support::process::{Outcome, Service, finish, program, run, sqlite_url};
use crate::support::{Value, json};

/// The output of `config` with these settings.
fn config(settings: &[(&str, &str)]) -> Outcome {
    finish(program().envs(settings.iter().copied()).arg("config"))
}

/// The effective value of a setting.
#[track_caller]
fn value_of(name: &str, settings: &[(&str, &str)]) -> String {
    let printed = config(settings).expect(0).stdout;
    let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(ToOwned::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in {printed}"))
}

#[test]
fn boolean_settings_take_words_without_regard_to_case() {
    for name in ["EXPLORER", "REQUIRE_SIGNED_TIMESTAMP", "NO_MIGRATE"] {
        for (word, value) in [
            ("True", "true"),
            ("TRUE", "true"),
            ("yes", "true"),
            ("YES", "true"),
            ("1", "true"),
            ("On", "true"),
            ("False", "false"),
            ("No", "false"),
            ("0", "false"),
            ("OFF", "false"),
        ] {
            assert_eq!(value_of(name, &[(name, word)]), value, "{name}={word}");
        }
        for wrong in ["maybe", "2", "t", "ja"] {
            let refused = config(&[(name, wrong)]).expect(78).stderr;
            for part in [name, wrong, "`true`", "`yes`", "`1`", "`false`", "`no`", "`0`"] {
                assert!(refused.contains(part), "{part} is not in {refused}");
            }
        }
    }
    let flag = finish(program().args(["config", "--explorer=TRUE"])).expect(0).stdout;
    assert!(flag.contains("\nEXPLORER=true\n"), "{flag}");
}

#[test]
fn an_origin_may_have_a_default_port_upper_case_or_a_slash() {
    let Some(home) = Home::new(Engine::Sqlite) else { return };
    let written = "HTTPS://App.Example:443/, http://localhost:80, http://[0::1]:3000, https://bücher.example";
    let sent = ["https://app.example", "http://localhost", "http://[::1]:3000", "https://xn--bcher-kva.example"];
    assert_eq!(value_of("CORS_ORIGINS", &[("CORS_ORIGINS", written)]), sent.join(","));
    let service = Service::start(&home.text(), &[("CORS_ORIGINS", written)]);
    let allowed = |origin: &str| {
        let answer = service.anonymous().send("GET", "/", &[("origin", origin)], None);
        answer.header("access-control-allow-origin").map(ToOwned::to_owned)
    };
    for origin in sent {
        assert_eq!(allowed(origin).as_deref(), Some(origin));
    }
    for origin in ["https://app.example:8443", "http://app.example", "http://localhost:8080"] {
        assert_eq!(allowed(origin), None, "{origin}");
    }
    for wrong in ["https://a.example/app", "a.example", "https://a.example,,https://b.example", "https://*.example"] {
        let refused = config(&[("CORS_ORIGINS", wrong)]).expect(78).stderr;
        assert!(refused.contains("`CORS_ORIGINS`") && refused.contains("scheme://host"), "{refused}");
    }
}

#[test]
fn the_audience_is_a_comma_separated_list() {
    let shown = |list: &str| value_of("JWT_AUDIENCE", &[("JWT_AUDIENCE", list)]);
    assert_eq!(shown("people"), "people");
    assert_eq!(shown(" people , https://api.example "), "people,https://api.example");
    assert_eq!(shown("none"), "none");
    for wrong in [",", "people,,api", "people,"] {
        let refused = config(&[("JWT_AUDIENCE", wrong)]).expect(78).stderr;
        assert!(refused.contains("`JWT_AUDIENCE`") && refused.contains("comma-separated"), "{refused}");
    }
}

/// A file with a content, and its path.
fn write(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_database_url_may_be_in_a_file() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a", home.text()), ("b", format!("{}\n", home.text())), ("c", format!(" {}\r\n\n", home.text()))]
        {
            let path = write(folder.path(), name, text.as_bytes());
            let email = format!("{name}@example.com");
            let add = ["user", "add", "--email", &email];
            finish(program().env("DATABASE_URL_FILE", &path).env("DATABASE_URL", "").args(add)).expect(0);
            finish(program().args(["user", "list", "--database-url-file", &path])).expect(0);
        }
        let path = write(folder.path(), "served", format!("{}\n", home.text()).as_bytes());
        let service = Service::start("", &[("DATABASE_URL_FILE", &path)]);
        service.anonymous().get("/readyz").expect(200);
        assert_eq!(run(&home.text(), &["user", "list"]).expect(0).stdout.lines().count(), 3);
    }
}

#[test]
fn database_url_files_are_shown_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let primary = write(folder.path(), "primary", b"postgres://ann:s3cret@db.example/people\n");
    let replica = write(folder.path(), "replica", b"postgres://ann:s3cret@replica.example/people?password=s3cret");
    let files = [("DATABASE_URL_FILE", primary.as_str()), ("DATABASE_READ_URL_FILE", replica.as_str())];
    let shown = config(&files).expect(0).stdout;
    for part in [
        "DATABASE_URL=postgres://ann:",
        "@db.example/people\n",
        "DATABASE_READ_URL=postgres://ann:",
        &format!("DATABASE_URL_FILE={primary}\n"),
        &format!("DATABASE_READ_URL_FILE={replica}\n"),
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_wrong_database_url_file_exits_with_78_and_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &[u8]| write(folder.path(), name, content);
    let good = path("good", b"postgres://ann:s3cret@db.example/people");
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    for (file, reason) in [
        (missing.clone(), "No such file"),
        (folder.path().to_str().unwrap().to_owned(), "directory"),
        (path("empty", b""), "empty"),
        (path("blank", b" \n"), "empty"),
        (path("binary", b"postgres://ann:s3cret@h/\xFF"), "UTF-8"),
        (path("lines", b"postgres://ann:s3cret@h/d\npostgres://ann:s3cret@i/d\n"), "several lines"),
        (path("large", &b"s3cret".repeat(20_000)), "bytes"),
        (path("scheme", b"mysql://ann:s3cret@h/d"), "`mysql://`"),
        (path("slash", b"postgres://ann:s3cret/x@h/d"), "%2F"),
    ] {
        for variable in ["DATABASE_URL_FILE", "DATABASE_READ_URL_FILE"] {
            let settings = [(variable, file.as_str()), ("LISTEN", "nonsense")];
            let refused = config(&settings).expect(78).stderr;
            let reason = if variable.contains("READ") && reason == "`mysql://`" { "PostgreSQL" } else { reason };
            for part in [&format!("`{variable}`: `{file}`"), reason, "`LISTEN`"] {
                assert!(refused.contains(part), "{part} is not in {refused}");
            }
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }
    for (variable, url) in [("DATABASE_URL", "sqlite://user-relationships.db"), ("DATABASE_READ_URL", "postgres://h/d")]
    {
        let file = format!("{variable}_FILE");
        let both = [(file.as_str(), good.as_str()), (variable, url)];
        let refused = config(&both).expect(78).stderr;
        assert!(refused.contains(&format!("only one of `{variable}` and `{file}`")), "{refused}");
        assert!(!refused.contains("s3cret"), "{refused}");
    }
    let flag = ["config", "--database-url", "postgres://h/d"];
    let refused = finish(program().env("DATABASE_URL_FILE", &good).args(flag)).expect(78).stderr;
    assert!(refused.contains("only one of"), "{refused}");
    let of_sqlite = [("DATABASE_URL", "sqlite://a.db"), ("DATABASE_READ_URL_FILE", good.as_str())];
    let refused = config(&of_sqlite).expect(78).stderr;
    assert!(refused.contains("`DATABASE_READ_URL_FILE`: an SQLite file has no replicas"), "{refused}");
}

/// Every command that reads the settings.
const COMMANDS: &[&[&str]] = &[
    &["serve"],
    &["demo"],
    &["migrate", "status"],
    &["user", "list"],
    &["token", "list"],
    &["client", "list"],
    &["import", "-"],
    &["export"],
    &["check"],
    &["healthcheck"],
    &["config"],
    &["openapi"],
];

#[test]
fn an_invalid_log_filter_exits_with_78_and_names_the_part() {
    for (filter, part) in [
        ("verbose", "`verbose`"),
        ("info,warning", "`warning`"),
        ("user_relationships=loud,info", "`user_relationships=loud`"),
        ("user-relationships=debug", "`user-relationships=debug`"),
        ("=debug", "`=debug`"),
        ("a=b=info", "`a=b=info`"),
        ("info/a/b", "`info/a/b`"),
    ] {
        for (command, format) in COMMANDS.iter().flat_map(|command| [(command, "json"), (command, "text")]) {
            let settings = [("RUST_LOG", filter), ("LOG_FORMAT", format)];
            let refused = finish(program().envs(settings).args(*command)).expect(78).stderr;
            assert!(refused.contains("`RUST_LOG`") && refused.contains(part), "{command:?} {filter}: {refused}");
            assert!(refused.contains("; write "), "{refused}");
        }
    }
    for filter in ["OFF", "Warn", "warn,user_relationships=debug", "user_relationships", "actix_web=trace"] {
        config(&[("RUST_LOG", filter)]).expect(0);
    }
}

#[test]
fn a_fatal_start_says_why_whatever_the_log_filter() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder.path().join("new.db"));
    let missing = sqlite_url(&folder.path().join("no/such/folder.db"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let no_forms = folder.path().join("forms").to_str().unwrap().to_owned();
    let no_key = folder.path().join("key").to_str().unwrap().to_owned();
    let closed = format!("postgres://ann@127.0.0.1:{}/d?connect_timeout=2", 1);
    let starts: [(&str, &str, i32); 7] = [
        ("LISTEN", &listen, 1),
        ("ADMIN_LISTEN", &listen, 1),
        ("DATABASE_URL", &missing, 69),
        ("DATABASE_URL", &closed, 69),
        ("FORMS_DIR", &no_forms, 78),
        ("JWT_JWKS_FILE", &no_key, 78),
        ("WORKERS", "0", 78),
    ];
    for (filter, format) in
        [("off", "json"), ("error", "json"), ("actix_web=info", "json"), ("off", "text"), ("info/nothing", "json")]
    {
        for (name, value, code) in starts {
            let mut serve = program();
            serve.envs([
                ("DATABASE_URL", &*url),
                ("LISTEN", "127.0.0.1:0"),
                ("RUST_LOG", filter),
                ("LOG_FORMAT", format),
            ]);
            let ended = finish(serve.env(name, value).arg("serve")).expect(code);
            let last = ended.stderr.lines().last().unwrap_or_default();
            assert!(last.len() > 20, "{name} {filter} {format}: {ended:?}");
            if format == "json" {
                let fields: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{last}: {error}"));
                assert_eq!(fields["level"], json!("ERROR"), "{last}");
                assert!(fields["timestamp"].is_string() && fields["message"].is_string(), "{last}");
            }
        }
        let commands: [&[&str]; 6] = [
            &["user", "list"],
            &["token", "revoke", "1"],
            &["client", "list"],
            &["check"],
            &["export"],
            &["migrate", "status"],
        ];
        for command in commands {
            let settings = [("DATABASE_URL", &*missing), ("RUST_LOG", filter), ("LOG_FORMAT", format)];
            let ended = finish(program().envs(settings).args(command)).expect(69);
            assert!(ended.stderr.starts_with("user-relationships: "), "{command:?} {filter}: {ended:?}");
        }
    }
}
