//! Finds out which relationships the columns of a people file become.

use crate::cli::command_error::CommandError;
use crate::cli::database;
use crate::domain::transfer::{self, EdgeColumn};
use crate::files::matching::{suggestion, writable_members};
use crate::files::record::RecordKind;
use crate::imports::sources::OpenSource;
use crate::model::text::excerpt;
use crate::store::{Cost, Store, Tx};

/// What the columns of a file that become relationships become, in their order.
///
/// # Errors
/// [`CommandError`] for names that neither a type nor a role has, and when the database fails.
pub fn find(store: &Store, source: &OpenSource, creates_types: bool) -> Result<Vec<EdgeColumn>, CommandError> {
    let Some(columns) = source.columns() else { return Ok(Vec::new()) };
    let names: Vec<_> = columns.edges().map(|(_, target)| target.name.clone()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let job = move |tx: &mut Tx<'_>| transfer::find_edge_columns(tx, &names, creates_types);
    let found = database::wait(store.read("import.columns", Cost::Unbounded, job))?;
    let mut edges = Vec::new();
    for ((place, target), found) in columns.edges().zip(found) {
        let heading = columns.columns.get(place).map_or("", |column| &column.heading);
        edges.push(found.map_err(|known| unknown_name(heading, &target.name, &known))?);
    }
    Ok(edges)
}

fn unknown_name(heading: &str, name: &str, known: &[String]) -> CommandError {
    let names = known.iter().map(String::as_str).chain(writable_members(RecordKind::User));
    CommandError::failed(format!(
        "`{}={}`: no member, relationship type or role has this name{}; correct it, or register the type with \
         `--create-types`",
        excerpt(heading),
        excerpt(name),
        suggestion(name, names)
    ))
}
