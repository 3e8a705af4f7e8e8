//! `type`: lists and changes relationship types, without the API.

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Subcommand};
use serde_json::{Map, Value as Json};

use super::command_error::CommandError;
use super::database;
use super::output;
use super::type_check::{self, TypeCheckArgs, type_name};
use crate::config::Config;
use crate::domain::relationship_types;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::boolean::{BOOLEAN_WORDS, parse_boolean};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result as JobResult};
use crate::model::field::{FieldKind, Value};
use crate::model::manager::Manager;
use crate::model::page::MAX_LIMIT;
use crate::model::precondition::Precondition;
use crate::model::relationship_type::{RelationshipType, TypeAttribute, TypeName};
use crate::store::{Cost, Tx};

/// The value of an option that clears an attribute.
const NONE: &str = "none";

/// The arguments of `type`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships type list
  user-relationships type set subordinate --acyclic true --max-per-user 1")]
pub struct TypeArgs {
    #[command(subcommand)]
    action: TypeAction,
}

#[derive(Debug, Subcommand)]
enum TypeAction {
    /// List all relationship types, tab-separated: name, user role, target role, rules and description
    #[command(
        after_help = "The rules are `symmetric`, `acyclic`, `max-per-user=N` and `managed-by=admin`, separated by commas.

Examples:
  user-relationships type list
  user-relationships type list --json | jq -r .id"
    )]
    List {
        /// Print one JSON object per line, with the attributes of the API
        #[arg(long)]
        json: bool,
    },
    /// Change a relationship type, or register one with `--create`
    #[command(
        after_help = "A rule can be set only if the stored relationships obey it; `type check` lists those that do not. `none`
clears a role or a limit.

Examples:
  user-relationships type set subordinate --acyclic true --max-per-user 1 --target-role supervisor
  user-relationships type set friend --create --symmetric yes --user-role friends --target-role friends
  user-relationships type set mentor --max-per-user none --managed-by owner"
    )]
    Set(Box<SetTypeArgs>),
    /// Check rules over the stored relationships of a type
    Check(TypeCheckArgs),
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("change").args(CHANGES).required(true).multiple(true))]
struct SetTypeArgs {
    /// Name of the relationship type
    #[arg(value_parser = type_name)]
    name: TypeName,
    /// Description for people; an empty value clears it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Name for the users at the owner end, seen from the target, or `none`
    #[arg(long, value_name = "NAME", value_parser = role)]
    user_role: Option<Value>,
    /// Name for the users at the target end, seen from the owner, or `none`
    #[arg(long, value_name = "NAME", value_parser = role)]
    target_role: Option<Value>,
    /// Whether both directions are the same relationship
    #[arg(long, value_name = "BOOL", value_parser = boolean)]
    symmetric: Option<Value>,
    /// Whether no path along relationships of the type leads back to its start
    #[arg(long, value_name = "BOOL", value_parser = boolean)]
    acyclic: Option<Value>,
    /// The most relationships of the type that one user may own, from 1 to 1000, or `none`
    #[arg(long, value_name = "N", value_parser = max_per_user)]
    max_per_user: Option<Value>,
    /// Who may create, change and delete relationships of the type
    #[arg(long, value_name = "WHO", value_parser = PossibleValuesParser::new(Manager::ALL.map(Manager::name)))]
    managed_by: Option<String>,
    /// Register the type if it does not exist
    #[arg(long)]
    create: bool,
}

/// The options of which `set` needs at least one.
const CHANGES: [&str; 8] =
    ["description", "user_role", "target_role", "symmetric", "acyclic", "max_per_user", "managed_by", "create"];

type Changes = Vec<(TypeAttribute, Value)>;

impl SetTypeArgs {
    fn changes(&self) -> Changes {
        let text = |text: &String| if text.is_empty() { Value::Null } else { Value::Text(text.clone()) };
        let all = [
            (TypeAttribute::Description, self.description.as_ref().map(text)),
            (TypeAttribute::UserRole, self.user_role.clone()),
            (TypeAttribute::TargetRole, self.target_role.clone()),
            (TypeAttribute::IsSymmetric, self.symmetric.clone()),
            (TypeAttribute::IsAcyclic, self.acyclic.clone()),
            (TypeAttribute::MaxPerUser, self.max_per_user.clone()),
            (TypeAttribute::ManagedBy, self.managed_by.clone().map(Value::Text)),
        ];
        all.into_iter().filter_map(|(attribute, value)| Some((attribute, value?))).collect()
    }
}

fn role(text: &str) -> Result<Value, String> {
    if text == NONE {
        return Ok(Value::Null);
    }
    let name = TypeName::parse(text).ok_or_else(|| format!("must be `{NONE}` or a name of {}", TypeName::RULE))?;
    Ok(Value::Text(name.to_string()))
}

fn boolean(text: &str) -> Result<Value, String> {
    parse_boolean(text).map(Value::Flag).ok_or_else(|| format!("must be {BOOLEAN_WORDS}"))
}

fn max_per_user(text: &str) -> Result<Value, String> {
    let FieldKind::Integer { min, max } = TypeAttribute::MaxPerUser.kind() else { return Ok(Value::Other) };
    if text == NONE {
        return Ok(Value::Null);
    }
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.map(Value::Integer).ok_or_else(|| format!("must be `{NONE}` or an integer from {min} to {max}"))
}

/// Runs one of the actions.
///
/// # Errors
/// [`CommandError`] when the database is unreachable, the type does not exist, or a change is refused.
pub fn run(config: &Config, args: &TypeArgs) -> Result<(), CommandError> {
    match &args.action {
        TypeAction::List { json } => list(config, if *json { json_line } else { line }),
        TypeAction::Set(args) => set(config, args),
        TypeAction::Check(args) => type_check::run(config, args),
    }
}

fn list(config: &Config, render: fn(&RelationshipType) -> String) -> Result<(), CommandError> {
    let store = database::open(config)?;
    database::wait(async {
        let mut offset = 0;
        loop {
            let job = move |tx: &mut Tx<'_>| relationship_types::list(tx, &Caller::OPERATOR, offset, MAX_LIMIT);
            let page = store.read("types.list", Cost::Bounded, job).await?;
            if page.items.is_empty() {
                return Ok(());
            }
            output::print(page.items.iter().map(render))?;
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

fn json_line(found: &RelationshipType) -> String {
    let mut members = Map::new();
    members.insert("id".to_owned(), found.name.as_str().into());
    for attribute in TypeAttribute::ALL {
        let value = serde_json::to_value(found.data.get(attribute)).unwrap_or_default();
        members.insert(attribute.member().to_owned(), value);
    }
    members.insert("is-tree".to_owned(), found.data.rules().is_tree().into());
    members.insert("created-at".to_owned(), output::rfc3339(found.created_at).into());
    members.insert("updated-at".to_owned(), output::rfc3339(found.updated_at).into());
    Json::Object(members).to_string()
}

fn set(config: &Config, args: &SetTypeArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let (name, changes, creates) = (args.name.clone(), args.changes(), args.create);
    let job = move |tx: &mut Tx<'_>| set_type(tx, &name, &changes, creates);
    database::wait(store.write("types.change", job)).map_err(with_options)?;
    Ok(())
}

fn set_type(tx: &mut Tx<'_>, name: &TypeName, changes: &Changes, creates: bool) -> JobResult<RelationshipType> {
    if tx.relationship_type(name)?.is_some() {
        return relationship_types::change(tx, &Caller::OPERATOR, Some(name), &Precondition::None, changes, None);
    }
    if creates {
        return relationship_types::create(tx, &Caller::OPERATOR, name, changes);
    }
    let detail = format!("there is no relationship type `{name}`; `type list` shows all, `--create` registers it");
    Err(Problem::new(Code::NotFound, detail).into())
}

/// The same error in the words of the command line: options instead of attributes.
fn with_options(error: Error) -> Error {
    let Error::Refused(problems) = error else { return error };
    let option = |problem: &Problem| match problem.source {
        Some(ErrorSource::Attribute(member)) => Some(option_of(member)),
        _ => None,
    };
    let rename = |problem: Problem| {
        let detail = in_options(&problem.detail);
        let detail = option(&problem).map_or_else(|| detail.clone(), |option| format!("`{option}`: {detail}"));
        Problem { detail: detail.into(), source: None, ..problem }
    };
    Error::Refused(problems.into_iter().map(rename).collect())
}

/// The option of an attribute.
fn option_of(member: &str) -> String {
    format!("--{}", member.strip_prefix("is-").unwrap_or(member))
}

/// A message about attributes as one about options.
fn in_options(detail: &str) -> String {
    let named = TypeAttribute::ALL.into_iter().fold(detail.to_owned(), |text, attribute| {
        text.replace(&format!("`{}`", attribute.member()), &format!("`{}`", option_of(attribute.member())))
    });
    let word = |word: &str| match word.trim_end_matches([',', ';', ':']) {
        "null" => word.replace("null", "`none`"),
        _ => word.to_owned(),
    };
    named.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_options_instead_of_attributes() {
        let problem = Problem::new(Code::InvalidAttribute, "set `max-per-user` to null, or `is-symmetric` to false");
        let at = problem.at(ErrorSource::Attribute("max-per-user"));
        let Error::Refused(renamed) = with_options(at.into()) else { unreachable!() };
        let expected = "`--max-per-user`: set `--max-per-user` to `none`, or `--symmetric` to false";
        assert_eq!((&*renamed[0].detail, renamed[0].source), (expected, None));
        assert_eq!(in_options("the role `null-1` is null"), "the role `null-1` is `none`");
    }
}
