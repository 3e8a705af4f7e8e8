//! Which users paths lead to, and how long the longest of these paths is, in types where users have several targets.

use std::collections::HashMap;

use super::id::UserId;
use super::rules::{MAX_DEPTH, MAX_VISITED};

/// The most relationships that one traversal reads. They join at most [`MAX_VISITED`] users.
pub const MAX_STEPS: usize = 100_000;

/// What a traversal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// A shortest path to the sought user, with both ends.
    Path(Vec<UserId>),
    /// The sought user is not reached, and the longest path has this many relationships.
    Longest(usize),
    /// A path has more than [`MAX_DEPTH`] relationships, or that cannot be ruled out: more than [`MAX_VISITED`] users
    /// are reached, or they are joined by more than [`MAX_STEPS`] relationships or in a cycle.
    Unbounded,
}

/// Follows relationships from a user, level by level. `next` returns the relationships that continue from some users,
/// each as the user from which it continues and the one to which it leads.
///
/// # Errors
/// Those of `next`.
pub fn explore<E>(
    start: UserId,
    sought: Option<UserId>,
    mut next: impl FnMut(&[UserId]) -> Result<Vec<(UserId, UserId)>, E>,
) -> Result<Reach, E> {
    let mut came_from = HashMap::from([(start, start)]);
    let mut steps = Vec::new();
    let mut level = vec![start];
    let mut depth = 0;
    while !level.is_empty() {
        if depth > MAX_DEPTH {
            return Ok(Reach::Unbounded);
        }
        depth += 1;
        let found = next(&level)?;
        level.clear();
        for (from, to) in found {
            steps.push((from, to));
            if let std::collections::hash_map::Entry::Vacant(entry) = came_from.entry(to) {
                entry.insert(from);
                level.push(to);
            }
            if Some(to) == sought {
                return Ok(Reach::Path(path_to(to, start, &came_from)));
            }
        }
        if came_from.len() > MAX_VISITED + 1 || steps.len() > MAX_STEPS {
            return Ok(Reach::Unbounded);
        }
    }
    Ok(longest(came_from.len(), start, &steps))
}

/// The path that a traversal took from `start`.
fn path_to(end: UserId, start: UserId, came_from: &HashMap<UserId, UserId>) -> Vec<UserId> {
    let before = |user: &UserId| came_from.get(user).copied().filter(|_| *user != start);
    let mut path: Vec<_> = std::iter::successors(Some(end), before).collect();
    path.reverse();
    path
}

/// The length of the longest path from `start`: users are taken in an order in which each comes after all that lead to
/// it, which exists unless there is a cycle (Kahn's algorithm).
fn longest(users: usize, start: UserId, steps: &[(UserId, UserId)]) -> Reach {
    let mut nexts: HashMap<UserId, Vec<UserId>> = HashMap::new();
    let mut waiting: HashMap<UserId, usize> = HashMap::new();
    for (from, to) in steps {
        nexts.entry(*from).or_default().push(*to);
        *waiting.entry(*to).or_default() += 1;
    }
    let mut lengths = HashMap::from([(start, 0_usize)]);
    let mut ready = if waiting.contains_key(&start) { Vec::new() } else { vec![start] };
    let (mut taken, mut longest) = (0, 0);
    while let Some(user) = ready.pop() {
        taken += 1;
        let length = lengths.get(&user).copied().unwrap_or_default();
        longest = longest.max(length);
        for to in nexts.get(&user).into_iter().flatten() {
            let known = lengths.entry(*to).or_default();
            *known = length.saturating_add(1).max(*known);
            if let Some(left) = waiting.get_mut(to) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ready.push(*to);
                }
            }
        }
    }
    if taken < users || longest > MAX_DEPTH { Reach::Unbounded } else { Reach::Longest(longest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn reach(edges: &[(i64, i64)], start: i64, sought: i64) -> Reach {
        let next = |users: &[UserId]| {
            let edges = edges.iter().map(|(from, to)| (UserId::new(*from), UserId::new(*to)));
            Ok::<_, Infallible>(edges.filter(|(from, _)| users.contains(from)).collect())
        };
        explore(UserId::new(start), Some(UserId::new(sought)), next).unwrap_or_else(|never| match never {})
    }

    /// The length of the longest path in relationships that lead to larger numbers only.
    fn naive(edges: &[(i64, i64)], start: i64) -> usize {
        let lengths = edges.iter().filter(|(from, _)| *from == start).map(|(_, to)| 1 + naive(edges, *to));
        lengths.max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn the_longest_path_is_found(edges in prop::collection::vec((0..9_i64, 0..9_i64), 0..25)) {
            let edges: Vec<_> = edges.into_iter().filter(|(from, to)| from < to).collect();
            prop_assert_eq!(reach(&edges, 0, -1), Reach::Longest(naive(&edges, 0)));
        }

        #[test]
        fn a_path_to_the_sought_user_is_found_if_there_is_one(edges in prop::collection::vec((0..9_i64, 0..9_i64), 0..25)) {
            let mut reached = vec![0];
            while let Some((_, to)) = edges.iter().find(|(from, to)| reached.contains(from) && !reached.contains(to)) {
                reached.push(*to);
            }
            match reach(&edges, 0, 8) {
                Reach::Path(path) => {
                    let path: Vec<_> = path.iter().map(|user| user.get()).collect();
                    prop_assert_eq!((path.first(), path.last()), (Some(&0), Some(&8)));
                    for step in path.windows(2) {
                        prop_assert!(edges.contains(&(step[0], step[1])));
                    }
                }
                _ => prop_assert!(!reached.contains(&8)),
            }
        }
    }

    #[test]
    fn a_cycle_or_a_longer_path_is_unbounded() {
        assert_eq!(reach(&[(0, 1), (1, 2), (2, 1)], 0, 9), Reach::Unbounded);
        assert_eq!(reach(&[(0, 1), (1, 0)], 0, 9), Reach::Unbounded);
        let chain: Vec<_> = (0..65).map(|user| (user, user + 1)).collect();
        assert_eq!(reach(&chain[..64], 0, 99), Reach::Longest(64));
        assert_eq!(reach(&chain, 0, 99), Reach::Unbounded);
    }

    #[test]
    fn a_hundred_thousand_relationships_are_read_and_no_more() {
        // Two layers, each user of the first related to users of the second.
        let layers = |edges: i64| (0..edges).map(|n| (1 + n / 400, 1_000 + n % 400));
        let from_start = |users: i64| (1..=users).map(|user| (0, user));
        let within: Vec<_> = from_start(250).chain(layers(100_000 - 250)).collect();
        assert_eq!((within.len(), reach(&within, 0, -1)), (MAX_STEPS, Reach::Longest(2)));
        let beyond: Vec<_> = from_start(251).chain(layers(100_000 - 250)).collect();
        assert_eq!(reach(&beyond, 0, -1), Reach::Unbounded);
    }

    #[test]
    fn ten_thousand_users_are_visited_and_no_more() {
        let star: Vec<_> = (1..=10_001).map(|user| (0, user)).collect();
        assert_eq!(reach(&star[..10_000], 0, -1), Reach::Longest(1));
        assert_eq!(reach(&star, 0, -1), Reach::Unbounded);
    }
}
