//! Files of imports.

use serde_json::Value;

use super::support::select;
use crate::files::cell::Members;
use crate::files::cell_text::EmptyCells;
use crate::files::columns::Columns;
use crate::files::document;
use crate::files::encoding::TextReader;
use crate::files::lines::{self, LineRead};
use crate::files::mapping::Mapping;
use crate::files::matching::match_columns;
use crate::files::people::PeopleScan;
use crate::files::record::{RecordKind, RecordReader};
use crate::files::resource;
use crate::files::table::OpenTable;

/// A table with its header; the first byte selects the kind of its records, the delimiter, and whether its first line is a
/// mapping. Every row becomes one record or one list of problems, in the order of the lines.
pub fn csv(data: &[u8]) {
    let (case, data) = select(data);
    let Some(kind) = RecordKind::ALL.into_iter().cycle().nth(case % 5) else { return };
    let delimiter = match case / 5 % 4 {
        1 => Some(b';'),
        2 => Some(b'|'),
        _ => None,
    };
    let mut mapping = Mapping::new(case & 64 == 0);
    let mut file = data;
    if case & 128 != 0 {
        let mut parts = data.splitn(2, |byte| *byte == b'\n');
        let first = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let _ = (mapping.add(&first), mapping.add_yaml(&first));
        file = parts.next().unwrap_or_default();
    }
    let empty = if case & 32 == 0 { EmptyCells::Clear } else { EmptyCells::Keep };
    if let Err(problem) = read_table(file, kind, delimiter, &mapping, empty) {
        assert!(!problem.is_empty());
    }
}

fn read_table(
    file: &[u8],
    kind: RecordKind,
    delimiter: Option<u8>,
    mapping: &Mapping,
    empty: EmptyCells,
) -> Result<(), String> {
    let broken = |error: std::io::Error| error.to_string();
    let mut table = OpenTable::open(TextReader::new(file, None).map_err(broken)?, delimiter).map_err(broken)?;
    let header = table.next_row().map_err(broken)?.ok_or("no header")?;
    let columns = match_columns(&header.1?, kind, mapping, empty)?;
    let (mut scan, mut reader, mut last) = (PeopleScan::new(&columns), RecordReader::default(), header.0);
    while let Some((number, row)) = table.next_row().map_err(broken)? {
        assert!(number > last, "line {number} after {last}");
        last = number;
        let Ok(cells) = row else { continue };
        if Columns::is_blank(&cells) {
            continue;
        }
        scan.add(number, &cells);
        if let Err(rejected) = reader.read_row(&columns, &cells) {
            assert!(!rejected.reason().is_empty());
        }
    }
    let lines = file.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(usize::try_from(last).is_ok_and(|last| last <= lines + 1), "line {last} of {lines}");
    drop(scan.finish());
    Ok(())
}

/// A file of lines, which is also read as a document. Every line becomes one record or one list of problems.
pub fn ndjson(data: &[u8]) {
    let (mut file, mut line, mut reader) = (data, Vec::new(), RecordReader::default());
    if lines::skip_byte_order_mark(&mut file).is_ok() {
        while lines::read(&mut file, &mut line).is_ok_and(|read| read != LineRead::End) {
            let Ok(text) = std::str::from_utf8(&line) else { continue };
            let members = Members::of_json(text);
            // The reader of lines accepts no text that is not JSON.
            let is_object = serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
            assert!(members.is_err() || is_object || text.contains("1e") || text.len() > 300, "{text:?}");
            if let Ok(Err(rejected)) = members.map(|members| reader.read(members, None)) {
                assert!(!rejected.reason().is_empty());
            }
        }
    }
    let mut last = 0;
    let read = document::read(data, &mut |number, object| {
        assert!(number >= last, "line {number} after {last}");
        last = number;
        if let Ok((kind, members)) = object.and_then(resource::members_of) {
            drop(reader.read(members, Some(kind)));
        }
        true
    });
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(usize::try_from(last).is_ok_and(|last| last <= lines), "line {last} of {lines}");
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
    }
}
