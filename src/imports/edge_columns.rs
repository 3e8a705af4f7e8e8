//! Finds out which relationships the columns of a people file become.

use super::sources::{OpenSource, SourceError};
use crate::domain::transfer::{self, EdgeColumn};
use crate::files::matching::{suggestion, writable_members};
use crate::files::record::RecordKind;
use crate::model::error::Error;
use crate::model::text::excerpt;
use crate::store::{Cost, Store, Tx};

/// Why it is not known what the columns become.
#[derive(Debug)]
pub enum EdgeColumnError {
    /// Neither a type nor a role has the name of one of them.
    UnknownName(SourceError),
    /// The database fails.
    Store(Error),
}

/// What the columns of a file that become relationships become, in their order.
///
/// # Errors
/// [`EdgeColumnError`].
pub async fn find(store: &Store, source: &OpenSource, creates_types: bool) -> Result<Vec<EdgeColumn>, EdgeColumnError> {
    let Some(columns) = source.columns() else { return Ok(Vec::new()) };
    let names: Vec<_> = columns.edges().map(|(_, target)| target.name.clone()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let job = move |tx: &mut Tx<'_>| transfer::find_edge_columns(tx, &names, creates_types);
    let found = store.read("import.columns", Cost::Unbounded, job).await.map_err(EdgeColumnError::Store)?;
    let mut edges = Vec::new();
    for ((place, target), found) in columns.edges().zip(found) {
        let heading = columns.columns.get(place).map_or("", |column| &column.heading);
        let unknown = |known: Vec<String>| EdgeColumnError::UnknownName(unknown_name(heading, &target.name, &known));
        edges.push(found.map_err(unknown)?);
    }
    Ok(edges)
}

fn unknown_name(heading: &str, name: &str, known: &[String]) -> SourceError {
    let names = known.iter().map(String::as_str).chain(writable_members(RecordKind::User));
    SourceError(format!(
        "`{}={}`: no member, relationship type or role has this name{}; correct it, or register the type with \
         `--create-types`",
        excerpt(heading),
        excerpt(name),
        suggestion(name, names)
    ))
}
