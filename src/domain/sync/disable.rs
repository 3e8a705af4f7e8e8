//! Disables users that are not in the files.

use super::missing::{LAST_ADMIN, is_last_admin};
use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::change::ChangeReason;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::precondition::Precondition;
use crate::model::user::{Field, Value};
use crate::store::Tx;

/// Disables users, as a change of their attributes does. Those that are gone or disabled are skipped. Returns the users
/// that cannot be disabled, with the reasons.
///
/// # Errors
/// Those of the store.
pub fn disable(tx: &mut Tx<'_>, caller: &Caller, ids: &[UserId]) -> Result<Vec<(UserId, String)>> {
    let mut refused = Vec::new();
    for id in ids {
        let Some(user) = tx.user(*id)?.filter(|user| user.data.is_enabled) else { continue };
        if user.data.alt_id.is_none() {
            refused.push((*id, "not disabled: its `alt-id` was removed meanwhile".to_owned()));
        } else if is_last_admin(tx, &user)? {
            refused.push((*id, LAST_ADMIN.to_owned()));
        } else {
            let changes = [(Field::IsEnabled, Value::Flag(false))];
            tx.because(ChangeReason::Import, |tx| users::change(tx, caller, *id, &Precondition::None, &changes))?;
        }
    }
    Ok(refused)
}
