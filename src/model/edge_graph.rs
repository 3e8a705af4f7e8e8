//! The stored edges of one type as a graph in memory.
//!
//! # Design
//! A node is a number, so that what an algorithm knows of each user takes a few bytes. The edges of a type and its graph
//! take at most 60 bytes an edge together. No algorithm on a graph recurses: its depth would be up to the data.

/// A stored edge of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoredEdge {
    /// The id of the relationship.
    pub id: i64,
    /// The owner.
    pub user: i64,
    /// The target.
    pub target: i64,
}

/// The number of a user in an [`EdgeGraph`].
pub(super) type GraphNode = u32;

/// The edges of a type by owner.
#[derive(Debug)]
pub struct EdgeGraph {
    /// The users who own an edge, ordered, and then the others, ordered.
    users: Vec<i64>,
    /// Where the targets of each owner start, and where those of the last one end.
    starts: Vec<u32>,
    targets: Vec<GraphNode>,
}

impl EdgeGraph {
    /// The graph of all edges of a type.
    #[must_use]
    pub fn of(mut edges: Vec<StoredEdge>) -> Self {
        edges.sort_unstable_by_key(|edge| (edge.user, edge.target));
        let mut users = Vec::new();
        let mut starts = Vec::new();
        for (place, edge) in edges.iter().enumerate() {
            if users.last() != Some(&edge.user) {
                users.push(edge.user);
                starts.push(number(place));
            }
        }
        starts.push(number(edges.len()));
        let targets = edges.iter().map(|edge| edge.target);
        let mut others: Vec<i64> = targets.filter(|target| users.binary_search(target).is_err()).collect();
        others.sort_unstable();
        others.dedup();
        let node = |user: &i64| {
            let place = users.binary_search(user);
            place.unwrap_or_else(|_| users.len() + others.binary_search(user).unwrap_or_else(|place| place))
        };
        let targets = edges.iter().map(|edge| number(node(&edge.target))).collect();
        users.append(&mut others);
        Self { users, starts, targets }
    }

    /// The users who own more than `max` edges, ordered.
    pub fn owners_of_more_than(&self, max: usize) -> impl Iterator<Item = i64> {
        self.nodes().filter(move |node| self.targets_of(*node).len() > max).map(|node| self.user(node))
    }

    pub(super) fn nodes(&self) -> std::ops::Range<GraphNode> {
        0..number(self.users.len())
    }

    pub(super) fn user(&self, node: GraphNode) -> i64 {
        self.users.get(node as usize).copied().unwrap_or_default()
    }

    pub(super) fn targets_of(&self, node: GraphNode) -> &[GraphNode] {
        let owner = node as usize;
        match (self.starts.get(owner), self.starts.get(owner + 1)) {
            (Some(start), Some(end)) => self.targets.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// A value for each node.
    pub(super) fn values<T: Copy + Default>(&self) -> NodeValues<T> {
        NodeValues(vec![T::default(); self.users.len()])
    }

    /// Visits each node after all owners of edges to it, and returns how many of these owners were not visited (Kahn's
    /// algorithm). The nodes where that is not 0 are on a cycle or above one, and were not visited either.
    pub(super) fn visit_upwards(&self, mut visit: impl FnMut(GraphNode, &[GraphNode])) -> NodeValues<u32> {
        let mut waiting = self.values::<u32>();
        for target in &self.targets {
            waiting.put(*target, waiting.at(*target) + 1);
        }
        let mut ready: Vec<GraphNode> = self.nodes().filter(|node| waiting.at(*node) == 0).collect();
        while let Some(node) = ready.pop() {
            let targets = self.targets_of(node);
            visit(node, targets);
            for target in targets {
                let left = waiting.at(*target) - 1;
                waiting.put(*target, left);
                if left == 0 {
                    ready.push(*target);
                }
            }
        }
        waiting
    }
}

/// A value for each node of a graph.
pub(super) struct NodeValues<T>(Vec<T>);

impl<T: Copy + Default> NodeValues<T> {
    pub fn at(&self, node: GraphNode) -> T {
        self.0.get(node as usize).copied().unwrap_or_default()
    }

    pub fn put(&mut self, node: GraphNode, value: T) {
        if let Some(place) = self.0.get_mut(node as usize) {
            *place = value;
        }
    }
}

/// A place in memory as a number. It fits: more users or edges than it can count do not fit into memory.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Edges among few users, so that there are cycles and pairs; each pair of ends at most once.
    pub fn any_edges(users: i64, most: usize) -> impl Strategy<Value = Vec<StoredEdge>> {
        let ends = (1..=users, 1..=users).prop_filter("different ends", |(user, target)| user != target);
        prop::collection::btree_set(ends, 0..=most).prop_map(|ends| of_ends(&ends.into_iter().collect::<Vec<_>>()))
    }

    pub fn of_ends(ends: &[(i64, i64)]) -> Vec<StoredEdge> {
        ends.iter().zip(100..).map(|((user, target), id)| StoredEdge { id, user: *user, target: *target }).collect()
    }

    proptest! {
        #[test]
        fn a_graph_has_exactly_the_edges(edges in any_edges(9, 30)) {
            let graph = EdgeGraph::of(edges.clone());
            let targets = |node| graph.targets_of(node).iter().map(|target| graph.user(*target)).collect::<Vec<_>>();
            let pairs = |node| targets(node).into_iter().map(move |target| (node, target));
            let found: BTreeSet<_> =
                graph.nodes().flat_map(pairs).map(|(node, target)| (graph.user(node), target)).collect();
            prop_assert_eq!(found, edges.iter().map(|edge| (edge.user, edge.target)).collect::<BTreeSet<_>>());
            let users: BTreeSet<_> = edges.iter().flat_map(|edge| [edge.user, edge.target]).collect();
            prop_assert_eq!(graph.nodes().len(), users.len());
        }

        #[test]
        fn owners_of_too_many_edges_are_found(edges in any_edges(9, 30), max in 1_usize..5) {
            let owned = |user| edges.iter().filter(|edge| edge.user == user).count();
            let expected: Vec<i64> = (1..=9).filter(|user| owned(*user) > max).collect();
            prop_assert_eq!(EdgeGraph::of(edges.clone()).owners_of_more_than(max).collect::<Vec<_>>(), expected);
        }
    }
}
