//! The first load of relationships, which takes the indexes down: whatever becomes of it, it is there wholly or not at
//! all, and the schema is as it was.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStderr, ChildStdin, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::app::Engine;
use crate::support::desk::{ImportFixture, company, counts, lines, relation, schema, user};
use crate::support::process::{Guard, PATIENCE, Service, finish, program, program_behind, run, until};
use crate::support::{edge, json};

/// What an import says once the indexes are down, and once all lines are read.
const BEGUN: &str = "the database has no relationships yet";
const MAKING: &str = "building the indexes";
const EDGES: &str = "/api/v2/user-relationships";

/// An import that reads what it is given.
struct Fed {
    child: Guard,
    stdin: Option<ChildStdin>,
    told: BufReader<ChildStderr>,
}

impl Fed {
    fn start(desk: &ImportFixture) -> Self {
        let mut command = program();
        command.env("DATABASE_URL", desk.home.text()).args(["import", "-"]).stdin(Stdio::piped());
        let mut child = Guard(command.spawn().expect("the program starts"));
        let told = BufReader::new(child.0.stderr.take().expect("a pipe"));
        Self { stdin: child.0.stdin.take(), child, told }
    }

    fn feed(&mut self, text: &str) {
        self.stdin.as_mut().expect("it still reads").write_all(text.as_bytes()).expect("it reads");
    }

    /// Reads what it says up to a sentence.
    #[track_caller]
    fn wait_for(&mut self, sentence: &str) {
        let mut all = String::new();
        while !all.contains(sentence) {
            assert!(self.told.read_line(&mut all).expect("text") > 0, "it ended before it said so: {all}");
        }
    }

    fn kill(mut self) {
        self.child.0.kill().expect("it is ours");
        self.child.wait(PATIENCE);
    }

    /// Lets it come to its end.
    #[track_caller]
    fn finish(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.child.wait(PATIENCE).code(), Some(0));
    }
}

/// Another empty database of the same kind.
fn another(desk: &ImportFixture) -> ImportFixture {
    ImportFixture::new(if desk.home.file().is_some() { Engine::Sqlite } else { Engine::Postgres })
        .expect("it was there before")
}

fn edges(desk: &ImportFixture) -> i64 {
    desk.number("SELECT COUNT(*) AS number FROM user_relationships")
}

/// The text in two parts; the first is so long that a load has begun.
fn parts(text: &str) -> (&str, &str) {
    let half = text.len() / 2;
    text.split_at(half + text[half..].find('\n').expect("another line") + 1)
}

#[test]
fn a_load_that_is_killed_at_any_moment_is_there_wholly_or_not_at_all() {
    let text = company(300, 30_000);
    let (half, _) = parts(&text);
    for desk in ImportFixture::all() {
        let before = schema(&desk);
        // While it reads, while it makes the indexes, and a few moments later.
        for moment in [None, Some(0), Some(20), Some(60), Some(120), Some(250)] {
            let desk = another(&desk);
            let mut import = Fed::start(&desk);
            import.feed(if moment.is_some() { &text } else { half });
            import.wait_for(BEGUN);
            if let Some(millis) = moment {
                drop(import.stdin.take());
                import.wait_for(MAKING);
                thread::sleep(Duration::from_millis(millis));
            }
            import.kill();
            let there = edges(&desk);
            assert!(there == 0 || moment.is_some() && there == 30_000, "{moment:?}: {there}");
            assert_eq!(schema(&desk), before, "{moment:?}");
            desk.assert_no_drift();
            let again = desk.import(&text, &[]).expect(0);
            let there = u64::try_from(there).unwrap();
            assert_eq!(counts(&again)[1], [30_000 - there, 0, there, 0], "{moment:?}");
            assert_eq!(schema(&desk), before, "{moment:?}");
            desk.assert_no_drift();
        }
    }
}

#[test]
fn a_disk_that_fills_up_during_a_load_leaves_nothing_of_it() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let before = schema(&desk);
    let file = desk.write("company.ndjson", company(300, 30_000));
    // So many blocks of 512 bytes, or of 1024 with some shells, no file may exceed: the last has room for the rows alone.
    for blocks in [1_000, 3_000] {
        let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = program_behind(&line);
        let full = finish(command.env("DATABASE_URL", desk.home.text()).args(["import", &file])).expect(69);
        assert!(full.stderr.contains("disk") && full.stderr.contains("run the import again"), "{}", full.stderr);
        assert_eq!(edges(&desk), 0);
        assert_eq!(schema(&desk), before);
        desk.assert_no_drift();
    }
    assert_eq!(counts(&desk.run(&["import", &file]).expect(0))[1], [30_000, 0, 0, 0]);
    desk.assert_no_drift();
}

#[test]
fn a_service_that_starts_beside_a_load_reads_on_sqlite_and_waits_on_postgres() {
    for desk in ImportFixture::all() {
        desk.import(&lines(&[user(1), user(2)]), &[]).expect(0);
        let token = desk.run(&["token", "create", "--user", "u1@example.com"]).expect(0).line().to_owned();
        let before = schema(&desk);
        let text = company(300, 20_000);
        let (half, rest) = parts(&text);
        let mut import = Fed::start(&desk);
        import.feed(half);
        import.wait_for(BEGUN);
        // There is nothing to migrate, so that nothing has to be written.
        let service = Service::start(&desk.home.text(), &[]);
        let client = service.client(&token);
        if desk.home.file().is_some() {
            service.anybody().get("/readyz").expect(200);
            assert_eq!(client.get(EDGES).expect(200).total(), 0, "what is not committed is not there");
            let refused = client.post(EDGES, &edge(None, "mentor", 2)).refused(503, "unavailable");
            assert_eq!(refused.header("retry-after"), Some("1"));
            let lines = || service.log().into_iter().filter(|line| line.contains("\"status\":503")).collect::<Vec<_>>();
            until("the log says why", PATIENCE, || !lines().is_empty());
            // It stands in line behind another write, the one that notes that the token was used.
            let is_told = |line: &String| ["database is locked", "longer than"].iter().any(|why| line.contains(why));
            assert!(lines().iter().all(is_told), "{:?}", lines());
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
        assert!(edges(&desk) >= 20_000);
        assert_eq!(schema(&desk), before);
        desk.assert_no_drift();
    }
}

#[test]
fn two_imports_at_once_do_no_harm() {
    let text = company(300, 10_000);
    for desk in ImportFixture::all() {
        let before = schema(&desk);
        let file = desk.write("company.ndjson", &text);
        let url = desk.home.text();
        let both = [(); 2].map(|()| {
            let (url, file) = (url.clone(), file.clone());
            thread::spawn(move || run(&url, &["import", &file]))
        });
        for import in both {
            let ended = import.join().unwrap();
            assert!(ended.code == 0 || ended.stderr.contains("run the import again"), "{ended:?}");
        }
        let again = desk.run(&["import", &file]).expect(0);
        assert_eq!(counts(&again)[0], [0, 0, 300, 0]);
        assert_eq!(edges(&desk), 10_000);
        assert_eq!(schema(&desk), before);
        desk.assert_no_drift();
    }
}

#[test]
fn relationships_that_a_load_brings_twice_are_there_once() {
    let text = company(300, 5_000);
    // The same again, far from the first, under other ids; and some that are in the way of neither.
    let twice: String = company(300, 5_000)
        .lines()
        .skip(300)
        .map(|line| line.replace(r#""id":"#, r#""id":9"#).replace("10:11", "11:12") + "\n")
        .collect();
    let more = lines(&[json!({"type": "user", "id": 301, "email": "u301@example.com"}), relation(301, "mentor", 1)]);
    for desk in ImportFixture::all() {
        let before = schema(&desk);
        let first = desk.import(&format!("{text}{twice}{more}{more}"), &[]).expect(0);
        assert!(first.stderr.contains(BEGUN), "{}", first.stderr);
        assert_eq!(counts(&first), [[301, 0, 1, 0], [5_001, 0, 5_001, 0]]);
        assert_eq!(edges(&desk), 5_001);
        assert_eq!(desk.number("SELECT COUNT(*) AS number FROM user_relationships WHERE id <= 5000"), 5_000);
        assert_eq!(schema(&desk), before);
        desk.assert_no_drift();
        let other = another(&desk);
        other.import(&format!("{text}{more}"), &[]).expect(0);
        let ids = |text: String| text.lines().filter(|line| !line.contains("\"user\":301")).count();
        assert_eq!(ids(desk.export()), ids(other.export()));
        // Nobody gets an id that was taken.
        let next = another(&desk);
        next.import(&format!("{text}{}", lines(&[relation(1, "mentor", 2), relation(2, "mentor", 1)])), &[]).expect(0);
        next.assert_no_drift();
    }
}

#[test]
fn an_import_leaves_no_log_of_its_writes() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let log = desk.home.file().expect("a file").with_extension("db-wal");
    let size = || fs::metadata(&log).map_or(0, |about| about.len());
    desk.import(&company(300, 20_000), &[]).expect(0);
    assert_eq!(size(), 0);
    // In batches, beside somebody else: while it goes on, too.
    let other = another(&desk);
    let _beside = other.somebody_else();
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
fn a_role_that_may_not_look_at_others_sees_that_they_are_there() {
    let Some(desk) = ImportFixture::new(Engine::Postgres) else { return };
    // The role belongs to the server, so that another test process may have made it.
    desk.somebody_else().run(
        "DO $$ BEGIN CREATE ROLE importer LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         DO $$ DECLARE name text; BEGIN
             FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                 EXECUTE format('ALTER TABLE %I OWNER TO importer', name);
             END LOOP;
         END $$; GRANT CREATE ON SCHEMA public TO importer",
    );
    let url = desk.home.text();
    let Some(theirs) = url.split_once("postgres@").map(|(before, after)| format!("{before}importer@{after}")) else {
        return;
    };
    let file = desk.write("company.ndjson", company(30, 300));
    let beside = desk.somebody_else();
    let import = run(&theirs, &["import", &file]).expect(0);
    assert!(!import.stderr.contains(BEGUN), "{}", import.stderr);
    desk.somebody_else().run("DELETE FROM user_relationships; DELETE FROM counts_by_user; DELETE FROM counts_by_target; DELETE FROM counts_by_type");
    drop(beside);
    let before = schema(&desk);
    let import = run(&theirs, &["import", &file]).expect(0);
    assert!(import.stderr.contains(BEGUN), "an owner may: {}", import.stderr);
    assert_eq!(schema(&desk), before);
    desk.assert_no_drift();
}
