//! The options of an import over HTTP, as the database keeps them.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::sources::TableOptions;
use crate::domain::sync::{ChangeLimit, MissingChoice, SyncOptions};
use crate::files::encoding::parse_encoding;
use crate::files::mapping::{IGNORE, Mapping};

/// The choices for users that a synchronized file does not have, by name.
pub const MISSING_CHOICES: [(&str, MissingChoice); 3] =
    [("report", MissingChoice::Report), ("disable", MissingChoice::Disable), ("keep", MissingChoice::Keep)];

/// The options of an import. A release adds members only with a default, because other releases store them too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSettings {
    /// Whether the upload is CSV; else it is NDJSON.
    pub is_table: bool,
    /// The name of the encoding of CSV without a byte order mark.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Whether the file is the truth.
    #[serde(default)]
    pub is_sync: bool,
    /// The name of the choice for users that a synchronized file does not have.
    #[serde(default)]
    pub missing: Option<String>,
    /// How much a synchronization may delete and disable.
    #[serde(default)]
    pub max_changes: Option<String>,
    /// What columns become, by heading; `null` ignores a column.
    #[serde(default)]
    pub map: BTreeMap<String, Option<String>>,
    /// Whether unknown columns are ignored.
    #[serde(default)]
    pub ignores_unknown: bool,
}

impl ImportSettings {
    /// Parses what the database keeps.
    ///
    /// # Errors
    /// If it is not what [`to_text`](Self::to_text) returns.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("the options of the import cannot be read: {error}"))
    }

    /// The text that the database keeps.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// How tables are read.
    ///
    /// # Errors
    /// An invalid mapping, or an unknown encoding.
    pub fn table_options(&self) -> Result<TableOptions, String> {
        let encoding = self.encoding.as_deref().map(parse_encoding).transpose()?;
        Ok(TableOptions { encoding, mapping: self.mapping()?, ..TableOptions::default() })
    }

    /// What the columns become.
    ///
    /// # Errors
    /// An entry without a heading or a member, and headings that are the same.
    pub fn mapping(&self) -> Result<Mapping, String> {
        let mut mapping = Mapping::new(self.ignores_unknown);
        for (heading, member) in &self.map {
            mapping.add(&format!("{heading}={}", member.as_deref().unwrap_or(IGNORE)))?;
        }
        Ok(mapping)
    }

    /// The options of a synchronization.
    #[must_use]
    pub fn sync_options(&self) -> SyncOptions {
        let choice = MISSING_CHOICES.iter().find(|(name, _)| self.missing.as_deref() == Some(name));
        SyncOptions { creates_types: false, missing: choice.map(|(_, choice)| *choice).unwrap_or_default() }
    }

    /// How much a synchronization may delete and disable.
    #[must_use]
    pub fn limit(&self) -> ChangeLimit {
        self.max_changes.as_deref().and_then(|text| ChangeLimit::from_str(text).ok()).unwrap_or_default()
    }
}

/// A message for the command line, with the names that requests use.
#[must_use]
pub fn for_requests(message: &str) -> String {
    const NAMES: [(&str, &str); 7] = [
        ("register it, or import with `--create-types`", "register it with `POST /api/v2/relationship-types`"),
        ("with `--create-types`", "with `POST /api/v2/relationship-types`"),
        ("--encoding ", "Content-Type: text/csv; charset="),
        ("--ignore-unknown", "import-ignore-unknown=true"),
        ("--max-changes", "import-max-changes"),
        ("--sync", "import-sync=true"),
        ("--map", "import-map"),
    ];
    let message = with_json_maps(message);
    NAMES.iter().fold(message, |message, (option, parameter)| message.replace(option, parameter))
}

/// `--map 'HEADER=MEMBER'` as a query parameter.
fn with_json_maps(message: &str) -> String {
    let (mut result, mut rest) = (String::new(), message);
    while let Some((before, after)) = rest.split_once("--map '") {
        let entry = after.split_once('\'').and_then(|(entry, after)| Some((entry.rsplit_once('=')?, after)));
        let Some(((heading, member), after)) = entry else { break };
        result.push_str(before);
        let map = BTreeMap::from([(heading, member)]);
        result.push_str("import-map=");
        result.push_str(&serde_json::to_string(&map).unwrap_or_default());
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_parameters_of_requests() {
        for (message, expected) in [
            ("name its column with `--map 'HEADER=email'`", "name its column with `import-map={\"HEADER\":\"email\"}`"),
            ("`--map`: no column", "`import-map`: no column"),
            ("give `--encoding windows-1252`", "give `Content-Type: text/csv; charset=windows-1252`"),
            ("ignore them with `--ignore-unknown`", "ignore them with `import-ignore-unknown=true`"),
            ("it's `--map 'a", "it's `import-map 'a"),
        ] {
            assert_eq!(for_requests(message), expected);
        }
    }

    #[test]
    fn settings_come_back_and_later_members_are_ignored() {
        let settings = ImportSettings {
            is_table: true,
            encoding: Some("windows-1252".to_owned()),
            is_sync: true,
            missing: Some("disable".to_owned()),
            max_changes: Some("5%".to_owned()),
            map: BTreeMap::from([("Work Email".to_owned(), Some("email".to_owned())), ("Notes".to_owned(), None)]),
            ignores_unknown: true,
        };
        assert_eq!(ImportSettings::parse(&settings.to_text()), Ok(settings.clone()));
        assert_eq!(settings.sync_options().missing, MissingChoice::Disable);
        assert_eq!(settings.limit(), ChangeLimit::Percent(5));
        let later = ImportSettings::parse(r#"{"is_table":false,"later":1}"#).unwrap();
        assert!(!later.is_sync && later.map.is_empty() && later.limit() == ChangeLimit::default());
    }
}
