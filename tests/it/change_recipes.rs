//! The scripts of `docs/CHANGES.md` that keep a copy in step.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::both;
use crate::support::changes::Log;
use crate::support::process::{Guard, PATIENCE, until};
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// The languages: name in the guide, file, program.
const LANGUAGES: [(&str, &str, &str); 2] = [("python", "copy.py", "python3"), ("js", "copy.js", "node")];

/// The only script in that language.
fn script(language: &str) -> String {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CHANGES.md")).expect("the guide");
    let opening = format!("\n```{language}\n");
    assert_eq!(guide.matches(&opening).count(), 1, "{language}");
    let (_, rest) = guide.split_once(&opening).expect("a script");
    rest.split_once("\n```\n").expect("its end").0.to_owned()
}

/// A script with its copy.
struct Recipe {
    folder: tempfile::TempDir,
    file: &'static str,
    program: &'static str,
    base: String,
    token: String,
}

impl Recipe {
    /// All scripts whose language is installed.
    fn all(admin: &Client) -> Vec<Self> {
        let works =
            |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
        let mut recipes = Vec::new();
        for (language, file, program) in LANGUAGES {
            if !works(program) {
                skip(&format!("the script in {language}, since `{program}` does not work here"));
                continue;
            }
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join(file), script(language)).expect("a file");
            let token = admin.authorization().expect("a token").replace("Token token=", "");
            recipes.push(Self { folder, file, program, base: admin.base(), token });
        }
        recipes
    }

    fn start(&self, options: &[&str]) -> Child {
        let mut command = Command::new(self.program);
        command.arg(self.folder.path().join(self.file)).arg(self.folder.path().join("copy.json")).args(options);
        command.env("BASE_URL", &self.base).env("TOKEN", &self.token);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    fn run_once(&self) {
        let output = self.start(&["--once"]).wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}: {}", self.program, String::from_utf8_lossy(&output.stderr));
    }

    /// The copied relationships, by id.
    fn copy(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("copy.json")).unwrap_or_default();
        serde_json::from_str::<Value>(&text).unwrap_or_default()["edges"].clone()
    }
}

/// The stored relationships, as the scripts copy them.
fn stored(app: &App) -> Value {
    let lines = Raw::connect(&app.config.database_url).lines(
        "SELECT r.id || ' ' || r.user_id || ' ' || t.name || ' ' || r.target_id AS line \
         FROM user_relationships AS r JOIN relationship_types AS t ON t.id = r.type_id",
    );
    let row = |line: &String| {
        let [id, user, name, target] = line.split(' ').collect::<Vec<_>>().try_into().expect("four columns");
        (id.to_owned(), json!([user, name, target]))
    };
    Value::Object(lines.iter().map(row).collect())
}

/// Deletes what an earlier call has created; creates, changes and deletes relationships.
fn write(admin: &Client, users: &[Client]) {
    for id in admin.get(&format!("{EDGES}?relationship=mentor,colleague&limit=50")).expect(200).ids() {
        admin.delete(&format!("{EDGES}/{id}")).expect(204);
    }
    let mut ids = Vec::new();
    for (owner, target) in users.iter().zip(users.iter().skip(1)) {
        ids.push(admin.post(EDGES, &edge(Some(owner.id), "mentor", target.id)).expect(201).id());
    }
    for id in ids.iter().step_by(2) {
        let document = json!({"data": {"type": "user-relationships", "id": id.to_string(), "attributes": {"relationship": "colleague"}}});
        admin.patch(&format!("{EDGES}/{id}"), &document).expect(200);
    }
    for id in ids.iter().step_by(3) {
        admin.delete(&format!("{EDGES}/{id}")).expect(204);
    }
}

both!(the_scripts_keep_a_copy_in_step, |app| {
    let admin = app.admin();
    let users: Vec<_> = (0..9).map(|_| app.user()).collect();
    for owner in &users {
        for target in users.iter().filter(|target| target.id != owner.id) {
            owner.post(EDGES, &edge(None, "subordinate", target.id)).expect(201);
        }
    }
    for recipe in Recipe::all(&admin) {
        // The first copy, of more than one page.
        recipe.run_once();
        assert_eq!(recipe.copy(), stored(app), "{}", recipe.program);
        write(&admin, &users);
        recipe.run_once();
        assert_eq!(recipe.copy(), stored(app), "{}", recipe.program);
        // While it runs.
        let running = Guard(recipe.start(&[]));
        admin.delete(&format!("/api/v2/users/{}", app.admin().id)).expect(204);
        write(&admin, &users[1..]);
        until("the copy is in step", PATIENCE, || recipe.copy() == stored(app));
        drop(running);
        // It missed changes that are gone: 410, and back.
        write(&admin, &users[2..]);
        let mut log = Log::of(app);
        let last = log.last();
        log.raw().run(&format!(
            "DELETE FROM changes WHERE n <= {last}; UPDATE change_log SET horizon_number = {last}, horizon_fingerprint = 5"
        ));
        recipe.run_once();
        assert_eq!(recipe.copy(), stored(app), "{}", recipe.program);
    }
});
