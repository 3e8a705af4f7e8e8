//! What the first bytes of a file say about it.

use encoding_rs::{Encoding, UTF_8};

/// The first bytes of files that are no text, and what to do with such a file.
const NO_TEXT: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "the file is a ZIP archive or an Excel workbook (.xlsx), not text; save the sheet as CSV"),
    (b"PK\x05\x06", "the file is an empty ZIP archive, not text; save the sheet as CSV"),
    (b"\xD0\xCF\x11\xE0", "the file is an Excel workbook (.xls), not text; save the sheet as CSV"),
    (b"%PDF-", "the file is a PDF document, not text; export the data as CSV"),
    (b"<!DOCTYPE", "the file is a web page, not a table; sign in and download the file again"),
    (b"<html", "the file is a web page, not a table; sign in and download the file again"),
    (b"\x1F\x8B", "the file is compressed with gzip; decompress it first, for example with `gunzip`"),
];

/// The encoding of a file that begins with these bytes, and the length of its byte order mark. Without a mark it is
/// `named`, or else UTF-8.
///
/// # Errors
/// A file that is no text, and what to do with it.
pub fn detect(start: &[u8], named: Option<&'static Encoding>) -> Result<(&'static Encoding, usize), String> {
    if let Some((_, reason)) = NO_TEXT.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err((*reason).to_owned());
    }
    if let Some(found) = Encoding::for_bom(start) {
        return Ok(found);
    }
    let refuse = |order, name| {
        Err(format!(
            "the encoding is UTF-16 ({order} endian) without a byte order mark; save it as UTF-8, or use \
             `--encoding {name}`"
        ))
    };
    match (named, start) {
        (Some(named), _) => Ok((named, 0)),
        (None, [1..=u8::MAX, 0, ..]) => refuse("little", "utf-16le"),
        (None, [0, 1..=u8::MAX, ..]) => refuse("big", "utf-16be"),
        (None, _) => Ok((UTF_8, 0)),
    }
}
