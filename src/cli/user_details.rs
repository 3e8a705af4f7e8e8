//! `user list` and `user show`: users, and what belongs to them.

use serde_json::{Map, Value as Json, json};

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use super::output;
use super::user_reference;
use crate::config::Config;
use crate::domain::accounts::{self, Belongings};
use crate::domain::users;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::caller::Caller;
use crate::model::filter::UserFilter;
use crate::model::page::{Direction, MAX_LIMIT, PageRequest, Sort, SortBy};
use crate::model::read_budget::ReadBudget;
use crate::model::user::{Field, User};
use crate::store::{Cost, Tx};

/// Prints all users, by id.
///
/// # Errors
/// [`CommandError`] when the database is unreachable.
pub fn list(config: &Config, format: ListFormat) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let sort = Sort { by: SortBy::Id, direction: Direction::Ascending };
    database::wait(async {
        let mut offset = 0;
        loop {
            let job = move |tx: &mut Tx<'_>| {
                let filter = UserFilter { enabled: vec![true, false], ..UserFilter::default() };
                let slice = PageRequest::window(sort, offset, MAX_LIMIT);
                users::list(tx, &Caller::OPERATOR, &filter, &slice, ReadBudget::for_answer(false))
            };
            let page = store.read("users.list", Cost::Bounded, job).await?;
            if page.items.is_empty() {
                return Ok(());
            }
            format.print(&page.items, line, |user| members(user).into())?;
            offset += MAX_LIMIT;
        }
    })
}

/// Prints a user, and how much belongs to it.
///
/// # Errors
/// [`CommandError`] when the user does not exist, or the database is unreachable.
pub fn show(config: &Config, user: &str, format: ListFormat) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let wanted = user.to_owned();
    let job = move |tx: &mut Tx<'_>| {
        let user = user_reference::get(tx, &wanted)?;
        let belongings = accounts::count_belongings(tx, user.id)?;
        Ok((user, belongings))
    };
    let (user, belongings) = database::wait(store.read("users.show", Cost::Unbounded, job))?;
    let mut members = members(&user);
    members.extend(belongings_members(&belongings));
    if format.is_json() {
        return output::print([Json::Object(members).to_string()]);
    }
    output::print(members.into_iter().map(|(name, value)| output::row([Some(name), text_of(value)])))
}

fn line(user: &User) -> String {
    let state = if user.data.is_enabled { "enabled" } else { "disabled" };
    output::row([
        Some(user.id.to_string()),
        Some(user.data.email.clone()),
        user.data.name(),
        Some(user.data.access_level.name().to_owned()),
        Some(state.to_owned()),
    ])
}

/// The attributes of the API, in their order.
fn members(user: &User) -> Map<String, Json> {
    let mut members =
        Map::from_iter([("id".to_owned(), user.id.get().into()), ("name".to_owned(), user.data.name().into())]);
    for field in Field::ALL {
        let value = serde_json::to_value(user.data.get(field)).unwrap_or_default();
        members.insert(field.member().to_owned(), value);
    }
    members.insert("is-supervisor".to_owned(), user.is_supervisor.into());
    members.insert("created-at".to_owned(), output::rfc3339(user.created_at).into());
    members.insert("updated-at".to_owned(), output::rfc3339(user.updated_at).into());
    members
}

fn belongings_members(belongings: &Belongings) -> Map<String, Json> {
    let members = json!({
        "has-password": belongings.has_password,
        "owned-relationships": belongings.owned_relationships,
        "targeting-relationships": belongings.targeting_relationships,
        "memberships": belongings.memberships,
        "owned-groups": belongings.owned_groups,
        "tokens": belongings.tokens,
        "sessions": belongings.sessions,
    });
    if let Json::Object(members) = members { members } else { Map::new() }
}

/// A value for people; `None` for null and for an empty list.
fn text_of(value: Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text),
        Json::Array(items) => Some(items.into_iter().filter_map(text_of).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}
