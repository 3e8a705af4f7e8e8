//! A new release replaces an old one under load.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::app::{Engine, Home};
use crate::support::balancer::Balancer;
use crate::support::load::{Worker, under_load};
use crate::support::process::{PATIENCE, Service, run, until};
use crate::support::sql::Raw;
use crate::support::{App, Client};

/// The settings of every instance.
const SETTINGS: [(&str, &str); 3] = [("NO_MIGRATE", "true"), ("DRAIN_DELAY", "2s"), ("SHUTDOWN_TIMEOUT", "5s")];

/// The schema after a migration of a later release: additions only.
const LATER: &str = "ALTER TABLE users ADD COLUMN of_a_later_release text; \
                     ALTER TABLE user_relationships ADD COLUMN of_a_later_release bigint NOT NULL DEFAULT 0; \
                     INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('29991231235959', '2026-01-01')";

#[test]
fn replacing_instances_under_load_drops_no_request() {
    let Some(home) = Home::new(Engine::Postgres) else { return };
    let url = home.text();
    let app = App::start(home, |_| {});
    let targets: Vec<_> = (0..4).map(|_| app.user().id).collect();
    let balancer = Balancer::start();
    let at_balancer = |client: &Client| client.at(balancer.address);
    let mut workers: Vec<_> = (0..6)
        .map(|_| {
            let owner = app.user();
            Worker::new(at_balancer(&owner), owner.id, &targets)
        })
        .collect();

    let join = |instance: Service| {
        balancer.add(instance.address);
        until("the balancer knows it", PATIENCE, || balancer.sends_to(instance.address));
        instance
    };
    let old = [(); 2].map(|()| join(Service::start(&url, &SETTINGS)));
    let successors = under_load(&mut workers, |_| {
        std::thread::sleep(Duration::from_millis(300));
        // The old release now runs on the schema of the new one.
        Raw::connect(&app.config.database_url).run(LATER);
        old.map(|mut instance| {
            std::thread::sleep(Duration::from_millis(300));
            let successor = join(Service::start(&url, &SETTINGS));
            instance.signal("TERM");
            assert_eq!(instance.wait(PATIENCE).code(), Some(0), "{:?}", instance.log());
            let log = instance.log();
            assert!(!log.iter().any(|line| line.contains("\"level\":\"ERROR\"")), "{log:?}");
            successor
        })
    });

    let acknowledged: Vec<_> = workers.iter().map(|worker| worker.acknowledged).collect();
    let dropped: usize = workers.iter().map(Worker::unanswered).sum();
    let refused: usize = workers.iter().map(|worker| worker.refused).sum();
    eprintln!("{acknowledged:?} changes acknowledged while both instances were replaced");
    assert_eq!((dropped, refused, balancer.refused.load(Ordering::Relaxed)), (0, 0, 0), "{acknowledged:?}");
    assert!(acknowledged.iter().all(|count| *count > 20), "{acknowledged:?}");
    for worker in &workers {
        worker.assert_kept();
    }
    drop(successors);
    run(&url, &["check"]).expect(0);
}
