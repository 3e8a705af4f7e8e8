//! `RUST_LOG`: a log filter in `env_logger`'s grammar. `env_logger` itself ignores invalid parts, and then logs nothing.

use log::LevelFilter;

use crate::model::text::excerpt;

/// The crates that log, besides those of the HTTP server. A word alone is a level or a crate that logs, so that a
/// mistyped level is not taken for a module.
const CRATES: [&str; 4] = ["jsonapi", "mio", "r2d2", "user_relationships"];

/// Checks a filter: directives, separated by commas, and optionally `/` and a text that messages must contain.
pub(super) fn parse_log_filter(text: &str) -> Result<String, String> {
    let (directives, words) = text.split_once('/').unwrap_or((text, ""));
    if words.contains('/') {
        return Err(format!(
            "`{}` has more than one `/`; write at most one, before a text to search for",
            excerpt(text)
        ));
    }
    let mut directives = directives.split(',').map(str::trim).filter(|directive| !directive.is_empty()).peekable();
    if directives.peek().is_none() {
        return Err(format!("`{}` has no directive; {EXPECTED}", excerpt(text)));
    }
    directives.try_for_each(check_directive)?;
    // A level in lower case, because defaults are chosen by it.
    Ok(text.parse::<LevelFilter>().map_or_else(|_| text.to_owned(), |level| level.to_string().to_ascii_lowercase()))
}

const EXPECTED: &str = "write `off`, `error`, `warn`, `info`, `debug` or `trace`, or a comma-separated list of \
                        `module=level`, such as `warn,user_relationships=debug`";

fn check_directive(directive: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("`{}` {what}; {EXPECTED}", excerpt(directive)));
    let Some((module, level)) = directive.split_once('=') else {
        let is_valid = is_level(directive) || (is_module(directive) && is_known(directive));
        return if is_valid { Ok(()) } else { wrong("is not a log level") };
    };
    if !is_level(level) {
        return wrong("has no valid log level");
    }
    if !is_module(module) {
        return wrong("has no valid module; module names have `_` where crates have `-`");
    }
    Ok(())
}

fn is_level(text: &str) -> bool {
    text.parse::<LevelFilter>().is_ok()
}

/// Whether a text is the path of a module, `user_relationships::http`.
fn is_module(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.split("::").all(is_name)
}

fn is_known(module: &str) -> bool {
    module.split("::").next().is_some_and(|name| CRATES.contains(&name) || name.starts_with("actix_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_filter_has_levels_and_modules_with_levels() {
        for good in [
            "off",
            "error",
            "info",
            "warn,user_relationships=debug",
            "user_relationships::http=trace, actix_web=OFF",
            "user_relationships",
            "info,",
            "debug/GET",
            "tokio=info",
        ] {
            assert_eq!(parse_log_filter(good), Ok(good.to_owned()));
        }
        assert_eq!(parse_log_filter("WARN"), Ok("warn".to_owned()));
        for (bad, part) in [
            ("verbose", "`verbose`"),
            ("warning", "`warning`"),
            ("info,inof", "`inof`"),
            ("user_relationships=verbose,info", "`user_relationships=verbose`"),
            ("user_relationships=", "`user_relationships=`"),
            ("=info", "`=info`"),
            ("a=b=info", "`a=b=info`"),
            ("user-relationships=debug", "`user-relationships=debug`"),
            ("user-relationships", "`user-relationships`"),
            ("info debug", "`info debug`"),
            ("a::=info", "`a::=info`"),
            ("5", "`5`"),
            (",", "`,`"),
            ("/GET", "`/GET`"),
            ("info/a/b", "`info/a/b`"),
        ] {
            let refused = parse_log_filter(bad).unwrap_err();
            assert!(refused.contains(part), "{bad}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_filter_logs_what_its_directives_say(text in "[a-z_:=,/ -]{0,12}") {
            for text in [format!("{text},info"), format!("info,{text}"), format!("{text}=info")] {
                if let Ok(filter) = parse_log_filter(&text) {
                    let logger = env_logger::Builder::new().parse_filters(&filter).build();
                    prop_assert!(logger.filter() >= LevelFilter::Info, "{}", filter);
                }
            }
        }
    }
}
