//! `type set`: changes a relationship type, or registers one.

use clap::ArgGroup;
use clap::builder::PossibleValuesParser;
use serde_json::Value as Json;

use super::command_error::CommandError;
use super::database;
use super::type_check::type_name;
use crate::config::Config;
use crate::domain::relationship_types;
use crate::model::attributes::Attribute;
use crate::model::boolean::{BOOLEAN_WORDS, parse_boolean};
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result as JobResult};
use crate::model::field::{FieldKind, Value};
use crate::model::manager::Manager;
use crate::model::precondition::Precondition;
use crate::model::relationship_type::{RelationshipType, TypeAttribute, TypeName};
use crate::store::Tx;

/// The value of an option that clears an attribute.
const NONE: &str = "none";

/// The arguments of `type set`.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("change").args(CHANGES).required(true).multiple(true),
    after_help = "A rule can be set only if the stored relationships obey it; `type check` lists those that do not. `none`
clears a role or a limit.

Examples:
  user-relationships type set subordinate --acyclic true --max-per-user 1 --target-role supervisor
  user-relationships type set friend --create --symmetric yes --user-role friends --target-role friends
  user-relationships type set mentor --max-per-user none --managed-by owner"
)]
pub struct TypeSetArgs {
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

impl TypeSetArgs {
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

/// Changes the type, without a limit on the number of relationships that a new rule is checked over.
///
/// # Errors
/// [`CommandError`] when the database is unreachable, the type does not exist, or the change is refused.
pub fn run(config: &Config, args: &TypeSetArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let (name, changes, creates) = (args.name.clone(), args.changes(), args.create);
    let job = move |tx: &mut Tx<'_>| set_type(tx, &name, &changes, creates);
    database::wait(store.write("types.change", ChangeOrigin::WITHOUT_CALLER, job)).map_err(with_options)?;
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
        let detail = in_options(&problem.detail) + &examples_of(&problem);
        let detail = option(&problem).map_or_else(|| detail.clone(), |option| format!("`{option}`: {detail}"));
        Problem { detail: detail.into(), source: None, ..problem }
    };
    Error::Refused(problems.into_iter().map(rename).collect())
}

/// The examples of a violated rule, to append to its message.
fn examples_of(problem: &Problem) -> String {
    let examples = problem.meta.iter().filter(|(name, _)| *name == "examples");
    let texts: Vec<_> = examples.filter_map(|(_, value)| value.as_array()).flatten().map(example_text).collect();
    if texts.is_empty() { String::new() } else { format!(": {}", texts.join(", ")) }
}

/// An id, or the ids of a path or a pair.
fn example_text(example: &Json) -> String {
    let id = |id: &Json| id.as_str().unwrap_or_default().to_owned();
    match example {
        Json::Array(ids) => ids.iter().map(id).collect::<Vec<_>>().join(" → "),
        other => id(other),
    }
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
        assert_eq!((&*renamed[0].detail, renamed[0].source.clone()), (expected, None));
        assert_eq!(in_options("the role `null-1` is null"), "the role `null-1` is `none`");
    }
}
