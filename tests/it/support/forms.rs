//! Form configurations and values for tests.

use std::fs;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use tempfile::TempDir;
use user_relationships::http::forms::config::catalogue::Catalogue;

use crate::support::Value;

/// Creates a folder with these files.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

/// Loads the forms of these files, or returns their problems.
pub fn load(files: &[(&str, &str)]) -> Result<Catalogue, Vec<String>> {
    let folder = folder(files);
    Catalogue::load(folder.path()).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// Arbitrary JSON values without members.
pub fn json_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}
