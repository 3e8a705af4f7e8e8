//! How deep users are in a type without cycles, and the cycles that contradict it.

use std::collections::HashMap;

use super::cycles::Cycles;
use super::edge_graph::{EdgeGraph, StoredEdge};

/// Where a user is in a type without cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// The number of edges of the longest path from the user: 0 at the top.
    pub depth: u32,
    /// The number of edges of the longest path to the user.
    pub height: u32,
}

/// The levels of all users of a type.
#[derive(Debug, Default)]
pub struct UserLevels {
    levels: HashMap<i64, Level>,
    /// The cycles.
    pub cycles: Cycles,
}

impl UserLevels {
    /// The levels of the users of some edges. Users on cycles, and those above or below one, may have none.
    #[must_use]
    pub fn of(edges: Vec<StoredEdge>) -> Self {
        let mut levels = HashMap::new();
        let reversed = edges.iter().map(|edge| StoredEdge { user: edge.target, target: edge.user, ..*edge }).collect();
        for (user, depth) in longest_paths(&EdgeGraph::of(reversed)) {
            levels.insert(user, Level { depth, height: 0 });
        }
        let graph = EdgeGraph::of(edges);
        for (user, height) in longest_paths(&graph) {
            levels.entry(user).or_default().height = height;
        }
        Self { levels, cycles: Cycles::find(&graph, usize::MAX) }
    }

    /// The level of a user; the default for a user without edges.
    #[must_use]
    pub fn at(&self, user: i64) -> Level {
        self.levels.get(&user).copied().unwrap_or_default()
    }
}

/// The number of edges of the longest path to each user, but for those on and above cycles.
fn longest_paths(graph: &EdgeGraph) -> Vec<(i64, u32)> {
    let mut lengths = graph.values::<u32>();
    graph.visit_upwards(|node, targets| {
        for target in targets {
            lengths.put(*target, lengths.at(*target).max(lengths.at(node) + 1));
        }
    });
    graph.nodes().map(|node| (graph.user(node), lengths.at(node))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::edge_graph::tests::of_ends;
    use super::*;

    #[test]
    fn users_of_a_tree_have_their_depth_and_height() {
        let levels = UserLevels::of(of_ends(&[(1, 2), (2, 3), (4, 3), (5, 1)]));
        let level = |user| (levels.at(user).depth, levels.at(user).height);
        assert_eq!([3, 2, 4, 1, 5].map(level), [(0, 3), (1, 2), (1, 0), (2, 1), (3, 0)]);
        assert_eq!(levels.cycles, Cycles::default());
    }

    #[test]
    fn users_with_several_targets_are_below_the_deepest() {
        let levels = UserLevels::of(of_ends(&[(1, 2), (2, 3), (1, 3)]));
        assert_eq!((levels.at(1), levels.at(3)), (Level { depth: 2, height: 0 }, Level { depth: 0, height: 2 }));
    }

    #[test]
    fn each_cycle_is_named() {
        let levels = UserLevels::of(of_ends(&[(1, 2), (2, 1), (3, 1), (5, 6), (6, 7), (7, 5)]));
        let mut cycles = levels.cycles.examples;
        cycles.sort_unstable();
        assert_eq!(cycles, [vec![1, 2, 1], vec![5, 6, 7, 5]]);
    }
}
