//! The single writer of SQLite: waiting writes share a commit and do not affect each other.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::task::{JoinHandle, yield_now};
use user_relationships::clock::Clock;
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::code::Code;
use user_relationships::model::error::{Error, Problem, Result};
use user_relationships::model::id::UserId;
use user_relationships::model::relationship::{EdgeData, NewEdge};
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::user::{Field, Value};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Cost, Store, Tx, migrations};

use crate::support::app::{config, wait};
use crate::support::sql::Raw;

/// A store of its own, whose writer can be blocked.
struct Fixture {
    store: Store,
    file: PathBuf,
    _folder: TempDir,
}

type Job = Box<dyn Fn(&mut Tx<'_>) -> Result<i64> + Send>;

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("test.db");
        let url = DatabaseUrl::Sqlite(file.clone());
        migrations::run(&url, true).expect("the migrations run");
        let store = Store::open(&config(url).store_settings(), Clock::System).expect("the file opens");
        Self { store, file, _folder: folder }
    }

    /// Puts a write into the queue.
    async fn queue(&self, job: Job) -> JoinHandle<Result<i64>> {
        let store = self.store.clone();
        let waiting = tokio::spawn(async move { store.write("test.write", ChangeOrigin::WITHOUT_CALLER, job).await });
        // The first poll puts it into the queue.
        yield_now().await;
        waiting
    }

    /// Queues a write that blocks the writer until a message arrives.
    async fn hold(&self) -> (JoinHandle<Result<i64>>, Sender<()>) {
        let (resume, resumed) = channel::<()>();
        let (begun, begins) = channel();
        let resumed: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(resumed));
        let held = self
            .queue(Box::new(move |_| {
                let _ = begun.send(());
                let _ = resumed.lock().expect("one job at a time").recv();
                Ok(0)
            }))
            .await;
        begins.recv().expect("the writer begins");
        (held, resume)
    }

    fn users(&self) -> i64 {
        let url = DatabaseUrl::Sqlite(self.file.clone());
        Raw::connect(&url).number("SELECT COUNT(*) AS number FROM users")
    }

    fn assert_no_drift(&self) {
        let report = wait(self.store.read("test.check", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check()));
        assert_eq!(report.expect("a report").repairable, Vec::<String>::new());
    }
}

/// The number of commits in the WAL of that file: frames whose second word is not zero (SQLite, "WAL Format").
fn commits(file: &Path) -> usize {
    let log = std::fs::read(file.with_extension("db-wal")).expect("the write-ahead log");
    if log.is_empty() {
        return 0;
    }
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let page = usize::try_from(word(&log, 8)).expect("the size of a page");
    let (salts, frames) = (log[16..24].to_vec(), &log[32..]);
    frames.chunks_exact(24 + page).filter(|frame| frame[8..16] == salts && word(frame, 4) != 0).count()
}

fn add(tx: &mut Tx<'_>, number: usize) -> Result<i64> {
    let changes = [(Field::Email, Value::Text(format!("user{number}@example.com")))];
    users::create(tx, &Caller::OPERATOR, None, &changes).map(|user| user.id.get())
}

/// A write that adds a user.
fn adding(number: usize) -> Job {
    Box::new(move |tx| add(tx, number))
}

/// A write that adds a user and then fails, in one of several ways.
fn poison(number: usize) -> Job {
    Box::new(move |tx| {
        add(tx, number)?;
        match number % 3 {
            0 => Err(Problem::new(Code::NotOwner, "on purpose").into()),
            1 => panic!("on purpose"),
            _ => {
                let relationship = TypeName::parse("mentor").expect("a name");
                let data = EdgeData::new(relationship);
                let unknown = NewEdge { user: UserId::new(888_888), target: UserId::new(999_999), data };
                let held = tx.hold_types(std::slice::from_ref(&unknown.data.relationship))?;
                tx.insert_relationship(&held[0], &unknown, None).map(|_| 0)
            }
        }
    })
}

#[test]
fn a_failing_write_does_not_affect_its_batch() {
    let fixture = Fixture::new();
    wait(async {
        let (held, resume) = fixture.hold().await;
        let mut waiting = Vec::new();
        for number in 0..60 {
            let job = if number % 4 == 1 { poison(number) } else { adding(number) };
            waiting.push(fixture.queue(job).await);
        }
        resume.send(()).expect("the writer waits");
        held.await.expect("no panic").expect("it did nothing");
        let mut ids = Vec::new();
        for (number, waiting) in waiting.into_iter().enumerate() {
            let result = waiting.await.expect("no panic");
            match (number % 4, number % 3) {
                (1, 0) => assert!(matches!(result, Err(Error::Refused(_))), "{number} {result:?}"),
                (1, 1) => assert!(matches!(result, Err(Error::Internal(_))), "{number} {result:?}"),
                (1, _) => assert!(matches!(result, Err(Error::Unavailable(_))), "{number} {result:?}"),
                _ => ids.push(result.expect("a good write")),
            }
        }
        let in_order = ids.clone();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), &ids), (45, &in_order), "first come, first served");
    });
    assert_eq!(fixture.users(), 45);
    fixture.assert_no_drift();
}

#[test]
fn waiting_writes_share_a_commit() {
    let fixture = Fixture::new();
    wait(async {
        for number in 0..5 {
            let before = commits(&fixture.file);
            fixture.queue(adding(number)).await.await.expect("no panic").expect("a good write");
            assert_eq!(commits(&fixture.file), before + 1, "a single write has a commit of its own");
        }
        let before = commits(&fixture.file);
        let (held, resume) = fixture.hold().await;
        let mut waiting = Vec::new();
        for number in 5..55 {
            waiting.push(fixture.queue(adding(number)).await);
        }
        resume.send(()).expect("the writer waits");
        held.await.expect("no panic").expect("it did nothing");
        for waiting in waiting {
            waiting.await.expect("no panic").expect("a good write");
        }
        // The write that blocked the writer changed nothing, and so needs no commit.
        assert_eq!(commits(&fixture.file), before + 1, "50 writes that waited");
    });
    assert_eq!(fixture.users(), 55);
}

#[test]
fn a_write_abandoned_before_it_starts_does_not_run() {
    let fixture = Fixture::new();
    wait(async {
        let (held, resume) = fixture.hold().await;
        let gone = fixture.queue(adding(1)).await;
        let stays = fixture.queue(adding(2)).await;
        gone.abort();
        assert!(gone.await.expect_err("it was abandoned").is_cancelled());
        resume.send(()).expect("the writer waits");
        held.await.expect("no panic").expect("it did nothing");
        stays.await.expect("no panic").expect("a good write");
    });
    assert_eq!(fixture.users(), 1);
    fixture.assert_no_drift();
}

#[test]
fn a_write_abandoned_while_it_runs_is_rolled_back() {
    let fixture = Fixture::new();
    wait(async {
        let (resume, resumed) = channel::<()>();
        let (begun, begins) = channel();
        let resumed = Mutex::new(resumed);
        let job: Job = Box::new(move |tx| {
            let id = add(tx, 1)?;
            let _ = begun.send(());
            let _ = resumed.lock().expect("one job at a time").recv();
            Ok(id)
        });
        let gone = fixture.queue(job).await;
        begins.recv().expect("the writer begins");
        gone.abort();
        resume.send(()).expect("the writer waits");
        fixture.queue(adding(2)).await.await.expect("no panic").expect("a good write");
    });
    assert_eq!(fixture.users(), 1);
    fixture.assert_no_drift();
}

#[test]
fn a_full_queue_refuses_immediately_and_drains() {
    let fixture = Fixture::new();
    wait(async {
        let (held, resume) = fixture.hold().await;
        let mut waiting = Vec::new();
        for _ in 0..4_200 {
            waiting.push(fixture.queue(Box::new(|_| Ok(1))).await);
        }
        let refused: Vec<_> = waiting.iter().filter(|one| one.is_finished()).collect();
        assert_eq!(refused.len(), 4_200 - 4_096);
        resume.send(()).expect("the writer waits");
        held.await.expect("no panic").expect("it did nothing");
        let mut outcomes = (0, 0);
        for waiting in waiting {
            match waiting.await.expect("no panic") {
                Ok(_) => outcomes.0 += 1,
                Err(Error::Unavailable(_)) => outcomes.1 += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(outcomes, (4_096, 104));
        fixture.queue(adding(1)).await.await.expect("no panic").expect("a good write");
    });
    assert_eq!(fixture.users(), 1);
}
