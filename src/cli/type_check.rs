//! `type check`: checks rules over the stored relationships of a type.

use serde_json::{Value as Json, json};

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use crate::config::Config;
use crate::domain::stored_rules;
use crate::model::attributes::Attribute;
use crate::model::relationship_type::TypeName;
use crate::model::rules::Rules;
use crate::model::violations::Violation;
use crate::store::{Cost, Tx};

/// The arguments of `type check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints a line per rule that stored relationships break, with examples, and exits 1 if there is any. It
changes nothing. Without a rule it checks those that the type has.

Examples:
  user-relationships type check subordinate --acyclic --max-per-user 1
  user-relationships type check subordinate"
)]
pub struct TypeCheckArgs {
    /// Name of the relationship type
    #[arg(value_parser = type_name)]
    name: TypeName,
    /// Check that no path along relationships leads back to its start
    #[arg(long)]
    acyclic: bool,
    /// Check that no user owns more than N relationships
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..=1000))]
    max_per_user: Option<i16>,
    /// Check that there is no relationship in both directions
    #[arg(long, conflicts_with_all = ["acyclic", "max_per_user"])]
    symmetric: bool,
    #[command(flatten)]
    format: ListFormat,
}

impl TypeCheckArgs {
    /// The rules to check; `None` for those that the type has.
    fn rules(&self) -> Option<Rules> {
        let named = Rules {
            is_symmetric: self.symmetric,
            is_acyclic: self.acyclic,
            max_per_user: self.max_per_user,
            ..Rules::default()
        };
        named.restrict_data().then_some(named)
    }
}

/// Parses the name of a relationship type.
pub(super) fn type_name(text: &str) -> Result<TypeName, String> {
    TypeName::parse(text).ok_or_else(|| format!("must be the name of a relationship type: {}", TypeName::RULE))
}

/// Prints the rules that stored relationships break.
///
/// # Errors
/// [`CommandError`] when there are any, the type does not exist, or the database is unreachable.
pub fn run(config: &Config, args: &TypeCheckArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let (name, rules) = (args.name.clone(), args.rules());
    let find = move |tx: &mut Tx<'_>| stored_rules::check(tx, &name, |present| rules.unwrap_or(present));
    let violations = database::wait(store.read("types.check", Cost::Unbounded, find))?;
    args.format.print(&violations, ToString::to_string, json_object)?;
    match violations.len() {
        0 => Ok(()),
        1 => Err(CommandError::failed("1 rule is violated")),
        many => Err(CommandError::failed(format!("{many} rules are violated"))),
    }
}

fn json_object(violation: &Violation) -> Json {
    json!({
        "attribute": violation.attribute.member(),
        "count": violation.count,
        "examples": violation.examples.to_json(),
    })
}
