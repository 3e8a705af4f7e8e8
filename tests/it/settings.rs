//! Settings as people write them: booleans, lists, files and filters, and messages that say what to write instead.

use crate::support::process::{Outcome, finish, program};

/// The output of `config` with these settings.
fn config(settings: &[(&str, &str)]) -> Outcome {
    finish(program().envs(settings.iter().copied()).arg("config"))
}

/// The effective value of a setting.
#[track_caller]
fn value_of(name: &str, settings: &[(&str, &str)]) -> String {
    let printed = config(settings).expect(0).stdout;
    let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(ToOwned::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in {printed}"))
}

#[test]
fn boolean_settings_take_words_without_regard_to_case() {
    for name in ["EXPLORER", "REQUIRE_SIGNED_TIMESTAMP", "NO_MIGRATE"] {
        for (word, value) in [
            ("True", "true"),
            ("TRUE", "true"),
            ("yes", "true"),
            ("YES", "true"),
            ("1", "true"),
            ("On", "true"),
            ("False", "false"),
            ("No", "false"),
            ("0", "false"),
            ("OFF", "false"),
        ] {
            assert_eq!(value_of(name, &[(name, word)]), value, "{name}={word}");
        }
        for wrong in ["maybe", "2", "t", "ja"] {
            let refused = config(&[(name, wrong)]).expect(78).stderr;
            for part in [name, wrong, "`true`", "`yes`", "`1`", "`false`", "`no`", "`0`"] {
                assert!(refused.contains(part), "{part} is not in {refused}");
            }
        }
    }
    let flag = finish(program().args(["config", "--explorer=TRUE"])).expect(0).stdout;
    assert!(flag.contains("\nEXPLORER=true\n"), "{flag}");
}
