//! Checks rules of relationship types over the stored relationships.

use crate::model::attributes::Attribute;
use crate::model::code::Code;
use crate::model::counts_below::count_below;
use crate::model::edge_graph::EdgeGraph;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::relationship_type::{RelationshipType, TypeAttribute, TypeName};
use crate::model::rules::Rules;
use crate::model::violations::{self, Violation};
use crate::store::Tx;

/// The most relationships that a request may check. The command line has no limit.
pub const MAX_CHECKED: u64 = 1_000_000;

/// Whether an attribute is a rule that stored relationships can break.
pub(super) const fn is_rule(attribute: TypeAttribute) -> bool {
    matches!(attribute, TypeAttribute::IsSymmetric | TypeAttribute::IsAcyclic | TypeAttribute::MaxPerUser)
}

/// Finds the stored relationships of a type that break rules, and changes nothing.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn check(tx: &mut Tx<'_>, name: &TypeName, rules: impl Fn(Rules) -> Rules) -> Result<Vec<Violation>> {
    let Some(found) = tx.relationship_type(name)? else {
        let detail = format!("there is no relationship type `{name}`; `type list` shows all");
        return Err(Problem::new(Code::NotFound, detail).into());
    };
    let rules = rules(found.data.rules());
    Ok(find(tx, name, rules, None)?.0)
}

/// Checks the rules that become stricter over the stored relationships, and makes or removes the counts below where a
/// type becomes a tree or ceases to be one. The job holds the locks of [`Tx::lock_rules`]. At most `most` relationships
/// are checked.
///
/// # Errors
/// `rules-violated` for each rule.
pub(super) fn change(tx: &mut Tx<'_>, old: &RelationshipType, new: Rules, most: Option<u64>) -> Result<()> {
    let before = old.data.rules();
    let stricter = new.stricter_than(before);
    if stricter.restrict_data() {
        let (violations, graph) = find(tx, &old.name, stricter, most)?;
        Error::unless_empty(violations.into_iter().map(problem_of).collect())?;
        if new.is_tree() && !before.is_tree() {
            tx.replace_counts_below(&old.name, &count_below(&graph))?;
        }
    }
    if before.is_tree() && !new.is_tree() {
        tx.replace_counts_below(&old.name, &[])?;
    }
    Ok(())
}

/// Finds what breaks rules among the relationships of a type.
///
/// # Errors
/// `rules-violated` for each rule if there are more than `most` relationships.
fn find(tx: &mut Tx<'_>, name: &TypeName, rules: Rules, most: Option<u64>) -> Result<(Vec<Violation>, EdgeGraph)> {
    match tx.edges_of_type(name, most)? {
        Some(edges) => Ok(violations::find_violations(edges, rules)),
        None => Err(Error::Refused(problems_of_many(name, rules, most.unwrap_or_default()))),
    }
}

pub(super) fn problem_of(violation: Violation) -> Problem {
    let (count, examples) = (violation.count, violation.examples.to_json());
    let problem = Problem::new(Code::RulesViolated, violation.detail).with("count", count).with("examples", examples);
    problem.at(ErrorSource::Attribute(violation.attribute.member()))
}

/// The problems of rules over more relationships than a request may check.
fn problems_of_many(name: &TypeName, rules: Rules, most: u64) -> Vec<Problem> {
    let options = options_of(rules);
    let all: Vec<_> = options.iter().map(|(_, option)| option.as_str()).collect();
    let detail = format!(
        "a request checks at most {most} relationships, and this type has more; run \
         `user-relationships type set {name} {}` on the server",
        all.join(" ")
    );
    let problem = |(attribute, _): &(TypeAttribute, String)| {
        Problem::new(Code::RulesViolated, detail.clone()).at(ErrorSource::Attribute(attribute.member()))
    };
    options.iter().map(problem).collect()
}

/// The rules over stored relationships, with the options of the command line that turn them on.
fn options_of(rules: Rules) -> Vec<(TypeAttribute, String)> {
    let flag = |is_on: bool, attribute, option: &str| is_on.then(|| (attribute, option.to_owned()));
    let max = rules.max_per_user.map(|max| (TypeAttribute::MaxPerUser, format!("--max-per-user {max}")));
    let symmetric = flag(rules.is_symmetric, TypeAttribute::IsSymmetric, "--symmetric true");
    let acyclic = flag(rules.is_acyclic, TypeAttribute::IsAcyclic, "--acyclic true");
    [symmetric, acyclic, max].into_iter().flatten().collect()
}
