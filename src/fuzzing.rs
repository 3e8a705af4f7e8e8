//! Fuzz targets: each is a function of any bytes that panics if an invariant does not hold.
//!
//! `fuzz/` has a program for each, which `fuzz/run` builds with coverage. A test below runs each with the inputs in
//! `fuzz/corpus`, which had new coverage, and in `fuzz/faults`, which once caused a fault.

mod credentials;
mod documents;
mod fields;
mod imports;
mod queries;
mod sequences;
mod support;

pub use credentials::{cursor, jwt, signature};
pub use documents::{atomic, document, form, yaml};
pub use fields::{headers, time};
pub use imports::{csv, ndjson};
pub use queries::{filter, query};
pub use sequences::sequences;

/// A target: its name, which is also that of its program and its corpus, and its function.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [FuzzTarget; 14] = [
    ("atomic", atomic),
    ("csv", csv),
    ("cursor", cursor),
    ("document", document),
    ("filter", filter),
    ("form", form),
    ("headers", headers),
    ("jwt", jwt),
    ("ndjson", ndjson),
    ("query", query),
    ("sequences", sequences),
    ("signature", signature),
    ("time", time),
    ("yaml", yaml),
];

#[cfg(test)]
mod tests {
    use super::TARGETS;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
    }

    #[test]
    fn all_recorded_inputs_keep_the_invariants() {
        let mut bytes = 0;
        for (name, target) in TARGETS {
            target(b"");
            let mut inputs = 1;
            for folder in ["corpus", "faults"] {
                for entry in fs::read_dir(root().join("fuzz").join(folder).join(name)).into_iter().flatten().flatten() {
                    let input = fs::read(entry.path()).unwrap_or_default();
                    // A panic does not say which input caused it.
                    let shown = entry.path().display().to_string();
                    let outcome = std::panic::catch_unwind(|| target(&input));
                    assert!(outcome.is_ok(), "{shown}");
                    (inputs, bytes) = (inputs + 1, bytes + input.len());
                }
            }
            assert!(inputs > 1, "`fuzz/corpus/{name}` has no inputs");
        }
        super::sequences::stop_service();
        assert!(bytes < 2_000_000, "the corpora have {bytes} bytes; minimize them");
    }

    /// The tests do not build `fuzz`.
    #[test]
    fn every_target_has_a_program() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            let path = format!("fuzz_targets/{name}.rs");
            let program = fs::read_to_string(root().join("fuzz").join(&path)).unwrap_or_default();
            assert!(program.contains(&format!("user_relationships::fuzzing::{name}(data)")), "{path}");
            assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"{path}\"")), "fuzz/Cargo.toml: {name}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    }

    /// So that what cargo-deny finds in one lock file holds for the other.
    #[test]
    fn both_lock_files_have_the_same_versions() {
        let packages = |file: &str| -> BTreeSet<String> {
            let text = fs::read_to_string(root().join(file)).unwrap();
            let heads = text.split("[[package]]\n").skip(1);
            heads.map(|package| package.lines().take(2).collect::<Vec<_>>().join(", ")).collect()
        };
        let (found, known) = (packages("fuzz/Cargo.lock"), packages("Cargo.lock"));
        let own = ["arbitrary", "libfuzzer-sys", "user-relationships-fuzz"];
        let other: Vec<_> = found
            .difference(&known)
            .filter(|package| !own.iter().any(|name| package.contains(&format!("\"{name}\""))))
            .collect();
        assert!(
            found.len() > own.len() && other.is_empty(),
            "copy `Cargo.lock` to `fuzz/Cargo.lock`, then run `cargo metadata --manifest-path fuzz/Cargo.toml`: {other:?}"
        );
    }
}
