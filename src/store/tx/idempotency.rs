//! Questions about requests that may be repeated.

use super::{Tx, ask};
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::id::UserId;
use crate::model::idempotency::{Claim, KEPT_SECONDS, Key, StoredAnswer};
use crate::store::fault::Fault;

impl Tx<'_> {
    /// Claims a key for the transaction, or tells what it was used for. A claim that another transaction holds is
    /// waited for; if that takes too long, the answer is `idempotency-key-in-use`.
    pub fn claim_key(&mut self, key: &Key) -> Result<Claim> {
        let now = self.micros();
        let expired = self.now().plus_seconds(-KEPT_SECONDS).micros();
        ask!(self, idempotency::clear(expired))?;
        let claimed = ask!(self, idempotency::claim(key, now)).map_err(|error| self.in_use(error))?;
        if claimed {
            return Ok(Claim::New);
        }
        let Some((fingerprint, status, headers, body, since)) = ask!(self, idempotency::find(key))? else {
            return Err(self.conflict());
        };
        if since < expired {
            ask!(self, idempotency::forget(key))?;
            let claimed = ask!(self, idempotency::claim(key, now))?;
            return if claimed { Ok(Claim::New) } else { Err(self.conflict()) };
        }
        if fingerprint != key.fingerprint {
            return Ok(Claim::OtherRequest);
        }
        let status = u16::try_from(status).unwrap_or_default();
        Ok(Claim::Answered(StoredAnswer { status, headers, body }))
    }

    /// Keeps the answer under a key that this transaction claimed.
    pub fn keep_answer(&mut self, key: &Key, answer: &StoredAnswer) -> Result<()> {
        ask!(self, idempotency::keep(key, answer)).map(drop)
    }

    /// Forgets all answers that were kept for a user.
    pub(super) fn forget_answers(&mut self, user: UserId) -> Result<()> {
        ask!(self, idempotency::forget_of_user(user.get())).map(drop)
    }

    /// A claim that failed for no other reason has waited for the first request as long as it may.
    fn in_use(&mut self, error: Error) -> Error {
        if self.fault != Some(Fault::Final) {
            return error;
        }
        let detail = "the first request with this `Idempotency-Key` is still running; try again in a moment";
        Problem::new(Code::IdempotencyKeyInUse, detail).into()
    }
}
