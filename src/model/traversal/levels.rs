//! The users that relationships lead to, level by level.

use std::collections::HashMap;

use super::{ReachedUser, TraversalStep};
use crate::model::edge_graph::{EdgeGraph, StoredEdge};
use crate::model::id::{RelationshipId, UserId};
use crate::model::rules::MAX_VISITED;

/// The most relationships that the traversals of one request read. They join at most [`MAX_VISITED`] users.
pub const MAX_TRAVERSED: usize = 1_000_000;

/// A relationship that continues from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continuation {
    /// The relationship.
    pub edge: i64,
    /// The user that it continues from.
    pub from: UserId,
    /// The user that it leads to.
    pub to: UserId,
    /// How many users are below that one in a tree, if that was read.
    pub below: Option<i64>,
}

/// How much the traversals of one request may still visit.
#[derive(Debug)]
pub struct TraversalBudget {
    users: usize,
    edges: usize,
}

impl Default for TraversalBudget {
    fn default() -> Self {
        Self { users: MAX_VISITED, edges: MAX_TRAVERSED }
    }
}

impl TraversalBudget {
    /// How many relationships may still be read.
    #[must_use]
    pub const fn edges(&self) -> usize {
        self.edges
    }

    /// Whether these users and relationships may be visited as well.
    pub fn take(&mut self, users: usize, edges: usize) -> bool {
        match (self.users.checked_sub(users), self.edges.checked_sub(edges)) {
            (Some(users), Some(edges)) => {
                *self = Self { users, edges };
                true
            }
            _ => false,
        }
    }
}

/// The users that a traversal reached.
#[derive(Debug, Default)]
pub struct Levels {
    /// The users, by distance and id, without the start. A user that several relationships lead to at its smallest
    /// distance was reached by the first of them.
    pub users: Vec<ReachedUser>,
    /// The relationships that were followed, if they are kept.
    followed: Vec<StoredEdge>,
}

impl Levels {
    /// Whether the relationships that were followed contain a cycle.
    #[must_use]
    pub fn has_cycle(&self) -> bool {
        let graph = EdgeGraph::of(self.followed.clone());
        let unvisited = graph.visit_upwards(|_, _| {});
        graph.nodes().any(|node| unvisited.at(node) > 0)
    }
}

/// Follows relationships from a user up to a distance. `next` returns those that continue from some users. `None` if
/// there are more users or relationships than the budget has.
///
/// # Errors
/// Those of `next`.
pub fn explore<E>(
    start: UserId,
    (levels, keeps_followed): (usize, bool),
    budget: &mut TraversalBudget,
    mut next: impl FnMut(&[UserId], &TraversalBudget) -> Result<Vec<Continuation>, E>,
) -> Result<Option<Levels>, E> {
    let mut reached: HashMap<UserId, TraversalStep> = HashMap::new();
    let mut followed = Vec::new();
    let mut level = vec![start];
    let mut depth = 0;
    while !level.is_empty() && depth < levels {
        depth += 1;
        let found = next(&level, budget)?;
        let before = reached.len();
        level.clear();
        for Continuation { edge, from, to, below } in &found {
            if *to == start {
                continue;
            }
            let step = TraversalStep { edge: RelationshipId::new(*edge), via: *from, depth, below: *below };
            let known = reached.entry(*to).or_insert_with(|| {
                level.push(*to);
                step
            });
            if known.depth == depth && step.edge < known.edge {
                *known = step;
            }
        }
        if !budget.take(reached.len() - before, found.len()) {
            return Ok(None);
        }
        if keeps_followed {
            let stored = |it: Continuation| StoredEdge { id: it.edge, user: it.from.get(), target: it.to.get() };
            followed.extend(found.into_iter().map(stored));
        }
    }
    let mut users: Vec<_> = reached.into_iter().map(|(member, step)| ReachedUser { member, step }).collect();
    users.sort_unstable_by_key(|user| (user.step.depth, user.member));
    Ok(Some(Levels { users, followed }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn run(edges: &[(i64, i64)], levels: usize, budget: &mut TraversalBudget) -> Option<Levels> {
        let all = edges.iter().zip(1..).map(|((from, to), edge)| Continuation {
            edge,
            from: UserId::new(*from),
            to: UserId::new(*to),
            below: None,
        });
        let next = |users: &[UserId], _: &TraversalBudget| {
            Ok::<_, Infallible>(all.clone().filter(|it| users.contains(&it.from)).collect())
        };
        explore(UserId::new(0), (levels, true), budget, next).unwrap_or_else(|never| match never {})
    }

    proptest! {
        #[test]
        fn users_have_their_smallest_distance(
            edges in prop::collection::vec((0..9_i64, 0..9_i64), 0..20), levels in 1..6_usize,
        ) {
            let edges: Vec<_> = edges.into_iter().filter(|(from, to)| from != to).collect();
            let found = run(&edges, levels, &mut TraversalBudget::default()).unwrap();
            let mut distances = vec![(0_i64, 0_usize)];
            for depth in 1..=levels {
                let new: Vec<_> = edges.iter()
                    .filter(|(from, _)| distances.contains(&(*from, depth - 1)))
                    .map(|(_, to)| *to)
                    .filter(|to| distances.iter().all(|(known, _)| known != to))
                    .collect();
                for to in new {
                    if distances.iter().all(|(known, _)| *known != to) {
                        distances.push((to, depth));
                    }
                }
            }
            let mut expected: Vec<_> = distances.into_iter().skip(1).map(|(user, depth)| (depth, user)).collect();
            expected.sort_unstable();
            let rows: Vec<_> = found.users.iter().map(|row| (row.step.depth, row.member.get())).collect();
            prop_assert_eq!(rows, expected);
            for row in &found.users {
                let place = usize::try_from(row.step.edge.get()).unwrap() - 1;
                prop_assert_eq!(edges[place], (row.step.via.get(), row.member.get()));
            }
        }
    }

    #[test]
    fn a_cycle_is_noticed_and_two_ways_to_a_user_are_none() {
        let has_cycle = |edges: &[(i64, i64)]| run(edges, 9, &mut TraversalBudget::default()).unwrap().has_cycle();
        assert!(!has_cycle(&[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]));
        assert!(has_cycle(&[(0, 1), (1, 0)]));
        assert!(has_cycle(&[(0, 1), (1, 2), (2, 1)]));
        assert!(!has_cycle(&[(0, 1), (5, 6), (6, 5)]));
    }

    #[test]
    fn a_million_relationships_are_followed_and_no_more() {
        // Two layers of a thousand users each, all of the first related to all of the second.
        let next = |users: &[UserId], _: &TraversalBudget| {
            let to = |from: &UserId| {
                let (first, most) = if from.get() == 0 { (1, 999) } else { (2_000, 1_000) };
                let step = |from, to| Continuation { edge: to, from, to: UserId::new(to), below: None };
                (first..first + most).map(|to| step(*from, to)).collect::<Vec<_>>()
            };
            Ok::<_, Infallible>(users.iter().filter(|user| user.get() < 1_000).flat_map(to).collect())
        };
        let run =
            |mut budget| explore(UserId::new(0), (9, false), &mut budget, next).unwrap_or_else(|never| match never {});
        let most = TraversalBudget::default();
        assert_eq!(most.edges(), 1_000_000);
        assert!(run(most).is_some());
        let mut less = TraversalBudget::default();
        assert!(less.take(0, 1_000_000 - 999 * 1_001 + 1));
        assert!(run(less).is_none());
    }

    #[test]
    fn ten_thousand_users_are_visited_and_no_more() {
        let star: Vec<_> = (1..=10_001).map(|user| (0, user)).collect();
        assert_eq!(run(&star[..10_000], 9, &mut TraversalBudget::default()).unwrap().users.len(), 10_000);
        assert!(run(&star, 9, &mut TraversalBudget::default()).is_none());
    }
}
