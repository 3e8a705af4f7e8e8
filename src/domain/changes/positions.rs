//! Positions in the change log, and the bounds of a part of it.

use super::request::{ChangeStart, ChangesRequest};
use crate::model::change::{ChangeLogState, ChangePosition, NumberedChange};
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::page::Direction;
use crate::store::Tx;

/// The numbers between which the changes of a part are, without both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub after: i64,
    pub before: i64,
}

impl Bounds {
    /// The bounds of a request.
    ///
    /// # Errors
    /// `cursor-expired` for a position that is not one of the log.
    pub fn of(tx: &mut Tx<'_>, log: &ChangeLogState, request: &ChangesRequest) -> Result<Self> {
        for (name, bound) in [("page[after]", &request.after), ("page[before]", &request.before)] {
            if let Some(bound) = bound {
                require_known(tx, log, bound.position)
                    .map_err(|error| error.at_source(&ErrorSource::Parameter(name)))?;
            }
        }
        let (low, high) = match request.order {
            Direction::Ascending => (&request.after, &request.before),
            Direction::Descending => (&request.before, &request.after),
        };
        let first = match request.start {
            ChangeStart::First => log.horizon.position.number,
            ChangeStart::Now => log.last_number,
        };
        let after = low.map_or(first, |bound| bound.position.number - i64::from(bound.is_inclusive));
        let before = high.map_or(i64::MAX, |bound| bound.position.number + i64::from(bound.is_inclusive));
        Ok(Self { after: after.max(log.horizon.position.number), before })
    }
}

/// The position at a number, which may be that of a change that is read already; `None` beyond the log.
pub(super) fn find(
    tx: &mut Tx<'_>,
    log: &ChangeLogState,
    number: i64,
    known: Option<&NumberedChange>,
) -> Result<Option<ChangePosition>> {
    match known {
        Some(change) if change.number == number => Ok(Some(change.position())),
        _ => tx.change_position(log, number),
    }
}

fn require_known(tx: &mut Tx<'_>, log: &ChangeLogState, position: ChangePosition) -> Result<()> {
    if tx.change_position(log, position.number)? == Some(position) { Ok(()) } else { Err(expired(log)) }
}

/// The error for a position after which changes are missing.
#[must_use]
pub fn expired(log: &ChangeLogState) -> Error {
    let oldest = log.horizon.at.iso8601();
    let detail = format!(
        "the log does not have every change after this cursor: it is complete from {oldest} on, or the database was \
         replaced; read the lists again, and start at `links.about`"
    );
    Problem::new(Code::CursorExpired, detail).with("oldest", oldest).into()
}
