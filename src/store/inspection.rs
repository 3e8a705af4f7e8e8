//! Inspects a database when a service starts.

use std::sync::mpsc::channel;
use std::time::Duration;

use super::opening::OpenError;
use super::postgres;
use super::url::{DatabaseUrl, PostgresUrl};
use crate::model::database_problem::DatabaseProblem;

/// The longest wait for an answer: a service may start while its database is down.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why requests cannot be served from a PostgreSQL database, apart from the version of its schema. `None` also if it
/// does not answer: then the pool logs the reason, and `/readyz` shows it.
#[must_use]
pub fn inspect(url: &DatabaseUrl) -> Option<DatabaseProblem> {
    let DatabaseUrl::Postgres(url) = url else { return None };
    let (sender, receiver) = channel();
    let url = url.clone();
    // On its own thread, because a server that stops answering after the connection blocks it.
    let thread = std::thread::Builder::new().name("inspection".to_owned());
    thread.spawn(move || sender.send(inspect_postgres(&url))).ok()?;
    receiver.recv_timeout(PATIENCE).ok().flatten()
}

/// The error for a pooler that mixes up prepared statements.
#[must_use]
pub fn mixed_statements() -> OpenError {
    postgres::pooler::refusal()
}

fn inspect_postgres(url: &PostgresUrl) -> Option<DatabaseProblem> {
    if postgres::pooler::check(url).is_err() {
        return Some(DatabaseProblem::MixedStatements);
    }
    match postgres::conn::connect(&url.with_limits(PATIENCE, PATIENCE)) {
        Ok(mut conn) => postgres::inspection::find_problem(&mut conn).ok().flatten(),
        Err(OpenError::Unusable(problem)) => Some(problem),
        Err(_) => None,
    }
}
