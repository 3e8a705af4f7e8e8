//! The container image: the instructions of the Dockerfile, tried without a container engine.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::skip::skip;

/// The instructions of the Dockerfile, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let all = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).expect("the Dockerfile");
    let lines: Vec<_> = all.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let pair = |line: &str| line.split_once(' ').map(|(word, rest)| (word.to_owned(), rest.trim().to_owned()));
    joined.lines().filter_map(pair).collect()
}

/// The arguments of the last instruction of that name.
pub fn instruction(word: &str) -> String {
    instructions().into_iter().rfind(|(it, _)| it == word).unwrap_or_else(|| panic!("no {word}")).1
}

/// Copies a file or a folder.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("a copy");
    }
}

#[test]
fn the_build_stage_copies_every_file_that_cargo_needs() {
    let (root, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().expect("a folder"));
    for (_, rest) in instructions().iter().filter(|(word, rest)| word == "COPY" && !rest.starts_with("--from")) {
        let mut sources: Vec<_> = rest.split_whitespace().collect();
        let target = sources.pop().expect("a target");
        for source in sources {
            copy(&root.join(source), &folder.path().join(if target == "./" { source } else { target }));
        }
    }
    let mut cargo = Command::new(env!("CARGO"));
    let ended = cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]).current_dir(&folder).output();
    let ended = ended.expect("cargo runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let mut folders = vec![folder.path().join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Keys in tests are not text.
            let text = fs::read_to_string(&path).unwrap_or_default();
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            for name in shipped.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(path.with_file_name(name).exists(), "{}: {name} is not copied", path.display());
            }
        }
    }
}

#[test]
fn the_last_stage_of_the_image_runs_with_only_its_own_files() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/without-docker");
    let mut command = Command::new("python3");
    command.arg(script).args(["--binary", env!("CARGO_BIN_EXE_user-relationships")]);
    match command.output() {
        Ok(ended) if ended.status.code() == Some(75) => {
            skip(&String::from_utf8_lossy(&ended.stdout));
        }
        Ok(ended) => assert!(ended.status.success(), "{ended:?}"),
        Err(error) => skip(&format!("no python3: {error}")),
    }
}
