//! What a service with rules must answer and store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::support::graph::on_cycles;
use crate::support::{Value, json};

/// The types; another one is not registered.
pub const KINDS: [&str; 4] = ["boss", "needs", "peer", "plain"];
/// Users who are clients, and may be deleted.
pub const FREE: usize = 6;
/// Users who may be an end of a new edge: the free ones, and both ends of two long paths.
pub const HANDLES: usize = FREE + 4;
const MAX_DEPTH: usize = 64;

/// Success, or the status with the possible codes.
pub type Verdict = Result<(), (u16, &'static [&'static str])>;

/// An edge: indexes of the owner, the target and the type.
pub type Edge = (usize, usize, usize);

/// The rules of a type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    pub is_symmetric: bool,
    pub is_acyclic: bool,
    pub max: Option<usize>,
    pub is_managed: bool,
}

impl Rules {
    /// The rules that each case begins with.
    pub fn at_first() -> [Self; 4] {
        let none = Self::default();
        [
            Self { is_acyclic: true, max: Some(1), ..none.clone() },
            Self { is_acyclic: true, ..none.clone() },
            Self { is_symmetric: true, ..none.clone() },
            none,
        ]
    }

    /// The attributes of the type.
    pub fn attributes(&self) -> Value {
        let manager = if self.is_managed { "admin" } else { "owner" };
        json!({"is-symmetric": self.is_symmetric, "is-acyclic": self.is_acyclic, "max-per-user": self.max,
               "managed-by": manager})
    }

    /// The rules after a change of one of them.
    pub fn with(&self, change: usize) -> Self {
        let mut rules = self.clone();
        match change {
            0 => rules.is_acyclic = true,
            1 => rules.is_acyclic = false,
            2 => rules.is_symmetric = true,
            3 => rules.is_symmetric = false,
            4 => rules.max = Some(1),
            5 => rules.max = Some(2),
            6 => rules.max = None,
            _ => rules.is_managed = !rules.is_managed,
        }
        rules
    }

    /// Whether these rules cannot be combined.
    pub fn exclude_each_other(&self) -> bool {
        self.is_symmetric && (self.is_acyclic || self.max.is_some())
    }
}

/// What should be stored.
#[derive(Debug, Clone)]
pub struct Model {
    /// The ids of all users.
    pub nodes: Vec<i64>,
    pub is_there: Vec<bool>,
    pub rules: [Rules; 4],
    /// The edges and their ids; 0 as long as an id is not known.
    pub edges: BTreeMap<Edge, i64>,
}

impl Model {
    /// A graph without edges.
    pub fn new(nodes: Vec<i64>) -> Self {
        Self { is_there: vec![true; nodes.len()], nodes, rules: Default::default(), edges: BTreeMap::new() }
    }

    /// Adds a path of users.
    pub fn add_path(&mut self, users: &[i64], kind: usize) {
        let place = |id| self.nodes.iter().position(|node| *node == id).expect("a node");
        let edges: Vec<_> = users.windows(2).map(|pair| (place(pair[0]), place(pair[1]), kind)).collect();
        self.edges.extend(edges.into_iter().map(|edge| (edge, 0)));
    }

    /// Creates an edge.
    pub fn create(&mut self, by: Option<usize>, edge: Edge) -> Verdict {
        let (user, target, kind) = edge;
        if by.is_some_and(|by| by != user) {
            return Err((403, &["not-owner"]));
        }
        if by.is_some() && self.rules.get(kind).is_some_and(|rules| rules.is_managed) {
            return Err((403, &["not-admin"]));
        }
        if user == target || kind == KINDS.len() {
            return Err((422, &["self-relationship", "unknown-relationship-type"]));
        }
        if !self.is_there[user] || !self.is_there[target] {
            return Err((404, &["related-resource-not-found"]));
        }
        self.admit(edge)?;
        self.edges.insert(edge, 0);
        Ok(())
    }

    /// Imports lines as an operator, and counts those whose edge exists.
    pub fn import(&mut self, edges: &[Edge]) -> (Vec<Verdict>, u64) {
        let mut unchanged = 0;
        let mut import = |edge: &Edge| {
            let reverse = (edge.1, edge.0, edge.2);
            let is_symmetric = self.rules.get(edge.2).is_some_and(|rules| rules.is_symmetric);
            if self.edges.contains_key(edge) || (is_symmetric && self.edges.contains_key(&reverse)) {
                unchanged += 1;
                return Ok(());
            }
            self.create(None, *edge)
        };
        let verdicts = edges.iter().map(&mut import).collect();
        (verdicts, unchanged)
    }

    /// Changes the type of an edge.
    pub fn retype(&mut self, by: Option<usize>, id: i64, kind: usize) -> Verdict {
        let (user, target, old) = self.find(id)?;
        let managers = [old, kind].map(|kind| self.rules[kind].is_managed);
        if by.is_some_and(|by| by != user) {
            return Err((403, &["not-owner", "not-admin"]));
        }
        if by.is_some() && (managers[0] || managers[1]) && (kind != old || managers[0]) {
            return Err((403, &["not-admin"]));
        }
        if kind != old {
            self.edges.remove(&(user, target, old));
            let verdict = self.admit((user, target, kind));
            let edge = if verdict.is_ok() { (user, target, kind) } else { (user, target, old) };
            self.edges.insert(edge, id);
            return verdict;
        }
        Ok(())
    }

    /// Deletes an edge.
    pub fn delete(&mut self, by: Option<usize>, id: i64) -> Verdict {
        let edge = self.find(id)?;
        let rules = &self.rules[edge.2];
        let is_end = |by: usize| by == edge.0 || (rules.is_symmetric && by == edge.1);
        match by {
            Some(by) if !is_end(by) => return Err((403, &["not-owner", "not-admin"])),
            Some(_) if rules.is_managed => return Err((403, &["not-admin"])),
            _ => {}
        }
        self.edges.remove(&edge);
        Ok(())
    }

    /// Deletes a user and its edges.
    pub fn delete_user(&mut self, user: usize) -> Verdict {
        if !self.is_there[user] {
            return Err((404, &["not-found"]));
        }
        self.is_there[user] = false;
        self.edges.retain(|(owner, target, _), _| *owner != user && *target != user);
        Ok(())
    }

    fn find(&self, id: i64) -> Result<Edge, (u16, &'static [&'static str])> {
        let found = self.edges.iter().find(|(_, known)| id != 0 && **known == id);
        found.map(|(edge, _)| *edge).ok_or((404, &["not-found"]))
    }

    /// The edges of a type.
    fn of_kind(&self, kind: usize) -> Vec<(usize, usize)> {
        let of_kind = self.edges.keys().filter(|edge| edge.2 == kind);
        of_kind.map(|(user, target, _)| (*user, *target)).collect()
    }

    /// Whether rules allow an edge that is not stored.
    fn admit(&self, (user, target, kind): Edge) -> Verdict {
        let rules = &self.rules[kind];
        let has = |user, target| self.edges.contains_key(&(user, target, kind));
        if has(user, target) || (rules.is_symmetric && has(target, user)) {
            return Err((409, &["already-exists"]));
        }
        let edges = self.of_kind(kind);
        if rules.max.is_some_and(|max| edges.iter().filter(|(owner, _)| *owner == user).count() >= max) {
            return Err((409, &["too-many-relationships"]));
        }
        if rules.is_acyclic {
            let (up, down): (Vec<_>, Vec<_>) =
                edges.iter().map(|(user, target)| ((*user, *target), (*target, *user))).unzip();
            let (above, below) = (heights(&up, target), heights(&down, user));
            if above.contains_key(&user) {
                // Paths that were stored before the rule may be so long that the cycle is not found.
                let is_long = above[&target] + below[&user] > MAX_DEPTH;
                let codes: &[_] = &["relationship-cycle", "relationship-too-deep"];
                return Err((409, if is_long { codes } else { &codes[..1] }));
            }
            if above[&target] + 1 + below[&user] > MAX_DEPTH {
                return Err((409, &["relationship-too-deep"]));
            }
        }
        Ok(())
    }

    /// How often stored edges break rules, by the pointer to the attribute.
    pub fn violations(&self, kind: usize, rules: &Rules) -> BTreeMap<String, u64> {
        let edges = self.of_kind(kind);
        let mut found = BTreeMap::new();
        let mut note = |name: &str, count: usize| {
            if count > 0 {
                found.insert(format!("/data/attributes/{name}"), count as u64);
            }
        };
        if let Some(max) = rules.max {
            let owners: BTreeSet<_> = edges.iter().map(|(user, _)| user).collect();
            let is_above = |owner: &&&usize| edges.iter().filter(|(user, _)| user == **owner).count() > max;
            note("max-per-user", owners.iter().filter(is_above).count());
        }
        if rules.is_symmetric {
            let is_pair = |(user, target): &&(usize, usize)| user < target && edges.contains(&(*target, *user));
            note("is-symmetric", edges.iter().filter(is_pair).count());
        }
        if rules.is_acyclic {
            note("is-acyclic", components(&edges));
        }
        found
    }
}

/// The users that edges lead to from `start`, itself included, and the length of the longest path from each. The edges
/// have no cycle.
fn heights(edges: &[(usize, usize)], start: usize) -> HashMap<usize, usize> {
    fn visit(edges: &[(usize, usize)], user: usize, found: &mut HashMap<usize, usize>) -> usize {
        if let Some(height) = found.get(&user) {
            return *height;
        }
        let next = edges.iter().filter(|(from, _)| *from == user);
        let height = next.map(|(_, to)| visit(edges, *to, found) + 1).max().unwrap_or(0);
        found.insert(user, height);
        height
    }
    let mut found = HashMap::new();
    visit(edges, start, &mut found);
    found
}

/// The number of strongly connected components with several users.
fn components(edges: &[(usize, usize)]) -> usize {
    let users = on_cycles(edges.iter().copied());
    let reach = |start: usize| {
        let (mut found, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(user) = open.pop() {
            let next = edges.iter().filter(|(from, _)| *from == user).map(|(_, target)| *target);
            open.extend(next.filter(|target| found.insert(*target)));
        }
        found
    };
    let reached: BTreeMap<_, _> = users.iter().map(|user| (*user, reach(*user))).collect();
    let is_mutual = |user: usize, other: usize| reached.get(&other).is_some_and(|all| all.contains(&user));
    // The smallest user of its component.
    let component = |user: &usize| reached[user].iter().copied().find(|other| is_mutual(*user, *other));
    users.iter().filter_map(component).collect::<BTreeSet<_>>().len()
}
