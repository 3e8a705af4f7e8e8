//! Finds text after the closing quotation mark of a cell, which the parser of CSV accepts although it loses the mark.

/// Reads the bytes of a record.
#[derive(Debug)]
pub struct QuotationCheck {
    delimiter: u8,
    place: QuotePlace,
    /// The number of the present cell, from 1.
    cell: usize,
    /// The number of the first cell with text after a quotation.
    wrong: Option<usize>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QuotePlace {
    /// At the beginning of a cell.
    Start,
    /// In a cell without quotation marks around it, where a quotation mark is text.
    Plain,
    /// Inside a quotation.
    Quoted,
    /// After a quotation mark that closes a quotation, unless another one follows.
    Closed,
    /// After a quotation and spaces.
    Spaces,
}

impl QuotationCheck {
    /// Begins with a record.
    #[must_use]
    pub const fn new(delimiter: u8) -> Self {
        Self { delimiter, place: QuotePlace::Start, cell: 1, wrong: None }
    }

    /// Reads more bytes of a record.
    pub fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.place = self.next(*byte);
        }
    }

    fn next(&mut self, byte: u8) -> QuotePlace {
        match (self.place, byte) {
            (QuotePlace::Start | QuotePlace::Closed, b'"') | (QuotePlace::Quoted, 0..=b'!' | b'#'..) => {
                QuotePlace::Quoted
            }
            (QuotePlace::Quoted, b'"') => QuotePlace::Closed,
            (_, byte) if byte == self.delimiter => {
                self.cell += 1;
                QuotePlace::Start
            }
            (_, b'\r' | b'\n') => QuotePlace::Start,
            (QuotePlace::Closed | QuotePlace::Spaces, b' ') => QuotePlace::Spaces,
            (QuotePlace::Closed | QuotePlace::Spaces, _) => {
                self.wrong = self.wrong.or(Some(self.cell));
                QuotePlace::Plain
            }
            (QuotePlace::Start | QuotePlace::Plain, _) => QuotePlace::Plain,
        }
    }

    /// What is wrong with the record. The next one begins.
    pub fn finish(&mut self) -> Option<String> {
        let Self { wrong, .. } = std::mem::replace(self, Self::new(self.delimiter));
        wrong.map(|cell| {
            format!("cell {cell}: text follows a closing quotation mark; write each quotation mark inside a cell twice, `\"\"`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_after_a_quotation_is_found_and_other_quotation_marks_are_text() {
        for (row, wrong) in [
            ("a;\"b\";c", None),
            ("a;\"b \"\"c\"\"\";d", None),
            ("5\" pipe;a\"b\";\"\"", None),
            ("\"a\" ;\"b\"\r\n", None),
            ("\"a;\nb\";\"\"\"\"", None),
            ("\"a", None),
            ("a;\"b\"c", Some(2)),
            ("\"a\" b;\"c\"d", Some(1)),
            ("\"a\"\"\"b", Some(1)),
            ("\"a;\nb;\"c\";d", Some(1)),
        ] {
            let mut check = QuotationCheck::new(b';');
            row.as_bytes().chunks(2).for_each(|bytes| check.read(bytes));
            let found = check.finish();
            assert_eq!(found.is_some(), wrong.is_some(), "{row}");
            assert!(
                found.unwrap_or_default().starts_with(&wrong.map_or_else(String::new, |cell| format!("cell {cell}: ")))
            );
            check.read(b"a;b\n");
            assert_eq!(check.finish(), None, "{row}: the next record begins at its start");
        }
    }

    proptest! {
        #[test]
        fn a_row_with_doubled_quotation_marks_is_never_wrong(
            cells in prop::collection::vec("[a;\"\r\n ]{0,8}", 1..5),
            pieces in 1..5_usize,
        ) {
            let quoted: Vec<_> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            let mut check = QuotationCheck::new(b';');
            let row = quoted.join(";") + "\r\n";
            row.as_bytes().chunks(pieces).for_each(|bytes| check.read(bytes));
            prop_assert_eq!(check.finish(), None);
        }
    }
}
