//! Deletions of users at the same time as transfers of their edges: each request succeeds or is refused, in time, and
//! all or nothing of it is visible.

use std::collections::BTreeMap;

use crate::both;
use crate::support::graph::{
    EDGES, TRANSFERS, assert_clean, assert_no_deadlock, concurrently, register, rounds, store, stored, symmetric,
    transfer, tree, users, wide,
};
use crate::support::scrape::scrape;
use crate::support::{App, Client, json};

const USERS: &str = "/api/v2/users";
const OWNERS: usize = 12;
/// Owners that are not deleted.
const STAYING: usize = 3;

/// The parameters of a deletion that leaves the edges of a type to a successor, if there is one.
fn query(successor: Option<i64>, kind: &str) -> String {
    successor.map_or_else(String::new, |id| format!("?transfer-to={id}&transfer-types={kind}"))
}

/// A team that transfers hand back and forth between two users while its members are deleted.
struct Team {
    kind: &'static str,
    supervisors: [i64; 2],
    owners: Vec<i64>,
    /// One user below each owner.
    reports: Vec<i64>,
    /// Gets the reports of every other owner.
    heir: i64,
}

impl Team {
    fn new(app: &App, kind: &'static str) -> Self {
        let team = Self {
            kind,
            supervisors: users(app, 2).try_into().expect("two"),
            owners: users(app, OWNERS),
            reports: users(app, OWNERS),
            heir: users(app, 1)[0],
        };
        store(app, kind, &team.owners.iter().map(|owner| (*owner, team.supervisors[0])).collect::<Vec<_>>());
        store(app, kind, &team.reports.iter().copied().zip(team.owners.iter().copied()).collect::<Vec<_>>());
        team
    }

    /// Whether an owner is deleted with a successor, by its place.
    const fn has_successor(place: usize) -> bool {
        place.is_multiple_of(2)
    }

    fn shuttle(&self, admin: &Client, number: usize) {
        for turn in 0..5 {
            let [from, to] = if (number + turn).is_multiple_of(2) { [0, 1] } else { [1, 0] };
            let body = transfer(self.kind, self.supervisors[from], self.supervisors[to], turn == 3);
            admin.post(TRANSFERS, &body).expect(201);
        }
    }

    fn delete(&self, admin: &Client, place: usize) {
        let query = query(Self::has_successor(place).then_some(self.heir), self.kind);
        admin.delete(&format!("{USERS}/{}{query}", self.owners[place])).expect(204);
    }

    /// Reads the team repeatedly: deletions make it smaller, and nothing else changes its size.
    fn watch(&self, admin: &Client) {
        let [a, b] = self.supervisors;
        let least = i64::try_from(STAYING).expect("few");
        let mut last = i64::MAX;
        for _ in 0..25 {
            let size =
                admin.get(&format!("{EDGES}?filter[target]={a},{b}&relationship={}", self.kind)).expect(200).total();
            assert!((least..=last).contains(&size), "{}: {size} after {last}", self.kind);
            last = size;
        }
    }

    fn assert_whole(&self, app: &App) {
        let edges: Vec<_> = stored(app, self.kind).into_values().collect();
        let targets = |owner: i64| edges.iter().filter(|ends| ends.0 == owner).map(|ends| ends.1).collect::<Vec<_>>();
        let place = targets(self.owners[OWNERS - 1]);
        assert!(place.len() == 1 && self.supervisors.contains(&place[0]), "{place:?}");
        for (at, (owner, report)) in self.owners.iter().zip(&self.reports).enumerate() {
            let is_deleted = at < OWNERS - STAYING;
            assert_eq!(
                targets(*owner),
                if is_deleted { Vec::new() } else { place.clone() },
                "{}: owner {at}",
                self.kind
            );
            let expected = match (is_deleted, Self::has_successor(at)) {
                (false, _) => vec![*owner],
                (true, true) => vec![self.heir],
                (true, false) => Vec::new(),
            };
            assert_eq!(targets(*report), expected, "{}: the report of owner {at}", self.kind);
        }
    }
}

both!(owners_deleted_during_transfers_leave_no_half_state, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    register(&admin, "tree", &tree());
    for round in 0..rounds(4) {
        let team = Team::new(app, ["plain", "tree"][round % 2]);
        concurrently(6, |number| match number {
            0 | 1 => team.shuttle(&admin, number),
            2 => team.watch(&admin),
            _ => (number - 3..OWNERS - STAYING).step_by(3).for_each(|place| team.delete(&admin, place)),
        });
        team.assert_whole(app);
    }
    assert_no_deadlock(app);
    assert_clean(app);
});

both!(users_deleted_during_transfers_of_symmetric_edges_are_gone, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "pairs", &symmetric());
    for _ in 0..rounds(2) {
        let [a, b, heir] = users(app, 3).try_into().expect("three");
        let friends = users(app, 9);
        let edges =
            friends.iter().enumerate().map(|(at, friend)| if at % 2 == 0 { (*friend, a) } else { (a, *friend) });
        store(app, "pairs", &edges.collect::<Vec<_>>());
        concurrently(5, |number| match number {
            0 | 1 => (0..5).for_each(|turn: usize| {
                let (from, to) = if (number + turn).is_multiple_of(2) { (a, b) } else { (b, a) };
                admin.post(TRANSFERS, &transfer("pairs", from, to, false)).expect(201);
            }),
            _ => friends.iter().skip(number - 2).step_by(3).take(2).for_each(|friend| {
                let query = query((number % 2 == 1).then_some(heir), "pairs");
                admin.delete(&format!("{USERS}/{friend}{query}")).expect(204);
            }),
        });
        // The last three friends stay, and each has one of the two; so has the successor of two others.
        let of = |user: i64| {
            let ends = stored(app, "pairs").into_values();
            ends.filter(|ends| ends.0 == user || ends.1 == user).count()
        };
        assert_eq!(friends.iter().map(|friend| of(*friend)).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 1, 1, 1]);
        assert!(of(heir) >= 1 && of(heir) <= 2, "{}", of(heir));
    }
    assert_no_deadlock(app);
    assert_clean(app);
});

both!(a_successor_deleted_during_a_transfer_gets_all_or_nothing, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    register(&admin, "tree", &tree());
    for round in 0..rounds(6) {
        let kind = ["plain", "tree"][round % 2];
        let [leaver, successor, heir] = users(app, 3).try_into().expect("three");
        let owners = users(app, 12);
        store(app, kind, &owners.iter().map(|owner| (*owner, leaver)).collect::<Vec<_>>());
        let query = query((round / 2 % 2 == 1).then_some(heir), kind);
        let answers = concurrently(2, |number| match number {
            0 => admin.post(TRANSFERS, &transfer(kind, leaver, successor, false)),
            _ => admin.delete(&format!("{USERS}/{successor}{query}")).expect(204),
        });
        let made = answers[0].status == 201;
        assert!(made || answers[0].codes() == ["related-resource-not-found"], "{}", answers[0].text);
        let found: Vec<_> = stored(app, kind).into_values().filter(|ends| owners.contains(&ends.0)).collect();
        let expected = match (made, query.is_empty()) {
            (false, _) => Some(leaver),
            (true, false) => Some(heir),
            (true, true) => None,
        };
        assert!(found.len() == expected.map_or(0, |_| owners.len()), "{kind} {query} {made}: {found:?}");
        assert!(found.iter().all(|ends| Some(ends.1) == expected), "{kind} {query} {made}: {found:?}");
    }
    assert_no_deadlock(app);
    assert_clean(app);
});

both!(edges_deleted_during_a_transfer_do_not_make_it_run_again, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    for _ in 0..rounds(4) {
        let [leaver, successor] = users(app, 2).try_into().expect("two");
        let owners = users(app, 200);
        store(app, "plain", &owners.iter().map(|owner| (*owner, leaver)).collect::<Vec<_>>());
        let edges: Vec<_> = stored(app, "plain").into_iter().filter(|(_, ends)| ends.1 == leaver).collect();
        let deleted = concurrently(5, |number| {
            if number == 0 {
                admin.post(TRANSFERS, &transfer("plain", leaver, successor, false)).expect(201);
                return Vec::new();
            }
            let mut deleted = Vec::new();
            for (id, (owner, _)) in edges.iter().skip(number - 1).step_by(4) {
                match admin.delete(&format!("{EDGES}/{id}")).status {
                    204 => deleted.push(*owner),
                    // It was moved, so all others were, too.
                    status => {
                        assert_eq!(status, 404);
                        break;
                    }
                }
            }
            deleted
        });
        let mut expected: BTreeMap<_, _> = owners.iter().map(|owner| (*owner, successor)).collect();
        expected.retain(|owner, _| !deleted.concat().contains(owner));
        let found = stored(app, "plain").into_values().filter(|ends| owners.contains(&ends.0));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    }
    let retries = scrape(&app.anonymous()).count("store_retries_total", &[("code", "40001")]);
    assert_eq!(retries, 0, "transfers run again");
    assert_no_deadlock(app);
    assert_clean(app);
});
