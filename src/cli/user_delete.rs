//! `user delete`: deletes a user, as `DELETE /api/v2/users/{id}` does.

use super::command_error::CommandError;
use super::confirmation;
use super::database;
use super::output;
use super::type_check::type_name;
use super::user_reference;
use crate::config::Config;
use crate::domain::accounts::{self, Belongings};
use crate::domain::handover::{self, Succession};
use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::error::ErrorSource;
use crate::model::id::UserId;
use crate::model::precondition::Precondition;
use crate::model::relationship_type::TypeName;
use crate::model::user::User;
use crate::store::{Cost, Store, Tx};

/// The arguments of `user delete`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Deletes the user with its relationships in both directions, its memberships, tokens and sessions. Its groups stay,
without an owner. The id is not used again. What goes is printed first; at a terminal the command then asks.

Examples:
  user-relationships user delete ann@example.com --dry-run
  user-relationships user delete 1234 --transfer-to bob@example.com --yes"
)]
pub struct UserDeleteArgs {
    /// Id or e-mail address of the user
    #[arg(value_name = "EMAIL_OR_ID")]
    user: String,
    /// Hand the relationships that target the user over to this one first, in the same transaction
    #[arg(long, value_name = "EMAIL_OR_ID")]
    transfer_to: Option<String>,
    /// Hand over relationships of these types only, separated by commas; by default those of types of which a user owns
    /// at most one
    #[arg(long, value_name = "TYPES", value_delimiter = ',', value_parser = type_name, requires = "transfer_to")]
    transfer_types: Option<Vec<TypeName>>,
    /// Print what would be deleted, and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is deleted.
struct DeletionPreview {
    user: User,
    belongings: Belongings,
    successor: Option<User>,
}

/// Deletes a user.
///
/// # Errors
/// [`CommandError`] when the user or its successor does not exist, a rule forbids a transfer, it is not confirmed, or the
/// database is unreachable.
pub fn run(config: &Config, args: &UserDeleteArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let preview = read_preview(&store, args)?;
    preview.lines().iter().for_each(|line| output::tell(line));
    if args.dry_run {
        return Ok(());
    }
    if !args.yes && confirmation::can_ask() {
        confirmation::ask(&format!("Delete user {}?", preview.user.id))?;
    }
    let succession = preview.successor.map(|successor| succession(successor.id, args));
    delete(&store, preview.user.id, succession)
}

fn read_preview(store: &Store, args: &UserDeleteArgs) -> Result<DeletionPreview, CommandError> {
    let (user, successor) = (args.user.clone(), args.transfer_to.clone());
    let job = move |tx: &mut Tx<'_>| {
        let user = user_reference::get(tx, &user)?;
        let belongings = accounts::count_belongings(tx, user.id)?;
        let successor = successor.as_ref().map(|successor| user_reference::get(tx, successor)).transpose()?;
        Ok(DeletionPreview { user, belongings, successor })
    };
    Ok(database::wait(store.read("users.show", Cost::Unbounded, job))?)
}

fn succession(to: UserId, args: &UserDeleteArgs) -> Succession {
    let sources = (ErrorSource::Parameter("transfer-to"), ErrorSource::Parameter("transfer-types"));
    Succession { to, types: args.transfer_types.clone(), sources }
}

fn delete(store: &Store, id: UserId, succession: Option<Succession>) -> Result<(), CommandError> {
    let job = move |tx: &mut Tx<'_>| match &succession {
        Some(succession) => handover::delete_user(tx, &Caller::OPERATOR, id, &Precondition::None, succession),
        None => users::delete(tx, &Caller::OPERATOR, id, &Precondition::None),
    };
    Ok(database::wait(store.write("users.delete", ChangeOrigin::WITHOUT_CALLER, job))?)
}

impl DeletionPreview {
    /// What is deleted, for people.
    fn lines(&self) -> Vec<String> {
        let Belongings {
            owned_relationships,
            targeting_relationships,
            memberships,
            owned_groups,
            tokens,
            sessions,
            ..
        } = self.belongings;
        let handed_over = self.successor.as_ref().map(|successor| format!(", handed over to {}", name_of(successor)));
        vec![
            format!("user {}", name_of(&self.user)),
            format!("  relationships that it owns: {owned_relationships}"),
            format!("  relationships that target it: {targeting_relationships}{}", handed_over.unwrap_or_default()),
            format!("  memberships in groups: {memberships}"),
            format!("  API tokens: {tokens}, sessions: {sessions}"),
            format!("  groups that stay without an owner: {owned_groups}"),
        ]
    }
}

fn name_of(user: &User) -> String {
    let name = user.data.name().map(|name| format!(", {name}")).unwrap_or_default();
    format!("{} ({}{name})", user.id, user.data.email)
}
