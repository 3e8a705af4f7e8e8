//! Relationships of one type in memory, which are added to the stored ones as far as the rules of the type allow.

use std::collections::{HashMap, HashSet};

use crate::model::error::Result;
use crate::model::graph::Graph;
use crate::model::id::{RelationshipId, UserId};
use crate::model::reach::{MAX_STEPS, Reach, explore};
use crate::model::relationship_type::TypeName;
use crate::model::rules::{MAX_DEPTH, Refusal};
use crate::model::tree::Tree;
use crate::store::{HeldType, Tx};

/// The owner and the target of a relationship.
pub(in crate::domain) type Ends = (UserId, UserId);

/// Whether a relationship may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) enum Verdict {
    /// It may, unless the same one exists and the type has no rules.
    Admitted,
    /// It exists, in a symmetric type perhaps in the other direction. `None` if it was added in memory.
    Exists(Option<RelationshipId>),
    /// A rule refuses it.
    Refused(Refusal),
}

/// The stored relationships of a held type whose rules restrict data.
pub(super) struct StoredGraph<'a, 'c> {
    /// `None` if no relationships are stored.
    tx: Option<&'a mut Tx<'c>>,
    held: &'a HeldType,
}

impl<'a, 'c> StoredGraph<'a, 'c> {
    /// Those that the job reads. Other writers of the type must wait, as after [`Tx::lock_writers`].
    pub fn of(tx: &'a mut Tx<'c>, held: &'a HeldType) -> Self {
        Self { tx: Some(tx), held }
    }

    fn read<T: Default>(&mut self, query: impl FnOnce(&mut Tx<'c>, &HeldType) -> Result<T>) -> Result<T> {
        self.tx.as_mut().map_or_else(|| Ok(T::default()), |tx| query(tx, self.held))
    }
}

/// The stored ones among some relationships, and in a symmetric type among their opposites.
type StoredIds = HashMap<Ends, RelationshipId>;

/// Relationships of one type that are added in memory to the stored ones.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// Used for a type that is a tree.
    tree: Tree,
    /// Used for any other type.
    graph: Graph,
    /// Whether paths may have any length.
    allows_any_depth: bool,
}

impl Overlay {
    /// One that admits paths of any length.
    pub fn of_any_depth() -> Self {
        Self { allows_any_depth: true, ..Self::default() }
    }

    /// Judges relationships in order. Each admitted one is added before the next one is judged. What is stored must be
    /// the same in all calls.
    ///
    /// # Errors
    /// Those of the store.
    pub fn judge(&mut self, stored: &mut StoredGraph<'_, '_>, edges: &[Ends]) -> Result<Vec<Verdict>> {
        if stored.held.rules.is_tree() { self.judge_in_tree(stored, edges) } else { self.judge_in_graph(stored, edges) }
    }

    /// Counts the added relationships below the users above them. All of them must be stored.
    ///
    /// # Errors
    /// Those of the store.
    pub fn record(&self, tx: &mut Tx<'_>, held: &HeldType) -> Result<()> {
        if held.rules.is_tree() { tx.add_below(held, self.tree.added()) } else { Ok(()) }
    }

    fn judge_in_tree(&mut self, stored: &mut StoredGraph<'_, '_>, edges: &[Ends]) -> Result<Vec<Verdict>> {
        let owners = unique(edges.iter().map(|(user, _)| *user));
        let users = unique(edges.iter().flat_map(|(user, target)| [*user, *target]));
        let steps = stored.read(|tx, held| tx.paths_from(held, &users))?;
        let below = stored.read(|tx, held| tx.below(held, &owners))?;
        let ids: StoredIds = steps.iter().map(|(id, user, target)| ((*user, *target), *id)).collect();
        self.tree.extend(steps.into_iter().map(|(_, user, target)| (user, target)), below);
        Ok(edges.iter().map(|ends| self.add_to_tree(*ends, &ids)).collect())
    }

    fn add_to_tree(&mut self, (user, target): Ends, stored: &StoredIds) -> Verdict {
        if self.tree.target_of(user) == Some(target) {
            return Verdict::Exists(stored.get(&(user, target)).copied());
        }
        let most = if self.allows_any_depth { usize::MAX } else { MAX_DEPTH };
        self.tree.add(user, target, most).map_or_else(Verdict::Refused, |()| Verdict::Admitted)
    }

    fn judge_in_graph(&mut self, stored: &mut StoredGraph<'_, '_>, edges: &[Ends]) -> Result<Vec<Verdict>> {
        let ids: StoredIds = stored.read(|tx, held| tx.find_edges(held, edges))?.into_iter().collect();
        let owners = unique(edges.iter().map(|(user, _)| *user));
        let owned = match stored.held.rules.max_per_user {
            Some(_) => stored.read(|tx, held| tx.owned(held, &owners))?.into_iter().collect(),
            None => HashMap::new(),
        };
        edges.iter().map(|ends| self.add_to_graph(stored, (&ids, &owned), *ends)).collect()
    }

    fn add_to_graph(
        &mut self,
        stored: &mut StoredGraph<'_, '_>,
        (ids, owned): (&StoredIds, &HashMap<UserId, i64>),
        (user, target): Ends,
    ) -> Result<Verdict> {
        let rules = stored.held.rules;
        let directions = [Some((user, target)), rules.is_symmetric.then_some((target, user))];
        let mut directions = directions.into_iter().flatten();
        if let Some(id) = directions.clone().find_map(|ends| ids.get(&ends)) {
            return Ok(Verdict::Exists(Some(*id)));
        }
        if directions.any(|(user, target)| self.graph.has(user, target)) {
            return Ok(Verdict::Exists(None));
        }
        let owned = owned.get(&user).copied().unwrap_or_default();
        let owned = i64::try_from(self.graph.owned(user)).unwrap_or(i64::MAX).saturating_add(owned);
        if rules.max_per_user.is_some_and(|max| owned >= i64::from(max)) {
            return Ok(Verdict::Refused(Refusal::TooMany));
        }
        if rules.is_acyclic
            && let Some(refusal) = self.refuse_path(stored, (user, target))?
        {
            return Ok(Verdict::Refused(refusal));
        }
        self.graph.add(user, target);
        Ok(Verdict::Admitted)
    }

    /// Why the paths through a relationship are refused: one leads back to its start, or one may be too long.
    fn refuse_path(&self, stored: &mut StoredGraph<'_, '_>, (user, target): Ends) -> Result<Option<Refusal>> {
        if self.allows_any_depth {
            return self.refuse_cycle(stored, (user, target));
        }
        let above = explore(target, Some(user), |level| -> Result<_> {
            let mut steps = stored.read(|tx, held| tx.targets_of(held, level))?;
            steps.extend(self.graph.targets_of(level));
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
            let mut steps = stored.read(|tx, held| tx.owners_of(held, level))?;
            steps.extend(self.graph.owners_of(level));
            Ok(steps)
        })?;
        Ok(match below {
            Reach::Longest(below) if above + 1 + below <= MAX_DEPTH => None,
            _ => Some(Refusal::TooDeep),
        })
    }
}

impl Overlay {
    /// Why a relationship is refused: it closes a cycle of any length, or that cannot be ruled out.
    fn refuse_cycle(&self, stored: &mut StoredGraph<'_, '_>, (user, target): Ends) -> Result<Option<Refusal>> {
        let mut seen = HashSet::from([target]);
        let mut level = vec![target];
        while !level.is_empty() {
            let mut steps = stored.read(|tx, held| tx.targets_of(held, &level))?;
            if steps.len() > MAX_STEPS {
                return Ok(Some(Refusal::TooDeep));
            }
            steps.extend(self.graph.targets_of(&level));
            if steps.iter().any(|(_, to)| *to == user) {
                return Ok(Some(Refusal::Cycle(vec![user, target, user])));
            }
            level = steps.into_iter().map(|(_, to)| to).filter(|to| seen.insert(*to)).collect();
        }
        Ok(None)
    }
}

/// Relationships of several types that are added in memory.
#[derive(Debug, Default)]
pub(in crate::domain) struct Overlays {
    types: HashMap<TypeName, (HeldType, Overlay)>,
    added: usize,
}

impl Overlays {
    /// As [`Overlay::judge`], for a held type. Without a `tx`, no relationships are stored.
    ///
    /// # Errors
    /// Those of the store.
    pub fn judge(&mut self, tx: Option<&mut Tx<'_>>, held: &HeldType, edges: &[Ends]) -> Result<Vec<Verdict>> {
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.types.entry(held.name.clone());
        let (_, overlay) = known.or_insert_with(|| (held.clone(), Overlay::default()));
        let verdicts = overlay.judge(&mut StoredGraph { tx, held }, edges)?;
        self.added += verdicts.iter().filter(|verdict| **verdict == Verdict::Admitted).count();
        Ok(verdicts)
    }

    /// How many relationships are added.
    pub const fn added(&self) -> usize {
        self.added
    }

    /// As [`Overlay::record`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn record(&self, tx: &mut Tx<'_>) -> Result<()> {
        self.types.values().try_for_each(|(held, overlay)| overlay.record(tx, held))
    }
}

fn unique(users: impl Iterator<Item = UserId>) -> Vec<UserId> {
    users.collect::<HashSet<_>>().into_iter().collect()
}
