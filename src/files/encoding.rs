//! Decodes the bytes of a file to UTF-8.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::signature::detect;

/// Bytes of a file that are read together.
const CHUNK: usize = 1 << 16;
/// The bytes at the beginning that decide on the encoding.
const START: usize = 9;

/// Decodes a file while it is read, and refuses it at the first byte that is not valid.
pub struct TextReader<R> {
    inner: R,
    encoding: &'static Encoding,
    decoder: Decoder,
    /// Bytes of the file, of which those from `start` to `end` are not decoded yet.
    raw: Vec<u8>,
    start: usize,
    end: usize,
    is_at_end: bool,
    /// Decoded text, of which that from `taken` to `ready` is not taken yet.
    text: Vec<u8>,
    taken: usize,
    ready: usize,
    is_decoded: bool,
    position: TextPosition,
    /// Why the file is refused after the text that is ready.
    problem: Option<String>,
}

/// Where the decoded text ends.
#[derive(Debug, Clone, Copy)]
struct TextPosition {
    line: u64,
    /// Bytes of the file since the line began.
    bytes: u64,
}

/// Parses the name of an encoding, such as `windows-1252`.
///
/// # Errors
/// Examples of names.
pub fn parse_encoding(name: &str) -> Result<&'static Encoding, String> {
    let found = Encoding::for_label_no_replacement(name.as_bytes());
    found.ok_or_else(|| "must be the name of an encoding, such as `utf-8`, `windows-1252` or `utf-16le`".to_owned())
}

impl<R: Read> TextReader<R> {
    /// Reads from the beginning of a file. A byte order mark decides on the encoding; without one it is `named`, or
    /// else UTF-8.
    ///
    /// # Errors
    /// Those of the file, and [`io::ErrorKind::InvalidData`] for a file that is no text.
    pub fn new(mut inner: R, named: Option<&'static Encoding>) -> io::Result<Self> {
        let mut raw = vec![0; CHUNK];
        let (end, is_at_end) = read_start(&mut inner, &mut raw)?;
        let begin = raw.get(..end).unwrap_or_default();
        let (encoding, mark) = detect(begin, named).map_err(invalid)?;
        Ok(Self {
            inner,
            encoding,
            decoder: encoding.new_decoder_without_bom_handling(),
            raw,
            start: mark,
            end,
            is_at_end,
            text: vec![0; CHUNK],
            taken: 0,
            ready: 0,
            is_decoded: false,
            position: TextPosition { line: 1, bytes: mark as u64 },
            problem: None,
        })
    }

    /// The name of the encoding.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        self.encoding.name()
    }

    /// Decodes the next piece of text.
    fn decode(&mut self) -> io::Result<()> {
        (self.taken, self.ready) = (0, 0);
        while self.ready == 0 && !self.is_decoded {
            if let Some(problem) = &self.problem {
                return Err(invalid(problem.clone()));
            }
            if self.start == self.end && !self.is_at_end {
                self.start = 0;
                self.end = read_some(&mut self.inner, &mut self.raw)?;
                self.is_at_end = self.end == 0;
            }
            let raw = self.raw.get(self.start..self.end).unwrap_or_default();
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.is_at_end);
            self.start += read;
            let decoded = self.text.get(..written).unwrap_or_default();
            self.position.advance(self.encoding, decoded);
            if let DecoderResult::Malformed(..) = result {
                self.problem = Some(self.describe_malformed());
            }
            self.is_decoded = self.is_at_end && result == DecoderResult::InputEmpty;
            self.ready = written;
        }
        Ok(())
    }

    fn describe_malformed(&self) -> String {
        let TextPosition { line, bytes } = self.position;
        let name = self.encoding.name();
        let is_cut = self.is_at_end && self.start == self.end;
        let what = if is_cut { "or the file was cut inside a character" } else { "so the file has another encoding" };
        format!(
            "line {line}, byte {}: not valid {name}, {what}; save it as UTF-8, or name its encoding, for example \
             `--encoding windows-1252`",
            bytes + 1
        )
    }
}

impl<R: Read> Read for TextReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for TextReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.ready {
            self.decode()?;
        }
        Ok(self.text.get(self.taken..self.ready).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.taken = self.ready.min(self.taken + amount);
    }
}

impl TextPosition {
    fn advance(&mut self, encoding: &'static Encoding, text: &[u8]) {
        let ends = text.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        let tail = if ends > 0 { text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default() } else { text };
        if ends > 0 {
            (self.line, self.bytes) = (self.line + ends, 0);
        }
        self.bytes += encoded_length(encoding, tail) as u64;
    }
}

/// The bytes that a text has in a file.
fn encoded_length(encoding: &'static Encoding, text: &[u8]) -> usize {
    if encoding == UTF_8 {
        return text.len();
    }
    let text = String::from_utf8_lossy(text);
    if encoding == UTF_16LE || encoding == UTF_16BE {
        return text.encode_utf16().count() * 2;
    }
    encoding.encode(&text).0.len()
}

/// Reads the beginning of a file: the number of bytes, and whether the file ends with them.
fn read_start(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
    let mut end = 0;
    while end < START {
        match read_some(file, buffer.get_mut(end..).unwrap_or_default())? {
            0 => return Ok((end, true)),
            read => end += read,
        }
    }
    Ok((end, false))
}

fn read_some(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file that is read in small pieces.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }

    fn decode(bytes: &[u8], named: Option<&str>, piece: usize) -> Result<String, String> {
        let named = named.map(|name| parse_encoding(name).unwrap());
        let mut text = String::new();
        let mut reader = TextReader::new(Pieces(bytes, piece), named).map_err(|error| error.to_string())?;
        reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn an_invalid_byte_is_refused_with_its_line_and_byte() {
        let mark = b"\xEF\xBB\xBF".to_vec();
        let wide = [b"\xFF\xFE".to_vec(), utf_16("ä\nxy", u16::to_le_bytes), b"\x00\xDC".to_vec()].concat();
        for (bytes, place) in [
            (b"a,b\nc\xF6,d\n".to_vec(), "line 2, byte 2: not valid UTF-8, so"),
            (b"\xE9".to_vec(), "line 1, byte 1: not valid UTF-8, or the file was cut"),
            (b"a\n\xC3\xA4\xE2\x82".to_vec(), "line 2, byte 3: not valid UTF-8, or the file was cut"),
            ([mark, b"\xC0x".to_vec()].concat(), "line 1, byte 4: not valid UTF-8"),
            (wide, "line 2, byte 5: not valid UTF-16LE"),
        ] {
            for piece in [1, 3, 100] {
                let reason = decode(&bytes, None, piece).unwrap_err();
                assert!(reason.contains(place) && reason.contains("--encoding windows-1252"), "{reason}");
            }
        }
    }

    #[test]
    fn files_that_are_no_text_are_refused() {
        for (bytes, reason) in [
            (&b"PK\x03\x04\x14\0"[..], "ZIP"),
            (b"PK\x05\x06", "ZIP"),
            (b"\xD0\xCF\x11\xE0\xA1", ".xls"),
            (b"\x1F\x8B\x08", "gzip"),
            (b"%PDF-1.7", "PDF"),
            (b"<!DOCTYPE html>", "web page"),
            (b"<html>", "web page"),
            (b"a\0b\0", "--encoding utf-16le"),
            (b"\0a\0b", "--encoding utf-16be"),
        ] {
            assert!(decode(bytes, None, 2).unwrap_err().contains(reason), "{bytes:?}");
        }
        assert_eq!(decode(b"a\0b\0", Some("utf-16le"), 1).unwrap(), "ab");
        assert!(parse_encoding("utf-7").is_err() && parse_encoding("replacement").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            piece in 1..50_usize,
            named in prop::option::of("utf-8|windows-1252|utf-16le|shift_jis|gb18030"),
        ) {
            let whole = decode(&bytes, named.as_deref(), 1_000);
            prop_assert_eq!(decode(&bytes, named.as_deref(), piece), whole);
        }

        #[test]
        fn text_is_decoded_from_every_encoding(text in "\\PC{0,50}\n[a-zäöüß€]{0,9}", piece in 1..9_usize) {
            let text = format!("a{text}");
            prop_assert_eq!(&decode(text.as_bytes(), None, piece).unwrap(), &text);
            let marked = format!("\u{FEFF}{text}");
            prop_assert_eq!(&decode(marked.as_bytes(), Some("windows-1252"), piece).unwrap(), &text);
            prop_assert_eq!(&decode(&utf_16(&marked, u16::to_le_bytes), None, piece).unwrap(), &text);
            prop_assert_eq!(&decode(&utf_16(&marked, u16::to_be_bytes), None, piece).unwrap(), &text);
            let (latin, _, has_others) = encoding_rs::WINDOWS_1252.encode(&text);
            if !has_others {
                prop_assert_eq!(&decode(&latin, Some("windows-1252"), piece).unwrap(), &text);
            }
        }
    }
}
