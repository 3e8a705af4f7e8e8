//! Relationships as they were at a moment: the present ones, with the changes after the moment undone.
//!
//! # Design
//! Only the relationships that changed after the moment are reconstructed; all others are still as they were. So a page
//! of the past is a page of the present without the changed relationships, merged with the reconstructed ones, and the
//! count is the present one, corrected by them.

use std::collections::BTreeMap;

use super::authors::Authors;
use super::change::{Change, ChangeAction};
use super::filter::RelationshipFilter;
use super::id::RelationshipId;
use super::page::{Page, PageRequest};
use super::past::PastEdge;
use super::relationship::{Edge, Relationship};
use super::time::Timestamp;

/// The most changes that one request undoes.
pub const MOST_UNDONE: usize = 100_000;
/// How far in the future a moment may be, in seconds. It then counts as the present: clocks differ.
pub const MOST_SECONDS_AHEAD: i64 = 60;

/// The relationships that changed after a moment.
#[derive(Debug, Default)]
pub struct UndoneChanges {
    edges: BTreeMap<RelationshipId, UndoneEdge>,
}

/// A relationship that changed after a moment.
#[derive(Debug)]
struct UndoneEdge {
    /// What it is now; `None` if it does not exist any more.
    present: Option<Edge>,
    /// What it was at the moment; `None` if it did not exist yet.
    past: Option<(Relationship, Authors)>,
}

impl UndoneChanges {
    /// Undoes all changes after a moment, which come newest first.
    #[must_use]
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut edges: BTreeMap<RelationshipId, UndoneEdge> = BTreeMap::new();
        for change in changes {
            let Some(edge) = change.subject.edge() else { continue };
            let present = || {
                let key = Edge { user: edge.user, target: edge.target, relationship: edge.relationship.clone() };
                (change.action != ChangeAction::Deleted).then_some(key)
            };
            let undone = edges.entry(edge.id).or_insert_with(|| UndoneEdge { present: present(), past: None });
            let updated_by = edge.previous.and_then(|previous| previous.updated_by);
            undone.past = edge.undo().map(|past| (past, Authors { created_by: edge.created_by, updated_by }));
        }
        Self { edges }
    }

    /// Whether a relationship changed.
    #[must_use]
    pub fn has(&self, id: RelationshipId) -> bool {
        self.edges.contains_key(&id)
    }

    /// The changed relationships that existed at a moment. Those of a first load, which makes no single changes, existed
    /// from their time of creation on; all others were created by a change, which is not before that time.
    pub fn past(&self, at: Timestamp) -> impl Iterator<Item = PastEdge> {
        self.edges.values().filter_map(move |undone| {
            let (edge, authors) = undone.past.clone().filter(|(edge, _)| edge.created_at <= at)?;
            Some(PastEdge { edge, is_deleted: undone.present.is_none(), authors: Some(authors) })
        })
    }

    /// How many of the changed relationships exist now and match a filter.
    fn count_present(&self, filter: &RelationshipFilter) -> usize {
        self.edges.values().filter_map(|undone| undone.present.as_ref()).filter(|edge| filter.has_edge(edge)).count()
    }

    /// The first relationships that match a filter and did not change, as many as a page of the past may need, and the
    /// number of all of them. `read` returns a page of the present ones that match the filter.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read_unchanged<E>(
        &self,
        filter: &RelationshipFilter,
        slice: &PageRequest,
        mut read: impl FnMut(&PageRequest) -> Result<Page<Relationship>, E>,
    ) -> Result<Page<Relationship>, E> {
        let needed = if slice.limit == 0 { 0 } else { slice.offset.saturating_add(slice.limit) };
        let mut limit = needed;
        loop {
            let mut page = read(&PageRequest { offset: 0, limit, ..slice.clone() })?;
            let is_all = count(page.items.len()) < limit;
            page.items.retain(|row| !self.has(row.id));
            if is_all || count(page.items.len()) >= needed {
                return Ok(Page { total: page.total - count(self.count_present(filter)), ..page });
            }
            limit = limit.saturating_mul(2);
        }
    }

    /// A page of the relationships that matched a filter at a moment, from the unchanged ones that it may need.
    #[must_use]
    pub fn merge(
        &self,
        unchanged: Page<Relationship>,
        (filter, at): (&RelationshipFilter, Timestamp),
        slice: &PageRequest,
    ) -> Page<PastEdge> {
        let past: Vec<_> = self.past(at).filter(|past| filter.has_edge(&past.edge.key())).collect();
        let total = unchanged.total + count(past.len());
        let unchanged = unchanged.items.into_iter().map(|edge| PastEdge { edge, is_deleted: false, authors: None });
        Page::whole(slice.select(unchanged.chain(past).collect(), |row| row.edge.sort_key(slice.sort.by)), total)
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::{ChangeSubject, EdgeChange, PreviousEdge};
    use crate::model::id::UserId;
    use crate::model::page::{Direction, Sort, SortBy};
    use crate::model::relationship::EdgeData;
    use crate::model::relationship_type::TypeName;
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// A write: its kind, the ends of a new relationship, its type, and which of the present relationships it changes.
    type Write = (u8, (i64, i64), usize, usize);
    type State = BTreeMap<RelationshipId, Relationship>;

    fn name(number: usize) -> TypeName {
        TypeName::parse(["boss", "mentor", "peer"][number % 3]).unwrap()
    }

    /// The change from one state of a relationship to another, at a time.
    fn change(before: Option<&Relationship>, after: Option<&Relationship>, at: i64) -> Change {
        let action = match (before, after) {
            (None, _) => ChangeAction::Created,
            (_, None) => ChangeAction::Deleted,
            _ => ChangeAction::Updated,
        };
        let edge = after.or(before).unwrap().clone();
        let previous_relationship = before.filter(|_| after.is_some()).map(|edge| edge.data.relationship.clone());
        let subject = ChangeSubject::Relationship(EdgeChange {
            id: edge.id,
            user: edge.user,
            target: edge.target,
            relationship: edge.data.relationship,
            previous_relationship,
            created_at: edge.created_at,
            created_by: None,
            previous: before.map(|edge| PreviousEdge {
                version: edge.version,
                updated_at: edge.updated_at,
                updated_by: None,
            }),
        });
        let at = Timestamp::from_micros(at);
        Change { at, action, subject, changed: Vec::new(), actor: None, request_id: None, reason: None }
    }

    /// Applies writes, one at each time from 1 on. Returns the state after each of them, the first one empty, and the
    /// changes, oldest first.
    fn apply(writes: &[Write]) -> (Vec<State>, Vec<Change>) {
        let (mut states, mut changes) = (vec![State::new()], Vec::new());
        for ((kind, (user, target), number, chosen), at) in writes.iter().zip(1..) {
            let mut state = states.last().unwrap().clone();
            let now = Timestamp::from_micros(at);
            let old = state.values().nth(chosen % state.len().max(1)).filter(|_| *kind > 0).cloned();
            let new = match (&old, kind) {
                (Some(_), 1) => None,
                (Some(old), _) => Some(Relationship {
                    version: old.version + 1,
                    data: EdgeData::new(name(*number)),
                    updated_at: now,
                    ..old.clone()
                }),
                (None, _) => Some(Relationship {
                    id: RelationshipId::new(at),
                    version: 1,
                    user: UserId::new(*user),
                    target: UserId::new(*target),
                    data: EdgeData::new(name(*number)),
                    // An import may set it to the past.
                    created_at: Timestamp::from_micros(at / 2),
                    updated_at: now,
                }),
            };
            changes.push(change(old.as_ref(), new.as_ref(), at));
            old.map(|old| state.remove(&old.id));
            state.extend(new.map(|new| (new.id, new)));
            states.push(state);
        }
        (states, changes)
    }

    fn page_of(rows: &State, filter: &RelationshipFilter, slice: &PageRequest) -> Page<Relationship> {
        let matching: Vec<_> = rows.values().filter(|row| filter.has_edge(&row.key())).cloned().collect();
        let total = count(matching.len());
        Page::whole(slice.select(matching, |row| row.sort_key(slice.sort.by)), total)
    }

    fn filters() -> impl Strategy<Value = RelationshipFilter> {
        let ids = || prop::collection::vec((0..4_i64).prop_map(UserId::new), 0..3);
        let names = prop::collection::vec((0..3_usize).prop_map(name), 0..2);
        (ids(), ids(), ids(), names).prop_map(|(users, targets, participants, relationships)| RelationshipFilter {
            users,
            targets,
            relationships,
            participants,
            ..RelationshipFilter::default()
        })
    }

    fn slices() -> impl Strategy<Value = PageRequest> {
        let sorts = prop::sample::select(vec![SortBy::Id, SortBy::CreatedAt, SortBy::UpdatedAt]);
        (sorts, any::<bool>(), any::<bool>(), 0..4_i64, 0..6_i64).prop_map(
            |(by, is_ascending, is_from_end, offset, limit)| {
                let direction = if is_ascending { Direction::Ascending } else { Direction::Descending };
                PageRequest { is_from_end, ..PageRequest::window(Sort { by, direction }, offset, limit) }
            },
        )
    }

    proptest! {
        #[test]
        fn undoing_changes_shows_every_page_as_it_was(
            writes in prop::collection::vec((0..4_u8, (0..4_i64, 0..4_i64), 0..3_usize, any::<usize>()), 0..40),
            moment in 0..41_usize,
            filter in filters(),
            slice in slices(),
        ) {
            let (states, changes) = apply(&writes);
            let moment = moment.min(writes.len());
            let at = Timestamp::from_micros(count(moment));
            let undone = UndoneChanges::of(changes.into_iter().skip(moment).rev());
            let present = states.last().unwrap();
            let read = |slice: &PageRequest| Ok::<_, Infallible>(page_of(present, &filter, slice));
            let unchanged = undone.read_unchanged(&filter, &slice, read).unwrap_or_else(|never| match never {});
            let found = undone.merge(unchanged, (&filter, at), &slice);
            let expected = page_of(&states[moment], &filter, &slice);
            prop_assert_eq!(found.total, expected.total);
            let rows: Vec<_> = found.items.iter().map(|row| row.edge.clone()).collect();
            prop_assert_eq!(rows, expected.items);
            for row in found.items {
                prop_assert_eq!(row.is_deleted, !present.contains_key(&row.edge.id));
            }
        }
    }

    #[test]
    fn a_relationship_of_a_first_load_exists_from_its_creation_on() {
        let (states, _) = apply(&[(0, (1, 2), 0, 0)]);
        let mut edge = states[1].values().next().unwrap().clone();
        edge.created_at = Timestamp::from_micros(70);
        let undone = UndoneChanges::of([change(Some(&edge), None, 90)]);
        let past = |at| undone.past(Timestamp::from_micros(at)).count();
        assert_eq!((past(69), past(70)), (0, 1));
    }
}
