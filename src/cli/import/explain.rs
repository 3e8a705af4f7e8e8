//! `import --explain`: what each column of a table would become.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::cli::command_error::CommandError;
use crate::cli::{database, output};
use crate::config::Config;
use crate::domain::transfer::EdgeColumn;
use crate::files::columns::{ColumnUse, ReferenceKind, TableColumn, WhyIgnored};
use crate::imports::edge_columns;
use crate::imports::passes;
use crate::imports::sources::{self, FileLocation, OpenInput, TableOptions, read_failure};
use crate::model::role::RoleEnd;

/// Prints what each column of a file would become.
///
/// # Errors
/// [`CommandError`] as for an import.
pub fn run(config: &Config, path: &Path, creates_types: bool, options: &TableOptions) -> Result<(), CommandError> {
    let source = sources::open_table_of_any_kind(&FileLocation::Path(path.to_owned()), options, &Arc::default())?;
    sources::require_used_mapping(options, std::slice::from_ref(&source))?;
    let Some(columns) = source.columns().map(Arc::clone) else { return Ok(()) };
    let has_edges = columns.edges().next().is_some();
    let edges = if has_edges {
        database::wait(edge_columns::find(&database::open(config)?, &source, creates_types))?
    } else {
        Vec::new()
    };
    let OpenInput::Table(table) = source.input else { return Ok(()) };
    let delimiter = char::from(table.table.delimiter());
    let what = columns.kind.noun();
    let summary = format!("{what}s, {}, delimiter `{}`", table.encoding, delimiter.escape_default());
    let kinds = if has_edges {
        let copy = passes::copy_of(source.location.clone(), source.size.is_some(), *table, options, &Arc::default());
        let facts = copy.and_then(|copy| passes::scan(&copy, &columns));
        facts.map_err(|error| read_failure(&source.location, &error))?.kinds
    } else {
        HashMap::new()
    };
    let mut edges = edges.into_iter();
    let mut lines = vec![summary];
    for (place, column) in columns.columns.iter().enumerate() {
        lines.push(output::row([Some(column.heading.clone()), Some(describe(column, kinds.get(&place), &mut edges))]));
    }
    output::print(lines)
}

fn describe(
    column: &TableColumn,
    kind: Option<&ReferenceKind>,
    edges: &mut impl Iterator<Item = EdgeColumn>,
) -> String {
    match &column.becomes {
        ColumnUse::Member { name, .. } => (*name).to_owned(),
        ColumnUse::Edges(_) => describe_edges(kind, edges.next()),
        ColumnUse::Ignored(why) => format!("ignored: {}", describe_reason(why)),
    }
}

fn describe_edges(kind: Option<&ReferenceKind>, edge: Option<EdgeColumn>) -> String {
    let Some(EdgeColumn { relationship, end }) = edge else { return String::new() };
    let end = match end {
        RoleEnd::Owner => "user",
        RoleEnd::Target | RoleEnd::Either => "target",
    };
    let kind = kind.map_or("name", |kind| kind.name());
    format!("relationships of the type `{relationship}`; the cell is the {end}, by {kind}")
}

fn describe_reason(why: &WhyIgnored) -> String {
    match why {
        WhyIgnored::Mapped => "the mapping says so".to_owned(),
        WhyIgnored::Computed => "the service computes it".to_owned(),
        WhyIgnored::Known => "known from HR exports, without a counterpart".to_owned(),
        WhyIgnored::Superseded(heading) => format!("`{heading}` becomes the same"),
        WhyIgnored::Unknown => "unknown".to_owned(),
    }
}
