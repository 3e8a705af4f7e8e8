//! Random transfers agree with a plain model of the contract.

use std::collections::BTreeSet;

use crate::both;
use crate::support::graph::{
    TRANSFERS, acyclic, assert_clean, register, store, stored, symmetric, transfer, tree, users,
};
use crate::support::random::Random;
use crate::support::{Value, json};

const USERS: usize = 7;
const ROUNDS: usize = 40;

/// Edges between users by their index.
type Edges = BTreeSet<(usize, usize)>;

/// The rules of a type.
#[derive(Debug, Clone, Copy)]
struct Rules {
    is_symmetric: bool,
    is_acyclic: bool,
    max: Option<usize>,
}

/// Whether a path leads from a user to itself.
fn has_cycle(edges: &Edges) -> bool {
    (0..USERS).any(|start| reaches(edges, start, start))
}

/// Whether a path of at least one edge leads from a user to another one.
fn reaches(edges: &Edges, start: usize, end: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![start];
    while let Some(user) = next.pop() {
        for (_, target) in edges.iter().filter(|(owner, _)| *owner == user) {
            if *target == end {
                return true;
            }
            if seen.insert(*target) {
                next.push(*target);
            }
        }
    }
    false
}

impl Rules {
    fn has(self, edges: &Edges, (user, target): (usize, usize)) -> bool {
        edges.contains(&(user, target)) || self.is_symmetric && edges.contains(&(target, user))
    }

    fn allow(self, edges: &Edges) -> Result<(), &'static str> {
        let owned = |user| edges.iter().filter(|(owner, _)| *owner == user).count();
        if self.max.is_some_and(|max| (0..USERS).any(|user| owned(user) > max)) {
            return Err("too-many-relationships");
        }
        if self.is_acyclic && has_cycle(edges) { Err("relationship-cycle") } else { Ok(()) }
    }

    /// The edges after a transfer, and how many were moved and merged.
    fn hand_over(
        self,
        before: &Edges,
        (from, to): (usize, usize),
        take_place: bool,
    ) -> Result<(Edges, usize, usize), &'static str> {
        if self.is_acyclic && !take_place && reaches(before, to, from) {
            return Err("relationship-cycle");
        }
        let mut after = before.clone();
        let concerns = |edge: &(usize, usize)| edge.1 == from || self.is_symmetric && edge.0 == from;
        let taken: Vec<_> = before.iter().copied().filter(concerns).collect();
        after.retain(|edge| !concerns(edge));
        if take_place && !self.is_symmetric {
            let targets: BTreeSet<_> = before.iter().filter(|edge| edge.0 == from).map(|edge| edge.1).collect();
            if self.max == Some(1) && !targets.contains(&to) {
                after.retain(|edge| edge.0 != to);
            }
            after.extend(targets.into_iter().filter(|target| *target != to).map(|target| (to, target)));
        }
        let (mut moved, mut merged) = (0, 0);
        let renamed = |user| if user == from { to } else { user };
        for (user, target) in taken {
            let edge = (renamed(user), renamed(target));
            if edge.0 == edge.1 {
                continue;
            }
            if self.has(&after, edge) {
                merged += 1;
            } else {
                moved += 1;
                after.insert(edge);
            }
        }
        self.allow(&after)?;
        Ok((after, moved, merged))
    }
}

both!(random_transfers_agree_with_a_plain_model, |app| {
    let admin = app.admin();
    let single = json!({"max-per-user": 1});
    let kinds: [(&str, Value, Rules); 6] = [
        ("tree", tree(), Rules { is_symmetric: false, is_acyclic: true, max: Some(1) }),
        ("dag", acyclic(), Rules { is_symmetric: false, is_acyclic: true, max: None }),
        (
            "pair",
            json!({"is-acyclic": true, "max-per-user": 2}),
            Rules { is_symmetric: false, is_acyclic: true, max: Some(2) },
        ),
        ("single", single, Rules { is_symmetric: false, is_acyclic: false, max: Some(1) }),
        ("plain", json!({}), Rules { is_symmetric: false, is_acyclic: false, max: None }),
        ("friend", symmetric(), Rules { is_symmetric: true, is_acyclic: false, max: None }),
    ];
    let mut random = Random::new(20_261_129);
    let (mut made, mut refused) = (0, 0);
    for (kind, attributes, rules) in kinds {
        register(&admin, kind, &attributes);
        for round in 0..ROUNDS / 8 {
            let ids = users(app, USERS);
            let mut edges = Edges::new();
            for _ in 0..USERS * 2 {
                let edge = (random.below(USERS), random.below(USERS));
                let wanted: Edges = edges.iter().copied().chain([edge]).collect();
                if edge.0 != edge.1 && !rules.has(&edges, edge) && rules.allow(&wanted).is_ok() {
                    edges = wanted;
                }
            }
            store(app, kind, &edges.iter().map(|(user, target)| (ids[*user], ids[*target])).collect::<Vec<_>>());
            for step in 0..8 {
                let (from, to, take_place) = (random.below(USERS), random.below(USERS), random.below(2) == 0);
                if from == to {
                    continue;
                }
                let what = format!("{kind} {round} {step}: {edges:?} {from} to {to} {take_place}");
                let answer = admin.post(TRANSFERS, &transfer(kind, ids[from], ids[to], take_place));
                match rules.hand_over(&edges, (from, to), take_place) {
                    Ok((after, moved, merged)) => {
                        assert_eq!(answer.status, 201, "{what}: {}", answer.text);
                        let attributes = &answer.body["data"]["attributes"];
                        assert_eq!(
                            (&attributes["moved"], &attributes["merged"]),
                            (&json!(moved), &json!(merged)),
                            "{what}"
                        );
                        edges = after;
                        made += 1;
                    }
                    Err(code) => {
                        assert_eq!((answer.status, answer.codes()), (409, vec![code]), "{what}");
                        refused += 1;
                    }
                }
                let index = |id: i64| ids.iter().position(|known| *known == id);
                let found: Edges = stored(app, kind)
                    .into_values()
                    .filter_map(|(user, target)| Some((index(user)?, index(target)?)))
                    .collect();
                assert_eq!(found, edges, "{what}");
            }
        }
    }
    assert!(made > 60 && refused > 20, "{made} {refused}");
    assert_clean(app);
});
