//! Loading form configurations and types: the built-in ones, and those of a folder.

use std::fs;
use std::path::Path;

use user_relationships::http::forms::config::builtin;
use user_relationships::http::forms::config::catalogue::Catalogue;
use user_relationships::http::forms::config::definition::PropertyRules;
use user_relationships::http::forms::config::resource::FormResource;
use user_relationships::model::form::ResourceOwner;

use crate::support::app::{App, Engine, Home};
use crate::support::forms::{folder, load};
use crate::support::process::{Service, finish, program, run, sqlite_url};
use crate::support::{Value, json};

#[test]
fn the_built_in_set_matches_the_contract() {
    let forms = Catalogue::built_in();
    let expected = [
        ("create_session", FormResource::Session),
        ("create_user", FormResource::User),
        ("delete_session", FormResource::Session),
        ("relationship_create", FormResource::Relationship),
        ("relationship_delete", FormResource::Relationship),
        ("relationship_update", FormResource::Relationship),
        ("relationship_user_create", FormResource::RelationshipUser),
        ("relationship_user_delete", FormResource::RelationshipUser),
        ("relationship_user_update", FormResource::RelationshipUser),
        ("update_user", FormResource::User),
    ];
    let found: Vec<_> = forms.forms().map(|form| (form.name.clone(), form.resource)).collect();
    assert_eq!(found, expected.map(|(name, resource)| (format!("reference_rest_api_{name}"), resource)));
    assert!(forms.forms().all(|form| form.owner == ResourceOwner::Own));
    for (resource, name) in
        [(FormResource::Relationship, "special_group"), (FormResource::RelationshipUser, "special_group_users")]
    {
        for word in [json!(name), json!(1), json!("1")] {
            assert_eq!(forms.type_of(resource, &word).expect("the type").name, name);
        }
        for word in [json!(0), json!(2), json!(-1), json!(1.5), json!("x"), json!(""), json!(null), json!([1])] {
            assert!(forms.type_of(resource, &word).is_none(), "{word}");
        }
    }
    assert!(forms.type_of(FormResource::Relationship, &json!("special_group_users")).is_none());
    assert!(forms.type_of(FormResource::User, &json!(1)).is_none());
}

#[test]
fn built_in_files_load_separately_and_as_one_file() {
    let separate = load(&builtin::FILES).expect("the files");
    let together = load(&[("all.yaml", &builtin::concatenate())]).expect("all in one");
    for forms in [separate, together] {
        assert_eq!(format!("{forms:?}").replace(char::is_numeric, ""), {
            let built_in = format!("{:?}", Catalogue::built_in());
            built_in.replace(char::is_numeric, "")
        });
    }
}

#[test]
fn types_are_numbered_by_name_within_their_resource() {
    let kind = |name, resource| format!("name: {name}\nresource: {resource}\ncustom_attributes: []\n");
    let forms = load(&[
        ("1.yml", &kind("Sales Team", "Relationship")),
        ("2.yml", &kind("book-club", "Relationship")),
        ("3.yml", &kind("a", "RelationshipUser")),
    ])
    .expect("three types");
    let id = |resource, name: &str| forms.type_of(resource, &json!(name)).map(|kind| kind.id);
    assert_eq!(id(FormResource::Relationship, "book_club"), Some(1));
    assert_eq!(id(FormResource::Relationship, "sales_team"), Some(2));
    assert_eq!(id(FormResource::Relationship, "Sales Team"), None);
    assert_eq!(id(FormResource::RelationshipUser, "a"), Some(1));
    assert_eq!(id(FormResource::RelationshipUser, "book_club"), None);
    let second = forms.type_of(FormResource::Relationship, &json!("2")).expect("the second");
    assert_eq!(second, forms.type_named(FormResource::Relationship, "sales_team").expect("the same"));
}

#[test]
fn a_folder_replaces_the_built_in_set_and_only_yaml_is_read() {
    let files = [
        (
            "a.yml",
            "name: a\nresource: Session\nconfiguration: {}\n---\n# nothing\n---\nname: b\nresource: Session\nconfiguration:\n",
        ),
        ("c.yaml", "---\nname: c\nresource: User\nresource_owner: anyone\nconfiguration: { first_name: }\n---\n"),
        ("README.md", "{{ not YAML"),
        (".a.yml", "{{ a file of an editor"),
        ("d.yml.bak", "{{"),
    ];
    let forms = load(&files).expect("three forms");
    let names: Vec<_> = forms.forms().map(|form| (form.name.as_str(), form.owner)).collect();
    assert_eq!(names, [("a", ResourceOwner::Own), ("b", ResourceOwner::Own), ("c", ResourceOwner::Anyone)]);
}

#[test]
fn the_example_of_the_contract_is_accepted() {
    let text = r#"
name: reference_rest_api_create_user
resource: User                 # User | Relationship | RelationshipUser | Session
resource_owner: self           # self (default): owner or admin · anyone: any authenticated caller
configuration:                 # a field that is not listed is refused: 406
  email:      { validation: { presence: true, email: true, uniqueness: true } }
  first_name: { validation: { presence: true } }
  password:   { validation: { presence: true, length: { minimum: 8 } } }
  properties:
    nickname: { validation: { length: { maximum: 40 } }, property_options: { default: "", readonly: false } }
"#;
    let forms = load(&[("a.yml", text)]).expect("the example");
    let form = forms.form("reference_rest_api_create_user").expect("the form");
    let Some(PropertyRules::Listed(listed)) = &form.properties else { panic!("{form:?}") };
    assert_eq!(listed["nickname"].default, Some(json!("")));
}

#[test]
fn all_validations_and_options_are_accepted() {
    let text = r#"
name: &name all
resource: User
configuration:
  email: { validation: { presence: true, email: true, uniqueness: false, confirmation: true, length: { maximum: 254 } } }
  external_id: { validation: { numericality: { only_integer: true, greater_than: 0 } } }
  last_name: { validation: { inclusion: { in: [Ray, "No"] }, format: { with: '\A[[:alpha:]]+\z' } } }
  properties:
    age: { validation: { numericality: { greater_than_or_equal_to: 18, less_than: 150 } }, property_options: { default: 18 } }
    exact: { validation: { numericality: { equal_to: 1.5 }, presence: false } }
    tags: { validation: { length: { is: 2 }, inclusion: { in: [a, b, 3, true] } }, property_options: { default: [a, b] } }
    code: { validation: { format: { with: '\A[\w-]{1,40}\z' } } }
    secret: { property_options: { readonly: true, default: { any: [thing] } }, validation: { presence: true } }
---
name: member
resource: RelationshipUser
resource_owner: anyone
configuration: { user_id: { validation: { presence: true, inclusion: { in: [1, 2] } } }, properties: {} }
"#;
    load(&[("a.yml", text)]).expect("all of it");
}

#[test]
fn all_problems_of_all_files_are_reported_together() {
    let files = [
        ("a.yml", "name: f\nresource: Users\nconfiguration: {}\nx: 1\n"),
        ("b.yml", "name: f\nresource: User\nconfiguration:\n  email: { validation: { presence: 1 } }\n  nick: {}\n"),
        ("c.yml", "{"),
        ("d.yml", "# only a comment\n"),
        ("e.yml", "name: g\nresource: User\nconfiguration: {}\n"),
        ("f.yml", "name: g\nresource: User\nconfiguration: {}\n"),
    ];
    let problems = load(&files).expect_err("five bad files");
    let places: Vec<_> = problems.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(places, ["a.yml:4:", "a.yml:2:", "b.yml:4:", "b.yml:5:", "c.yml:1:", "d.yml:", "f.yml:1:"]);
}

#[test]
fn unreadable_folders_and_files_are_rejected() {
    let missing = Catalogue::load(Path::new("/nowhere/forms")).expect_err("no folder");
    assert!(missing[0].to_string().starts_with("/nowhere/forms: the folder cannot be read"), "{missing:?}");
    let empty = load(&[("README.md", "")]).expect_err("no forms");
    assert!(empty[0].contains("has no file that ends in `.yml` or `.yaml`"), "{empty:?}");
    let folder = folder(&[("big.yml", &"# large\n".repeat(40_000)), ("latin.yml", "")]);
    fs::write(folder.path().join("latin.yml"), b"name: caf\xe9\n").unwrap();
    fs::create_dir(folder.path().join("folder.yml")).unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.path().join("link.yml")).unwrap();
    let problems = Catalogue::load(folder.path()).expect_err("four bad files");
    let messages: Vec<_> = problems.iter().map(ToString::to_string).collect();
    for (message, expected) in messages.iter().zip([
        "big.yml: the file is larger than 256 KiB",
        "folder.yml: not a regular file",
        "latin.yml: the file is not UTF-8",
        "link.yml: the file cannot be read",
    ]) {
        assert!(message.starts_with(expected), "{message}");
    }
    assert_eq!(messages.len(), 4);
}

#[test]
fn invalid_forms_end_with_78_and_one_line_for_each_problem() {
    let files = folder(&[
        ("a.yml", "name: f\nresource: User\nconfiguration:\n  nick: {}\n  email: { validation: { unique: 1 } }\n"),
        ("b.yml", "["),
    ]);
    let home = tempfile::tempdir().unwrap();
    let url = sqlite_url(&home.path().join("new.db"));
    for command in ["serve", "demo", "config"] {
        for flag in [&["--forms-dir"][..], &["--forms"]] {
            let mut program = program();
            program.env("DATABASE_URL", &url).env("LOG_FORMAT", "text").arg(command).args(flag).arg(files.path());
            let ended = finish(&mut program).expect(78);
            let lines: Vec<_> = ended.stderr.lines().collect();
            assert_eq!(lines.len(), 3, "{ended:?}");
            for (line, place) in lines.iter().zip(["a.yml:4: ", "a.yml:5: ", "b.yml:1: "]) {
                assert!(line.contains("`FORMS_DIR`: ") && line.contains(place), "{line}");
            }
        }
    }
    let settings = [("FORMS_DIR", files.path().to_str().unwrap()), ("LOG_FORMAT", "json")];
    let json = finish(program().envs(settings).arg("serve")).expect(78);
    let lines: Vec<Value> = json.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["message"].as_str().unwrap().contains("`FORMS_DIR`: ")), "{lines:?}");
    assert!(fs::read_dir(&home).unwrap().next().is_none(), "nothing was written");
    // Commands that do not serve requests do not read the forms.
    finish(program().env("DATABASE_URL", &url).env("FORMS_DIR", files.path()).args(["migrate", "run"])).expect(0);
}

#[test]
fn the_printed_forms_can_be_served_from_a_folder() {
    let forms = folder(&[("forms.yml", "")]);
    // The shell has emptied the file by the time the program runs.
    let printed = finish(program().env("FORMS_DIR", forms.path()).args(["config", "forms"])).expect(0).stdout;
    assert_eq!(printed.matches("# file: ").count(), builtin::FILES.len());
    fs::write(forms.path().join("forms.yml"), printed).unwrap();
    let settings = finish(program().env("FORMS_DIR", forms.path()).arg("config")).expect(0).stdout;
    assert!(settings.contains(&format!("FORMS_DIR={}\n", forms.path().display())), "{settings}");
    let home = tempfile::tempdir().unwrap();
    let url = sqlite_url(&home.path().join("new.db"));
    run(&url, &["migrate", "run"]).expect(0);
    let service = Service::start(&url, &[("FORMS_DIR", forms.path().to_str().unwrap())]);
    service.anonymous().get("/livez").expect(200);
}

#[test]
fn a_test_service_can_have_its_own_forms() {
    let home = Home::new(Engine::Sqlite).expect("SQLite is always there");
    let app = App::start_with_forms(home, &[("a.yml", "name: a\nresource: Session\nconfiguration: {}\n")]);
    app.anonymous().get("/livez").expect(200);
    app.beside().anonymous().get("/livez").expect(200);
}
