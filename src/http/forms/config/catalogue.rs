//! The set of forms and types: the built-in one, or that of a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::builtin;
use crate::http::forms::config::definition::{Form, PropertyRule, PropertyRules};
use crate::http::forms::config::diagnostics::{Diagnostics, FormProblem};
use crate::http::forms::config::resource::FormResource;
use crate::http::forms::config::yaml::{self, Node};

/// In bytes.
const MAX_FILE_SIZE: u64 = 256 * 1024;
const MAX_FILES: usize = 1_000;

/// All forms and types that requests can name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    forms: BTreeMap<String, Arc<Form>>,
    /// Sorted by resource and id.
    types: Vec<Arc<Type>>,
}

/// A form or a type with its position.
struct Located<T> {
    file: String,
    line: u64,
    item: T,
}

/// Collects forms, types and problems.
#[derive(Default)]
struct CatalogueReader {
    forms: Vec<Located<Form>>,
    types: Vec<Located<Type>>,
    problems: Vec<FormProblem>,
}

impl Catalogue {
    /// The built-in set.
    #[must_use]
    pub fn built_in() -> Self {
        let mut reader = CatalogueReader::default();
        for (file, text) in builtin::FILES {
            reader.read(file, text);
        }
        // A test checks that they have no problems.
        reader.into_catalogue()
    }

    /// The forms and types of a folder, or the built-in ones without a folder.
    ///
    /// # Errors
    /// All problems of the files.
    pub fn load_or_built_in(folder: Option<&Path>) -> Result<Self, Vec<FormProblem>> {
        folder.map_or_else(|| Ok(Self::built_in()), Self::load)
    }

    /// Loads the files of a folder whose names end in `.yml` or `.yaml` and do not begin with a dot.
    ///
    /// # Errors
    /// All problems of the files.
    pub fn load(folder: &Path) -> Result<Self, Vec<FormProblem>> {
        let name = folder.display().to_string();
        let problem = |reason: String| vec![FormProblem { file: name.clone(), line: None, reason }];
        let names = list_files(folder).map_err(|error| problem(format!("the folder cannot be read: {error}")))?;
        if names.is_empty() {
            return Err(problem("the folder has no file that ends in `.yml` or `.yaml`".to_owned()));
        }
        if names.len() > MAX_FILES {
            return Err(problem(format!("the folder has more than {MAX_FILES} files")));
        }
        let mut reader = CatalogueReader::default();
        for name in names {
            match read_file(&folder.join(&name)) {
                Ok(text) => reader.read(&name, &text),
                Err(reason) => reader.problems.push(FormProblem { file: name, line: None, reason }),
            }
        }
        reader.finish()
    }

    /// Reads the text of one file.
    ///
    /// # Errors
    /// All its problems.
    pub fn of_text(file: &str, text: &str) -> Result<Self, Vec<FormProblem>> {
        let mut reader = CatalogueReader::default();
        reader.read(file, text);
        reader.finish()
    }

    /// The form with this name.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<&Arc<Form>> {
        self.forms.get(name)
    }

    /// All forms, sorted by name.
    pub fn forms(&self) -> impl Iterator<Item = &Form> {
        self.forms.values().map(Arc::as_ref)
    }

    /// All types.
    pub fn types(&self) -> impl Iterator<Item = &Arc<Type>> {
        self.types.iter()
    }

    /// The type of a resource by its id (a number or a string of digits) or by its name in snake case.
    #[must_use]
    pub fn type_of(&self, resource: FormResource, id_or_name: &Value) -> Option<&Arc<Type>> {
        match id_or_name {
            Value::Number(id) => self.type_by_id(resource, id.as_u64()?),
            Value::String(text) => {
                let id = text.parse().ok().and_then(|id| self.type_by_id(resource, id));
                id.or_else(|| self.type_named(resource, text))
            }
            _ => None,
        }
    }

    /// The type of a resource by its stored name.
    #[must_use]
    pub fn type_named(&self, resource: FormResource, name: &str) -> Option<&Arc<Type>> {
        self.types.iter().find(|kind| kind.resource == resource && kind.name == name)
    }

    fn type_by_id(&self, resource: FormResource, id: u64) -> Option<&Arc<Type>> {
        self.types.iter().find(|kind| kind.resource == resource && kind.id == id)
    }
}

/// The sorted names of the files to read.
fn list_files(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_form = Path::new(&name).extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        // Editors create hidden files.
        if is_form && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read_file(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    // Opening a pipe would block forever.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_SIZE) {
        return Err(format!("the file is larger than {} KiB", MAX_FILE_SIZE / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
}

impl CatalogueReader {
    /// Reads all documents of a file.
    fn read(&mut self, file: &str, text: &str) {
        let documents = match yaml::parse(text) {
            Ok(documents) => documents,
            Err(error) => {
                self.problems.push(FormProblem { file: file.to_owned(), line: error.line, reason: error.reason });
                return;
            }
        };
        if documents.is_empty() {
            let reason = "the file contains neither a form nor a type".to_owned();
            self.problems.push(FormProblem { file: file.to_owned(), line: None, reason });
        }
        let mut diagnostics = Diagnostics::new(file);
        for document in &documents {
            self.read_document(file, document, &mut diagnostics);
        }
        self.problems.extend(diagnostics.into_problems());
    }

    fn read_document(&mut self, file: &str, document: &Node, diagnostics: &mut Diagnostics<'_>) {
        let (file, line) = (file.to_owned(), document.line);
        match (document.member("configuration"), document.member("custom_attributes")) {
            (Some(_), None) => {
                self.forms.extend(Form::read(document, diagnostics).map(|item| Located { file, line, item }));
            }
            (None, Some(_)) => {
                self.types.extend(Type::read(document, diagnostics).map(|item| Located { file, line, item }));
            }
            _ => diagnostics.report(
                line,
                "a form has a `configuration` and a type has `custom_attributes`; this document has neither or both",
            ),
        }
    }

    /// Reports duplicate names.
    fn check_names(&mut self) {
        let duplicates = find_duplicates(&self.forms, |form| form.name.clone(), "form");
        self.problems.extend(duplicates);
        let duplicates = find_duplicates(&self.types, |kind| kind.name.clone(), "type");
        self.problems.extend(duplicates);
    }

    /// Reports validations and defaults of properties that do not fit the kind in a type.
    fn check_types(&mut self) {
        let types = || self.types.iter().map(|found| &found.item);
        let mut problems = Vec::new();
        for Located { file, item: form, .. } in &self.forms {
            let Some(PropertyRules::Listed(listed)) = &form.properties else { continue };
            for (name, property) in listed {
                for kind in types().filter(|kind| kind.resource == form.resource) {
                    let reasons = find_type_conflicts(name, property, kind).into_iter();
                    let line = Some(property.line);
                    problems.extend(reasons.map(|reason| FormProblem { file: file.clone(), line, reason }));
                }
            }
        }
        self.problems.extend(problems);
    }

    /// Checks what concerns several files.
    fn finish(mut self) -> Result<Catalogue, Vec<FormProblem>> {
        self.check_names();
        self.check_types();
        if self.problems.is_empty() { Ok(self.into_catalogue()) } else { Err(self.problems) }
    }

    fn into_catalogue(self) -> Catalogue {
        let mut types: Vec<_> = self.types.into_iter().map(|found| found.item).collect();
        types.sort_by(|one, other| (one.resource, &one.name).cmp(&(other.resource, &other.name)));
        for resource in FormResource::ALL {
            for (kind, id) in types.iter_mut().filter(|kind| kind.resource == resource).zip(1..) {
                kind.id = id;
            }
        }
        let forms = self.forms.into_iter().map(|found| (found.item.name.clone(), Arc::new(found.item))).collect();
        Catalogue { forms, types: types.into_iter().map(Arc::new).collect() }
    }
}

fn find_duplicates<T>(all: &[Located<T>], name: impl Fn(&T) -> String, what: &str) -> Vec<FormProblem> {
    let mut first: BTreeMap<String, &Located<T>> = BTreeMap::new();
    let mut problems = Vec::new();
    for found in all {
        let name = name(&found.item);
        if let Some(first) = first.get(&name) {
            let reason = format!("the {what} `{name}` is already defined in {}:{}", first.file, first.line);
            problems.push(FormProblem { file: found.file.clone(), line: Some(found.line), reason });
        } else {
            first.insert(name, found);
        }
    }
    problems
}

fn find_type_conflicts(name: &str, property: &PropertyRule, kind: &Type) -> Vec<String> {
    let Some(attribute) = kind.attribute(name) else { return Vec::new() };
    let of_the_type = format!("which is {} in the type `{}`", attribute.with_article(), kind.name);
    let incompatible = property.validations.find_incompatible(attribute).into_iter();
    let mut reasons: Vec<_> =
        incompatible.map(|validation| format!("`{name}`, {of_the_type}, cannot have `{validation}`")).collect();
    let message = property.default.as_ref().and_then(|default| attribute.check(default));
    reasons.extend(message.map(|message| format!("the default of `{name}`, {of_the_type}, {message}")));
    reasons
}
