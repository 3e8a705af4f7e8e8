//! Traversals beside a naive search of edges in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::Value;
use super::client::{Answer, Client};

/// Edges of one type by id: owner and target.
pub type Edges = BTreeMap<i64, (i64, i64)>;

/// A row of a traversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    pub depth: usize,
    pub via: i64,
    pub edge: i64,
    pub below: Option<u64>,
}

fn number<T: std::str::FromStr>(value: &Value) -> T {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is not a number in a string"))
}

impl Row {
    /// A row of a document.
    pub fn of(row: &Value) -> Self {
        let meta = &row["meta"];
        let depth = meta["depth"].as_u64().unwrap_or_else(|| panic!("no depth in {row}"));
        Self {
            id: number(&row["id"]),
            depth: depth.try_into().expect("a depth"),
            via: number(&meta["via"]),
            edge: number(&meta["user-relationship"]),
            below: meta["below-count"].as_u64(),
        }
    }
}

/// A whole traversal, page by page.
#[derive(Debug)]
pub struct Walk {
    pub rows: Vec<Row>,
    /// The total of each page.
    pub totals: Vec<i64>,
    /// Whether a page says that there is a cycle.
    pub has_cycle: bool,
}

/// The rows of one page.
pub fn rows(answer: &Answer) -> Vec<Row> {
    answer.body["data"].as_array().unwrap_or_else(|| panic!("no list in {}", answer.text)).iter().map(Row::of).collect()
}

/// Reads all pages of a list from a URL on. `between` gets the rows of each page.
#[track_caller]
pub fn walk(client: &Client, url: &str, mut between: impl FnMut(&[Row])) -> Walk {
    let mut walk = Walk { rows: Vec::new(), totals: Vec::new(), has_cycle: false };
    let mut next = Some(url.to_owned());
    while let Some(url) = next {
        let page = client.get(&url).expect(200);
        let shown = rows(&page);
        between(&shown);
        walk.rows.extend(shown);
        walk.totals.push(page.total());
        walk.has_cycle |= page.body["meta"]["has-cycle"] == true;
        next = page.body["links"]["next"].as_str().map(str::to_owned);
        assert!(walk.totals.len() <= 200_000, "{url} does not end");
    }
    walk
}

/// The direction of a traversal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    Users,
    Targets,
}

/// The edges that lead on from a user: their ids and the users there, in the order of edges.
fn next(edges: &Edges, user: i64, towards: Towards) -> Vec<(i64, i64)> {
    let on = |(id, (owner, target)): (&i64, &(i64, i64))| match towards {
        Towards::Users => (*target == user).then_some((*id, *owner)),
        Towards::Targets => (*owner == user).then_some((*id, *target)),
    };
    edges.iter().filter_map(on).collect()
}

/// The users that can be reached from a user in up to `most` steps, with the smallest depth. The user itself is left out.
pub fn depths(edges: &Edges, start: i64, towards: Towards, most: usize) -> BTreeMap<i64, usize> {
    let (mut depths, mut level) = (BTreeMap::from([(start, 0)]), vec![start]);
    for depth in 1..=most {
        let all: BTreeSet<_> =
            level.iter().flat_map(|user| next(edges, *user, towards)).map(|(_, user)| user).collect();
        level = all.into_iter().filter(|user| !depths.contains_key(user)).collect();
        depths.extend(level.iter().map(|user| (*user, depth)));
        if level.is_empty() {
            break;
        }
    }
    depths.remove(&start);
    depths
}

/// The rows below a user of a tree, in pre-order.
pub fn pre_order(edges: &Edges, start: i64, most: usize) -> Vec<Row> {
    fn visit(edges: &Edges, above: i64, depth: usize, most: usize, rows: &mut Vec<Row>) {
        for (edge, id) in next(edges, above, Towards::Users) {
            rows.push(Row { id, depth, via: above, edge, below: Some(below(edges, id)) });
            if depth < most {
                visit(edges, id, depth + 1, most, rows);
            }
        }
    }
    let mut rows = Vec::new();
    visit(edges, start, 1, most, &mut rows);
    rows
}

/// How many users are below a user.
pub fn below(edges: &Edges, user: i64) -> u64 {
    depths(edges, user, Towards::Users, usize::MAX).len() as u64
}

/// Whether a path leads from the user back to it.
pub fn is_on_cycle(edges: &Edges, user: i64) -> bool {
    next(edges, user, Towards::Targets)
        .into_iter()
        .any(|(_, next)| next == user || depths(edges, next, Towards::Targets, usize::MAX).contains_key(&user))
}

/// Asserts that rows have the smallest depths, in order of depth and id, and that each edge leads one step back.
#[track_caller]
pub fn assert_breadth_first(edges: &Edges, start: i64, towards: Towards, most: usize, is_tree: bool, found: &[Row]) {
    let mut expected: Vec<_> =
        depths(edges, start, towards, most).into_iter().map(|(user, depth)| (depth, user)).collect();
    expected.sort_unstable();
    let shown: Vec<_> = found.iter().map(|row| (row.depth, row.id)).collect();
    assert_eq!(shown, expected, "from {start} {towards:?}, {most} steps, along {edges:?}");
    let all: BTreeMap<_, _> = expected.iter().map(|(depth, user)| (*user, *depth)).chain([(start, 0)]).collect();
    for row in found {
        let ends = match towards {
            Towards::Users => (row.id, row.via),
            Towards::Targets => (row.via, row.id),
        };
        assert_eq!(edges.get(&row.edge), Some(&ends), "{row:?}");
        assert_eq!(all.get(&row.via), Some(&(row.depth - 1)), "{row:?}");
        assert_eq!(row.below, is_tree.then(|| below(edges, row.id)), "{row:?}");
    }
}
