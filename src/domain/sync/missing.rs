//! Users that are not in the files.

use std::collections::HashMap;

use crate::domain::transfer::{LinePlace, describe_user};
use crate::model::error::Result;
use crate::model::filter::UserFilter;
use crate::model::id::UserId;
use crate::model::page::{PageRequest, Sort};
use crate::model::read_budget::ReadBudget;
use crate::model::user::{AccessLevel, User};
use crate::store::Tx;

/// How many users one query reads.
const PAGE: i64 = 5_000;

/// What happens to users that are not in the files. Only enabled users with an id in another system are considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingChoice {
    /// They are listed.
    #[default]
    Report,
    /// They are disabled.
    Disable,
    /// Nothing.
    Keep,
}

/// A user that is not in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingUser {
    /// The id.
    pub id: UserId,
    /// The user, as shown to people.
    pub subject: String,
    /// Whether the user is to be disabled.
    pub is_to_disable: bool,
    /// What to know.
    pub note: Option<String>,
}

impl MissingUser {
    /// Notes that the user may be on a line that is rejected.
    pub(super) fn note_rejected_lines(&mut self) {
        let note = "unless one of the rejected lines is about this user";
        self.note = Some(self.note.take().map_or_else(|| note.to_owned(), |known| format!("{known}; {note}")));
    }
}

/// Finds the users without a line, by id. `named` are those that relationships of the files name.
///
/// # Errors
/// Those of the store.
pub(super) fn find(
    tx: &mut Tx<'_>,
    people: &HashMap<UserId, LinePlace>,
    named: &HashMap<UserId, LinePlace>,
    choice: MissingChoice,
) -> Result<Vec<MissingUser>> {
    let is_to_disable = choice == MissingChoice::Disable;
    let mut missing = Vec::new();
    let mut admins = Vec::new();
    let mut last = UserId::new(0);
    loop {
        let page = tx.enabled_users_with_alt_id_after(last, PAGE)?;
        let Some(end) = page.last() else { break };
        last = end.id;
        for user in page.iter().filter(|user| !people.contains_key(&user.id)) {
            if user.data.access_level == AccessLevel::Admin {
                admins.push(missing.len());
            }
            missing.push(MissingUser {
                id: user.id,
                subject: describe_user(&user.data),
                is_to_disable,
                note: named.get(&user.id).map(|place| note_about_named(*place)),
            });
        }
    }
    if is_to_disable
        && !admins.is_empty()
        && count_enabled_admins(tx)? <= i64::try_from(admins.len()).unwrap_or(i64::MAX)
    {
        keep_admin(&mut missing, admins.first().copied());
    }
    Ok(missing)
}

fn note_about_named(place: LinePlace) -> String {
    format!(
        "line {} names this user, who has no line: the relationships stay; name another user, or add a line",
        place.line
    )
}

fn keep_admin(missing: &mut [MissingUser], admin: Option<usize>) {
    if let Some(user) = admin.and_then(|place| missing.get_mut(place)) {
        user.is_to_disable = false;
        user.note = Some(LAST_ADMIN.to_owned());
    }
}

/// Why an admin is not disabled.
pub(super) const LAST_ADMIN: &str =
    "not disabled: no enabled admin would remain; give another user the access level `admin` first";

/// How many enabled admins there are.
///
/// # Errors
/// Those of the store.
pub(super) fn count_enabled_admins(tx: &mut Tx<'_>) -> Result<i64> {
    let filter = UserFilter { enabled: vec![true], levels: vec![AccessLevel::Admin], ..UserFilter::default() };
    let count = PageRequest::window(Sort::default(), 0, 0);
    Ok(tx.users(&filter, &count, &mut ReadBudget::for_answer(false))?.total)
}

/// Whether a user is the only enabled admin.
///
/// # Errors
/// Those of the store.
pub(super) fn is_last_admin(tx: &mut Tx<'_>, user: &User) -> Result<bool> {
    Ok(user.data.access_level == AccessLevel::Admin && count_enabled_admins(tx)? <= 1)
}
