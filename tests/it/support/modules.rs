//! The modules of `src` and which of them name each other, read from the source text.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::File;

/// The segments of a path, such as `["store", "tx"]`.
type Path = Vec<String>;

/// Returns every path that follows `crate::` in a piece of code, with groups expanded: `store::Cost`, `store::Tx`, ….
pub fn crate_paths(code: &str) -> Vec<String> {
    code.match_indices("crate::").flat_map(|(at, word)| expand(&code[at + word.len()..])).collect()
}

/// Returns the paths with which a text begins.
fn expand(text: &str) -> Vec<String> {
    if let Some(group) = text.strip_prefix('{') {
        return members(group).into_iter().flat_map(|member| expand(member.trim())).collect();
    }
    let end = text.find(|letter: char| !is_word(letter)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        Some(rest) => expand(rest).into_iter().map(|path| format!("{name}::{path}")).collect(),
        None => vec![name.to_owned()],
    }
}

/// Returns the members of a group; `group` starts after the opening brace.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut all) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                all.push(&group[start..at]);
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    all.retain(|member| !member.trim().is_empty());
    all
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Which module, each in a file of its own, names which others.
pub struct ModuleGraph(BTreeMap<Path, BTreeSet<Path>>);

impl ModuleGraph {
    /// Reads the modules of these files; `src/main.rs` is a crate of its own.
    pub fn of(files: &[File]) -> Self {
        let code: BTreeMap<Path, String> = files
            .iter()
            .filter(|file| file.path != "src/main.rs")
            .map(|file| (module_of(&file.path), file.code()))
            .collect();
        let named = |module: &Path, code_of: &str| -> BTreeSet<Path> {
            let paths = paths_in(module, code_of);
            let direct = paths.iter().filter_map(|path| {
                (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|prefix| code.contains_key(prefix))
            });
            let children = code.keys().filter(|child| {
                child.split_last().is_some_and(|(name, parent)| {
                    parent == module.as_slice() && starts_of(code_of, &format!("{name}::")).next().is_some()
                })
            });
            direct.chain(children.cloned()).filter(|named| named != module).collect()
        };
        Self(code.iter().map(|(module, text)| (module.clone(), named(module, text))).collect())
    }

    /// Returns the strongly connected components of more than one module, one text each with all arrows inside.
    pub fn cycles(&self) -> Vec<String> {
        let reachable: BTreeMap<&Path, BTreeSet<&Path>> = self.0.keys().map(|from| (from, self.reach(from))).collect();
        let component = |module: &Path| -> BTreeSet<&Path> {
            reachable[module].iter().copied().filter(|other| reachable[*other].contains(module)).collect()
        };
        let components: BTreeSet<_> = self.0.keys().map(component).filter(|component| !component.is_empty()).collect();
        components.iter().map(|component| self.show(component)).collect()
    }

    /// Returns the modules that can be reached by one arrow or more.
    fn reach(&self, from: &Path) -> BTreeSet<&Path> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Path> = self.0[from].iter().collect();
        while let Some(module) = open.pop() {
            if reached.insert(module) {
                open.extend(&self.0[module]);
            }
        }
        reached
    }

    fn show(&self, component: &BTreeSet<&Path>) -> String {
        let arrows = |module: &&Path| {
            let inside: Vec<_> =
                self.0[*module].iter().filter(|named| component.contains(named)).map(|it| it.join("::")).collect();
            format!("    {} -> {}", module.join("::"), inside.join(", "))
        };
        let lines: Vec<_> = component.iter().map(arrows).collect();
        format!("a cycle of {} modules:\n{}", component.len(), lines.join("\n"))
    }
}

/// `src/http/v2/users.rs` is `http::v2::users`, `src/http/mod.rs` is `http`, and `src/lib.rs` is empty.
fn module_of(path: &str) -> Path {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Path = path.split('/').map(str::to_owned).collect();
    module.pop_if(|last| last == "mod" || last == "lib");
    module
}

/// Returns the paths from the root of the crate that a module names with `crate::`, `super::` or `self::`.
fn paths_in(module: &Path, code: &str) -> Vec<Path> {
    let base = |word: &str| match word {
        "crate::" => Vec::new(),
        "super::" => module[..module.len().saturating_sub(1)].to_vec(),
        _ => module.clone(),
    };
    let mut all = Vec::new();
    for word in ["crate::", "super::", "self::"] {
        for at in starts_of(code, word) {
            // `pub(in crate::store)` is a visibility.
            if !code[..at].trim_end().ends_with("(in") {
                let paths = expand(&code[at + word.len()..]);
                all.extend(paths.iter().map(|path| resolve(base(word), path)));
            }
        }
    }
    all
}

/// Appends a path that may contain further `super` to a path from the root.
fn resolve(base: Path, path: &str) -> Path {
    path.split("::").fold(base, |mut path, segment| {
        match segment {
            "super" => drop(path.pop()),
            "self" | "" => {}
            _ => path.push(segment.to_owned()),
        }
        path
    })
}

/// Returns the places of a word that does not continue another word or path.
fn starts_of<'c>(code: &'c str, word: &str) -> impl Iterator<Item = usize> + use<'c> {
    let places: Vec<_> = code.match_indices(word).map(|(at, _)| at).collect();
    places.into_iter().filter(|at| !code[..*at].ends_with(|letter| is_word(letter) || letter == ':'))
}
