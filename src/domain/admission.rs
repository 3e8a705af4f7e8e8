//! Decides which relationships the rules of their type admit. Every writer that adds relationships to a type asks here.
//!
//! # Design
//! The caller [holds](Tx::hold_types) the type. If the rules restrict data, [`admit`] makes other writers of the type
//! wait until the job ends, and only then reads what the rules depend on. So what it reads stays true until the
//! relationships are stored. Several relationships are judged in order, as if each were stored before the next.

use std::collections::{HashMap, HashSet};

use crate::model::error::Result;
use crate::model::graph::Graph;
use crate::model::id::{RelationshipId, UserId};
use crate::model::reach::{Reach, explore};
use crate::model::rules::{MAX_DEPTH, Refusal};
use crate::model::tree::Tree;
use crate::store::{HeldType, Tx};

/// The owner and the target of a relationship.
pub(super) type Ends = (UserId, UserId);

/// Whether a relationship may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may, unless the same one exists and the type has no rules.
    Admitted,
    /// It exists, in a symmetric type perhaps in the other direction. `None` if the same call adds it.
    Exists(Option<RelationshipId>),
    /// A rule refuses it.
    Refused(Refusal),
}

/// The verdicts on some relationships of one type.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// One verdict for each relationship, in order.
    pub verdicts: Vec<Verdict>,
    tree: Option<Tree>,
}

impl Admission {
    /// Counts the admitted relationships below the users above them. All of them must be stored.
    ///
    /// # Errors
    /// Those of the store.
    pub fn record(&self, tx: &mut Tx<'_>, held: &HeldType) -> Result<()> {
        self.tree.as_ref().map_or(Ok(()), |tree| tx.add_below(held, tree.added()))
    }
}

/// Judges new relationships of a held type, in order.
///
/// # Errors
/// Those of the store.
pub(super) fn admit(tx: &mut Tx<'_>, held: &HeldType, edges: &[Ends]) -> Result<Admission> {
    if !held.rules.restrict_data() {
        return Ok(Admission { verdicts: vec![Verdict::Admitted; edges.len()], tree: None });
    }
    tx.lock_writers(std::slice::from_ref(held))?;
    if held.rules.is_tree() { admit_to_tree(tx, held, edges) } else { admit_to_graph(tx, held, edges) }
}

fn admit_to_tree(tx: &mut Tx<'_>, held: &HeldType, edges: &[Ends]) -> Result<Admission> {
    let owners = unique(edges.iter().map(|(user, _)| *user));
    let known = tx.paths_from(held, &unique(edges.iter().flat_map(|(user, target)| [*user, *target])))?;
    let below = tx.below(held, &owners)?;
    let ids: HashMap<Ends, RelationshipId> = known.iter().map(|(id, user, target)| ((*user, *target), *id)).collect();
    let mut tree = Tree::new(known.into_iter().map(|(_, user, target)| (user, target)), below);
    let verdicts = edges.iter().map(|ends| add_to_tree(&mut tree, *ends, &ids)).collect();
    Ok(Admission { verdicts, tree: Some(tree) })
}

/// Adds a relationship to a tree in memory. `stored` has the ids of stored relationships.
fn add_to_tree(tree: &mut Tree, (user, target): Ends, stored: &HashMap<Ends, RelationshipId>) -> Verdict {
    if tree.target_of(user) == Some(target) {
        return Verdict::Exists(stored.get(&(user, target)).copied());
    }
    tree.add(user, target).map_or_else(Verdict::Refused, |()| Verdict::Admitted)
}

fn admit_to_graph(tx: &mut Tx<'_>, held: &HeldType, edges: &[Ends]) -> Result<Admission> {
    let owners = unique(edges.iter().map(|(user, _)| *user));
    let max = held.rules.max_per_user.is_some();
    let mut stored = StoredGraph {
        ids: tx.find_edges(held, edges)?.into_iter().collect(),
        owned: if max { tx.owned(held, &owners)?.into_iter().collect() } else { HashMap::new() },
        tx,
        held,
    };
    let mut added = Graph::default();
    let verdicts = edges.iter().map(|ends| add_to_graph(&mut stored, &mut added, *ends)).collect::<Result<_>>()?;
    Ok(Admission { verdicts, tree: None })
}

/// What a graph in memory is added to.
struct StoredGraph<'a, 'c> {
    /// The stored ones among the judged relationships, and in a symmetric type among their opposites.
    ids: HashMap<Ends, RelationshipId>,
    /// How many relationships their owners own.
    owned: HashMap<UserId, i64>,
    tx: &'a mut Tx<'c>,
    held: &'a HeldType,
}

/// Adds a relationship to a graph in memory.
fn add_to_graph(stored: &mut StoredGraph<'_, '_>, added: &mut Graph, (user, target): Ends) -> Result<Verdict> {
    let rules = stored.held.rules;
    let directions = if rules.is_symmetric { vec![(user, target), (target, user)] } else { vec![(user, target)] };
    if let Some(id) = directions.iter().find_map(|ends| stored.ids.get(ends)) {
        return Ok(Verdict::Exists(Some(*id)));
    }
    if directions.iter().any(|(user, target)| added.has(*user, *target)) {
        return Ok(Verdict::Exists(None));
    }
    let owned = stored.owned.get(&user).copied().unwrap_or_default();
    let owned = i64::try_from(added.owned(user)).unwrap_or(i64::MAX).saturating_add(owned);
    if rules.max_per_user.is_some_and(|max| owned >= i64::from(max)) {
        return Ok(Verdict::Refused(Refusal::TooMany));
    }
    if rules.is_acyclic
        && let Some(refusal) = refuse_path(stored, added, (user, target))?
    {
        return Ok(Verdict::Refused(refusal));
    }
    added.add(user, target);
    Ok(Verdict::Admitted)
}

/// Why the paths through a relationship are refused: one leads back to its start, or one may be too long.
fn refuse_path(stored: &mut StoredGraph<'_, '_>, added: &Graph, (user, target): Ends) -> Result<Option<Refusal>> {
    let above = explore(target, Some(user), |level| -> Result<_> {
        let mut steps = stored.tx.targets_of(stored.held, level)?;
        steps.extend(added.targets_of(level));
        Ok(steps)
    })?;
    let above = match above {
        Reach::Path(mut path) => {
            path.insert(0, user);
            return Ok(Some(Refusal::Cycle(path)));
        }
        Reach::Unbounded => return Ok(Some(Refusal::TooDeep)),
        Reach::Longest(length) => length,
    };
    let below = explore(user, None, |level| -> Result<_> {
        let mut steps = stored.tx.owners_of(stored.held, level)?;
        steps.extend(added.owners_of(level));
        Ok(steps)
    })?;
    Ok(match below {
        Reach::Longest(below) if above + 1 + below <= MAX_DEPTH => None,
        _ => Some(Refusal::TooDeep),
    })
}

fn unique(users: impl Iterator<Item = UserId>) -> Vec<UserId> {
    users.collect::<HashSet<_>>().into_iter().collect()
}
