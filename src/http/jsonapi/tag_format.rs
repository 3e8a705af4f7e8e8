//! The format of the entity tag of one resource: `{state}-{answer}{check}`, in hexadecimal digits and without quotes.

use aws_lc_rs::digest::{SHA256, digest};

use crate::model::state::{RowState, STATE_BYTES};

/// The length of the hash of everything in a response besides the state of the resource, in bytes.
const ANSWER_BYTES: usize = 8;
/// The length of the hash of the other two parts, in bytes.
const CHECK_BYTES: usize = 4;

/// The length of a tag, in characters.
pub const LENGTH: usize = 2 * (STATE_BYTES + ANSWER_BYTES + CHECK_BYTES) + 1;

/// Appends a tag to a text.
pub fn push(text: &mut String, state: RowState, answer: [u8; ANSWER_BYTES]) {
    push_hex(text, state.bytes());
    text.push('-');
    push_hex(text, &answer);
    push_hex(text, &check_of(state, answer));
}

/// The state in a tag; `None` for a text that [`push`] did not write.
#[must_use]
pub fn parse(text: &str) -> Option<RowState> {
    let (state, rest) = text.split_once('-')?;
    let (answer, check) = rest.split_at_checked(2 * ANSWER_BYTES)?;
    let state = RowState::from_bytes(bytes_of(state)?);
    (bytes_of(check)? == check_of(state, bytes_of(answer)?)).then_some(state)
}

fn check_of(state: RowState, answer: [u8; ANSWER_BYTES]) -> [u8; CHECK_BYTES] {
    let mut parts = [0; STATE_BYTES + ANSWER_BYTES];
    let (first, second) = parts.split_at_mut(STATE_BYTES);
    first.copy_from_slice(state.bytes());
    second.copy_from_slice(&answer);
    digest(&SHA256, &parts).as_ref().first_chunk().copied().unwrap_or_default()
}

/// Appends bytes in lower-case hexadecimal digits.
pub fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        }
    }
}

/// Decodes lower-case hexadecimal digits.
fn bytes_of<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let is_hex = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex || digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tag_can_be_parsed_and_a_changed_one_cannot(
            state: [u8; STATE_BYTES],
            answer: [u8; ANSWER_BYTES],
            place in 0usize..57,
            letter in "[0-9a-f-]",
        ) {
            let state = RowState::from_bytes(state);
            let mut text = String::new();
            push(&mut text, state, answer);
            prop_assert_eq!(text.len(), LENGTH);
            prop_assert_eq!(parse(&text), Some(state));
            let mut changed = text.clone();
            changed.replace_range(place..=place, &letter);
            prop_assert_eq!(parse(&changed).is_some(), changed == text);
            prop_assert_eq!(parse(&text.to_uppercase()).is_some(), text.to_uppercase() == text);
        }

        #[test]
        fn no_text_causes_a_panic(text in ".{0,70}") {
            prop_assert_eq!(parse(&text), None);
        }
    }
}
