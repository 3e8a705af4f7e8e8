//! Bad files: every fault is named with line, column, value and cure, in one run, and nothing of a rejected row is written.

use std::fmt::Write as _;

use crate::support::import::{ImportFixture, counts};
use crate::support::process::Outcome;

/// The rows of a file, and the faults that the import must name.
struct BadFile {
    text: String,
    /// The number of the next line.
    next: usize,
    good: u64,
    expected: Vec<String>,
}

impl BadFile {
    fn new(header: &str) -> Self {
        Self { text: format!("{header}\n"), next: 2, good: 0, expected: Vec::new() }
    }

    fn good(&mut self, row: &str) {
        writeln!(self.text, "{row}").unwrap();
        (self.next, self.good) = (self.next + 1, self.good + 1);
    }

    /// Adds a row, and what the report says about it.
    fn bad(&mut self, row: &str, reasons: &[&str]) {
        self.expected.extend(reasons.iter().map(|reason| format!("line {}: {reason}", self.next)));
        writeln!(self.text, "{row}").unwrap();
        self.next += 1 + row.matches('\n').count();
    }

    /// Asserts that the report has each fault, in its line.
    #[track_caller]
    fn assert_named(&self, outcome: &Outcome, options: &[&str]) {
        for expected in &self.expected {
            let (line, reason) = expected.split_once(": ").unwrap();
            let is_named = |found: &str| found.contains(&format!("{line}: ")) && found.contains(reason);
            assert!(outcome.stderr.lines().any(is_named), "{options:?} {expected} in {}", outcome.stderr);
        }
    }
}

#[track_caller]
fn import(fixture: &ImportFixture, bytes: impl AsRef<[u8]>, options: &[&str]) -> Outcome {
    let file = fixture.write("bad.csv", bytes);
    fixture.run(&[&["import", "--format", "csv", "--users", &file], options].concat())
}

/// A thousand rows of people, among them a wrong row of each kind.
fn people() -> BadFile {
    let mut file = BadFile::new(
        "Work Email;First Name;Last Name;Employee #;Id;Description;Additional Info;Department;Phone;Is Enabled;Access Level;\
         Created At;Properties;Supervisor",
    );
    for number in 1..=960 {
        file.good(&format!("u{number}@example.com;Ann;Ray;E{number};;;;;;;;;;{}", if number > 1 { "E1" } else { "" }));
    }
    let long = |chars: usize| "ä".repeat(chars);
    let row = |email: &str, rest: &str| format!("{email}@example.com;{rest}");
    for (bad, reasons) in [
        ("ann@;;;;;;;;;;;;;".to_owned(), &["`Work Email`: must be a valid e-mail address: ", "got `ann@`"][..]),
        (";Ann;;;;;;;;;;;;".to_owned(), &["`Work Email` is missing"]),
        (row("b1", &format!("{};;;;;;;;;;;;", long(256))), &["`First Name`: must have at most 255 characters; got `ä"]),
        (row("b2", &format!(";;{};;;;;;;;;;", long(256))), &["`Employee #`: must have at most 255 characters"]),
        (row("b3", &format!(";;;;{};;;;;;;;", long(10_001))), &["`Description`: must have at most 10000 characters"]),
        (row("b4", &format!(";;;;;{};;;;;;;", long(301))), &["`Additional Info`: must have at most 300 characters"]),
        (row("b5", ";;;;;;[A;;;;;;"), &["`Department`: must be a JSON array of strings", "got `[A`"]),
        (row("b6", &format!(";;;;;;{};;;;;;", "a|".repeat(101))), &["`Department`: must have at most 100 strings"]),
        (
            row("b7", &format!(";;;;;;;{};;;;;", long(1_001))),
            &["`Phone`: each string must have at most 1000 characters"],
        ),
        (row("b8", ";\"\"\"A\"\" B\";;;;;;;;;;;"), &["`Last Name`: must be a JSON string", "got `\"A\" B`"]),
        (row("b9", "A\0n;;;;;;;;;;;;"), &["`First Name`: must not contain U+0000"]),
        (row("b10", ";;;;;;;;maybe;;;;"), &["`Is Enabled`: must be `true`", "got `maybe`"]),
        (row("b11", ";;;;;;;;;boss;;;"), &["`Access Level`: must be one of `user`, `admin`", "got `boss`"]),
        (row("b12", ";;;x;;;;;;;;;"), &["`Id`: must be an integer from 1 to", "got `x`"]),
        (row("b13", ";;;0;;;;;;;;;"), &["`Id`: must be an integer from 1 to", "got `0`"]),
        (row("b14", ";;;9223372036854775807;;;;;;;;;"), &["`Id`: must be an integer from 1 to 4611686018427387903"]),
        (row("b15", ";;;;;;;;;;yesterday;;"), &["`Created At`: must be", "got `yesterday`"]),
        (row("b16", ";;;;;;;;;;2024-02-31;;"), &["`Created At`: must be", "got `2024-02-31`"]),
        (row("b17", ";;;;;;;;;;2999-01-01T00:00:00Z;;"), &["`Created At`: must be at most 60 seconds in the future"]),
        (row("b18", ";;;;;;;;;;;[1];"), &["`Properties`: must be a JSON object", "got `[1]`"]),
        (row("b19", ";;;;;;;;;;;;;x"), &["the row has 15 cells; the header line has 14"]),
        (row("b20", ";;"), &["the row has 4 cells; the header line has 14"]),
        (row("b21", "\"A\"n;;;;;;;;;;;;"), &["cell 2: text follows a closing quotation mark"]),
        (row("b22", "\"A\nB\" x;;;;;;;;;;;;"), &["cell 2: text follows a closing quotation mark"]),
        (row("u1", "Other;;;;;;;;;;;;"), &["`Work Email`: line 2 has the same person with other values", "got `u1@"]),
        (row("b23", ";;B23;;;;;;;;;;E9999"), &["`Supervisor`: no user has this alt-id; got `E9999`"]),
        (row("b24", ";;B24;;;;;;;;;;B24"), &["`Supervisor`: must be another user than", "got `B24`"]),
        (row("b25", ";;same;;;;;;;;;;"), &[]),
        (row("b26", ";;same;;;;;;;;;;"), &[]),
        (
            row("b27", ";;B27;;;;;;;;;;same"),
            &["`Supervisor`: 2 users have this alt-id; refer to one by its id", "got `same`"],
        ),
        (
            row("b28", &format!("{};;;;;;;;maybe;boss;;;", "x".repeat(300))),
            &["`First Name`: ", "`Is Enabled`: ", "`Access"],
        ),
        (
            "Work Email;First Name;Last Name;Employee #;Id;Description;Additional Info;Department;Phone;Is Enabled;\
             Access Level;Created At;Properties;Supervisor"
                .to_owned(),
            &["the row repeats the header line"],
        ),
        (row("b29", &"x".repeat(1 << 20)), &["the row is longer than 1048576 bytes"]),
        (row("b31", ";;B31;;;;;;;;;;E\0x"), &["`Supervisor`: must not contain U+0000; got `E"]),
        (row("b30", &";".repeat(200)), &["the row is longer than 100 columns"]),
    ] {
        file.bad(&bad, reasons);
    }
    file.good("last@example.com;;;L;;;;;;;;;;E1");
    file.text.push_str("cut@example.com;\"Ann");
    file.expected.push(format!("line {}: the file ends inside quotation marks", file.next));
    file
}

#[test]
fn a_wrong_row_of_each_kind_is_named_in_one_run() {
    let file = people();
    assert!(file.next > 990 && file.next < 1_010, "{}", file.next);
    for fixture in ImportFixture::all() {
        for options in [&["--dry-run"][..], &[]] {
            let outcome =
                import(&fixture, &file.text, &[&["--map", "Supervisor=subordinate:alt-id"], options].concat())
                    .expect(1);
            file.assert_named(&outcome, options);
            // The users of six rows are valid; of four of them the relationship is not.
            assert_eq!(counts(&outcome)[0][0], file.good + 6, "{options:?}");
            assert_eq!(counts(&outcome)[1], [file.good - 1, 0, 0, 4], "{options:?}");
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), i64::try_from(file.good).unwrap() + 6);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users WHERE first_name = 'Other'"), 0);
        fixture.assert_no_drift();
    }
}

#[test]
fn a_wrong_relationship_of_each_kind_is_named_in_one_run() {
    let mut file = BadFile::new("User,Target,Relationship,Id,Created At");
    for number in 2..=900 {
        file.good(&format!("{number},1,mentor,,"));
    }
    for (bad, reasons) in [
        ("x,1,mentor,,", &["`User`: must be an id, `email:…` or `alt-id:…`; got `x`"][..]),
        ("phone:1,1,mentor,,", &["`User`: must be an id, `email:…` or `alt-id:…`; got `phone:1`"]),
        ("1,9999,mentor,,", &["`Target`: there is no user 9999"]),
        ("1,email:nobody@example.com,mentor,,", &["`Target`: no user has this e-mail address"]),
        ("1,alt-id:none,mentor,,", &["`Target`: no user has this alt-id"]),
        ("1,alt-id:same,mentor,,", &["`Target`: 2 users have this alt-id"]),
        ("1,1,mentor,,", &["`Target`: must be another user than `user`"]),
        ("1,2,friend,,", &["`Relationship`: there is no type `friend`"]),
        ("1,2,Best Friend,,", &["`Relationship`: a type name must have", "got `Best Friend`"]),
        ("1,2,,,", &["`Relationship` is missing"]),
        (",2,mentor,,", &["`User` is missing"]),
        ("1,2,mentor,-5,", &["`Id`: must be an integer from 1 to", "got `-5`"]),
        ("1,2,mentor,,soon", &["`Created At`: must be", "got `soon`"]),
        ("1,2,mentor,,,x", &["the row has 6 cells; the header line has 5"]),
        ("1,2,mentor", &["the row has 3 cells; the header line has 5"]),
        ("1,\"2\"x,mentor,,", &["cell 2: text follows a closing quotation mark"]),
        ("User,Target,Relationship,Id,Created At", &["the row repeats the header line"]),
    ] {
        file.bad(bad, reasons);
    }
    for fixture in ImportFixture::all() {
        let mut users = "id,email,alt-id\n".to_owned();
        for number in 1..=900 {
            writeln!(users, "{number},u{number}@example.com,{}", if number > 898 { "same" } else { "" }).unwrap();
        }
        import(&fixture, users, &[]).expect(0);
        let edges = fixture.write("edges.csv", &file.text);
        let outcome = fixture.run(&["import", "--format", "csv", "--relationships", &edges]).expect(1);
        file.assert_named(&outcome, &[]);
        assert_eq!(counts(&outcome)[1], [file.good, 0, 0, 17]);
        fixture.assert_no_drift();
    }
}

#[test]
fn a_cut_file_is_named_where_it_is_cut() {
    for fixture in ImportFixture::all() {
        for header in ["email;first-name;Unit", "email;first-name;Supervisor"] {
            let file = |rest: &[u8]| [format!("{header}\na@example.com;Ann;\n").as_bytes(), rest].concat();
            for (rest, reason, is_refused) in [
                (&b"b@example.com;Bo"[..], "line 3: the row has 2 cells; the header line has 3", false),
                (b"b@example.com;\"Bo;\nc@example.com;", "line 3: the file ends inside quotation marks", false),
                (
                    b"b@example.com;B\xC3",
                    "line 3, byte 16: not valid UTF-8, or the file was cut inside a character",
                    true,
                ),
                (b"b@example.com;\"B\xF0\x9F\x98", "line 3, byte 17: not valid UTF-8, or the file was cut", true),
            ] {
                for marked in [false, true] {
                    let bytes = if marked { [b"\xEF\xBB\xBF", &*file(rest)].concat() } else { file(rest) };
                    // The mark counts as bytes of the first line only.
                    let fresh = fixture.another();
                    let outcome = import(&fresh, bytes, &[]).expect(1);
                    assert!(outcome.stderr.contains(reason), "{header} {reason}: {}", outcome.stderr);
                    let users = fresh.number("SELECT COUNT(*) AS number FROM users");
                    assert_eq!(users, i64::from(!is_refused), "{header} {reason}");
                }
            }
        }
    }
}

#[test]
fn files_that_are_no_tables_are_refused_with_a_cure() {
    for fixture in ImportFixture::all() {
        let utf_16: Vec<u8> = "email\na@example.com\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, reason) in [
            (
                &b"PK\x03\x04\x14\0\x08\0 workbook"[..],
                "a ZIP archive or an Excel workbook (.xlsx), not text; save the sheet as CSV",
            ),
            (b"\x1F\x8B\x08\0\0\0\0\0\0\x03", "compressed with gzip; decompress it first"),
            (b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", "a PDF document, not text; export the data as CSV"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an Excel workbook (.xls), not text; save the sheet as CSV"),
            (&utf_16, "the encoding is UTF-16 (little endian) without a byte order mark; save it as UTF-8"),
            (
                b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
                "a web page, not a table; sign in and download the file again",
            ),
            (b"", "the header line with the column names is missing"),
            (b"\n\r\n", "the header line with the column names is missing"),
            (b"\xEF\xBB\xBF", "the header line with the column names is missing"),
            (b"email;E-Mail\na@example.com;b@example.com\n", "line 1: invalid header line: `E-Mail` is a duplicate"),
            (b"email;unit;unit;unit\n", "`unit` is a duplicate"),
            (b"email;phone;Phone\n", "`Phone` is a duplicate"),
            (b"email;Supervisor;supervisor\n", "`supervisor` is a duplicate"),
        ] {
            let outcome = import(&fixture, bytes, &[]).expect(1);
            assert!(outcome.stderr.contains(reason), "{reason}: {}", outcome.stderr);
        }
        let only_header = import(&fixture, "email;first-name\r\n", &[]).expect(0);
        assert_eq!(counts(&only_header)[0], [0, 0, 0, 0]);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0);
    }
}

#[test]
fn joined_exports_are_imported_but_for_their_second_header() {
    for fixture in ImportFixture::all() {
        let part = |number: u8| {
            format!(
                "\u{FEFF}Work Email;Supervisor\r\nu{number}@example.com;u1@example.com\r\nv{number}@example.com;\r\n"
            )
        };
        let outcome = import(&fixture, part(1).replace(";u1@example.com", ";") + &part(2) + &part(3), &[]).expect(1);
        // Without them, the columns would refer to people by name.
        for line in ["line 4: the row repeats the header line; delete it", "line 7: the row repeats the header line"] {
            assert!(outcome.stderr.contains(line), "{}", outcome.stderr);
        }
        assert_eq!(counts(&outcome), [[6, 0, 0, 2], [2, 0, 0, 0]]);
    }
}
