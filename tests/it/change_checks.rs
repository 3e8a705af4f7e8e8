//! `check` finds a damaged change log, and a repair restarts it.

use crate::both;
use crate::support::App;
use crate::support::change_log::changes_after;
use crate::support::changes::{CHANGES, Log, after, now};
use crate::support::graph::{create, users};
use crate::support::process::{Outcome, run};

fn check(app: &App, options: &[&str]) -> Outcome {
    run(&app.home().text(), &[&["check"], options].concat())
}

/// A change of the last number.
fn add_to_last_number(app: &App, difference: i64) -> String {
    if app.home().file().is_some() {
        format!("UPDATE sqlite_sequence SET seq = seq + {difference} WHERE name = 'changes'")
    } else {
        format!("UPDATE change_log SET last_number = last_number + {difference}")
    }
}

/// A statement that damages the log of a service, from its last number.
type Damage = fn(&App, i64) -> String;

both!(a_damaged_log_is_found_and_restarted, |app| {
    let admin = app.admin();
    let [bob, cleo, dan] = users(app, 3).try_into().expect("three");
    let mut log = Log::of(app);
    let damages: [(&str, Damage); 6] = [
        ("a gap", |_, last| format!("DELETE FROM changes WHERE n = {last} - 3")),
        ("several gaps", |_, last| format!("DELETE FROM changes WHERE n IN ({last} - 1, {last} - 4, {last} - 5)")),
        ("the last one is missing", |_, last| format!("DELETE FROM changes WHERE n = {last}")),
        ("the last number is too large", |app, _| add_to_last_number(app, 2)),
        ("the last number is too small", |app, _| add_to_last_number(app, -2)),
        // The number of changes is right.
        ("one has another number", |_, last| format!("UPDATE changes SET n = {last} + 1 WHERE n = {last} - 3")),
    ];
    for (name, damage) in damages {
        log.append_many(8);
        let (position, last) = (now(&admin), log.last());
        check(app, &[]).expect(0);
        let statement = damage(app, last);
        log.raw().run(&statement);
        let found = check(app, &[]).expect(1);
        assert!(
            found.stdout.contains("change log: ") && found.stdout.contains("a repair restarts the log"),
            "{name}: {found:?}"
        );
        assert!(found.stderr.contains("check --repair"), "{name}: {found:?}");
        let repaired = check(app, &["--repair"]).expect(0);
        assert!(repaired.stdout.contains("change log: "), "{name}: {repaired:?}");
        check(app, &[]).expect(0);
        // A reader with an older cursor learns that changes are missing.
        admin.get(&format!("{CHANGES}?page[after]={position}")).refused(410, "cursor-expired");
        let fresh = now(&admin);
        let edge = create(&admin, bob, "mentor", cleo).expect(201).id();
        admin.delete(&format!("/api/v2/user-relationships/{edge}")).expect(204);
        let page = after(&admin, &fresh, "");
        assert_eq!(page.ids().len(), 2, "{name}: {}", page.text);
        assert_eq!(page.ids()[1], page.ids()[0] + 1, "{name}");
        assert_eq!(changes_after(app, 0).len(), 2, "{name}: only what is after the horizon");
        check(app, &[]).expect(0);
    }
    create(&admin, bob, "mentor", dan).expect(201);
    check(app, &[]).expect(0);
});
