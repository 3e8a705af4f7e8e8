//! The first load of relationships, which drops the indexes: it is complete or absent whatever happens, and the schema
//! stays the same.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStderr, ChildStdin, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::app::Engine;
use crate::support::import::{ImportFixture, company, counts, lines, relation, schema, user};
use crate::support::process::{Guard, PATIENCE, Service, finish, program, program_after_shell, run, until};
use crate::support::{edge, json};

/// What an import logs after it dropped the indexes, and after it read all lines.
const BEGUN: &str = "the database has no relationships yet";
const MAKING: &str = "building the indexes";
const EDGES: &str = "/api/v2/user-relationships";

/// An import that reads from a pipe.
struct Fed {
    child: Guard,
    stdin: Option<ChildStdin>,
    stderr: BufReader<ChildStderr>,
}

impl Fed {
    fn start(fixture: &ImportFixture) -> Self {
        let mut command = program();
        command.env("DATABASE_URL", fixture.home.text()).args(["import", "-"]).stdin(Stdio::piped());
        let mut child = Guard(command.spawn().expect("the program starts"));
        let stderr = BufReader::new(child.0.stderr.take().expect("a pipe"));
        Self { stdin: child.0.stdin.take(), child, stderr }
    }

    fn feed(&mut self, text: &str) {
        self.stdin.as_mut().expect("it still reads").write_all(text.as_bytes()).expect("it reads");
    }

    /// Reads its output up to a sentence.
    #[track_caller]
    fn wait_for(&mut self, sentence: &str) {
        let mut all = String::new();
        while !all.contains(sentence) {
            assert!(self.stderr.read_line(&mut all).expect("text") > 0, "it exited before it printed this: {all}");
        }
    }

    fn kill(mut self) {
        self.child.0.kill().expect("it is ours");
        self.child.wait(PATIENCE);
    }

    /// Lets it finish.
    #[track_caller]
    fn finish(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.child.wait(PATIENCE).code(), Some(0));
    }
}

fn edges(fixture: &ImportFixture) -> i64 {
    fixture.number("SELECT COUNT(*) AS number FROM user_relationships")
}

/// The text in two parts; after the first the bulk load has begun.
fn parts(text: &str) -> (&str, &str) {
    let half = text.len() / 2;
    text.split_at(half + text[half..].find('\n').expect("another line") + 1)
}

#[test]
fn a_bulk_load_killed_at_any_moment_is_complete_or_absent() {
    let text = company(300, 30_000);
    let (half, _) = parts(&text);
    for fixture in ImportFixture::all_direct() {
        let before = schema(&fixture);
        // While it reads, while it builds the indexes, and at a few moments after.
        for moment in [None, Some(0), Some(20), Some(60), Some(120), Some(250)] {
            let fixture = fixture.another();
            let mut import = Fed::start(&fixture);
            import.feed(if moment.is_some() { &text } else { half });
            import.wait_for(BEGUN);
            if let Some(millis) = moment {
                drop(import.stdin.take());
                import.wait_for(MAKING);
                thread::sleep(Duration::from_millis(millis));
            }
            import.kill();
            let there = edges(&fixture);
            assert!(there == 0 || moment.is_some() && there == 30_000, "{moment:?}: {there}");
            assert_eq!(schema(&fixture), before, "{moment:?}");
            fixture.assert_no_drift();
            let again = fixture.import(&text, &[]).expect(0);
            let there = u64::try_from(there).unwrap();
            assert_eq!(counts(&again)[1], [30_000 - there, 0, there, 0], "{moment:?}");
            assert_eq!(schema(&fixture), before, "{moment:?}");
            fixture.assert_no_drift();
        }
    }
}

#[test]
fn a_bulk_load_that_fills_the_disk_leaves_nothing() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let before = schema(&fixture);
    let file = fixture.write("company.ndjson", company(300, 30_000));
    // The largest file in blocks of 512 bytes, or of 1024 with some shells: the last one has room for the rows alone.
    for blocks in [1_000, 3_000] {
        let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = program_after_shell(&line);
        let full = finish(command.env("DATABASE_URL", fixture.home.text()).args(["import", &file])).expect(69);
        assert!(full.stderr.contains("disk") && full.stderr.contains("run the import again"), "{}", full.stderr);
        assert_eq!(edges(&fixture), 0);
        assert_eq!(schema(&fixture), before);
        fixture.assert_no_drift();
    }
    assert_eq!(counts(&fixture.run(&["import", &file]).expect(0))[1], [30_000, 0, 0, 0]);
    fixture.assert_no_drift();
}

#[test]
fn during_a_bulk_load_sqlite_is_readable_and_postgres_waits() {
    for fixture in ImportFixture::all_direct() {
        fixture.import(&lines(&[user(1), user(2)]), &[]).expect(0);
        let token = fixture.run(&["token", "create", "--user", "u1@example.com"]).expect(0).line().to_owned();
        let before = schema(&fixture);
        let text = company(300, 20_000);
        let (half, rest) = parts(&text);
        let mut import = Fed::start(&fixture);
        import.feed(half);
        import.wait_for(BEGUN);
        // No migration is pending, so that nothing needs to be written.
        let service = Service::start(&fixture.home.text(), &[]);
        let client = service.client(&token);
        if fixture.home.file().is_some() {
            service.anonymous().get("/readyz").expect(200);
            assert_eq!(client.get(EDGES).expect(200).total(), 0, "uncommitted rows are invisible");
            let refused = client.post(EDGES, &edge(None, "mentor", 2)).refused(503, "unavailable");
            assert_eq!(refused.header("retry-after"), Some("1"));
            let lines = || service.log().into_iter().filter(|line| line.contains("\"status\":503")).collect::<Vec<_>>();
            until("the log says why", PATIENCE, || !lines().is_empty());
            // It waits behind another write, which records the use of the token.
            let is_expected =
                |line: &String| ["database is locked", "longer than"].iter().any(|why| line.contains(why));
            assert!(lines().iter().all(is_expected), "{:?}", lines());
            import.feed(rest);
        } else {
            let client = client.clone();
            let list = thread::spawn(move || client.get(EDGES));
            thread::sleep(Duration::from_millis(300));
            assert!(!list.is_finished(), "the tables are locked");
            import.feed(rest);
            drop(import.stdin.take());
            list.join().unwrap().expect(200);
        }
        import.finish();
        let made = client.post(EDGES, &edge(None, "mentor", 2));
        assert!(matches!(made.status, 201 | 409), "{made:?}");
        assert!(client.get(&format!("{EDGES}?limit=1")).expect(200).total() > 0);
        assert!(edges(&fixture) >= 20_000);
        assert_eq!(schema(&fixture), before);
        fixture.assert_no_drift();
    }
}

#[test]
fn concurrent_imports_are_safe() {
    let text = company(300, 10_000);
    for fixture in ImportFixture::all_direct() {
        let before = schema(&fixture);
        let file = fixture.write("company.ndjson", &text);
        let url = fixture.home.text();
        let both = [(); 2].map(|()| {
            let (url, file) = (url.clone(), file.clone());
            thread::spawn(move || run(&url, &["import", &file]))
        });
        for import in both {
            let ended = import.join().unwrap();
            assert!(ended.code == 0 || ended.stderr.contains("run the import again"), "{ended:?}");
        }
        let again = fixture.run(&["import", &file]).expect(0);
        assert_eq!(counts(&again)[0], [0, 0, 300, 0]);
        assert_eq!(edges(&fixture), 10_000);
        assert_eq!(schema(&fixture), before);
        fixture.assert_no_drift();
    }
}

#[test]
fn relationships_listed_twice_are_imported_once() {
    let text = company(300, 5_000);
    // The same again, far from the first, with other ids; and some that conflict with neither.
    let twice: String = company(300, 5_000)
        .lines()
        .skip(300)
        .map(|line| line.replace(r#""id":"#, r#""id":9"#).replace("10:11", "11:12") + "\n")
        .collect();
    let more = lines(&[json!({"type": "user", "id": 301, "email": "u301@example.com"}), relation(301, "mentor", 1)]);
    for fixture in ImportFixture::all_direct() {
        let before = schema(&fixture);
        let first = fixture.import(&format!("{text}{twice}{more}{more}"), &[]).expect(0);
        assert!(first.stderr.contains(BEGUN), "{}", first.stderr);
        assert_eq!(counts(&first), [[301, 0, 1, 0], [5_001, 0, 5_001, 0]]);
        assert_eq!(edges(&fixture), 5_001);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships WHERE id <= 5000"), 5_000);
        assert_eq!(schema(&fixture), before);
        fixture.assert_no_drift();
        let other = fixture.another();
        other.import(&format!("{text}{more}"), &[]).expect(0);
        let ids = |text: String| text.lines().filter(|line| !line.contains("\"user\":301")).count();
        assert_eq!(ids(fixture.export()), ids(other.export()));
        // No new record gets an id that was taken.
        let next = fixture.another();
        next.import(&format!("{text}{}", lines(&[relation(1, "mentor", 2), relation(2, "mentor", 1)])), &[]).expect(0);
        next.assert_no_drift();
    }
}

#[test]
fn an_import_leaves_an_empty_wal_file() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let log = fixture.home.file().expect("a file").with_extension("db-wal");
    let size = || fs::metadata(&log).map_or(0, |about| about.len());
    fixture.import(&company(300, 20_000), &[]).expect(0);
    assert_eq!(size(), 0);
    // In batches, beside another session: the file stays small during the import, too.
    let other = fixture.another();
    let _beside = other.open_session();
    let log = other.home.file().expect("a file").with_extension("db-wal");
    let file = other.write("company.ndjson", company(300, 60_000));
    let mut import = Guard(program().env("DATABASE_URL", other.home.text()).args(["import", &file]).spawn().unwrap());
    let mut largest = 0;
    until("the import has ended", 4 * PATIENCE, || {
        largest = largest.max(fs::metadata(&log).map_or(0, |about| about.len()));
        import.0.try_wait().unwrap().is_some()
    });
    assert!(largest > 0 && largest <= 64 << 20, "{largest} bytes at its largest");
    assert_eq!(fs::metadata(&log).map_or(0, |about| about.len()), 0);
}

#[test]
fn an_unprivileged_role_still_detects_other_sessions() {
    let Some(fixture) = ImportFixture::direct(Engine::Postgres) else { return };
    // The role belongs to the server, so that another test process may have created it.
    fixture.open_session().run(
        "DO $$ BEGIN CREATE ROLE importer LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         DO $$ DECLARE name text; BEGIN
             FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
                 EXECUTE format('ALTER TABLE %I OWNER TO importer', name);
             END LOOP;
         END $$; GRANT CREATE ON SCHEMA public TO importer",
    );
    let url = fixture.home.text();
    let Some(theirs) = url.split_once("postgres@").map(|(before, after)| format!("{before}importer@{after}")) else {
        return;
    };
    let file = fixture.write("company.ndjson", company(30, 300));
    let beside = fixture.open_session();
    let import = run(&theirs, &["import", &file]).expect(0);
    assert!(!import.stderr.contains(BEGUN), "{}", import.stderr);
    fixture.open_session().run("DELETE FROM user_relationships; DELETE FROM counts_by_user; DELETE FROM counts_by_target; DELETE FROM counts_by_type");
    drop(beside);
    let before = schema(&fixture);
    let import = run(&theirs, &["import", &file]).expect(0);
    assert!(import.stderr.contains(BEGUN), "the owner may look: {}", import.stderr);
    assert_eq!(schema(&fixture), before);
    fixture.assert_no_drift();
}

#[test]
fn after_a_large_import_postgres_has_statistics_of_all_tables() {
    let Some(fixture) = ImportFixture::direct(Engine::Postgres) else { return };
    let analyzed = "SELECT COUNT(*) AS number FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL AND relname IN \
        ('users', 'user_relationships', 'counts_by_user', 'counts_by_target', 'counts_below')";
    let beside = fixture.open_session();
    let small = fixture.import(&company(300, 5_000), &[]).expect(0);
    assert!(!small.stderr.contains(BEGUN), "{}", small.stderr);
    assert_eq!(fixture.number(analyzed), 0);
    fixture.import(&company(300, 20_000), &[]).expect(0);
    until("the server has reported the statistics", PATIENCE, || fixture.number(analyzed) == 5);
    drop(beside);
    let alone = fixture.another();
    let load = alone.import(&company(300, 20_000), &[]).expect(0);
    assert!(load.stderr.contains(BEGUN), "{}", load.stderr);
    until("the server has reported the statistics", PATIENCE, || alone.number(analyzed) == 5);
}
