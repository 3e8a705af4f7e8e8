//! The stored keys of users, and the functions that compute them, by release.

use super::rows::listed_profile;
use crate::model::key;
use crate::model::user::UserData;

/// The stored keys of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserKeys {
    pub email: String,
    pub name: String,
    pub search: String,
}

/// The functions that computed the stored keys of a database, by release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyFunctions {
    /// Lower case, before the key functions had versions.
    LowerCase,
    /// Version 1: names are compared with accents, and there is no `search_key`.
    CaseFolding,
    /// Those of this release.
    Current,
}

impl KeyFunctions {
    /// The version that `computed_data` stores.
    pub const fn version(self) -> i64 {
        match self {
            Self::LowerCase => 0,
            Self::CaseFolding => 1,
            Self::Current => key::VERSION,
        }
    }

    /// Whether they compute `search_key`, which earlier schemas lack.
    pub fn has_search_key(self) -> bool {
        self == Self::Current
    }
}

/// A user with its stored keys and the data that they are computed from. The profile lacks the properties.
#[derive(Debug, Clone)]
pub(super) struct UserKeyRow {
    pub id: i64,
    pub version: i64,
    data: UserData,
    pub keys: UserKeys,
}

/// The columns of a [`UserKeyRow`]: id, version, e-mail address, first and last name, the id in another system, the
/// profile, and the keys of address, name and search.
pub(super) type KeyColumns =
    (i64, i64, String, Option<String>, Option<String>, Option<String>, String, String, String, String);

impl UserKeyRow {
    /// The keys that the current functions compute.
    pub fn compute(&self) -> UserKeys {
        self.compute_with(KeyFunctions::Current)
    }

    /// The keys that these functions compute.
    pub fn compute_with(&self, functions: KeyFunctions) -> UserKeys {
        let name = || self.data.name().unwrap_or_default();
        match functions {
            KeyFunctions::LowerCase => UserKeys {
                email: key::of_email_before(&self.data.email),
                name: name().to_lowercase(),
                search: String::new(),
            },
            KeyFunctions::CaseFolding => {
                UserKeys { email: self.data.email_key(), name: key::of_text(&name()), search: String::new() }
            }
            KeyFunctions::Current => {
                UserKeys { email: self.data.email_key(), name: self.data.name_key(), search: self.data.search_key() }
            }
        }
    }
}

impl From<KeyColumns> for UserKeyRow {
    fn from(columns: KeyColumns) -> Self {
        let (id, version, email, first_name, last_name, alt_id, profile, email_key, name_key, search_key) = columns;
        let profile = listed_profile(&profile);
        let data = UserData { first_name, last_name, alt_id, profile, ..UserData::new(email) };
        Self { id, version, data, keys: UserKeys { email: email_key, name: name_key, search: search_key } }
    }
}
