//! Everybody below a user in a tree, in pre-order.

use std::collections::HashMap;

use super::request::{Places, ReachedPage, Traversal, too_large};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::rules::MAX_VISITED;
use crate::model::traversal::preorder::{Child, Siblings, walk};
use crate::model::traversal::{Depth, Place};
use crate::store::{HeldType, Tx};

/// The most levels that are read at once.
const LEVELS_AHEAD: usize = 8;

/// The page, with the number of all users. `below` is what is stored of all levels.
///
/// # Errors
/// `traversal-too-large`.
pub(super) fn page(tx: &mut Tx<'_>, held: &HeldType, below: i64, traversal: &Traversal) -> Result<ReachedPage> {
    let start = traversal.path.user;
    let total = match traversal.depth {
        Depth::All => below,
        Depth::Levels(levels) => count(tx, held, start, levels)?,
    };
    let path = match &traversal.after {
        Some(Place::Path(path)) => path.as_slice(),
        _ => &[],
    };
    let (mut users, mut places) = (Vec::new(), Places::After(Vec::new()));
    if traversal.limit > 0 && total > 0 {
        let rest = find_rest(tx, held, start, path)?;
        places = Places::After(path.get(..rest.len().min(path.len())).unwrap_or_default().to_vec());
        let limit = traversal.limit + 1;
        let mut reader = ChildReader { tx, held, limit, levels: traversal.depth.levels(), known: HashMap::new() };
        users = walk(rest, (limit, traversal.depth), |siblings| reader.read(siblings))?;
    }
    Ok(ReachedPage { users, total, has_cycle: false, places })
}

/// Reads children for a walk. A walk goes down to the first child of the first child first, so that several levels of these
/// are read at once.
struct ChildReader<'a, 'c> {
    tx: &'a mut Tx<'c>,
    held: &'a HeldType,
    /// The most children of one user to read.
    limit: usize,
    /// The largest distance from the start.
    levels: usize,
    /// Children that were read, by their parent and the relationship that they come after.
    known: HashMap<(UserId, i64), Vec<Child>>,
}

impl ChildReader<'_, '_> {
    fn read(&mut self, asked: &[Siblings]) -> Result<Vec<Child>> {
        let unknown: Vec<_> = asked.iter().filter(|it| !self.known.contains_key(&key(it))).copied().collect();
        match unknown.as_slice() {
            [] => {}
            [one] => self.read_ahead(one)?,
            several => self.read_level(several)?,
        }
        let mut found = Vec::new();
        for (place, siblings) in asked.iter().enumerate() {
            let children = self.known.remove(&key(siblings)).unwrap_or_default();
            found.extend(children.into_iter().map(|child| Child { place, ..child }));
        }
        Ok(found)
    }

    fn read_level(&mut self, several: &[Siblings]) -> Result<()> {
        for child in self.tx.children(self.held, several, self.limit)? {
            if let Some(siblings) = several.get(child.place) {
                self.known.entry(key(siblings)).or_default().push(child);
            }
        }
        Ok(())
    }

    fn read_ahead(&mut self, siblings: &Siblings) -> Result<()> {
        let levels = LEVELS_AHEAD.min(self.levels.saturating_sub(siblings.depth).saturating_add(1));
        for (parent, children) in self.tx.first_descendants(self.held, siblings, (levels, self.limit))? {
            let after = if parent == siblings.parent { siblings.after } else { 0 };
            self.known.insert((parent, after), children);
        }
        Ok(())
    }
}

fn key(siblings: &Siblings) -> (UserId, i64) {
    (siblings.parent, siblings.after)
}

/// What comes after the user with a path: the users below it, and the later siblings of all users on the path, the
/// deepest first. Where the path is broken, because a relationship on it is gone, its later siblings remain.
fn find_rest(tx: &mut Tx<'_>, held: &HeldType, start: UserId, path: &[i64]) -> Result<Vec<Siblings>> {
    let mut rest = Vec::with_capacity(path.len() + 1);
    let stored = if path.is_empty() { Vec::new() } else { tx.edges_with_ids(held, path)? };
    let stored: HashMap<_, _> = stored.into_iter().map(|edge| (edge.id, edge)).collect();
    let mut parent = Some(start);
    for (depth, after) in (1..).zip(path.iter().copied().map(Some).chain([None])) {
        let Some(user) = parent else { break };
        rest.push(Siblings { parent: user, after: after.unwrap_or(0), depth });
        // The ends of a relationship never change, so it leads to the user above.
        parent = after.and_then(|after| stored.get(&after)).map(|edge| UserId::new(edge.user));
    }
    rest.reverse();
    Ok(rest)
}

/// How many users are at most some levels below a user. They are counted level by level, the last one by what is stored
/// of the level above.
fn count(tx: &mut Tx<'_>, held: &HeldType, start: UserId, levels: usize) -> Result<i64> {
    let (mut level, mut above) = (vec![start], 0_usize);
    for _ in 1..levels {
        let owners = tx.owners_of(held, &level)?;
        level = owners.into_iter().map(|(_, owner)| owner).collect();
        above += level.len();
        if above > MAX_VISITED {
            return Err(too_large());
        }
        if level.is_empty() {
            break;
        }
    }
    let last = if level.is_empty() { 0 } else { tx.count_owners(held, &level)? };
    Ok(i64::try_from(above).unwrap_or(i64::MAX).saturating_add(last))
}
