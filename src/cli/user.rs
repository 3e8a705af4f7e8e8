//! `user`: adds, lists and changes users, without the API.

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Subcommand};

use super::command_error::CommandError;
use super::database;
use super::output;
use crate::config::Config;
use crate::domain::users;
use crate::files::values::LARGEST_ID;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::error::{Error, Result as JobResult};
use crate::model::filter::UserFilter;
use crate::model::id::UserId;
use crate::model::page::{Direction, MAX_LIMIT, PageRequest, Sort, SortBy};
use crate::model::precondition::Precondition;
use crate::model::read_budget::ReadBudget;
use crate::model::user::{AccessLevel, Field, User, Value};
use crate::store::{Cost, Tx};

/// The arguments of `user`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships user add --email ann@example.com
  user-relationships user list")]
pub struct UserArgs {
    #[command(subcommand)]
    action: UserAction,
}

#[derive(Debug, Subcommand)]
enum UserAction {
    /// Add a user and print its id, alone, on stdout
    #[command(after_help = "Examples:
  user-relationships user add --email ann@example.com --access-level admin
  user-relationships user add --email bob@example.com --id 1234 --first-name Bob --last-name Ray")]
    Add {
        /// E-mail address, unique among all users
        #[arg(long)]
        email: String,
        /// Id of the user; the next free one by default
        #[arg(long, value_parser = id)]
        id: Option<UserId>,
        #[command(flatten)]
        data: ProfileArgs,
    },
    /// List all users, tab-separated: id, e-mail, name, access level, and `enabled` or `disabled`
    #[command(after_help = "Example:
  user-relationships user list | grep disabled")]
    List,
    /// Change a user
    #[command(group = ArgGroup::new("change").args(CHANGES).required(true).multiple(true), after_help = "Examples:
  user-relationships user set ann@example.com --access-level admin
  user-relationships user set 1234 --disable")]
    Set {
        /// Id or e-mail address of the user
        #[arg(value_name = "EMAIL_OR_ID")]
        user: String,
        /// New e-mail address
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        data: ProfileArgs,
        /// Allow the user to authenticate
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Do not allow the user to authenticate
        #[arg(long)]
        disable: bool,
    },
}

/// The options of which `set` needs at least one.
const CHANGES: [&str; 6] = ["email", "first_name", "last_name", "access_level", "enable", "disable"];

#[derive(Debug, clap::Args)]
struct ProfileArgs {
    /// First name; an empty value clears it
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Last name; an empty value clears it
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// Access level
    #[arg(long, value_name = "LEVEL", value_parser = PossibleValuesParser::new(AccessLevel::ALL.map(AccessLevel::name)))]
    access_level: Option<String>,
}

type Changes = Vec<(Field, Value)>;

impl ProfileArgs {
    fn changes(&self) -> Changes {
        let name = |text: &String| if text.is_empty() { Value::Null } else { Value::Text(text.clone()) };
        let level = |text: &String| Value::Text(text.clone());
        let mut changes = Vec::new();
        changes.extend(self.first_name.as_ref().map(|text| (Field::FirstName, name(text))));
        changes.extend(self.last_name.as_ref().map(|text| (Field::LastName, name(text))));
        changes.extend(self.access_level.as_ref().map(|text| (Field::AccessLevel, level(text))));
        changes
    }
}

fn id(text: &str) -> Result<UserId, String> {
    let id = text.parse().ok().filter(|id: &UserId| id.get() <= LARGEST_ID);
    id.ok_or_else(|| format!("must be an integer from 1 to {LARGEST_ID}"))
}

/// Runs one of the actions.
///
/// # Errors
/// [`CommandError`] when the database is unreachable, the user does not exist, or a value is invalid.
pub fn run(config: &Config, args: &UserArgs) -> Result<(), CommandError> {
    match &args.action {
        UserAction::Add { email, id, data } => {
            let mut changes = vec![(Field::Email, Value::Text(email.trim().to_owned()))];
            changes.extend(data.changes());
            add(config, *id, changes)
        }
        UserAction::List => list(config),
        UserAction::Set { user, email, data, enable, disable } => {
            let mut changes = data.changes();
            changes.extend(email.iter().map(|email| (Field::Email, Value::Text(email.trim().to_owned()))));
            if *enable || *disable {
                changes.push((Field::IsEnabled, Value::Flag(*enable)));
            }
            set(config, user.clone(), changes)
        }
    }
}

fn add(config: &Config, id: Option<UserId>, changes: Changes) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let job = move |tx: &mut Tx<'_>| users::create(tx, &Caller::OPERATOR, id, &changes);
    let user = database::wait(store.write("users.create", ChangeOrigin::WITHOUT_CALLER, job))?;
    output::print([user.id.to_string()])
}

fn set(config: &Config, user: String, changes: Changes) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let job = move |tx: &mut Tx<'_>| {
        let id = find(tx, &user)?;
        users::change(tx, &Caller::OPERATOR, id, &Precondition::None, &changes)
    };
    database::wait(store.write("users.change", ChangeOrigin::WITHOUT_CALLER, job))?;
    Ok(())
}

/// The id of a user.
///
/// # Errors
/// `not-found` for an unknown address.
pub(super) fn find(tx: &mut Tx<'_>, email_or_id: &str) -> JobResult<UserId> {
    if let Ok(id) = email_or_id.parse() {
        return Ok(id);
    }
    tx.user_id_of_email(email_or_id)?.ok_or_else(|| Error::not_found("user"))
}

fn list(config: &Config) -> Result<(), CommandError> {
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
            output::print(page.items.iter().map(line))?;
            offset += MAX_LIMIT;
        }
    })
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
