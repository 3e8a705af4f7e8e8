//! Pages of the change log, and the changes after a moment, compared with a search of all changes in memory.

use user_relationships::model::change::{ChangeAction, ChangeSubject, ChangeSubjectType, NumberedChange};
use user_relationships::model::change_query::{ChangeFilter, ChangePage, ChangePageRequest, MOST_EXAMINED};
use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::page::Direction;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;

use crate::both;
use crate::support::App;
use crate::support::sql::Raw;

/// More than a page examines.
const CHANGES: i64 = 2 * MOST_EXAMINED + 1_234;

/// Stores changes after the number 100: ten at each microsecond, of twelve users and relationships of two types; every
/// fifth is of a user. Every 9,999th is a deletion.
fn fill(app: &App) {
    let mut raw = Raw::connect(&app.home().url());
    raw.run(&format!(
        "DELETE FROM changes; UPDATE change_log SET is_on = TRUE, last_number = 100 + {CHANGES}, last_at = {CHANGES} / 10, \
         horizon_number = 100, horizon_at = 0, horizon_fingerprint = 5;
         WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {CHANGES})
         INSERT INTO changes (n, place, at, action, subject_type, subject_id, user_id, target_id, relationship, \
         previous_relationship, edge_created_at, actor_id)
         SELECT 100 + i, i % 3, i / 10, CASE WHEN i % 9999 = 0 THEN 2 ELSE i % 2 END, \
         CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, i % 100, \
         CASE WHEN i % 5 = 0 THEN i % 100 ELSE i % 12 END, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 11 END, \
         CASE WHEN i % 7 = 0 THEN 'mentor' ELSE 'colleague' END, CASE WHEN i % 2 = 1 THEN 'mentor' END, i, i % 4 \
         FROM numbers"
    ));
}

fn stored(app: &App) -> Vec<NumberedChange> {
    app.read(|tx| {
        let log = tx.change_log()?;
        let mut all = Vec::new();
        let mut request = request(ChangeFilter::default(), Direction::Ascending, 5_000);
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

fn request(filter: ChangeFilter, direction: Direction, limit: i64) -> ChangePageRequest {
    ChangePageRequest { filter, after: 100, before: i64::MAX, direction, limit }
}

fn page(app: &App, request: &ChangePageRequest) -> ChangePage {
    let request = request.clone();
    app.read(move |tx| {
        let log = tx.change_log()?;
        tx.changes(&log, &request)
    })
}

fn matches(filter: &ChangeFilter, change: &NumberedChange) -> bool {
    fn is_one_of<T: PartialEq>(values: &[T], value: &T) -> bool {
        values.is_empty() || values.contains(value)
    }
    let change = &change.change;
    let edge = change.subject.edge();
    let has_user = |user: &UserId| match &change.subject {
        ChangeSubject::User(id) => id == user,
        subject => subject.edge().is_some_and(|edge| edge.user == *user || edge.target == *user),
    };
    let has_type = |name: &TypeName| {
        edge.is_some_and(|edge| edge.relationship == *name || edge.previous_relationship.as_ref() == Some(name))
    };
    is_one_of(&filter.subject_types, &change.subject.subject_type())
        && is_one_of(&filter.actions, &change.action)
        && (filter.actors.is_empty() || change.actor.is_some_and(|actor| filter.actors.contains(&actor)))
        && (filter.users.is_empty() || filter.users.iter().any(has_user))
        && (filter.relationships.is_empty() || filter.relationships.iter().any(has_type))
        && filter.relationship.is_none_or(|id| edge.is_some_and(|edge| edge.id == id))
        && filter.since.is_none_or(|since| change.at >= since)
        && filter.until.is_none_or(|until| change.at < until)
}

fn filters() -> Vec<ChangeFilter> {
    let name = |name| TypeName::parse(name).expect("a name");
    let all = ChangeFilter::default;
    let user = UserId::new;
    let micros = Timestamp::from_micros;
    vec![
        all(),
        ChangeFilter { actions: vec![ChangeAction::Deleted], ..all() },
        ChangeFilter { subject_types: vec![ChangeSubjectType::User, ChangeSubjectType::Group], ..all() },
        ChangeFilter { relationships: vec![name("mentor")], ..all() },
        ChangeFilter { relationships: vec![name("mentor"), name("colleague")], actors: vec![user(3)], ..all() },
        ChangeFilter { users: vec![user(5)], ..all() },
        ChangeFilter { users: vec![user(11), user(3)], actions: vec![ChangeAction::Deleted], ..all() },
        ChangeFilter { users: vec![user(777)], ..all() },
        ChangeFilter { relationship: Some(RelationshipId::new(51)), ..all() },
        ChangeFilter { relationship: Some(RelationshipId::new(51)), users: vec![user(3), user(4)], ..all() },
        ChangeFilter { since: Some(micros(1_700)), ..all() },
        ChangeFilter { until: Some(micros(3)), ..all() },
        ChangeFilter { since: Some(micros(20)), until: Some(micros(1_500)), actors: vec![user(2), user(0)], ..all() },
        ChangeFilter { since: Some(micros(i64::MAX)), ..all() },
        ChangeFilter { since: Some(micros(9)), until: Some(micros(9)), ..all() },
    ]
}

/// Reads all pages, and compares them with the matching changes.
fn check(app: &App, all: &[NumberedChange], filter: &ChangeFilter, direction: Direction, limit: i64) {
    let mut expected: Vec<_> = all.iter().filter(|change| matches(filter, change)).cloned().collect();
    if direction == Direction::Descending {
        expected.reverse();
    }
    let mut request = request(filter.clone(), direction, limit);
    let mut found = Vec::new();
    for _ in 0.. {
        let part = page(app, &request);
        assert!(i64::try_from(part.changes.len()).expect("a page") <= limit);
        found.extend(part.changes);
        if part.is_end {
            break;
        }
        match direction {
            Direction::Ascending => {
                assert!(part.examined_to > request.after);
                request.after = part.examined_to;
            }
            Direction::Descending => {
                assert!(part.examined_to < request.before);
                request.before = part.examined_to;
            }
        }
    }
    assert!(found == expected, "{filter:?} {direction:?}: {} of {} changes", found.len(), expected.len());
}

both!(pages_of_the_change_log_together_show_every_matching_change, |app| {
    fill(app);
    let all = stored(app);
    assert_eq!(i64::try_from(all.len()), Ok(CHANGES));
    assert!(all.iter().zip(101..).all(|(change, number)| change.number == number));
    for filter in filters() {
        for direction in [Direction::Ascending, Direction::Descending] {
            check(app, &all, &filter, direction, 7_777);
        }
    }
});

both!(a_page_examines_a_limited_number_of_changes, |app| {
    fill(app);
    let none = ChangeFilter { actors: vec![UserId::new(99)], ..ChangeFilter::default() };
    let first = page(app, &request(none.clone(), Direction::Ascending, 10));
    assert_eq!((first.changes.len(), first.examined_to, first.is_end), (0, 100 + MOST_EXAMINED, false));
    let last = page(app, &request(none, Direction::Descending, 10));
    assert_eq!((last.examined_to, last.is_end), (101 + CHANGES - MOST_EXAMINED, false));
});

both!(positions_are_those_of_changes_and_of_the_horizon, |app| {
    fill(app);
    let [before, horizon, first, last, next] = app.read(|tx| {
        let log = tx.change_log()?;
        let mut found = Vec::new();
        for number in [99, 100, 101, 100 + CHANGES, 101 + CHANGES] {
            found.push(tx.change_position(&log, number)?);
        }
        Ok(<[_; 5]>::try_from(found).expect("five"))
    });
    assert_eq!((before, next), (None, None));
    assert_eq!(horizon.map(|position| (position.number, position.fingerprint)), Some((100, 5)));
    let all = stored(app);
    assert_eq!(first, all.first().map(NumberedChange::position));
    assert_eq!(last, all.last().map(NumberedChange::position));
    assert_ne!(first.map(|position| position.fingerprint), last.map(|position| position.fingerprint));
});

both!(changes_after_a_moment_are_those_with_a_later_time_newest_first, |app| {
    fill(app);
    let all = stored(app);
    for at in [-1, 0, 1, 1_000, CHANGES / 10, i64::MAX - 1] {
        let users = [UserId::new(3), UserId::new(4)];
        let found = app.read(move |tx| {
            let log = tx.change_log()?;
            let moment = tx.change_moment(&log, Timestamp::from_micros(at))?;
            tx.edge_changes_after(&moment, &users, i64::MAX)
        });
        let has_user = |change: &&NumberedChange| {
            let edge = change.change.subject.edge();
            edge.is_some_and(|edge| users.contains(&edge.user) || users.contains(&edge.target))
        };
        let later = |change: &&NumberedChange| change.change.at.micros() > at;
        let expected: Vec<_> =
            all.iter().rev().filter(later).filter(has_user).map(|change| change.change.clone()).collect();
        assert!(found == expected, "after {at}: {} of {} changes", found.len(), expected.len());
    }
});
