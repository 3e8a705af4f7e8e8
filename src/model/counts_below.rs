//! Counts who is below each user in a type that is a tree.

use super::edge_graph::EdgeGraph;

/// How many users are below a user in a tree, and how deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountBelow {
    /// The number of users from whom a path of edges leads to this one.
    pub n: i64,
    /// The number of edges of the longest of these paths.
    pub height: i32,
}

impl CountBelow {
    /// Adds a user with all below it.
    fn add(self, below: Self) -> Self {
        Self {
            n: self.n.saturating_add(below.n).saturating_add(1),
            height: self.height.max(below.height.saturating_add(1)),
        }
    }
}

/// The counts of all users with somebody below them, by user.
///
/// Data that breaks the rules of a tree, which an earlier release may have written, has counts as well: a user on or
/// above a cycle has none, and a user who owns several edges is counted once for each path.
#[must_use]
pub fn count_below(graph: &EdgeGraph) -> Vec<(i64, CountBelow)> {
    let mut counts = graph.values::<CountBelow>();
    let unvisited = graph.visit_upwards(|node, targets| {
        let below = counts.at(node);
        for target in targets {
            counts.put(*target, counts.at(*target).add(below));
        }
    });
    let counted = graph.nodes().filter(|node| unvisited.at(*node) == 0 && counts.at(*node).n > 0);
    let mut rows: Vec<_> = counted.map(|node| (graph.user(node), counts.at(node))).collect();
    rows.sort_unstable_by_key(|(user, _)| *user);
    rows
}

#[cfg(test)]
mod tests {
    use super::super::edge_graph::StoredEdge;
    use super::super::edge_graph::tests::{any_edges, of_ends};
    use super::*;
    use proptest::prelude::*;

    /// The count of a user by its definition: all paths to it, of any length. `None` if one of them has a cycle.
    fn count_paths(edges: &[StoredEdge], user: i64) -> Option<CountBelow> {
        let mut count = CountBelow::default();
        let mut level = vec![user];
        for depth in 0.. {
            count.n += i64::try_from(level.len()).unwrap() - i64::from(depth == 0);
            let owners = |target| edges.iter().filter(move |edge| edge.target == target).map(|edge| edge.user);
            level = level.into_iter().flat_map(owners).collect();
            if level.is_empty() {
                return Some(CountBelow { height: depth, ..count });
            }
            if usize::try_from(depth).unwrap() > edges.len() {
                return None;
            }
        }
        None
    }

    proptest! {
        #[test]
        fn users_below_are_counted_as_defined(edges in any_edges(9, 12)) {
            let counts = (1..=9).filter_map(|user| Some((user, count_paths(&edges, user)?)));
            let expected: Vec<_> = counts.filter(|(_, count)| count.n > 0).collect();
            prop_assert_eq!(count_below(&EdgeGraph::of(edges.clone())), expected);
        }

        #[test]
        fn users_of_a_tree_are_counted_as_defined(targets in prop::collection::vec(0_i64..20, 1..20)) {
            let ends: Vec<_> = (1..).zip(&targets).map(|(user, target)| (user, target % user)).collect();
            let edges = of_ends(&ends);
            let counts = (0..=20).filter_map(|user| Some((user, count_paths(&edges, user)?)));
            let expected: Vec<_> = counts.filter(|(_, count)| count.n > 0).collect();
            prop_assert_eq!(count_below(&EdgeGraph::of(edges.clone())), expected);
        }
    }

    #[test]
    fn users_on_and_above_a_cycle_have_no_count() {
        // 1 and 2 are a cycle, with 4 and 5 below 1, and 3 above 2.
        let edges = of_ends(&[(1, 2), (2, 1), (2, 3), (4, 1), (5, 4)]);
        assert_eq!(count_below(&EdgeGraph::of(edges)), [(4, CountBelow { n: 1, height: 1 })]);
    }
}
