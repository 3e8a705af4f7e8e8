//! `user`: adds, lists and changes users, without the API.

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Subcommand};

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use super::new_password;
use super::output;
use super::user_delete::{self, UserDeleteArgs};
use super::user_details;
use super::user_reference::find;
use crate::config::Config;
use crate::domain::accounts;
use crate::domain::users;
use crate::files::values::LARGEST_ID;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::id::UserId;
use crate::model::precondition::Precondition;
use crate::model::user::{AccessLevel, Field, Value};
use crate::store::Tx;

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
    #[command(after_help = "Examples:
  user-relationships user list | grep disabled
  user-relationships user list --json")]
    List {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Show a user with all attributes, and how much belongs to it
    #[command(after_help = "Examples:
  user-relationships user show ann@example.com
  user-relationships user show 1234 --json")]
    Show {
        /// Id or e-mail address of the user
        #[arg(value_name = "EMAIL_OR_ID")]
        user: String,
        #[command(flatten)]
        format: ListFormat,
    },
    /// Delete a user with everything that belongs to it
    Delete(UserDeleteArgs),
    /// Change a user
    #[command(group = ArgGroup::new("change").args(CHANGES).required(true).multiple(true), after_help = "Examples:
  user-relationships user set ann@example.com --access-level admin
  user-relationships user set 1234 --disable
  user-relationships user set ann@example.com --password-stdin")]
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
        /// Read a new password from stdin, which must not be a terminal, and end all sessions of the user
        #[arg(long)]
        password_stdin: bool,
    },
}

/// The options of which `set` needs at least one.
const CHANGES: [&str; 7] = ["email", "first_name", "last_name", "access_level", "enable", "disable", "password_stdin"];

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
        UserAction::List { format } => user_details::list(config, *format),
        UserAction::Show { user, format } => user_details::show(config, user, *format),
        UserAction::Delete(args) => user_delete::run(config, args),
        UserAction::Set { user, email, data, enable, disable, password_stdin } => {
            let mut changes = data.changes();
            changes.extend(email.iter().map(|email| (Field::Email, Value::Text(email.trim().to_owned()))));
            if *enable || *disable {
                changes.push((Field::IsEnabled, Value::Flag(*enable)));
            }
            let password = password_stdin.then(new_password::read).transpose()?;
            set(config, user.clone(), changes, password)
        }
    }
}

fn add(config: &Config, id: Option<UserId>, changes: Changes) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let job = move |tx: &mut Tx<'_>| users::create(tx, &Caller::OPERATOR, id, &changes);
    let user = database::wait(store.write("users.create", ChangeOrigin::WITHOUT_CALLER, job))?;
    output::print([user.id.to_string()])
}

fn set(config: &Config, user: String, changes: Changes, password: Option<String>) -> Result<(), CommandError> {
    let store = database::open(config)?;
    database::wait(async {
        let password = match password {
            Some(password) => Some(new_password::hash(password).await?),
            None => None,
        };
        let job = move |tx: &mut Tx<'_>| {
            let id = find(tx, &user)?;
            match &password {
                Some(password) => {
                    let place = (id, &Precondition::None);
                    accounts::change_password(tx, &Caller::OPERATOR, place, &changes, password)
                }
                None => users::change(tx, &Caller::OPERATOR, id, &Precondition::None, &changes),
            }
        };
        store.write("users.change", ChangeOrigin::WITHOUT_CALLER, job).await
    })?;
    Ok(())
}
