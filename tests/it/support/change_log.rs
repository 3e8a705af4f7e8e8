//! The change log, as tests read it.

use std::fmt::Write as _;

use user_relationships::model::change::{Change, NumberedChange};
use user_relationships::model::change_query::{ChangeFilter, ChangePageRequest};
use user_relationships::model::page::Direction;
use user_relationships::store::Tx;

use super::App;
use super::app::wait;

/// The changes after a number, all of which are numbered first.
pub fn changes_after(app: &App, number: i64) -> Vec<NumberedChange> {
    wait(app.store.number_changes()).expect("changes are numbered");
    app.read(move |tx: &mut Tx<'_>| {
        let log = tx.change_log()?;
        let filter = ChangeFilter::default();
        let before = i64::MAX;
        let after = number.max(log.horizon.position.number);
        let mut request = ChangePageRequest { filter, after, before, direction: Direction::Ascending, limit: 5_000 };
        let mut all = Vec::new();
        loop {
            let page = tx.changes(&log, &request)?;
            request.after = page.examined_to;
            all.extend(page.changes);
            if page.is_end {
                return Ok(all);
            }
        }
    })
}

/// The number of the last change.
pub fn last_number(app: &App) -> i64 {
    wait(app.store.number_changes()).expect("changes are numbered");
    app.read(|tx: &mut Tx<'_>| tx.change_log()).last_number
}

/// A change in one line: what happened to what, and why.
pub fn line(change: &Change) -> String {
    let mut line = format!("{} {}", change.action.name(), change.subject.subject_type().name());
    if let Some(id) = change.subject.id() {
        write!(line, " {id}").expect("room");
    }
    if let Some(edge) = change.subject.edge() {
        write!(line, ": {} {} {}", edge.user, edge.relationship, edge.target).expect("room");
        if let Some(previous) = &edge.previous_relationship {
            write!(line, ", was {previous}").expect("room");
        }
    }
    if !change.changed.is_empty() {
        write!(line, " [{}]", change.changed.join(" ")).expect("room");
    }
    if let Some(reason) = change.reason {
        write!(line, " ({})", reason.name()).expect("room");
    }
    line
}
