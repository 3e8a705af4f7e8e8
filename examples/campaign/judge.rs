//! Compares what was acknowledged with the feed and with the tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::feed::{Change, Edge, Feed};
use super::stage::Stage;
use super::verdict::Verdict;
use super::writer::{Known, Operation, Outcome};

/// Adds everything that the feed, the tables and the writers disagree about.
pub fn judge(verdict: &mut Verdict, stage: &Stage, feeds: [Result<Feed, ()>; 2]) {
    let [Ok(feed), Ok(other)] = feeds else {
        return verdict.report("wrong", "a reader of the feed panicked; its message is above");
    };
    for (kind, finding) in feed.findings.iter().chain(&other.findings) {
        verdict.report(kind, finding);
    }
    if feed.changes != other.changes || feed.last != other.last {
        verdict.report("wrong", &format!("two readers saw {} and {} changes", feed.last, other.last));
    }
    verdict.changes = usize::try_from(feed.last).unwrap_or_default();
    verdict.pages = feed.pages + other.pages;
    let stored = stored_edges(stage);
    compare_with_feed(verdict, &feed, &stored);
    let mut requests = HashMap::<String, Vec<Change>>::new();
    for change in feed.changes {
        // The attempts of one operation have its name and a number.
        let operation = change.request.rsplit_once('.').map_or(&*change.request, |(operation, _)| operation);
        requests.entry(operation.to_owned()).or_default().push(change);
    }
    let by_edge: BTreeMap<Edge, i64> = stored.iter().map(|(id, edge)| (edge.clone(), *id)).collect();
    let mut findings = Vec::new();
    for writer in &verdict.writers {
        findings.extend(writer.findings.iter().cloned());
        for operation in &writer.operations {
            judge_operation(operation, requests.get(&operation.name), &mut findings);
        }
        for (edge, known) in &writer.edges {
            match (known, by_edge.get(edge)) {
                (Known::There(id), Some(found)) if id == found => {}
                (Known::There(id), found) => {
                    findings.push(("lost", format!("{edge:?} has the id {found:?} instead of {id}")));
                }
                (Known::Unknown(_), _) => {}
            }
        }
        let own = by_edge.keys().filter(|(user, kind, _)| writer.people.contains(user) && kind != super::stage::TREE);
        let back = own.filter(|edge| !writer.edges.contains_key(*edge));
        findings.extend(back.map(|edge| ("wrong", format!("{edge:?} is stored, but was deleted or never created"))));
    }
    for import in &verdict.imports {
        let missing = import.edges.iter().filter(|edge| !by_edge.contains_key(*edge)).count();
        if missing > 0 {
            findings.push(("lost", format!("{missing} relationships of the import {}", import.id)));
        }
    }
    for (kind, finding) in findings {
        verdict.report(kind, &finding);
    }
}

fn stored_edges(stage: &Stage) -> BTreeMap<i64, Edge> {
    let lines = stage.raw().lines(
        "SELECT e.id || ' ' || user_id || ' ' || t.name || ' ' || target_id AS line FROM user_relationships AS e \
         JOIN relationship_types AS t ON t.id = type_id",
    );
    let edge = |line: &String| {
        let parts: Vec<_> = line.split(' ').collect();
        let number = |place: usize| parts[place].parse::<i64>().expect("a number");
        (number(0), (number(1), parts[2].to_owned(), number(3)))
    };
    lines.iter().map(edge).collect()
}

/// Applies all changes to nothing: the result must be what is stored.
fn compare_with_feed(verdict: &mut Verdict, feed: &Feed, stored: &BTreeMap<i64, Edge>) {
    let mut copy = BTreeMap::new();
    for Change { action, id, edge, number, .. } in &feed.changes {
        let old = if action == "deleted" { copy.remove(id) } else { copy.insert(*id, edge.clone()) };
        if old.is_some() == (action == "created") {
            verdict.report("wrong", &format!("change {number}: {action} {id}, which was {old:?}"));
        }
    }
    let differences = copy.iter().filter(|(id, edge)| stored.get(id) != Some(edge)).count()
        + stored.keys().filter(|id| !copy.contains_key(id)).count();
    for _ in 0..differences {
        verdict.report("drifted", "the feed and the table of relationships differ");
    }
}

fn judge_operation(operation: &Operation, logged: Option<&Vec<Change>>, findings: &mut Vec<(&'static str, String)>) {
    let logged = logged.map(Vec::as_slice).unwrap_or_default();
    let transactions: BTreeSet<_> = logged.iter().map(|change| change.transaction).collect();
    let name = &operation.name;
    if transactions.len() > 1 {
        findings.push(("repeated", format!("{name} in the transactions {transactions:?}")));
    }
    match operation.outcome {
        Outcome::Acknowledged => {
            let has = |(action, id): &(&str, i64)| logged.iter().any(|it| it.action == *action && it.id == *id);
            if !operation.changes.iter().all(has) || logged.len() < operation.least {
                findings.push(("lost", format!("{name}: {:?}, but the feed has {logged:?}", operation.changes)));
            }
        }
        Outcome::Refused if !logged.is_empty() => findings.push(("wrong", format!("{name} was refused, and happened"))),
        Outcome::Refused => {}
        // Wholly or not at all.
        Outcome::Unknown => {
            if !logged.is_empty() && logged.len() < operation.least {
                findings.push(("wrong", format!("{name} happened in part: {logged:?}")));
            }
        }
    }
}
