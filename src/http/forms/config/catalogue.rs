//! All forms and types: the built-in ones, or those of a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::builtin;
use crate::http::forms::config::definition::{Form, Properties, Property};
use crate::http::forms::config::diagnostics::{Diagnostics, FormProblem};
use crate::http::forms::config::resource::Resource;
use crate::http::forms::config::yaml::{self, Node};

/// The largest file, in bytes.
const LARGEST_FILE: u64 = 256 * 1024;
/// The most files in a folder.
const MOST_FILES: usize = 1_000;

/// All forms and types that requests can name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    forms: BTreeMap<String, Arc<Form>>,
    /// In the order of their ids for each resource.
    types: Vec<Arc<Type>>,
}

/// A form or a type, and where it stands.
struct Found<T> {
    file: String,
    line: u64,
    thing: T,
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    forms: Vec<Found<Form>>,
    types: Vec<Found<Type>>,
    problems: Vec<FormProblem>,
}

impl Catalogue {
    /// The built-in set.
    #[must_use]
    pub fn built_in() -> Self {
        let mut reading = Reading::default();
        for (file, text) in builtin::FILES {
            reading.read(file, text);
        }
        // A test says that nothing is wrong with them.
        reading.catalogue()
    }

    /// The forms and types of a folder, or the built-in ones without a folder.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn of(folder: Option<&Path>) -> Result<Self, Vec<FormProblem>> {
        folder.map_or_else(|| Ok(Self::built_in()), Self::load)
    }

    /// The forms and types of a folder: of its files that end in `.yml` or `.yaml` and do not begin with a dot.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(folder: &Path) -> Result<Self, Vec<FormProblem>> {
        let name = folder.display().to_string();
        let problem = |reason: String| vec![FormProblem { file: name.clone(), line: None, reason }];
        let names = names_of_files(folder).map_err(|error| problem(format!("the folder cannot be read: {error}")))?;
        if names.is_empty() {
            return Err(problem("the folder has no file that ends in `.yml` or `.yaml`".to_owned()));
        }
        if names.len() > MOST_FILES {
            return Err(problem(format!("the folder has more than {MOST_FILES} files")));
        }
        let mut reading = Reading::default();
        for name in names {
            match read_file(&folder.join(&name)) {
                Ok(text) => reading.read(&name, &text),
                Err(reason) => reading.problems.push(FormProblem { file: name, line: None, reason }),
            }
        }
        reading.check_names();
        reading.check_types();
        if reading.problems.is_empty() { Ok(reading.catalogue()) } else { Err(reading.problems) }
    }

    /// The form of that name.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<&Arc<Form>> {
        self.forms.get(name)
    }

    /// All forms, by name.
    pub fn forms(&self) -> impl Iterator<Item = &Form> {
        self.forms.values().map(Arc::as_ref)
    }

    /// The type of a resource that a request names, by its id (a number, or its digits) or its underscored name.
    #[must_use]
    pub fn type_of(&self, resource: Resource, id_or_name: &Value) -> Option<&Arc<Type>> {
        match id_or_name {
            Value::Number(id) => self.type_by_id(resource, id.as_u64()?),
            Value::String(text) => {
                let id = text.parse().ok().and_then(|id| self.type_by_id(resource, id));
                id.or_else(|| self.type_named(resource, text))
            }
            _ => None,
        }
    }

    /// The type of a resource with that underscored name, as it is stored.
    #[must_use]
    pub fn type_named(&self, resource: Resource, name: &str) -> Option<&Arc<Type>> {
        self.types.iter().find(|kind| kind.resource == resource && kind.name == name)
    }

    fn type_by_id(&self, resource: Resource, id: u64) -> Option<&Arc<Type>> {
        self.types.iter().find(|kind| kind.resource == resource && kind.id == id)
    }
}

/// The names of the files to read, in the order of the alphabet.
fn names_of_files(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_form = Path::new(&name).extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        // Editors keep files of their own that begin with a dot.
        if is_form && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read_file(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    // A pipe would be waited for without end.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("this is no file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_FILE) {
        return Err(format!("the file is larger than {} KiB", LARGEST_FILE / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
}

impl Reading {
    /// Reads the forms and types of a file.
    fn read(&mut self, file: &str, text: &str) {
        let documents = match yaml::parse(text) {
            Ok(documents) => documents,
            Err(fault) => {
                self.problems.push(FormProblem { file: file.to_owned(), line: fault.line, reason: fault.reason });
                return;
            }
        };
        if documents.is_empty() {
            let reason = "the file holds neither a form nor a type".to_owned();
            self.problems.push(FormProblem { file: file.to_owned(), line: None, reason });
        }
        let mut findings = Diagnostics::of(file);
        for document in &documents {
            self.read_document(file, document, &mut findings);
        }
        self.problems.extend(findings.into_problems());
    }

    fn read_document(&mut self, file: &str, document: &Node, findings: &mut Diagnostics<'_>) {
        let (file, line) = (file.to_owned(), document.line);
        match (document.member("configuration"), document.member("custom_attributes")) {
            (Some(_), None) => {
                self.forms.extend(Form::read(document, findings).map(|thing| Found { file, line, thing }));
            }
            (None, Some(_)) => {
                self.types.extend(Type::read(document, findings).map(|thing| Found { file, line, thing }));
            }
            _ => findings
                .note(line, "a form has a `configuration`, a type has `custom_attributes`; this has neither or both"),
        }
    }

    /// Notes names that stand twice.
    fn check_names(&mut self) {
        let twice = duplicates(&self.forms, |form| form.name.clone(), "form");
        self.problems.extend(twice);
        let twice = duplicates(&self.types, |kind| kind.name.clone(), "type");
        self.problems.extend(twice);
    }

    /// Notes what a form says of a property that does not fit the kind that a type gives it.
    fn check_types(&mut self) {
        let types = || self.types.iter().map(|found| &found.thing);
        let mut problems = Vec::new();
        for Found { file, thing: form, .. } in &self.forms {
            let Some(Properties::Listed(listed)) = &form.properties else { continue };
            for (name, property) in listed {
                for kind in types().filter(|kind| kind.resource == form.resource) {
                    let reasons = misfits(name, property, kind).into_iter();
                    let line = Some(property.line);
                    problems.extend(reasons.map(|reason| FormProblem { file: file.clone(), line, reason }));
                }
            }
        }
        self.problems.extend(problems);
    }

    fn catalogue(self) -> Catalogue {
        let mut types: Vec<_> = self.types.into_iter().map(|found| found.thing).collect();
        types.sort_by(|one, other| (one.resource, &one.name).cmp(&(other.resource, &other.name)));
        for resource in Resource::ALL {
            for (kind, id) in types.iter_mut().filter(|kind| kind.resource == resource).zip(1..) {
                kind.id = id;
            }
        }
        let forms = self.forms.into_iter().map(|found| (found.thing.name.clone(), Arc::new(found.thing))).collect();
        Catalogue { forms, types: types.into_iter().map(Arc::new).collect() }
    }
}

fn duplicates<T>(all: &[Found<T>], name: impl Fn(&T) -> String, what: &str) -> Vec<FormProblem> {
    let mut first: BTreeMap<String, &Found<T>> = BTreeMap::new();
    let mut problems = Vec::new();
    for found in all {
        let name = name(&found.thing);
        if let Some(first) = first.get(&name) {
            let reason = format!("the {what} `{name}` is there already, in {}:{}", first.file, first.line);
            problems.push(FormProblem { file: found.file.clone(), line: Some(found.line), reason });
        } else {
            first.insert(name, found);
        }
    }
    problems
}

fn misfits(name: &str, property: &Property, kind: &Type) -> Vec<String> {
    let Some(attribute) = kind.attribute(name) else { return Vec::new() };
    let of_the_type = format!("which is {} in the type `{}`", attribute.with_article(), kind.name);
    let misfits = property.validations.misfits(attribute).into_iter();
    let mut reasons: Vec<_> =
        misfits.map(|validation| format!("`{validation}` does not fit `{name}`, {of_the_type}")).collect();
    let complaint = property.default.as_ref().and_then(|default| attribute.complaint_about(default));
    reasons.extend(complaint.map(|complaint| format!("the default of `{name}`, {of_the_type}, {complaint}")));
    reasons
}
