//! The nonces of signed requests.
//!
//! # Design
//! The table in the primary makes a nonce unique among all instances. While the primary cannot be reached, a signed read is
//! checked against the nonces that the replica has and those that this instance has accepted meanwhile, which it remembers
//! for as long as the table does.

use super::outage::{Asked, Purpose};
use super::{Auth, AuthError};
use crate::model::change::ChangeOrigin;
use crate::model::error::Error;
use crate::model::id::ClientId;

impl Auth {
    /// Records the use of a nonce; `false` if it was used before.
    pub(super) async fn use_nonce(&self, purpose: Purpose, client: ClientId, nonce: &str) -> Result<bool, AuthError> {
        if self.nonces.contains(client, nonce) {
            return Ok(false);
        }
        let text = nonce.to_owned();
        let write = self.store.write("nonces.use", ChangeOrigin::WITHOUT_CALLER, move |tx| tx.use_nonce(client, &text));
        let error = match self.reach_primary(purpose, write).await? {
            Asked::Answered(is_new) => return Ok(is_new),
            Asked::Unreachable(error) => error,
        };
        let text = nonce.to_owned();
        let is_used = self.ask_replica(error, "nonces.find", move |tx| tx.has_nonce(client, &text).map(Some)).await?;
        let too_many = || AuthError::Failed(Error::Unavailable("too many nonces without the primary".to_owned()));
        Ok(!is_used && self.nonces.insert(client, nonce.to_owned()).ok_or_else(too_many)?)
    }
}
