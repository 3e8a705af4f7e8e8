//! Users as the command line names them.

use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::error::{Error, Result as JobResult};
use crate::model::id::UserId;
use crate::model::user::User;
use crate::store::Tx;

/// The id of a user.
///
/// # Errors
/// `not-found` for an unknown address.
pub fn find(tx: &mut Tx<'_>, email_or_id: &str) -> JobResult<UserId> {
    if let Ok(id) = email_or_id.parse() {
        return Ok(id);
    }
    tx.user_id_of_email(email_or_id)?.ok_or_else(|| Error::not_found("user"))
}

/// A user.
///
/// # Errors
/// `not-found` for an unknown address or id.
pub fn get(tx: &mut Tx<'_>, email_or_id: &str) -> JobResult<User> {
    let id = find(tx, email_or_id)?;
    users::get(tx, &Caller::OPERATOR, id)
}
