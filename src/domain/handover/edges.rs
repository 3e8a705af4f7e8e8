//! Deletes, judges and stores the relationships of a transfer.

use super::checks::{count_incoming, require_movable};
use super::plan::{Surroundings, plan_changes};
use crate::domain::admission::{self, Ends, Verdict};
use crate::domain::{relationships, trees};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::handover::{LockedEdge, MAX_MOVED, Moves};
use crate::model::id::UserId;
use crate::model::relationship::End;
use crate::model::rules::Refusal;
use crate::store::{HeldType, Tx};
use std::collections::HashSet;

/// A transfer of the relationships of one type. Other writers of the type and new relationships with the predecessor are
/// locked out, and the successor exists.
pub(super) struct Handover<'a> {
    /// Who makes it.
    pub caller: &'a Caller,
    /// The type.
    pub held: &'a HeldType,
    /// The predecessor.
    pub from: UserId,
    /// The successor.
    pub to: UserId,
    /// Whether the successor also gets the relationships that the predecessor owns.
    pub take_place: bool,
    /// The part of the request that names the successor.
    pub source: ErrorSource,
}

impl Handover<'_> {
    /// The number of relationships that it would write.
    ///
    /// # Errors
    /// Those of the store.
    pub fn count(&self, tx: &mut Tx<'_>) -> Result<i64> {
        let incoming = count_incoming(tx, self.held, self.from)?;
        let copied = if self.copies() { tx.count_edges(self.held, End::User, self.from)? } else { 0 };
        Ok(incoming + copied)
    }

    /// Hands the relationships over, but for their counts ([`Tx::write_edge_counts`]).
    ///
    /// # Errors
    /// Those of the rules of the type.
    pub fn run(&self, tx: &mut Tx<'_>) -> Result<Moves> {
        let around = self.read(tx)?;
        self.require_no_report(tx, &around.incoming)?;
        let plan = plan_changes(around, (self.from, self.to), self.held.rules, self.take_place);
        self.delete(tx, &plan.replaced)?;
        self.delete(tx, &plan.taken)?;
        if self.held.rules.max_per_user.is_some() && !self.held.rules.is_tree() {
            tx.write_owner_counts()?;
        }
        let wanted = [plan.copied, plan.moved.clone()].concat();
        let stored: HashSet<Ends> = self.add(tx, &wanted)?.into_iter().collect();
        let moved = plan.moved.iter().collect::<HashSet<_>>().into_iter().filter(|ends| stored.contains(ends)).count();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Ok(Moves { moved: count(moved), merged: count(plan.moved.len() - moved) })
    }

    const fn copies(&self) -> bool {
        self.take_place && !self.held.rules.is_symmetric
    }

    /// Reads and locks the relationships around both users, in the order in which all jobs lock them. The users at their
    /// ends are locked already.
    fn read(&self, tx: &mut Tx<'_>) -> Result<Surroundings> {
        let mut around = Surroundings::default();
        let ends = if self.held.rules.is_symmetric { &End::ALL[..] } else { &[End::Target] };
        for end in ends {
            around.incoming.extend(tx.lock_edges(self.held, *end, self.from, MAX_MOVED + 1)?);
        }
        around.incoming.sort_unstable_by_key(|edge| edge.id);
        if self.copies() {
            around.of_predecessor = tx.lock_edges(self.held, End::User, self.from, MAX_MOVED + 1)?;
            around.of_successor = tx.lock_edges(self.held, End::User, self.to, i64::MAX)?;
        }
        let count = around.incoming.len() + around.of_predecessor.len();
        require_movable(i64::try_from(count).unwrap_or(i64::MAX), &self.source)?;
        Ok(around)
    }

    /// Refuses a successor directly below the predecessor in a type without cycles, unless it takes its place: its
    /// relationship would lead to itself. One that is deeper below is refused by the rules.
    fn require_no_report(&self, tx: &mut Tx<'_>, incoming: &[LockedEdge]) -> Result<()> {
        let is_report = incoming.iter().any(|edge| edge.ends.0 == self.to);
        if self.take_place || !self.held.rules.is_acyclic || !is_report {
            return Ok(());
        }
        let refusal = Verdict::Refused(Refusal::Cycle(vec![self.to, self.to]));
        self.refuse(tx, (self.to, self.to), &refusal)
    }

    /// Deletes relationships, all of which have the same target in a tree.
    fn delete(&self, tx: &mut Tx<'_>, edges: &[LockedEdge]) -> Result<()> {
        let Some(LockedEdge { ends: (_, target), .. }) = edges.first() else { return Ok(()) };
        tx.delete_edges(self.held, edges)?;
        if !self.held.rules.is_tree() {
            return Ok(());
        }
        let users: Vec<_> = edges.iter().map(|edge| edge.ends.0).collect();
        trees::detach_all(tx, self.held, &users, *target)
    }

    /// Stores relationships that the rules admit, and returns those that did not exist.
    fn add(&self, tx: &mut Tx<'_>, wanted: &[Ends]) -> Result<Vec<Ends>> {
        let admission = admission::admit(tx, self.held, wanted)?;
        for (ends, verdict) in wanted.iter().zip(&admission.verdicts) {
            if let Verdict::Refused(_) = verdict {
                self.refuse(tx, *ends, verdict)?;
            }
        }
        let admitted = wanted.iter().zip(&admission.verdicts).filter(|(_, verdict)| **verdict == Verdict::Admitted);
        let admitted: Vec<_> = admitted.map(|(ends, _)| *ends).collect();
        let stored = tx.insert_edges(self.held, &admitted, self.caller.author())?;
        admission.record(tx, self.held).map(|()| stored)
    }

    /// Explains a refusal by the users of the transfer, rather than by the one relationship that a rule refuses.
    fn explain(&self, error: Error) -> Error {
        let (name, from, to) = (&self.held.name, self.from, self.to);
        let explain = |problem: Problem| match problem.code {
            Code::RelationshipCycle => {
                let cure = if self.take_place { "" } else { ", or let it take the place of that user (`take-place`)" };
                let detail = format!(
                    "with user {to} in place of user {from}, `{name}` relationships would lead back to their start; \
                     choose another successor{cure}"
                );
                Problem { detail: detail.into(), ..problem }
            }
            Code::TooManyRelationships => {
                let max = self.held.rules.max_per_user.unwrap_or_default();
                let detail = format!(
                    "user {to} would own more than {max} `{name}` relationships; delete some of them first, or leave \
                     `take-place` out"
                );
                Problem { detail: detail.into(), ..problem }
            }
            _ => problem,
        };
        match error {
            Error::Refused(problems) => Error::Refused(problems.into_iter().map(explain).collect()),
            other => other,
        }
    }

    fn refuse(&self, tx: &mut Tx<'_>, ends: Ends, verdict: &Verdict) -> Result<()> {
        let refusal = relationships::refusal_of(tx, self.caller, self.held, ends, Some(verdict))?
            .map(|error| self.explain(error));
        Err(refusal
            .unwrap_or_else(|| Error::Internal("a refused relationship has no error".to_owned()))
            .at_source(&self.source))
    }
}
