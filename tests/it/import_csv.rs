//! CSV files as spreadsheets write them: delimiters, encodings, headings, empty rows, columns and cells.

use std::fs;
use std::process::Stdio;

use crate::support::Value;
use crate::support::import::{ImportFixture, counts};
use crate::support::process::{Outcome, finish, program};

/// Imports a table of users.
#[track_caller]
fn import(fixture: &ImportFixture, bytes: impl AsRef<[u8]>, options: &[&str]) -> Outcome {
    let file = fixture.write("users.csv", bytes);
    fixture.run(&[&["import", "--format", "csv", "--users", &file], options].concat())
}

/// The exported user with an address.
#[track_caller]
fn user(fixture: &ImportFixture, email: &str) -> Value {
    let text = fixture.export();
    let users = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    users.into_iter().find(|user| user["email"] == email).unwrap_or_else(|| panic!("{email} is not in {text}"))
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{FEFF}{text}").encode_utf16().flat_map(bytes).collect()
}

#[test]
fn the_header_decides_on_the_delimiter() {
    for fixture in ImportFixture::all() {
        for (number, (prefix, delimiter, options)) in [
            ("", ",", &[][..]),
            ("", ";", &[]),
            ("", "\t", &[]),
            ("sep=;\r\n", ";", &[]),
            ("\"sep=|\"\n", "|", &[]),
            ("", "|", &["--delimiter", "|"]),
            ("", "\t", &["--delimiter", "tab"]),
            ("sep=;\n", ",", &["--delimiter", ","]),
        ]
        .into_iter()
        .enumerate()
        {
            let rows =
                [["Email", "First Name", "Last Name"], [&*format!("a{number}@example.com"), "\"A; b,\tc|\"", "Ray"]];
            let text: String = rows.map(|row| row.join(delimiter) + "\r\n").concat();
            let outcome = import(&fixture, prefix.to_owned() + &text, options).expect(0);
            assert_eq!(counts(&outcome)[0], [1, 0, 0, 0], "{text}");
            let ann = user(&fixture, &format!("a{number}@example.com"));
            assert_eq!((&ann["first-name"], &ann["last-name"]), (&"A; b,\tc|".into(), &"Ray".into()), "{text}");
        }
        let bad = import(&fixture, "email\n", &["--delimiter", "ab"]).expect(2);
        assert!(bad.stderr.contains("one character such as `,`"), "{}", bad.stderr);
    }
}

#[test]
fn files_in_other_encodings_are_decoded() {
    for fixture in ImportFixture::all() {
        let text = |email: &str| format!("email;first-name\r\n{email};Jürgen Žižek €\r\n");
        let latin = |email: &str| encoding_rs::WINDOWS_1252.encode(&text(email)).0.into_owned();
        for (email, bytes, options) in [
            ("a@example.com", text("a@example.com").into_bytes(), &[][..]),
            ("b@example.com", format!("\u{FEFF}{}", text("b@example.com")).into_bytes(), &[]),
            ("c@example.com", utf_16(&text("c@example.com"), u16::to_le_bytes), &[]),
            ("d@example.com", utf_16(&text("d@example.com"), u16::to_be_bytes), &["--encoding", "windows-1252"]),
            ("e@example.com", latin("e@example.com"), &["--encoding", "windows-1252"]),
        ] {
            assert_eq!(counts(&import(&fixture, bytes, options).expect(0))[0], [1, 0, 0, 0], "{email}");
            assert_eq!(user(&fixture, email)["first-name"], "Jürgen Žižek €");
        }
        let bad = import(&fixture, "email\n", &["--encoding", "utf-7"]).expect(2);
        assert!(bad.stderr.contains("windows-1252"), "{}", bad.stderr);
    }
}

#[test]
fn a_file_that_is_invalid_in_its_encoding_is_refused_before_any_write() {
    for fixture in ImportFixture::all() {
        for (bytes, place) in [
            (&b"email,first-name\na@example.com,Ann\nb@example.com,B\xF6b\nc@example.com,Cho\n"[..], "line 3, byte 16"),
            (b"email,first-name\na@example.com,Ann \xE2\x82", "line 2, byte 19: not valid UTF-8, or the file was cut"),
            (b"email,caf\xE9\n", "line 1, byte 10"),
        ] {
            let refused = import(&fixture, bytes, &[]).expect(1);
            for part in ["users.csv`: ", place, "--encoding windows-1252"] {
                assert!(refused.stderr.contains(part), "{part} in {}", refused.stderr);
            }
            assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0);
        }
        for (bytes, reason) in [
            (&b"PK\x03\x04\x14\0\x06\0rest of an archive"[..], "Excel workbook (.xlsx)"),
            (b"\x1F\x8B\x08\0\0\0\0\0\0", "gunzip"),
            (b"e\0m\0a\0i\0l\0\n\0", "--encoding utf-16le"),
        ] {
            let refused = import(&fixture, bytes, &[]).expect(1);
            assert!(refused.stderr.contains(reason), "{}", refused.stderr);
        }
    }
}

#[test]
fn a_pipe_that_is_invalid_in_its_encoding_stops_at_the_row() {
    for fixture in ImportFixture::all() {
        let file = fixture.write("latin.csv", b"email,first-name\na@example.com,B\xF6b\n");
        let mut command = program();
        command.env("DATABASE_URL", fixture.home.text()).args(["import", "--format", "csv", "--users", "-"]);
        let piped = fs::File::open(file).expect("the file");
        let outcome = finish(command.stdin(piped).stdout(Stdio::piped()).stderr(Stdio::piped())).expect(1);
        assert!(outcome.stderr.contains("`-`: line 2, byte 16"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("nothing is written"), "{}", outcome.stderr);
    }
}

#[test]
fn headings_match_members_without_regard_to_their_spelling() {
    for fixture in ImportFixture::all() {
        let text = "E-MAIL,First Name,last_name,ALT ID,isEnabled,Job-Title\na@example.com,Ann,Ray,77,no,Chief\n";
        import(&fixture, text, &[]).expect(0);
        let ann = user(&fixture, "a@example.com");
        for (member, value) in [("first-name", "Ann"), ("last-name", "Ray"), ("alt-id", "77")] {
            assert_eq!(ann[member], value);
        }
        assert_eq!((&ann["is-enabled"], &ann["job-title"][0]), (&false.into(), &"Chief".into()));
        let edges = fixture.write("e.csv", "Relationship;USER;Target\nmentor;alt-id:77;email:b@example.com\n");
        import(&fixture, "email\nb@example.com\n", &["--relationships", &edges]).expect(0);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 1);
        let twice = import(&fixture, "E-Mail,email\na@example.com,b@example.com\n", &[]).expect(1);
        assert!(twice.stderr.contains("line 1: invalid header line: `email` is a duplicate"), "{}", twice.stderr);
    }
}

#[test]
fn empty_rows_and_empty_trailing_columns_are_skipped() {
    for fixture in ImportFixture::all() {
        let text = "email;first-name;;\r\n;;;\r\na@example.com;Ann;;\r\n \u{A0};\t;;\r\n\r\nb@example.com;Bob\r\n;\r\n;;;;;;\r\n";
        assert_eq!(counts(&import(&fixture, text, &[]).expect(0))[0], [2, 0, 0, 0]);
        let outcome = import(&fixture, "email,,first-name\na@example.com,,Ann\n", &[]).expect(1);
        assert!(outcome.stderr.contains("column 2 has no heading"), "{}", outcome.stderr);
        import(&fixture, "email,,first-name\na@example.com,x,Ann\n", &["--ignore-unknown"]).expect(0);
        let outcome = import(&fixture, "email;first-name;\r\nc@example.com;Cho;x\r\nd@example.com\r\n", &[]).expect(1);
        for line in ["line 2: the row has 3 cells; the header line has 2", "line 3: the row has 1 cells"] {
            assert!(outcome.stderr.contains(line), "{}", outcome.stderr);
        }
    }
}

#[test]
fn cells_are_trimmed_and_lists_have_three_forms() {
    for fixture in ImportFixture::all() {
        let text = "email,first-name,unit,phone,is-enabled\n  a@example.com ,\u{A0}Ann\t, A | B|,\"[\"\"1, 2\"\"]\", YES \n\
                    b@example.com,\"\"\" Bob \"\"\",\"R&D, West\",,0\n";
        import(&fixture, text, &[]).expect(0);
        let (ann, bob) = (user(&fixture, "a@example.com"), user(&fixture, "b@example.com"));
        assert_eq!((&ann["first-name"], &bob["first-name"]), (&"Ann".into(), &" Bob ".into()));
        assert_eq!(ann["unit"], serde_json::json!(["A", "B"]));
        assert_eq!(bob["unit"], serde_json::json!(["R&D, West"]));
        assert_eq!((&ann["phone"], &ann["is-enabled"]), (&serde_json::json!(["1, 2"]), &true.into()));
        assert_eq!(bob["is-enabled"], false);
        let outcome = import(&fixture, "email,unit\na@example.com,[A\n", &[]).expect(1);
        let reason = "line 2: `unit`: must be a JSON array of strings, for example `[\"a\",\"b\"]`";
        assert!(outcome.stderr.contains(reason) && outcome.stderr.contains("got `[A`"), "{}", outcome.stderr);
    }
}

#[test]
fn an_empty_cell_keeps_the_value_unless_empty_cells_clear() {
    for fixture in ImportFixture::all() {
        import(&fixture, "email,first-name,unit,is-enabled\na@example.com,Ann,Sales,no\n", &[]).expect(0);
        let empty = "email,first-name,unit,is-enabled\na@example.com,, ,\n";
        assert_eq!(counts(&import(&fixture, empty, &[]).expect(0))[0], [0, 0, 1, 0]);
        assert_eq!(user(&fixture, "a@example.com")["first-name"], "Ann");
        assert_eq!(counts(&import(&fixture, empty, &["--empty", "clear"]).expect(0))[0], [0, 1, 0, 0]);
        let ann = user(&fixture, "a@example.com");
        assert!(ann["first-name"].is_null() && ann["unit"] == serde_json::json!([]) && ann["is-enabled"] == false);
    }
}

#[test]
fn a_rejected_cell_names_line_column_value_and_cure() {
    for fixture in ImportFixture::all() {
        let text = "Work Email;Is Enabled;Access Level;First Name\r\nbad;maybe;boss;Ann\r\n;;;Bob\r\n";
        let outcome = import(&fixture, text, &[]).expect(1);
        for part in [
            "line 2: `Is Enabled`: must be `true`, `yes`",
            "got `bad`",
            "`Work Email`: must be a valid e-mail address",
            "got `maybe`",
            "`Access Level`: must be one of",
            "got `boss`",
            "line 3: `Work Email` is missing",
        ] {
            assert!(outcome.stderr.contains(part), "{part} in {}", outcome.stderr);
        }
        assert_eq!(counts(&outcome)[0], [0, 0, 0, 2]);
    }
}
