//! Users and what is known of them.

use serde::{Deserialize, Serialize};

pub use super::field::{Field, Kind, Value};
use super::group::Properties;
use super::id::UserId;
use super::json_size::json_size;
use super::key;
use super::time::Timestamp;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AccessLevel {
    /// Sees everything, changes what is its own.
    #[default]
    User,
    /// Sees and changes everything.
    Admin,
    /// An outsider: sees and changes what is its own.
    Ext,
    /// May not authenticate.
    Excluded,
}

impl AccessLevel {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::User, Self::Admin, Self::Ext, Self::Excluded];

    /// The level's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Ext => "ext",
            Self::Excluded => "excluded",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// The rarely asked attributes, kept together as one text by the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of `Field`, documented there")]
pub struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub location: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unit: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phone: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mobile: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub job_title: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub website: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skype: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub twitter: Vec<String>,
    /// What forms let be said beyond the attributes of the API.
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
}

impl Profile {
    /// The most bytes of a profile, as the JSON in which it is stored. Earlier releases stored larger ones.
    pub const LARGEST: usize = 64 * 1024;

    /// What is wrong with the size of a profile that replaces `old`, which may stay as large as it is.
    #[must_use]
    pub fn complaint_about_size(&self, old: &Self) -> Option<String> {
        let size = json_size(self);
        if size <= Self::LARGEST || size <= json_size(old) {
            return None;
        }
        let most = Self::LARGEST;
        Some(format!("a user's attributes may have {most} bytes of JSON in all, and would have {size}; send less"))
    }
}

/// All that can be written of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Field`, documented there")]
pub struct UserData {
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub alt_id: Option<String>,
    pub is_enabled: bool,
    pub access_level: AccessLevel,
    pub profile: Profile,
}

/// What a field holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// A text, or nothing.
    Text(Option<&'a str>),
    /// A list, possibly empty.
    List(&'a [String]),
    /// True or false.
    Flag(bool),
}

impl UserData {
    /// A new, enabled user with nothing but its address.
    #[must_use]
    pub fn new(email: String) -> Self {
        Self {
            email,
            first_name: None,
            last_name: None,
            alt_id: None,
            is_enabled: true,
            access_level: AccessLevel::User,
            profile: Profile::default(),
        }
    }

    /// What `field` holds.
    #[must_use]
    pub fn get(&self, field: Field) -> Held<'_> {
        let profile = &self.profile;
        match field {
            Field::FirstName => Held::Text(self.first_name.as_deref()),
            Field::LastName => Held::Text(self.last_name.as_deref()),
            Field::Email => Held::Text(Some(&self.email)),
            Field::AltId => Held::Text(self.alt_id.as_deref()),
            Field::AccessLevel => Held::Text(Some(self.access_level.name())),
            Field::IsEnabled => Held::Flag(self.is_enabled),
            Field::Description => Held::Text(profile.description.as_deref()),
            Field::AdditionalInfo => Held::Text(profile.additional_info.as_deref()),
            Field::Location => Held::List(&profile.location),
            Field::Unit => Held::List(&profile.unit),
            Field::Phone => Held::List(&profile.phone),
            Field::Mobile => Held::List(&profile.mobile),
            Field::JobTitle => Held::List(&profile.job_title),
            Field::Website => Held::List(&profile.website),
            Field::Skype => Held::List(&profile.skype),
            Field::Twitter => Held::List(&profile.twitter),
        }
    }

    /// The bytes of a field as JSON.
    #[must_use]
    pub fn size_of(&self, field: Field) -> usize {
        match self.get(field) {
            Held::Text(text) => json_size(&text),
            Held::List(list) => json_size(&list),
            Held::Flag(flag) => json_size(&flag),
        }
    }

    /// Whether `value` is what `field` holds already.
    #[must_use]
    pub fn holds(&self, field: Field, value: &Value) -> bool {
        match (self.get(field), value) {
            (Held::Text(None), Value::Null) => true,
            (Held::Text(Some(held)), Value::Text(sent)) => held == sent,
            (Held::List(held), Value::List(sent)) => held == sent.as_slice(),
            (Held::List(held), Value::Null) => held.is_empty(),
            (Held::Flag(held), Value::Flag(sent)) => held == *sent,
            _ => false,
        }
    }

    /// Puts `value` into `field`; a value that the field cannot hold changes nothing and answers `false`.
    pub fn set(&mut self, field: Field, value: Value) -> bool {
        let profile = &mut self.profile;
        match field {
            Field::FirstName => put_text(&mut self.first_name, value),
            Field::LastName => put_text(&mut self.last_name, value),
            Field::AltId => put_text(&mut self.alt_id, value),
            Field::Description => put_text(&mut profile.description, value),
            Field::AdditionalInfo => put_text(&mut profile.additional_info, value),
            Field::Location => put_list(&mut profile.location, value),
            Field::Unit => put_list(&mut profile.unit, value),
            Field::Phone => put_list(&mut profile.phone, value),
            Field::Mobile => put_list(&mut profile.mobile, value),
            Field::JobTitle => put_list(&mut profile.job_title, value),
            Field::Website => put_list(&mut profile.website, value),
            Field::Skype => put_list(&mut profile.skype, value),
            Field::Twitter => put_list(&mut profile.twitter, value),
            Field::Email => match value {
                Value::Text(text) => put(&mut self.email, Some(text)),
                _ => false,
            },
            Field::IsEnabled => match value {
                Value::Flag(flag) => put(&mut self.is_enabled, Some(flag)),
                _ => false,
            },
            Field::AccessLevel => match value {
                Value::Text(text) => put(&mut self.access_level, AccessLevel::parse(&text)),
                _ => false,
            },
        }
    }

    /// First and last name joined, `None` when neither is known.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let parts: Vec<_> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        let name = parts.join(" ");
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// The key of the name: users are sorted and searched by it.
    #[must_use]
    pub fn name_key(&self) -> String {
        key::of_text(&self.name().unwrap_or_default())
    }

    /// The key of the address: no two users share it.
    #[must_use]
    pub fn email_key(&self) -> String {
        key::of_email(&self.email)
    }
}

fn put<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}

fn put_text(place: &mut Option<String>, value: Value) -> bool {
    match value {
        Value::Null => put(place, Some(None)),
        Value::Text(text) => put(place, Some(Some(text))),
        _ => false,
    }
}

fn put_list(place: &mut Vec<String>, value: Value) -> bool {
    match value {
        Value::Null => put(place, Some(Vec::new())),
        Value::List(list) => put(place, Some(list)),
        _ => false,
    }
}

/// A stored user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Given by the store, never reused.
    pub id: UserId,
    /// Raised by each change.
    pub version: i64,
    /// What can be written.
    pub data: UserData,
    /// Whether some `subordinate` relationship targets the user.
    pub is_supervisor: bool,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
