//! An import and clients that write the opposite relationships at the same time.

use std::thread;
use std::time::Duration;

use crate::both;
use crate::support::graph::{acyclic, create, on_cycles, register, stored, tree, users, wide};
use crate::support::import::{lines, relation};
use crate::support::process::{finish, program, run};

both!(an_import_and_clients_cannot_close_cycles_together, |config| { wide(config) }, |app| {
    let url = app.home().text();
    let admin = app.admin();
    for (kind, rules) in [("boss", tree()), ("needs", acyclic())] {
        register(&admin, kind, &rules);
        let (pairs, ids) = (60, users(app, 120));
        let text: Vec<_> = (0..pairs).map(|at| relation(ids[2 * at], kind, ids[2 * at + 1])).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("edges.ndjson");
        std::fs::write(&file, lines(&text)).expect("a file");
        let mut command = program();
        command.env("DATABASE_URL", &url).args(["import", &file.display().to_string()]);
        let created = thread::scope(|scope| {
            let import = scope.spawn(|| finish(&mut command));
            // From the last line to the first, as long as the import runs, so that they meet.
            let mut created = 0;
            for at in (0..pairs).rev() {
                if !import.is_finished() {
                    thread::sleep(Duration::from_millis(2));
                }
                let answer = create(&admin, ids[2 * at + 1], kind, ids[2 * at]);
                match answer.status {
                    201 => created += 1,
                    _ => drop(answer.refused(409, "relationship-cycle")),
                }
            }
            import.join().expect("it ends");
            created
        });
        let all = stored(app, kind);
        assert_eq!(all.len(), pairs, "one direction of each pair; {created} by clients");
        assert_eq!(on_cycles(all.into_values()).len(), 0);
    }
    run(&url, &["check"]).expect(0);
});
