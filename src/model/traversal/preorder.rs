//! A page of the users below a user in a tree, in pre-order: each user right after the user above it, siblings in the
//! order of their relationships.
//!
//! # Design
//! The walk reads the children of several users at a time. It knows how many users are below each one, so that it opens
//! only as many as the page needs: a page costs about as much as it has rows, whatever is below the start.

use super::{Depth, ReachedUser, TraversalStep};
use crate::model::id::{RelationshipId, UserId};

/// The most users whose children are read at a time.
const MOST_OPENED: usize = 50;

/// The children of a user that come after one of its relationships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Siblings {
    /// The user above them.
    pub parent: UserId,
    /// The relationship that they come after; 0 for all children.
    pub after: i64,
    /// The distance of the children from the start of the walk.
    pub depth: usize,
}

/// A child that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// The place of its [`Siblings`] among those that were asked for.
    pub place: usize,
    /// The relationship with its parent.
    pub edge: i64,
    /// The child.
    pub user: UserId,
    /// How many users are below it.
    pub below: i64,
}

/// A part of the walk: a user, or children that were not read yet.
#[derive(Debug)]
enum WalkPart {
    User { reached: ReachedUser, is_open: bool },
    Unread(Siblings),
}

/// The first users of a walk, at most `limit`. It begins with the children in `start`, in that order, and goes down to
/// a depth. `read` returns for each of some siblings the first ones, at most `limit` each, in their order.
///
/// # Errors
/// Those of `read`.
pub fn walk<E>(
    start: Vec<Siblings>,
    (limit, depth): (usize, Depth),
    mut read: impl FnMut(&[Siblings]) -> Result<Vec<Child>, E>,
) -> Result<Vec<ReachedUser>, E> {
    let levels = depth.levels();
    // Above the last level, some of those below a user are too deep to be on the page.
    let is_counted = depth == Depth::All;
    let mut parts: Vec<_> =
        start.into_iter().filter(|siblings| siblings.depth <= levels).map(WalkPart::Unread).collect();
    loop {
        let opened = find_unread(&parts, limit, is_counted);
        let Some((places, asked)) = opened else {
            let users = parts.into_iter().filter_map(|part| match part {
                WalkPart::User { reached, .. } => Some(reached),
                WalkPart::Unread(_) => None,
            });
            return Ok(users.take(limit).collect());
        };
        let children = read(&asked)?;
        parts = open(parts, &places, &asked, &children, (limit, levels));
    }
}

/// The parts that the page needs and whose children are not read yet: their places, and the children. `None` if the page
/// is complete.
fn find_unread(parts: &[WalkPart], limit: usize, is_counted: bool) -> Option<(Vec<usize>, Vec<Siblings>)> {
    let (mut places, mut asked, mut rows) = (Vec::new(), Vec::new(), 0_usize);
    for (place, part) in parts.iter().enumerate() {
        if rows >= limit || places.len() == MOST_OPENED {
            break;
        }
        match part {
            WalkPart::Unread(siblings) => {
                places.push(place);
                asked.push(*siblings);
            }
            WalkPart::User { reached, is_open } => {
                rows += 1;
                // The children of the last row belong to another page.
                if *is_open && rows < limit {
                    places.push(place);
                    asked.push(Siblings { parent: reached.member, after: 0, depth: reached.step.depth + 1 });
                    let below = usize::try_from(reached.step.below.unwrap_or_default()).unwrap_or_default();
                    rows = if is_counted { rows.saturating_add(below) } else { rows };
                }
            }
        }
    }
    (!places.is_empty()).then_some((places, asked))
}

/// Replaces the parts at these places by what was read of them, and drops what comes after the page.
fn open(
    parts: Vec<WalkPart>,
    places: &[usize],
    asked: &[Siblings],
    children: &[Child],
    (limit, levels): (usize, usize),
) -> Vec<WalkPart> {
    let mut opened = Vec::with_capacity(parts.len() + children.len());
    let mut groups = children.chunk_by(|one, next| one.place == next.place).peekable();
    let mut next_opened = places.iter().zip(asked).enumerate().peekable();
    for (place, part) in parts.into_iter().enumerate() {
        let Some((number, (_, siblings))) = next_opened.next_if(|(_, (opened, _))| **opened == place) else {
            opened.push(part);
            continue;
        };
        if let WalkPart::User { reached, .. } = part {
            opened.push(WalkPart::User { reached, is_open: false });
        }
        let is_own = |group: &&[Child]| group.first().is_some_and(|child| child.place == number);
        let group = groups.next_if(is_own).unwrap_or_default();
        opened.extend(group.iter().map(|child| reach(child, siblings, levels)));
        if let Some(last) = group.last()
            && group.len() >= limit
        {
            opened.push(WalkPart::Unread(Siblings { after: last.edge, ..*siblings }));
        }
    }
    truncate(&mut opened, limit);
    opened
}

fn reach(child: &Child, siblings: &Siblings, levels: usize) -> WalkPart {
    let (edge, below) = (RelationshipId::new(child.edge), Some(child.below));
    let step = TraversalStep { edge, via: siblings.parent, depth: siblings.depth, below };
    let is_open = child.below > 0 && siblings.depth < levels;
    WalkPart::User { reached: ReachedUser { member: child.user, step }, is_open }
}

/// Drops the parts after the first `limit` users.
fn truncate(parts: &mut Vec<WalkPart>, limit: usize) {
    let users = parts.iter().enumerate().filter(|(_, part)| matches!(part, WalkPart::User { .. }));
    if let Some((last, _)) = users.clone().nth(limit.saturating_sub(1)) {
        parts.truncate(last + 1);
    }
}

/// The relationships from the start of a walk to the last of some rows. The walk was resumed after the row with the
/// path `before`; it is empty at the start.
#[must_use]
pub fn path_to_last(before: &[i64], rows: &[ReachedUser]) -> Vec<i64> {
    let mut path = before.to_vec();
    for row in rows {
        path.truncate(row.step.depth.saturating_sub(1));
        path.push(row.step.edge.get());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    /// A tree: the edges and children of each user, by edge.
    type Children = BTreeMap<i64, Vec<(i64, i64)>>;

    fn tree(parents: &[usize]) -> Children {
        let mut children = Children::new();
        for (place, parent) in parents.iter().enumerate() {
            let user = i64::try_from(place + 1).unwrap();
            let edge = (user * 7_919) % 1_009 + 1;
            children.entry(i64::try_from(parent % (place + 1)).unwrap()).or_default().push((edge, user));
        }
        for siblings in children.values_mut() {
            siblings.sort_unstable();
        }
        children
    }

    fn count(children: &Children, user: i64) -> i64 {
        children.get(&user).into_iter().flatten().map(|(_, child)| 1 + count(children, *child)).sum()
    }

    /// The whole walk by its definition: edge, user, parent and depth.
    fn naive(children: &Children, user: i64, depth: usize, levels: usize, rows: &mut Vec<(i64, i64, i64, usize)>) {
        for (edge, child) in children.get(&user).into_iter().flatten().filter(|_| depth <= levels) {
            rows.push((*edge, *child, user, depth));
            naive(children, *child, depth + 1, levels, rows);
        }
    }

    fn read(children: &Children, asked: &[Siblings], limit: usize) -> Vec<Child> {
        let of = |(place, siblings): (usize, &Siblings)| {
            let all = children.get(&siblings.parent.get()).into_iter().flatten();
            let after = all.filter(|(edge, _)| *edge > siblings.after).take(limit);
            let child = |(edge, user): &(i64, i64)| Child {
                place,
                edge: *edge,
                user: UserId::new(*user),
                below: count(children, *user),
            };
            after.map(child).collect::<Vec<_>>()
        };
        asked.iter().enumerate().flat_map(of).collect()
    }

    /// The siblings that remain after the row with a path.
    fn resume(children: &Children, path: &[i64]) -> Vec<Siblings> {
        let (mut parent, mut start) = (0, Vec::new());
        for (place, edge) in path.iter().enumerate() {
            start.push(Siblings { parent: UserId::new(parent), after: *edge, depth: place + 1 });
            parent = children[&parent].iter().find(|(known, _)| known == edge).unwrap().1;
        }
        start.push(Siblings { parent: UserId::new(parent), after: 0, depth: path.len() + 1 });
        start.reverse();
        start
    }

    proptest! {
        #[test]
        fn pages_are_the_walk_by_its_definition(
            parents in prop::collection::vec(0..60_usize, 0..60), limit in 1..8_usize, levels in 1..9_usize,
        ) {
            let children = tree(&parents);
            let levels = if levels == 8 { usize::MAX } else { levels };
            let mut expected = Vec::new();
            naive(&children, 0, 1, levels, &mut expected);
            let (mut rows, mut path) = (Vec::new(), Vec::new());
            loop {
                let start = resume(&children, &path);
                let mut rounds = 0;
                let depth = if levels == usize::MAX { Depth::All } else { Depth::Levels(levels) };
                let page = walk(start, (limit, depth), |asked| {
                    rounds += 1;
                    Ok::<_, Infallible>(read(&children, asked, limit))
                }).unwrap();
                prop_assert!(page.len() <= limit && rounds <= 200);
                if page.is_empty() {
                    break;
                }
                path = path_to_last(&path, &page);
                rows.extend(page.iter().map(|row| (row.step.edge.get(), row.member.get(), row.step.via.get(), row.step.depth)));
            }
            prop_assert_eq!(rows, expected);
        }
    }

    /// How many parents each round of the first page reads.
    fn rounds(parents: &[usize], limit: usize, depth: Depth) -> Vec<usize> {
        let (children, mut rounds) = (tree(parents), Vec::new());
        let page = walk(resume(&children, &[]), (limit, depth), |asked| {
            rounds.push(asked.len());
            Ok::<_, Infallible>(read(&children, asked, limit))
        });
        assert_eq!(page.unwrap().len(), limit);
        rounds
    }

    #[test]
    fn a_page_opens_only_users_whose_children_it_shows() {
        // 30 users below the start, and 30 below each of them.
        let parents: Vec<_> = (0..930_usize).map(|place| place / 30).collect();
        assert_eq!(rounds(&parents, 20, Depth::All), [1, 1]);
        assert_eq!(rounds(&parents, 50, Depth::All), [1, 2]);
    }

    #[test]
    fn a_page_of_few_levels_takes_few_rounds() {
        // 30 users below the start, one below each of them, and 30 below each of these.
        let below = (0..900_usize).map(|place| 31 + place / 30);
        let parents: Vec<_> = std::iter::repeat_n(0, 30).chain(1..=30).chain(below).collect();
        assert_eq!(rounds(&parents, 20, Depth::Levels(2)), [1, 19]);
    }
}
