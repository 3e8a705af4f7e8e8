//! The change log, as tests read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use user_relationships::model::change::{Change, NumberedChange};
use user_relationships::model::change_query::{ChangeFilter, ChangePageRequest};
use user_relationships::model::page::Direction;
use user_relationships::store::Tx;
use user_relationships::store::url::DatabaseUrl;

use super::App;
use super::app::wait;
use super::feed_copy::stored_copy;
use super::sql::Raw;

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

/// Applies all logged changes, also those without a number, to nothing, and compares the result with the tables: no change
/// is missing or doubled. The log must go back to the first change.
#[track_caller]
pub fn assert_log_has_each_change_once(url: &DatabaseUrl) {
    const COLUMNS: &str = "action, subject_id, user_id, target_id, relationship, subject_type";
    let lines = Raw::connect(url).lines(&format!(
        "SELECT action || ' ' || COALESCE(subject_id, 0) || ' ' || COALESCE(user_id, 0) || ' ' || COALESCE(target_id, 0) \
         || ' ' || COALESCE(relationship, '-') || ' ' || subject_type AS line FROM ( \
         SELECT n, 0 AS set_id, 0 AS place, {COLUMNS} FROM changes UNION ALL \
         SELECT 9000000000000000, set_id, place, {COLUMNS} FROM unnumbered_changes) AS logged \
         WHERE subject_type IN (0, 1) ORDER BY n, set_id, place"
    ));
    let (mut edges, mut people) = (BTreeMap::new(), BTreeSet::new());
    for line in lines {
        let [action, id, user, target, name, subject] = line.split(' ').collect::<Vec<_>>().try_into().expect("six");
        let number = |text: &str| text.parse::<i64>().expect("a number");
        let had_it = match (subject, action) {
            ("0", "2") => edges.remove(&number(id)).is_some(),
            ("0", _) => edges.insert(number(id), (number(user), name.to_owned(), number(target))).is_some(),
            (_, "0") => !people.insert(number(id)),
            (_, "2") => people.remove(&number(id)),
            _ => people.contains(&number(id)),
        };
        assert_eq!(had_it, action != "0", "missing before, or doubled: {line}");
    }
    let stored = stored_copy(url);
    assert_eq!((edges, Some(people)), (stored.edges, stored.users));
}
