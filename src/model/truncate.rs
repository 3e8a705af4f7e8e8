//! Texts that are cut at a limit, so that no value of a request makes a log line as long as its sender likes.

use std::fmt::{self, Display, Formatter, Write};

/// Displays at most a number of bytes of a value, then says how many more there are.
///
/// The value is formatted piece by piece: nothing is allocated.
#[derive(Debug, Clone, Copy)]
pub struct Truncated<D> {
    value: D,
    limit: usize,
}

impl<D: Display> Truncated<D> {
    /// Displays the first `limit` bytes of `value`, or fewer where a character would be split.
    pub const fn new(value: D, limit: usize) -> Self {
        Self { value, limit }
    }
}

impl<D: Display> Display for Truncated<D> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let mut head = Head { out, left: self.limit, omitted: 0 };
        write!(head, "{}", self.value)?;
        match head.omitted {
            0 => Ok(()),
            omitted => write!(out, "… ({omitted} bytes cut)"),
        }
    }
}

/// Passes the first bytes on and counts the rest.
struct Head<'o, 'f> {
    out: &'o mut Formatter<'f>,
    left: usize,
    omitted: usize,
}

impl Write for Head<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Once something is omitted, all that follows is: otherwise a short piece could fill the gap.
        let room = if self.omitted > 0 { 0 } else { self.left };
        let (head, rest) = text.split_at_checked(text.floor_char_boundary(room)).unwrap_or((text, ""));
        self.left = self.left.saturating_sub(head.len());
        self.omitted = self.omitted.saturating_add(rest.len());
        self.out.write_str(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(value: impl Display, limit: usize) -> String {
        Truncated::new(value, limit).to_string()
    }

    #[test]
    fn a_value_up_to_the_limit_is_shown_whole_and_a_longer_one_is_cut() {
        assert_eq!(show("abc", 3), "abc");
        assert_eq!(show("abcd", 3), "abc… (1 bytes cut)");
        assert_eq!(show("äöü", 3), "ä… (4 bytes cut)");
        assert_eq!(show(format_args!("{}{}{}", "ab", "ö", "c"), 3), "ab… (3 bytes cut)");
        assert_eq!(show("", 0), "");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_at_a_character(text: String, limit in 0_usize..40) {
            let shown = show(&text, limit);
            let head = shown.split('…').next().unwrap_or_default();
            prop_assert!(text.len() <= limit || head.len() <= limit);
            prop_assert!(text.len() > limit || shown == text);
        }
    }
}
