//! Reads the files of imports: text to records, independent of who sends them.
//!
//! # Design
//! [`encoding`] decodes bytes to UTF-8, [`layout`] finds the delimiter, [`table`] splits the text into rows, [`columns`]
//! knows what each column becomes and converts rows to members, and [`record`] converts the members of a row or of a line
//! of NDJSON to a record. Everything streams: memory does not grow with the file.

pub mod cell;
pub mod cell_text;
pub mod columns;
pub mod document;
pub mod encoding;
pub mod formula;
mod group_records;
pub mod heading;
pub mod known_headings;
pub mod layout;
pub mod lines;
pub mod mapping;
pub mod matching;
pub mod people;
pub mod problem;
pub mod quotation;
pub mod record;
pub mod record_kind;
pub mod resource;
pub mod signature;
pub mod table;
mod type_record;
pub mod values;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::cell_text::EmptyCells;
    use super::encoding::TextReader;
    use super::mapping::Mapping;
    use super::matching::match_columns;
    use super::people::PeopleScan;
    use super::record::{RecordKind, RecordReader};
    use super::table::OpenTable;

    /// A table with all cells in quotation marks.
    fn write(rows: &[Vec<String>], delimiter: u8) -> String {
        let cell = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let delimiter = char::from(delimiter).to_string();
        let row = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(&delimiter) + "\r\n";
        rows.iter().map(row).collect()
    }

    fn read(bytes: &[u8], delimiter: Option<u8>) -> Vec<Vec<String>> {
        let mut table = OpenTable::open(TextReader::new(bytes, None).unwrap(), delimiter).unwrap();
        let mut rows = Vec::new();
        while let Some((_, row)) = table.next_row().unwrap() {
            rows.push(row.unwrap().into_iter().map(ToOwned::to_owned).collect());
        }
        rows
    }

    /// Reads a whole file as an import does, and returns the numbers of records and problems.
    fn import(bytes: &[u8], kind: RecordKind, delimiter: Option<u8>) -> Result<(usize, usize), String> {
        let text = TextReader::new(bytes, None).map_err(|problem| problem.to_string())?;
        let mut table = OpenTable::open(text, delimiter).map_err(|problem| problem.to_string())?;
        let header = table.next_row().map_err(|problem| problem.to_string())?.ok_or("no header")?;
        let columns = match_columns(&header.1?, kind, &Mapping::new(true), EmptyCells::Clear)?;
        let (mut scan, mut reader, mut last) = (PeopleScan::new(&columns), RecordReader::default(), header.0);
        let (mut records, mut problems) = (0, 0);
        while let Some((number, row)) = table.next_row().map_err(|problem| problem.to_string())? {
            assert!(number > last, "lines are in order");
            last = number;
            let Ok(cells) = row else {
                problems += 1;
                continue;
            };
            scan.add(number, &cells);
            match reader.read_row(&columns, &cells) {
                Ok(_) => records += 1,
                Err(rejected) => {
                    assert!(!rejected.reason().is_empty());
                    problems += 1;
                }
            }
        }
        drop(scan.finish());
        Ok((records, problems))
    }

    /// The alphabet of whole files: syntax, headings, and bytes that are no text.
    const PIECES: [&[u8]; 26] = [
        b"email",
        b"id",
        b"user",
        b"target",
        b"relationship",
        b"group-type",
        b"member-type",
        b"group",
        b"Supervisor",
        b"a@example.com",
        b"alt-id:1",
        b"7",
        b"sep=;\n",
        b";",
        b",",
        b"\t",
        b"\"",
        b"\n",
        b"\r\n",
        b" ",
        b"'=",
        b"[\"a\"]",
        b"\xEF\xBB\xBF",
        b"\xFF\xFE",
        b"\xC3",
        b"\0",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn any_file_becomes_records_and_problems(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40),
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            delimiter in prop::option::of(prop::sample::select(vec![b',', b';', b'|', b'='])),
        ) {
            for kind in RecordKind::ALL {
                for file in [pieces.concat(), [&pieces.concat()[..], &bytes].concat(), bytes.clone()] {
                    let found = import(&file, kind, delimiter);
                    let is_bounded = found.as_ref().map_or_else(
                        |problem| !problem.is_empty(),
                        |(records, problems)| records + problems <= file.len(),
                    );
                    prop_assert!(is_bounded, "{found:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_written_table_comes_back(
            rows in prop::collection::vec(prop::collection::vec("[^\\x00]{0,12}|[;,\t\"\r\n'|]{1,4}", 3), 0..6),
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        ) {
            let header = ["email", "first-name", "last-name"].map(ToOwned::to_owned).to_vec();
            let rows: Vec<_> = [header].into_iter().chain(rows).collect();
            let text = write(&rows, delimiter);
            let given = Some(delimiter).filter(|delimiter| *delimiter == b'|');
            prop_assert_eq!(&read(text.as_bytes(), given), &rows);
            let marked = format!("\u{FEFF}{text}");
            prop_assert_eq!(&read(marked.as_bytes(), given), &rows);
            for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let wide: Vec<u8> = marked.encode_utf16().flat_map(bytes).collect();
                prop_assert_eq!(&read(&wide, given), &rows);
            }
        }

        #[test]
        fn any_bytes_after_a_header_become_records_or_problems(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            text in "[ab@.e,;|\"\r\n\t\\[]{0,100}",
        ) {
            for rest in [&bytes[..], text.as_bytes()] {
                let file = [b"email;unit;id;is-enabled;Supervisor\n", rest].concat();
                let mut table = OpenTable::open(TextReader::new(&*file, None).unwrap(), None).unwrap();
                let headings = table.next_row().unwrap().unwrap().1.unwrap();
                let columns =
                    match_columns(&headings, RecordKind::User, &Mapping::default(), EmptyCells::Clear).unwrap();
                let (mut scan, mut reader) = (PeopleScan::new(&columns), RecordReader::default());
                while let Ok(Some((number, row))) = table.next_row() {
                    let Ok(cells) = row else { continue };
                    scan.add(number, &cells);
                    drop(reader.read_row(&columns, &cells));
                }
                prop_assert_eq!(scan.finish().kinds.len(), 1);
            }
        }

        #[test]
        fn any_header_is_matched_or_refused(headings in prop::collection::vec("\\PC{0,9}|email|Supervisor|E-Mail|id", 0..6)) {
            let headings: Vec<_> = headings.iter().map(String::as_str).collect();
            for kind in RecordKind::ALL {
                for ignores_unknown in [false, true] {
                    let matched = match_columns(&headings, kind, &Mapping::new(ignores_unknown), EmptyCells::Keep);
                    prop_assert!(matched.map_or_else(|problem| !problem.is_empty(), |columns| columns.kind == kind));
                }
            }
        }
    }
}
