//! Checks the rules of a relationship type over all its stored edges.

use serde_json::{Value as Json, json};
use std::fmt;

use super::attributes::Attribute;
use super::cycles::Cycles;
use super::edge_graph::{EdgeGraph, StoredEdge};
use super::relationship_type::TypeAttribute;
use super::rules::Rules;

/// The most examples of a violation.
const MAX_EXAMPLES: usize = 10;

/// A rule that stored edges break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The attribute with the rule.
    pub attribute: TypeAttribute,
    /// How often it is broken: the number of users above the limit, of strongly connected components with a cycle, or
    /// of pairs of edges in both directions.
    pub count: u64,
    /// At most ten examples.
    pub examples: ViolationExamples,
    /// The rule that is broken, and what to do, for people.
    pub detail: String,
}

/// Examples of a violation, in the order of [`Violation::count`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViolationExamples {
    /// Users who own too many edges.
    Users(Vec<i64>),
    /// Closed paths of users, which end with their start.
    Paths(Vec<Vec<i64>>),
    /// The ids of the edges from A to B and from B to A.
    Pairs(Vec<[i64; 2]>),
}

impl ViolationExamples {
    /// The examples as a document shows them: ids are strings.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let texts = |ids: &[i64]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self {
            Self::Users(users) => json!(texts(users)),
            Self::Paths(paths) => paths.iter().map(|path| texts(path)).collect(),
            Self::Pairs(pairs) => pairs.iter().map(|pair| texts(pair)).collect(),
        }
    }
}

impl Rules {
    /// The rules of this that edges which obey `old` may break: those that are new or stricter.
    #[must_use]
    pub fn stricter_than(self, old: Self) -> Self {
        let is_lower = |max: i16| old.max_per_user.is_none_or(|old| max < old);
        Self {
            is_symmetric: self.is_symmetric && !old.is_symmetric,
            is_acyclic: self.is_acyclic && !old.is_acyclic,
            max_per_user: self.max_per_user.filter(|max| is_lower(*max)),
            managed_by: self.managed_by,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.attribute.member(), self.detail)?;
        let examples = self.examples.to_string();
        if examples.is_empty() { Ok(()) } else { write!(f, " ({examples})") }
    }
}

impl fmt::Display for ViolationExamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join =
            |ids: &[i64], separator: &str| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator);
        let (kind, examples) = match self {
            Self::Users(users) => ("users", join(users, ", ")),
            Self::Paths(paths) => ("users", paths.iter().map(|path| join(path, " → ")).collect::<Vec<_>>().join(", ")),
            Self::Pairs(pairs) => {
                ("relationships", pairs.iter().map(|pair| join(pair, " and ")).collect::<Vec<_>>().join(", "))
            }
        };
        if examples.is_empty() { Ok(()) } else { write!(f, "{kind} {examples}") }
    }
}

/// Finds what breaks rules among all edges of a type, a violation for each rule at most. Returns the graph of the edges as
/// well.
#[must_use]
pub fn find_violations(mut edges: Vec<StoredEdge>, rules: Rules) -> (Vec<Violation>, EdgeGraph) {
    let symmetric = if rules.is_symmetric { check_symmetric(&mut edges) } else { None };
    let graph = EdgeGraph::of(edges);
    let acyclic = if rules.is_acyclic { check_acyclic(&graph) } else { None };
    let max = rules.max_per_user.and_then(|max| check_max_per_user(&graph, max));
    (symmetric.into_iter().chain(acyclic).chain(max).collect(), graph)
}

fn check_symmetric(edges: &mut [StoredEdge]) -> Option<Violation> {
    let ends = |edge: &StoredEdge| (edge.user.min(edge.target), edge.user.max(edge.target));
    edges.sort_unstable_by_key(|edge| (ends(edge), edge.id));
    let mut count = 0;
    let mut examples = Vec::new();
    for pair in edges.windows(2) {
        if let [one, other] = pair
            && ends(one) == ends(other)
        {
            count += 1;
            if examples.len() < MAX_EXAMPLES {
                examples.push([one.id, other.id]);
            }
        }
    }
    let broken = match count {
        0 => return None,
        1 => "1 pair of relationships has the same users at opposite ends".to_owned(),
        _ => format!("{count} pairs of relationships have the same users at opposite ends"),
    };
    let detail = format!("{broken}; delete one of each pair");
    Some(Violation {
        attribute: TypeAttribute::IsSymmetric,
        count,
        examples: ViolationExamples::Pairs(examples),
        detail,
    })
}

fn check_acyclic(graph: &EdgeGraph) -> Option<Violation> {
    let Cycles { components: count, examples } = Cycles::find(graph, MAX_EXAMPLES);
    let broken = match count {
        0 => return None,
        1 => "there is 1 set of users whose relationships form cycles".to_owned(),
        _ => format!("there are {count} sets of users whose relationships form cycles"),
    };
    let detail = format!("{broken}; delete a relationship of each cycle");
    Some(Violation { attribute: TypeAttribute::IsAcyclic, count, examples: ViolationExamples::Paths(examples), detail })
}

fn check_max_per_user(graph: &EdgeGraph, max: i16) -> Option<Violation> {
    let mut owners = graph.owners_of_more_than(usize::try_from(max).unwrap_or_default());
    let examples: Vec<_> = owners.by_ref().take(MAX_EXAMPLES).collect();
    let count = examples.len() + owners.count();
    let owners = match count {
        0 => return None,
        1 => "1 user owns".to_owned(),
        _ => format!("{count} users own"),
    };
    let detail = format!("{owners} more than {max} of these relationships; delete those above the limit");
    let (attribute, examples) = (TypeAttribute::MaxPerUser, ViolationExamples::Users(examples));
    Some(Violation { attribute, count: count as u64, examples, detail })
}

#[cfg(test)]
mod tests {
    use super::super::edge_graph::tests::{any_edges, of_ends};
    use super::super::manager::Manager;
    use super::*;
    use proptest::prelude::*;

    const NONE: Rules =
        Rules { is_symmetric: false, is_acyclic: false, max_per_user: None, managed_by: Manager::Owner };
    const SYMMETRIC: Rules = Rules { is_symmetric: true, ..NONE };

    fn at_most(max: i16) -> Rules {
        Rules { max_per_user: Some(max), ..NONE }
    }

    proptest! {
        #[test]
        fn pairs_are_found_as_defined(edges in any_edges(6, 20)) {
            let mut expected = Vec::new();
            for one in &edges {
                let is_other = |other: &&StoredEdge| (other.target, other.user) == (one.user, one.target);
                let other = edges.iter().find(is_other).filter(|other| other.id > one.id);
                expected.extend(other.map(|other| [one.id, other.id]));
            }
            let (found, _) = find_violations(edges.clone(), SYMMETRIC);
            prop_assert_eq!(found.is_empty(), expected.is_empty());
            for violation in found {
                prop_assert_eq!(violation.count, expected.len() as u64);
                let ViolationExamples::Pairs(examples) = violation.examples else { panic!("pairs") };
                prop_assert_eq!(examples.len(), expected.len().min(10));
                prop_assert!(examples.iter().all(|pair| expected.contains(pair)));
            }
        }
    }

    #[test]
    fn at_most_ten_examples_are_returned_with_the_whole_count() {
        let ends: Vec<_> = (1..=12).flat_map(|user| [(user, 100), (user, 101)]).collect();
        let (found, _) = find_violations(of_ends(&ends), at_most(1));
        let detail = "12 users own more than 1 of these relationships; delete those above the limit".to_owned();
        let examples = ViolationExamples::Users((1..=10).collect());
        assert_eq!(found, [Violation { attribute: TypeAttribute::MaxPerUser, count: 12, examples, detail }]);
        assert!(find_violations(of_ends(&ends), at_most(2)).0.is_empty());
    }

    #[test]
    fn each_rule_has_a_violation_of_its_own() {
        let edges = of_ends(&[(1, 2), (2, 1), (2, 3)]);
        let rules = Rules { is_symmetric: true, is_acyclic: true, ..at_most(1) };
        let (found, _) = find_violations(edges.clone(), rules);
        let shown: Vec<_> = found.iter().map(|one| (one.attribute, one.count, one.examples.to_json())).collect();
        assert_eq!(
            shown,
            [
                (TypeAttribute::IsSymmetric, 1, json!([["100", "101"]])),
                (TypeAttribute::IsAcyclic, 1, json!([["1", "2", "1"]])),
                (TypeAttribute::MaxPerUser, 1, json!(["2"])),
            ]
        );
        let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(lines[0].starts_with("`is-symmetric`: 1 pair") && lines[0].ends_with(" (relationships 100 and 101)"));
        assert!(lines[1].starts_with("`is-acyclic`: ") && lines[1].ends_with(" (users 1 → 2 → 1)"), "{}", lines[1]);
        assert!(lines[2].starts_with("`max-per-user`: ") && lines[2].ends_with(" (users 2)"), "{}", lines[2]);
        assert!(find_violations(edges, NONE).0.is_empty());
    }

    #[test]
    fn only_new_and_stricter_rules_are_checked() {
        for (old, new, checked) in [
            (NONE, at_most(2), at_most(2)),
            (at_most(3), at_most(2), at_most(2)),
            (at_most(2), at_most(2), NONE),
            (at_most(1), at_most(2), NONE),
            (at_most(1), NONE, NONE),
            (NONE, SYMMETRIC, SYMMETRIC),
            (SYMMETRIC, SYMMETRIC, NONE),
            (SYMMETRIC, NONE, NONE),
        ] {
            assert_eq!(new.stricter_than(old), checked, "{old:?} {new:?}");
        }
    }
}
