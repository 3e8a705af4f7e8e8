//! Splits a script of SQL into statements, as `psql` does.
//!
//! It knows comments, strings, quoted names and dollar quotes of PostgreSQL. It does not know bodies of functions between
//! `BEGIN ATOMIC` and `END`, which migrations do not use.

/// What a piece of a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// White space, or a comment.
    Blank,
    /// The semicolon after a statement.
    End,
    /// A part of a statement.
    Sql,
}

/// The statements of a script in order, without the semicolons after them and the comments before them.
///
/// A string or a comment without an end reaches to the end of the script; the server then refuses the statement.
pub(super) fn split(script: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut rest, mut begin) = (script, None);
    while !rest.is_empty() {
        let (length, piece) = measure(rest);
        match piece {
            Piece::Blank => {}
            Piece::Sql => begin = begin.or(Some(rest)),
            Piece::End => statements.extend(begin.take().map(|begin| before(begin, rest))),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    statements.extend(begin.map(|begin| before(begin, rest)));
    statements
}

/// The part of `begin` before `rest`, which is a later part of the same script, without white space at its end.
fn before<'s>(begin: &'s str, rest: &str) -> &'s str {
    begin.get(..begin.len() - rest.len()).unwrap_or(begin).trim_end()
}

/// The length in bytes of the first piece of a text that is not empty.
fn measure(text: &str) -> (usize, Piece) {
    let mut chars = text.chars();
    let (first, second) = (chars.next().unwrap_or_default(), chars.next());
    match (first, second) {
        (';', _) => (1, Piece::End),
        ('-', Some('-')) => (text.find('\n').unwrap_or(text.len()), Piece::Blank),
        ('/', Some('*')) => (comment(text), Piece::Blank),
        ('\'' | '"', _) => (quoted(text, first, false), Piece::Sql),
        ('e' | 'E', Some('\'')) => (1 + quoted(&text[1..], '\'', true), Piece::Sql),
        ('$', _) => (dollar_quoted(text).unwrap_or(1), Piece::Sql),
        _ if first.is_whitespace() => (first.len_utf8(), Piece::Blank),
        _ => (word(text).max(first.len_utf8()), Piece::Sql),
    }
}

/// The length of a name, a keyword or a number, in which `$` does not begin a quote.
fn word(text: &str) -> usize {
    text.find(|char| !is_of_name(char) && char != '$').unwrap_or(text.len())
}

fn is_of_name(char: char) -> bool {
    char == '_' || char.is_ascii_alphanumeric() || !char.is_ascii()
}

/// The length of a comment between `/*` and `*/`, which may contain others.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let is_begin = rest.starts_with("/*");
        let is_end = rest.starts_with("*/");
        depth = if is_end { depth.saturating_sub(1) } else { depth + usize::from(is_begin) };
        let length = if is_begin || is_end { 2 } else { char.len_utf8() };
        rest = rest.get(length..).unwrap_or_default();
        if depth == 0 {
            break;
        }
    }
    text.len() - rest.len()
}

/// The length of a string or a name between two quotes. Two quotes are one in it, and so is one after a backslash if those
/// escape.
fn quoted(text: &str, quote: char, has_escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\\' && has_escapes {
            chars.next();
        } else if char == quote && chars.next_if(|&(_, next)| next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a string between `$tag$` and `$tag$`; `None` if the text does not begin with such a mark.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = text.get(1..)?.split_once('$')?.0;
    if !tag.chars().all(is_of_name) || tag.starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    let (mark, body) = text.split_at_checked(tag.len() + 2)?;
    Some(body.find(mark).map_or(text.len(), |at| at + 2 * mark.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_script_is_split_at_the_semicolons_between_statements() {
        let splits: [(&str, &[&str]); 15] = [
            ("", &[]),
            (" ;; \n", &[]),
            ("-- nothing; at all", &[]),
            ("SELECT 1", &["SELECT 1"]),
            ("SELECT 1; SELECT 2 ;", &["SELECT 1", "SELECT 2"]),
            ("-- one; two\nSELECT 1; -- three;\n", &["SELECT 1"]),
            ("SELECT 1 -- a; b\n + 2;", &["SELECT 1 -- a; b\n + 2"]),
            ("/* a; /* b; */ c; */ SELECT /* ; */ 1; SELECT 2", &["SELECT /* ; */ 1", "SELECT 2"]),
            ("SELECT 'a;''b;'; SELECT ''", &["SELECT 'a;''b;'", "SELECT ''"]),
            (r"SELECT '\'; SELECT E'\';''\\'; SELECT 3", &[r"SELECT '\'", r"SELECT E'\';''\\'", "SELECT 3"]),
            (r#"SELECT 1 AS "a;""b"; SELECT 2"#, &[r#"SELECT 1 AS "a;""b""#, "SELECT 2"]),
            ("DO $$ BEGIN; END $$; SELECT 2", &["DO $$ BEGIN; END $$", "SELECT 2"]),
            ("DO $a$ $$;$b$ $a$; SELECT $1; SELECT $2", &["DO $a$ $$;$b$ $a$", "SELECT $1", "SELECT $2"]),
            ("SELECT a$b$ FROM c; SELECT d$b$", &["SELECT a$b$ FROM c", "SELECT d$b$"]),
            ("SELECT 'ä;ö', ü$ß$; SELECT 'unfinished; ", &["SELECT 'ä;ö', ü$ß$", "SELECT 'unfinished;"]),
        ];
        for (script, statements) in splits {
            assert_eq!(split(script), statements, "{script}");
        }
    }

    /// A part of a statement in which semicolons separate nothing, and which no part next to it changes.
    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z_]{1,8}",
            "[0-9]{1,4}",
            "'[a-z;$/*\"-]{0,8}'",
            "E'([a-z;$\"-]|\\\\['a;]){0,8}'",
            "\"[a-z;$/*'-]{1,8}\"",
            "\\$\\$[a-z;'\"/*-]{0,8}\\$\\$",
            "\\$tag\\$([a-z;'\"/*-]|\\$\\$){0,8}\\$tag\\$",
            "/\\*[a-z;'\"$-]{0,8}\\*/",
            "--[a-z;'\"$/*-]{0,8}\n",
            "[(),.<>=+]",
        ]
    }

    proptest! {
        #[test]
        fn statements_that_were_joined_are_split_again(
            statements in proptest::collection::vec(proptest::collection::vec(part(), 0..6), 0..6),
            blank in "[ \n]{0,3}",
        ) {
            let statements: Vec<_> = statements.iter().map(|parts| format!("SELECT {} 0", parts.join(" "))).collect();
            let parts: Vec<_> = statements.iter().map(|statement| format!("{blank}{statement}{blank};")).collect();
            let script = parts.concat();
            prop_assert_eq!(split(&script), statements);
        }

        #[test]
        fn no_text_is_lost_or_makes_it_fail(script in "([;'\"$/*eE\\\\ä\n-]|[a-z ]){0,40}") {
            let mut rest = &*script;
            for statement in split(&script) {
                let at = rest.find(statement).expect("statements are parts in order");
                rest = &rest[at + statement.len()..];
            }
        }
    }
}
