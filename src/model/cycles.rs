//! Finds the cycles among the stored edges of a type.

use super::edge_graph::{EdgeGraph, GraphNode, NodeValues};

/// The most ids of all examples, with the start of a path counted twice. They fit into an error document of 16 KiB,
/// together with another error.
const MAX_IDS: usize = 500;

/// The cycles of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cycles {
    /// The number of strongly connected components of at least two users: the largest sets of users among whom a path
    /// leads from each to each.
    pub components: u64,
    /// For some components one closed path of users each, which ends with its start.
    pub examples: Vec<Vec<i64>>,
}

impl Cycles {
    /// Finds all strongly connected components, and a closed path in at most `examples` of them. A path is one of the
    /// shortest through the smallest user of its component; one is left out if all would have more than 500 ids.
    #[must_use]
    pub fn find(graph: &EdgeGraph, examples: usize) -> Self {
        let mut cycles = Self::default();
        let unvisited = graph.visit_upwards(|_, _| {});
        if graph.nodes().all(|node| unvisited.at(node) == 0) {
            return cycles;
        }
        let mut search = ComponentSearch::new(graph);
        let mut most_ids = MAX_IDS;
        for start in graph.nodes().filter(|node| unvisited.at(*node) > 0) {
            search.run(start, |members, component_of| {
                cycles.components += 1;
                if cycles.examples.len() < examples
                    && let Some(path) = closed_path(graph, members, component_of, most_ids)
                {
                    most_ids -= path.len();
                    cycles.examples.push(path);
                }
            });
        }
        cycles
    }
}

/// Tarjan's search for strongly connected components, with its own stack of calls.
struct ComponentSearch<'g> {
    graph: &'g EdgeGraph,
    /// The order in which nodes were entered; 0 for those that were not.
    entered: NodeValues<u32>,
    /// The first node in that order which is known to be in the same component.
    first: NodeValues<u32>,
    /// The component of each node that has been left; 0 for the others.
    component: NodeValues<u32>,
    components: u32,
    steps: u32,
    /// The entered nodes without a component.
    open: Vec<GraphNode>,
    /// The path to the current node, each with the number of its targets that were looked at.
    path: Vec<(GraphNode, u32)>,
}

impl<'g> ComponentSearch<'g> {
    fn new(graph: &'g EdgeGraph) -> Self {
        Self {
            graph,
            entered: graph.values(),
            first: graph.values(),
            component: graph.values(),
            components: 0,
            steps: 0,
            open: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Finds the components that can be reached from a node and were not found before. Those of a single user are not
    /// reported.
    fn run(&mut self, start: GraphNode, mut found: impl FnMut(&[GraphNode], &NodeValues<u32>)) {
        if self.entered.at(start) == 0 {
            self.enter(start);
        }
        while let Some((node, looked_at)) = self.path.last_mut() {
            let node = *node;
            let target = self.graph.targets_of(node).get(*looked_at as usize).copied();
            *looked_at += 1;
            match target {
                Some(target) if self.entered.at(target) == 0 => self.enter(target),
                Some(target) if self.component.at(target) == 0 => self.join(node, self.entered.at(target)),
                Some(_) => {}
                None => {
                    let members = self.leave(node);
                    if members.len() > 1 {
                        found(&members, &self.component);
                    }
                }
            }
        }
    }

    fn enter(&mut self, node: GraphNode) {
        self.steps += 1;
        self.entered.put(node, self.steps);
        self.first.put(node, self.steps);
        self.open.push(node);
        self.path.push((node, 0));
    }

    fn join(&mut self, node: GraphNode, first: u32) {
        self.first.put(node, self.first.at(node).min(first));
    }

    /// Leaves a node, and returns its component if it is the first node of it.
    fn leave(&mut self, node: GraphNode) -> Vec<GraphNode> {
        self.path.pop();
        let first = self.first.at(node);
        if let Some((parent, _)) = self.path.last() {
            self.join(*parent, first);
        }
        if first != self.entered.at(node) {
            return Vec::new();
        }
        let start = self.open.iter().rposition(|open| *open == node).unwrap_or_default();
        let members = self.open.split_off(start);
        self.components += 1;
        for member in &members {
            self.component.put(*member, self.components);
        }
        members
    }
}

/// A shortest closed path through the smallest user of a component; `None` if it has more than `most_ids` ids.
fn closed_path(
    graph: &EdgeGraph,
    members: &[GraphNode],
    component_of: &NodeValues<u32>,
    most_ids: usize,
) -> Option<Vec<i64>> {
    let start = *members.iter().min()?;
    let mut reached_from = graph.values::<Option<GraphNode>>();
    let mut level = vec![start];
    for _ in 1..most_ids {
        let mut next = Vec::new();
        for node in level {
            for target in graph.targets_of(node) {
                if *target == start {
                    return Some(path_between(graph, start, node, &reached_from));
                }
                if component_of.at(*target) == component_of.at(start) && reached_from.at(*target).is_none() {
                    reached_from.put(*target, Some(node));
                    next.push(*target);
                }
            }
        }
        level = next;
    }
    None
}

/// The users from `start` to `last` and back to `start`.
fn path_between(
    graph: &EdgeGraph,
    start: GraphNode,
    last: GraphNode,
    reached_from: &NodeValues<Option<GraphNode>>,
) -> Vec<i64> {
    let backwards =
        std::iter::successors(Some(last), |node| if *node == start { None } else { reached_from.at(*node) });
    let mut path: Vec<i64> = std::iter::once(start).chain(backwards).map(|node| graph.user(node)).collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::super::edge_graph::StoredEdge;
    use super::super::edge_graph::tests::{any_edges, of_ends};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The sets of at least two users among whom a path leads from each to each, by their definition.
    fn components(edges: &[StoredEdge], users: i64) -> BTreeSet<Vec<i64>> {
        let mut paths: BTreeSet<(i64, i64)> = edges.iter().map(|edge| (edge.user, edge.target)).collect();
        for via in 1..=users {
            for user in 1..=users {
                for target in 1..=users {
                    if paths.contains(&(user, via)) && paths.contains(&(via, target)) {
                        paths.insert((user, target));
                    }
                }
            }
        }
        let is_same = |one: i64, other: i64| paths.contains(&(one, other)) && paths.contains(&(other, one));
        let component = |user| (1..=users).filter(|other| *other == user || is_same(user, *other)).collect::<Vec<_>>();
        (1..=users).map(component).filter(|members| members.len() > 1).collect()
    }

    proptest! {
        #[test]
        fn cycles_are_found_as_defined(edges in any_edges(8, 14), examples in 0_usize..4) {
            let expected = components(&edges, 8);
            let found = Cycles::find(&EdgeGraph::of(edges.clone()), examples);
            prop_assert_eq!(found.components, expected.len() as u64);
            prop_assert_eq!(found.examples.len(), expected.len().min(examples));
            for path in &found.examples {
                prop_assert!(path.len() > 2 && path.first() == path.last());
                for step in path.windows(2) {
                    prop_assert!(edges.iter().any(|edge| [edge.user, edge.target] == *step), "{:?}", path);
                }
                let members: BTreeSet<i64> = path.iter().copied().collect();
                prop_assert_eq!(members.len(), path.len() - 1, "no user occurs twice");
                let of_it = |component: &&Vec<i64>| members.iter().all(|user| component.contains(user));
                prop_assert_eq!(path.first(), expected.iter().find(of_it).and_then(|component| component.first()));
            }
            let starts: BTreeSet<_> = found.examples.iter().map(|path| path.first()).collect();
            prop_assert_eq!(starts.len(), found.examples.len(), "one example for a component");
        }
    }

    /// A ring of that many users, from `first` on.
    fn ring(first: i64, users: i64) -> impl Iterator<Item = (i64, i64)> {
        (0..users).map(move |user| (first + user, first + (user + 1) % users))
    }

    #[test]
    fn a_long_cycle_is_counted_without_an_example() {
        for (users, examples) in [(499, 1), (500, 0), (200_000, 0)] {
            let found = Cycles::find(&EdgeGraph::of(of_ends(&ring(1, users).collect::<Vec<_>>())), 10);
            assert_eq!((found.components, found.examples.len()), (1, examples), "{users}");
        }
        let rings: Vec<_> = ring(1, 249).chain(ring(1_000, 250)).chain(ring(2_000, 249)).collect();
        let found = Cycles::find(&EdgeGraph::of(of_ends(&rings)), 10);
        assert_eq!((found.components, found.examples.len()), (3, 2));
    }

    #[test]
    fn a_long_chain_is_no_cycle() {
        let chain: Vec<_> = (1..200_000).map(|user| (user, user + 1)).collect();
        assert_eq!(Cycles::find(&EdgeGraph::of(of_ends(&chain)), 10), Cycles::default());
    }
}
