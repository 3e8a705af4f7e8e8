//! Plans the passes of a synchronization, which reads users twice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::passes::{Pass, PassContent, PassInput, copy_of, plan, rows_pass};
use super::sources::{self, OpenInput, OpenSource, SourceError, TableOptions, read_failure};
use crate::domain::transfer::EdgeColumn;
use crate::files::people::PeopleFacts;
use crate::files::record::RecordKind;

/// The passes over a file that is read again later. `edges` are as in [`plan`].
///
/// # Errors
/// As [`plan`], and lines that come from a pipe.
pub fn plan_repeatable(
    source: OpenSource,
    edges: Vec<EdgeColumn>,
    options: &TableOptions,
    bytes: &Arc<AtomicU64>,
) -> Result<Vec<Pass>, SourceError> {
    let (location, is_file) = (source.location.clone(), source.size.is_some());
    match source.input {
        OpenInput::Lines(_) | OpenInput::Document(_) if !is_file => {
            Err(SourceError(format!("`--sync` reads {location} more than once; write the data to a file first")))
        }
        OpenInput::Table(table) if edges.is_empty() => {
            let failure = |error: io::Error| read_failure(&location, &error);
            let columns = Arc::clone(&table.columns);
            if is_file {
                sources::validate_text(&location, options).map_err(failure)?;
            }
            let copy = copy_of(location.clone(), is_file, *table, options, bytes).map_err(failure)?;
            Ok(vec![rows_pass(location, PassInput::Again(copy), columns, PeopleFacts::default())])
        }
        _ => plan(source, edges, options, bytes),
    }
}

/// The passes over the users of files that are read again, each with its index among all passes.
///
/// # Errors
/// Those of the files.
pub fn repeat_users(passes: &[Pass], bytes: &Arc<AtomicU64>) -> io::Result<Vec<(usize, Pass)>> {
    let mut users = Vec::new();
    for (index, pass) in passes.iter().enumerate() {
        let content = match &pass.content {
            PassContent::Lines(_) => PassContent::Lines(sources::reopen_lines(&pass.location, bytes)?),
            PassContent::Document(_) => PassContent::Document(sources::reopen_lines(&pass.location, bytes)?),
            PassContent::Rows { input: PassInput::Again(copy), columns, conflicts, is_people }
                if columns.kind == RecordKind::User =>
            {
                let (input, columns) = (PassInput::Again(copy.clone()), Arc::clone(columns));
                PassContent::Rows { input, columns, conflicts: conflicts.clone(), is_people: *is_people }
            }
            PassContent::Rows { .. } | PassContent::Edges { .. } => continue,
        };
        users.push((index, Pass { location: pass.location.clone(), content, labels: pass.labels.clone() }));
    }
    Ok(users)
}
