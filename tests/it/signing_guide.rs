//! `docs/SIGNING.md`: the examples of every language run unchanged, where the language is installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::both;
use crate::support::App;
use crate::support::process::finish;
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

#[test]
fn the_commands_for_the_demo_work() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("sign.sh"), example("sh")).expect("a file");
    if Command::new("curl").arg("--version").output().is_err() {
        skip("the commands for the demo, since there is no curl");
        return;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_user-relationships")).parent().expect("a folder");
    // Ends the demo whatever happens before.
    let script = format!("trap 'kill $!; wait' EXIT\n{}", example("bash"));
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", program.display()));
    // A folder of its own for its database, and no database of the person who tries it.
    shell.env("LISTEN", "127.0.0.1:0").env("TMPDIR", folder.path()).env("DATABASE_URL", "sqlite://mine.db");
    let ended = finish(
        shell.current_dir(folder.path()).args(["-e", "-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()),
    );
    let answers: Vec<_> = ended.stdout.split("{\"jsonapi\"").collect();
    assert!(ended.stdout.contains("\"total-count\"") && !ended.stdout.contains("\"errors\""), "{ended:?}");
    assert_eq!(answers.len(), 3, "a list and a new relationship: {ended:?}");
    assert!(answers[2].contains("\"id\":\"1017\"") && answers[2].contains("\"id\":\"1020\""), "{ended:?}");
    assert!(!folder.path().join("mine.db").exists());
}
