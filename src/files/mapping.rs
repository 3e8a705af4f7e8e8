//! What the columns of a file become, as the sender of the file says.

use std::collections::BTreeMap;

use super::heading::normalize;

/// The largest file with a mapping, in bytes.
pub const MAX_MAPPING_BYTES: u64 = 64 << 10;
/// The target of a column that is ignored.
pub const IGNORE: &str = "-";

/// The columns that a sender has named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    entries: BTreeMap<String, MappingEntry>,
    /// Ignores unknown columns instead of refusing the file.
    pub ignores_unknown: bool,
}

/// What one column becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingEntry {
    /// The heading.
    pub heading: String,
    /// The member, the edge, or [`IGNORE`].
    pub target: String,
    /// Whether a file must have the column.
    pub is_required: bool,
}

impl Mapping {
    /// A mapping without entries.
    #[must_use]
    pub fn new(ignores_unknown: bool) -> Self {
        Self { entries: BTreeMap::new(), ignores_unknown }
    }

    /// Adds an entry such as `Work Email=email`, which replaces that of a file.
    ///
    /// # Errors
    /// The form of an entry; a column that another such entry names.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let parts = text.rsplit_once('=').map(|(heading, target)| (heading.trim(), target.trim()));
        let Some((heading, target)) = parts.filter(|(heading, target)| !heading.is_empty() && !target.is_empty())
        else {
            return Err(format!("must be `HEADER=MEMBER`, for example `Work Email=email`; got `{text}`"));
        };
        let entry = MappingEntry { heading: heading.to_owned(), target: target.to_owned(), is_required: true };
        match self.entries.insert(normalize(heading), entry) {
            Some(other) if other.is_required => Err(format!("`{heading}` is mapped twice; keep one of the two")),
            _ => Ok(()),
        }
    }

    /// Adds the entries of a YAML file, whose lines are such as `Work Email: email`.
    ///
    /// # Errors
    /// What is wrong with the file, with the line.
    pub fn add_yaml(&mut self, text: &str) -> Result<(), String> {
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
            merge_keys: serde_saphyr::MergeKeyPolicy::Error,
            with_snippet: false,
        };
        let entries: BTreeMap<String, Option<String>> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| {
                format!(
                    "must have lines such as `Work Email: email`, with quotation marks around headings that contain \
                     `#` or `: `: {}",
                    error.without_snippet()
                )
            })?;
        for (heading, target) in entries {
            let key = normalize(&heading);
            let target = target.map_or_else(|| IGNORE.to_owned(), |target| target.trim().to_owned());
            let entry = MappingEntry { heading, target, is_required: false };
            if let Some(other) = self.entries.insert(key, entry) {
                return Err(format!(
                    "`{}` is mapped twice, with different spellings; keep one of the two",
                    other.heading
                ));
            }
        }
        Ok(())
    }

    /// The entry for a heading.
    #[must_use]
    pub fn find(&self, heading: &str) -> Option<&MappingEntry> {
        self.entries.get(&normalize(heading))
    }

    /// The first entry for a column that none of the files has, although one must.
    #[must_use]
    pub fn find_unused<'h>(&self, headings: impl Iterator<Item = &'h str>) -> Option<&MappingEntry> {
        let found: Vec<_> = headings.map(normalize).collect();
        let unused = self.entries.iter().find(|(key, entry)| entry.is_required && !found.contains(key));
        unused.map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_option_replaces_the_entry_of_a_file() {
        let mut mapping = Mapping::default();
        mapping.add_yaml("Work Email: email\n\"Employee #\": alt-id\nHire Date:\nNotes: '-'\n").unwrap();
        mapping.add("work-email = -").unwrap();
        mapping.add("a=b=unit").unwrap();
        let target = |heading| mapping.find(heading).map(|entry| entry.target.as_str());
        assert_eq!(target("WORK EMAIL"), Some("-"));
        assert_eq!(target("Employee #"), Some("alt-id"));
        assert_eq!((target("hire_date"), target("notes"), target("a=b")), (Some("-"), Some("-"), Some("unit")));
        assert_eq!(target("x"), None);
        assert!(mapping.add("Work Email=email").unwrap_err().contains("twice"));
        assert_eq!(mapping.find_unused(["work email"].into_iter()).unwrap().heading, "a=b");
    }

    #[test]
    fn an_invalid_mapping_is_an_error() {
        for bad in ["email", "=email", "Work Email=", " = "] {
            assert!(Mapping::default().add(bad).unwrap_err().contains("HEADER=MEMBER"), "{bad}");
        }
        for bad in ["- a\n- b\n", "a: [b]\n", "a: 1\nA: 2\n", "a: x\na: y\n", "Employee #: alt-id\n", "a: {b: c}\n"] {
            assert!(Mapping::default().add_yaml(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_mapping_is_read_or_refused(
            entries in prop::collection::vec("[a-c =:-]{0,9}|\\PC{0,9}", 0..4),
            yaml in "[a-c: \n'\"#{}\\[\\]&*!|>%-]{0,40}|\\PC{0,30}",
        ) {
            let mut mapping = Mapping::new(true);
            let read = mapping.add_yaml(&yaml);
            prop_assert!(read.as_ref().map_or_else(|problem| !problem.is_empty(), |()| true));
            for entry in &entries {
                if mapping.add(entry).is_ok() {
                    let (heading, target) = entry.rsplit_once('=').unwrap();
                    prop_assert_eq!(&mapping.find(heading).unwrap().target, target.trim());
                    let is_used = mapping.find_unused([heading].into_iter()).is_none_or(|it| it.heading != heading.trim());
                    prop_assert!(is_used);
                }
            }
        }
    }
}
