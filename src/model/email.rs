//! E-mail addresses: which are valid (RFC 5321 §4.1.2, with the internationalized characters of RFC 6531 §3.3).
//!
//! The part before `@` may contain any character beyond ASCII that is neither a space, a control nor a format
//! character. Joiners are format characters (Cf), so they are refused there; in a domain UTS 46 accepts them where the
//! script needs them (RFC 5892, "CONTEXTJ"). The domain must be valid by UTS 46, in its Unicode or its ASCII form.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::field::MAX_EMAIL_BYTES;
use super::text::excerpt;

/// The most bytes before `@` (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;
/// ASCII that a domain must not contain: all but letters, digits, `-`, `.` and, since internal hosts have it, `_`.
const NOT_IN_DOMAINS: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// Whether a text is a valid address.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    complaint_about(text).is_none()
}

/// What is wrong with an address, as the end of a sentence; `None` if it is valid.
///
/// ```
/// use user_relationships::model::email::complaint_about;
///
/// assert_eq!(complaint_about("विश्व@bücher.example"), None);
/// assert_eq!(complaint_about("ann tag@example.com").unwrap(), "a space is not allowed before `@`");
/// ```
#[must_use]
pub fn complaint_about(text: &str) -> Option<String> {
    if text.len() > MAX_EMAIL_BYTES {
        return Some(format!("it has more than {MAX_EMAIL_BYTES} bytes"));
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return Some("it has no `@`".to_owned()) };
    complaint_about_local_part(local).or_else(|| complaint_about_domain(domain))
}

fn complaint_about_local_part(local: &str) -> Option<String> {
    if local.is_empty() {
        return Some("there is nothing before `@`".to_owned());
    }
    if local.len() > MAX_LOCAL_BYTES {
        return Some(format!("there are more than {MAX_LOCAL_BYTES} bytes before `@`"));
    }
    if let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return complaint_about_quoted(quoted);
    }
    if local.split('.').any(str::is_empty) {
        return Some("a dot before `@` must be between two other characters".to_owned());
    }
    local.chars().find(|letter| *letter != '.' && !is_atom(*letter)).map(refusal)
}

/// What is wrong with the inside of a quoted string.
fn complaint_about_quoted(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("there is nothing between the quotation marks".to_owned());
    }
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let is_allowed = match letter {
            '\\' => letters.next().is_some_and(|escaped| escaped == ' ' || escaped.is_ascii_graphic()),
            letter => letter != '"' && (letter == ' ' || letter.is_ascii_graphic() || is_international(letter)),
        };
        if !is_allowed {
            return Some(refusal(letter));
        }
    }
    None
}

fn complaint_about_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(domain.as_bytes(), NOT_IN_DOMAINS, Hyphens::CheckFirstLast, DnsLength::Verify);
    ascii.err().map(|_| format!("`{}` is not a domain name", excerpt(domain)))
}

fn is_atom(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter) || is_international(letter)
}

fn is_international(letter: char) -> bool {
    let is_format = || CodePointMapData::<GeneralCategory>::new().get(letter) == GeneralCategory::Format;
    !letter.is_ascii() && !letter.is_whitespace() && !letter.is_control() && !is_format()
}

fn refusal(letter: char) -> String {
    match letter {
        ' ' => "a space is not allowed before `@`".to_owned(),
        letter if letter.is_ascii_graphic() => format!("`{letter}` is not allowed before `@`"),
        letter => format!("U+{:04X} is not allowed before `@`", u32::from(letter)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_of_all_scripts_are_valid() {
        for email in [
            "ann+tag@example.com",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "\"a b@c\\\"\"@example.com",
            "ann@localhost",
            "ann@1.2.3.4",
            "ann@my_host.example",
            "ann@a--b.example",
            "विश्व@उदाहरण.भारत",
            "สมศรี@ตัวอย่าง.ไทย",
            "தமிழ்@உதாரணம்.இந்தியா",
            "ខ្មែរ@ឧទាហរណ៍.ខ្មែរ",
            "မြန်မာ@example.com",
            "ಕನ್ನಡ@example.com",
            "ආයුබෝවන්@example.lk",
            "አማርኛ@example.com",
            "ᠮᠣᠩᠭᠣᠯ@example.com",
            "josé@example.com",
            "jose\u{301}@bu\u{308}cher.example",
            "ann@bücher.example",
            "ann@xn--bcher-kva.example",
            "x@col·legi.cat",
            "x@faß.example",
            "אבג@דוגמה.קום",
            "مثال@موقع.وزارة",
            // A joiner after a virama, and between Persian letters.
            "x@ශ්\u{200D}රී.example",
            "x@نامه\u{200C}ای.example",
            "😀@example.com",
            "ann@ｅxample。com",
        ] {
            assert_eq!(complaint_about(email), None, "{email}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for (email, complaint) in [
            ("", "it has no `@`"),
            ("ann", "it has no `@`"),
            ("@example.com", "there is nothing before `@`"),
            ("ann tag@example.com", "a space is not allowed before `@`"),
            (" ann@example.com", "a space is not allowed before `@`"),
            ("ann\u{A0}x@example.com", "U+00A0 is not allowed before `@`"),
            ("ann\u{200B}@example.com", "U+200B is not allowed before `@`"),
            ("a\u{200D}b@example.com", "U+200D is not allowed before `@`"),
            ("a\u{2028}b@example.com", "U+2028 is not allowed before `@`"),
            ("a\u{85}b@example.com", "U+0085 is not allowed before `@`"),
            ("a\tb@example.com", "U+0009 is not allowed before `@`"),
            ("a@b@example.com", "`@` is not allowed before `@`"),
            ("Ann <ann@example.com>", "a space is not allowed before `@`"),
            ("a..b@example.com", "a dot before `@` must be between two other characters"),
            (".a@example.com", "a dot before `@` must be between two other characters"),
            ("\"\"@example.com", "there is nothing between the quotation marks"),
            ("\"a\"b\"@example.com", "`\"` is not allowed before `@`"),
            ("\"a\\\"@example.com", "`\\` is not allowed before `@`"),
            ("\"@example.com", "`\"` is not allowed before `@`"),
            ("ann@", "`` is not a domain name"),
            ("ann@example.com ", "`example.com ` is not a domain name"),
            ("ann@exa mple.com", "`exa mple.com` is not a domain name"),
            ("ann@example..com", "`example..com` is not a domain name"),
            ("ann@example.com.", "`example.com.` is not a domain name"),
            ("ann@-a.example", "`-a.example` is not a domain name"),
            ("ann@a-.example", "`a-.example` is not a domain name"),
            ("ann@a!b.example", "`a!b.example` is not a domain name"),
            ("ann@[127.0.0.1]", "`[127.0.0.1]` is not a domain name"),
            ("ann@xn--a.example", "`xn--a.example` is not a domain name"),
            // A joiner where the script does not need it.
            ("ann@a\u{200D}b.example", "`a\u{200D}b.example` is not a domain name"),
        ] {
            assert_eq!(complaint_about(email).as_deref(), Some(complaint), "{email}");
        }
        let long = |local: usize, label: usize| format!("{}@{}.example", "a".repeat(local), "b".repeat(label));
        assert!(is_valid(&long(64, 63)));
        for email in [long(65, 1), long(1, 64), format!("{}.{}", long(1, 63), "c.".repeat(100) + "c")] {
            assert!(!is_valid(&email), "{email}");
        }
    }

    proptest! {
        #[test]
        fn any_letter_may_be_before_the_at_sign(letters in "[\\p{L}\\p{M}\\p{N}]{1,12}") {
            prop_assume!(letters.len() <= MAX_LOCAL_BYTES);
            prop_assert_eq!(complaint_about(&format!("{letters}@example.com")), None);
        }

        #[test]
        fn spaces_controls_and_format_characters_are_refused(letter in "[\\p{Z}\\p{Cc}\\p{Cf}]") {
            let email = format!("a{letter}b@example.com");
            prop_assert!(!is_valid(&email));
        }

        #[test]
        fn no_text_causes_a_panic(text: String) {
            let _ = complaint_about(&text);
            let _ = complaint_about(&format!("a@{text}"));
        }
    }
}
