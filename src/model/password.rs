//! What a password must be, wherever it is set.

use super::opaque_string::normalize_password;

/// The fewest characters of a password that `/api/v2` or the command line sets. A form has its own rule.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// The most bytes of a password.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// What is wrong with a new password. The text does not contain it.
#[must_use]
pub fn complaint_about_password(password: &str) -> Option<String> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Some(format!("a password must have at most {MAX_PASSWORD_BYTES} bytes"));
    }
    if password.contains('\0') {
        return Some("a password must not contain U+0000".to_owned());
    }
    let has_enough = normalize_password(password).chars().nth(MIN_PASSWORD_CHARS - 1).is_some();
    (!has_enough).then(|| format!("a password must have at least {MIN_PASSWORD_CHARS} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_enough_characters_after_normalization_and_not_too_many_bytes() {
        for good in ["12345678", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", "        ", &"p".repeat(1_024)] {
            assert_eq!(complaint_about_password(good), None, "{good}");
        }
        for bad in ["", "1234567", "e\u{301}e\u{301}e\u{301}e\u{301}", "12345678\0", &"p".repeat(1_025)] {
            let complaint = complaint_about_password(bad).unwrap();
            assert!(bad.is_empty() || !complaint.contains(bad), "{complaint}");
        }
    }
}
