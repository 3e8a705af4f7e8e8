//! `docs/SIGNING.md`: the examples of every language run unchanged, where the language is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::both;
use crate::support::App;
use crate::support::signing::{private_pem, register};
use crate::support::skip::skip;

const EDGES: &str = "/api/v2/user-relationships";
/// With a slash, which encoders write in different ways.
const ANN: &str = "ann+o'neil/x@example.com";

/// The only example in that language.
fn example(language: &str) -> String {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SIGNING.md")).expect("the guide");
    let opening = format!("\n```{language}\n");
    assert_eq!(guide.matches(&opening).count(), 1, "{language}");
    let (_, rest) = guide.split_once(&opening).expect("an example");
    rest.split_once("\n```\n").expect("its end").0.to_owned()
}

/// Runs an example, which lists edges and creates one.
fn try_example(app: &App, language: &str, file: &str, program: &[&str], probe: &[&str]) {
    let works = Command::new(probe[0]).args(&probe[1..]).output().is_ok_and(|output| output.status.success());
    if !works {
        skip(&format!("the example in {language}, since `{}` does not work here", probe.join(" ")));
        return;
    }
    let ann = app.named(ANN, "user");
    let target = app.user();
    app.user().post(EDGES, &crate::support::edge(None, "mentor", target.id)).expect(201);
    let folder = tempfile::tempdir().expect("a folder");
    let (script, key) = (folder.path().join(file), folder.path().join("private.pem"));
    fs::write(&script, example(language)).expect("a file");
    fs::write(&key, private_pem(0)).expect("a file");
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(&script).env("API_KEY", &key).env("API_USER", ANN);
    command.env("BASE_URL", ann.base()).env("API_ID", register(app, 0, false)).env("TARGET", target.id.to_string());
    let output = command.output().expect("the program starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !printed.contains("\"errors\""), "{language}: {printed}\n{stderr}");
    assert!(printed.contains("\"total-count\":1"), "{language}: {printed}\n{stderr}");
    let made = ann.get(&format!("{EDGES}?user={}", ann.id)).expect(200);
    assert_eq!(made.total(), 1, "{language}: {printed}\n{stderr}");
}

both!(the_example_for_the_shell_works, |app| {
    assert!(Command::new("openssl").arg("version").output().is_ok(), "the shell's example is always tried");
    try_example(app, "sh", "sign.sh", &["sh"], &["curl", "--version"]);
});

both!(the_example_in_php_works, |app| {
    try_example(app, "php", "sign.php", &["php"], &["php", "-r", "exit(function_exists('openssl_sign') ? 0 : 1);"]);
});

both!(the_example_in_python_works, |app| {
    try_example(app, "python", "sign.py", &["python3"], &["python3", "-c", "import cryptography"]);
});

both!(the_example_in_javascript_works, |app| {
    try_example(app, "js", "sign.mjs", &["node"], &["node", "-e", "fetch"]);
});
