//! The change log is turned on and off for all instances, and old changes are pruned.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use user_relationships::model::change::{ChangeLogState, ChangeOrigin, NumberedChange};
use user_relationships::model::group::Properties;
use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;
use user_relationships::store::Tx;

use crate::both;
use crate::support::app::{run, wait};
use crate::support::change_log::{changes_after, last_number, line};
use crate::support::graph::{EDGES, create, retype, users};
use crate::support::sql::Raw;
use crate::support::{App, Engine};

fn state(app: &App) -> ChangeLogState {
    app.read(|tx: &mut Tx<'_>| tx.change_log())
}

fn switch(app: &App, is_on: bool) {
    wait(app.store.set_change_log(is_on)).expect("the log is switched");
}

both!(the_log_is_complete_from_the_moment_it_is_turned_on, |app| {
    let ann = app.user();
    let [bob, cleo] = users(app, 2).try_into().expect("two");
    create(&ann, ann.id, "mentor", bob).expect(201);
    let before = changes_after(app, 0);
    let last = last_number(app);
    assert_eq!(before.last().map(|change| change.number), Some(last));
    switch(app, false);
    let id = create(&ann, ann.id, "mentor", cleo).expect(201).id();
    retype(&ann, id, "colleague").expect(200);
    assert_eq!((state(app).is_on, last_number(app)), (false, last));
    switch(app, true);
    let log = state(app);
    assert_eq!((log.is_on, log.last_number, log.horizon.position.number), (true, last, last));
    // A cursor at the last change before is not valid any more.
    assert_ne!(before.last().map(NumberedChange::fingerprint), Some(log.horizon.position.fingerprint));
    ann.delete(&format!("{EDGES}/{id}")).expect(204);
    let found: Vec<_> = changes_after(app, 0).iter().map(|found| (found.number, line(&found.change))).collect();
    assert_eq!(found, [(last + 1, format!("deleted user-relationships {id}: {} colleague {cleo}", ann.id))]);
});

both!(an_instance_that_remembers_another_state_of_the_log_follows, |app| {
    let other = app.beside();
    let ann = app.user();
    let there = other.client_like(&ann);
    let [bob] = users(app, 1).try_into().expect("one");
    let mut logged = Vec::new();
    for is_on in [true, false, true, false, true] {
        switch(app, is_on);
        let last = last_number(app).max(state(app).horizon.position.number);
        // A create in a batch, an ordinary job, and a create that is no longer the first write of the instance.
        let id = create(&there, ann.id, "mentor", bob).expect(201).id();
        retype(&there, id, "colleague").expect(200);
        there.delete(&format!("{EDGES}/{id}")).expect(204);
        logged.push(changes_after(app, last).len());
    }
    assert_eq!(logged, [3, 0, 3, 0, 3]);
});

#[test]
fn turning_the_log_on_waits_for_writers_that_do_not_log() {
    run(
        Engine::Postgres,
        |config| config.database_pool_size = 4,
        |app| {
            let owner = UserId::new(app.user().id);
            switch(app, false);
            let (begun, has_begun) = channel::<()>();
            let (end, may_end) = channel::<()>();
            let may_end = std::sync::Mutex::new(may_end);
            thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    wait(app.store.write("test.hold", ChangeOrigin::WITHOUT_CALLER, move |tx: &mut Tx<'_>| {
                        begun.send(()).expect("the test waits");
                        may_end.lock().expect("a lock").recv().expect("the test ends it");
                        tx.insert_group("team", owner, &Properties::new())
                    }))
                });
                has_begun.recv().expect("the writer begins");
                let switched = scope.spawn(|| switch(app, true));
                thread::sleep(Duration::from_millis(300));
                let is_waiting = !switched.is_finished();
                end.send(()).expect("the writer waits");
                writer.join().expect("the writer").expect("a group");
                switched.join().expect("the log is on");
                assert!(is_waiting, "the log must not be on while a writer that does not log runs");
            });
            assert!(state(app).is_on);
        },
    );
}

both!(old_changes_are_pruned_in_order_and_move_the_horizon, |app| {
    let ann = app.user();
    for _ in 0..30 {
        let id = create(&ann, ann.id, "mentor", users(app, 1)[0]).expect(201).id();
        ann.delete(&format!("{EDGES}/{id}")).expect(204);
    }
    let all = changes_after(app, 0);
    let cut = 40;
    let (pruned, kept) = all.split_at(cut);
    let before = Timestamp::from_micros(kept[0].change.at.micros());
    let gone = pruned.iter().rposition(|change| change.change.at < before).expect("older changes") + 1;
    wait(app.store.prune_changes(before)).expect("changes are pruned");
    let log = state(app);
    assert_eq!(log.horizon.position, all[gone - 1].position(), "cursors at the horizon stay valid");
    assert_eq!(log.horizon.at, all[gone - 1].change.at);
    assert!(changes_after(app, 0) == all[gone..]);
    let stored = Raw::connect(&app.home().url()).number("SELECT MIN(n) AS number FROM changes");
    assert_eq!(stored, log.horizon.position.number + 1);
    // All of them: the numbers go on.
    let last = log.last_number;
    wait(app.store.prune_changes(Timestamp::from_micros(i64::MAX - 1))).expect("changes are pruned");
    assert_eq!(state(app).horizon.position, all[all.len() - 1].position());
    create(&ann, ann.id, "mentor", users(app, 1)[0]).expect(201);
    let numbers: Vec<_> = changes_after(app, 0).iter().map(|change| change.number).collect();
    assert_eq!(numbers, [last + 1, last + 2]);
});

both!(changes_are_pruned_in_small_steps, |app| {
    let user = app.user().id;
    let mut raw = Raw::connect(&app.home().url());
    raw.run(&format!(
        "DELETE FROM changes; UPDATE change_log SET last_number = 2500, last_at = 2500, horizon_number = 0;
         WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 2500)
         INSERT INTO changes (n, place, at, action, subject_type, subject_id) SELECT i, 0, i, 1, 1, {user} FROM numbers"
    ));
    let step = |app: &App| {
        wait(app.store.prune_changes(Timestamp::from_micros(2_200))).expect("changes are pruned");
    };
    step(app);
    assert_eq!(state(app).horizon.position.number, 2_199);
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM changes"), 301);
});
