//! `type list`: lists relationship types with their roles and rules.

use serde_json::{Map, Value as Json};

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use super::output;
use crate::config::Config;
use crate::domain::relationship_types;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::caller::Caller;
use crate::model::manager::Manager;
use crate::model::page::MAX_LIMIT;
use crate::model::relationship_type::{RelationshipType, TypeAttribute};
use crate::store::{Cost, Tx};

/// The arguments of `type list`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The rules are `symmetric`, `acyclic`, `max-per-user=N` and `managed-by=admin`, separated by commas.

Examples:
  user-relationships type list
  user-relationships type list --json | jq -r .id"
)]
pub struct TypeListArgs {
    #[command(flatten)]
    format: ListFormat,
}

/// Prints all types, by name.
///
/// # Errors
/// [`CommandError`] when the database is unreachable.
pub fn run(config: &Config, args: &TypeListArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    database::wait(async {
        let mut offset = 0;
        loop {
            let job = move |tx: &mut Tx<'_>| relationship_types::list(tx, &Caller::OPERATOR, offset, MAX_LIMIT);
            let page = store.read("types.list", Cost::Bounded, job).await?;
            if page.items.is_empty() {
                return Ok(());
            }
            args.format.print(&page.items, line, json_object)?;
            offset += MAX_LIMIT;
        }
    })
}

fn line(found: &RelationshipType) -> String {
    let data = &found.data;
    output::row([
        Some(found.name.to_string()),
        data.user_role.as_ref().map(ToString::to_string),
        data.target_role.as_ref().map(ToString::to_string),
        Some(rules(found)),
        data.description.clone(),
    ])
}

fn rules(found: &RelationshipType) -> String {
    let rules = found.data.rules();
    let words = [
        rules.is_symmetric.then(|| "symmetric".to_owned()),
        rules.is_acyclic.then(|| "acyclic".to_owned()),
        rules.max_per_user.map(|max| format!("max-per-user={max}")),
        (rules.managed_by != Manager::default()).then(|| format!("managed-by={}", rules.managed_by.name())),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(",")
}

fn json_object(found: &RelationshipType) -> Json {
    let mut members = Map::new();
    members.insert("id".to_owned(), found.name.as_str().into());
    for attribute in TypeAttribute::ALL {
        let value = serde_json::to_value(found.data.get(attribute)).unwrap_or_default();
        members.insert(attribute.member().to_owned(), value);
    }
    members.insert("is-tree".to_owned(), found.data.rules().is_tree().into());
    members.insert("created-at".to_owned(), output::rfc3339(found.created_at).into());
    members.insert("updated-at".to_owned(), output::rfc3339(found.updated_at).into());
    members.into()
}
