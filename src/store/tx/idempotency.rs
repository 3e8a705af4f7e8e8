//! Queries of idempotency keys and the stored results of their requests.

use super::{Tx, ask};
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::id::UserId;
use crate::model::idempotency::{IdempotencyKey, KEY_IN_USE, KeyClaim, RETENTION_SECONDS, StoredAnswer};
use crate::model::limits::{MAX_ANSWER, MAX_STORED_ANSWER};

/// The largest stored answer that is read, in bytes. Earlier releases stored whole answers without a limit.
const MOST_READ: usize = MAX_ANSWER;

/// Fingerprint, status, headers, body unless it is too large, and the time of the claim.
type Row = (Vec<u8>, i16, String, Option<Vec<u8>>, i64);

impl Tx<'_> {
    /// Claims a key for the transaction, or finds what it was used for. Waits briefly for a claim of another
    /// transaction; on `idempotency-key-in-use` the caller gives its connection back and retries.
    pub fn claim_key(&mut self, key: &IdempotencyKey) -> Result<KeyClaim> {
        let now = self.micros();
        let expired = self.now().plus_seconds(-RETENTION_SECONDS).micros();
        if ask!(self, idempotency::claim(key, now)).map_err(in_use)? {
            ask!(self, idempotency::clear(expired))?;
            return Ok(KeyClaim::New);
        }
        let Some(row) = ask!(self, idempotency::find(key, MOST_READ))? else {
            return Err(self.record_conflict());
        };
        if is_expired(&row, expired) {
            ask!(self, idempotency::delete(key))?;
            let claimed = ask!(self, idempotency::claim(key, now)).map_err(in_use)?;
            return if claimed { Ok(KeyClaim::New) } else { Err(self.record_conflict()) };
        }
        to_claim(key, row)
    }

    /// What a key was used for; `None` if it is free. Does not see a claim of a running transaction.
    pub fn find_key(&mut self, key: &IdempotencyKey) -> Result<Option<KeyClaim>> {
        let expired = self.now().plus_seconds(-RETENTION_SECONDS).micros();
        let row = ask!(self, idempotency::find(key, MOST_READ))?.filter(|row| !is_expired(row, expired));
        row.map(|row| to_claim(key, row)).transpose()
    }

    /// Stores the answer under a key that this transaction claimed.
    ///
    /// # Errors
    /// `answer-too-large` above [`MAX_STORED_ANSWER`]; the transaction must then be rolled back.
    pub fn store_answer(&mut self, key: &IdempotencyKey, answer: &StoredAnswer) -> Result<()> {
        if answer.body.len() > MAX_STORED_ANSWER {
            let detail = format!(
                "the stored part of the response would be larger than {MAX_STORED_ANSWER} bytes, so nothing was written; \
                 send the request without `Idempotency-Key`, or as several requests"
            );
            return Err(Problem::new(Code::AnswerTooLarge, detail).into());
        }
        ask!(self, idempotency::store(key, answer)).map(drop)
    }

    /// Deletes all answers that are stored for a user.
    pub(super) fn delete_answers(&mut self, user: UserId) -> Result<()> {
        ask!(self, idempotency::delete_of_user(user.get())).map(drop)
    }
}

fn is_expired((.., since): &Row, expired: i64) -> bool {
    *since < expired
}

fn to_claim(key: &IdempotencyKey, (fingerprint, status, headers, body, _): Row) -> Result<KeyClaim> {
    if fingerprint != key.fingerprint {
        return Ok(KeyClaim::OtherRequest);
    }
    let status = u16::try_from(status).unwrap_or_default();
    let Some(body) = body else {
        let detail = "an earlier release performed this request and stored a response that is too large to be sent again; \
                      fetch the resources instead";
        return Err(Problem::new(Code::AnswerTooLarge, detail).into());
    };
    Ok(KeyClaim::Answered(StoredAnswer { status, headers, body }))
}

/// `idempotency-key-in-use` if a claim waited too long for the claim of another transaction.
fn in_use(error: Error) -> Error {
    match error {
        // diesel has no kind for it and does not expose the SQLSTATE.
        Error::Unavailable(cause) if cause.contains("lock timeout") => {
            Problem::new(Code::IdempotencyKeyInUse, KEY_IN_USE).into()
        }
        other => other,
    }
}
