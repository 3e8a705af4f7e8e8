//! The attributes of a user: one row of a table declares each of them for the API, the command line and the store.

use serde::{Deserialize, Deserializer, Serialize};

use super::access_level::AccessLevel;
use super::attributes::HasAttributes;
use super::field::{FieldKind, FieldStorage, FieldWriter};
use super::group::Properties;
use super::json_size::json_size;
use super::key::{self, SearchedAttribute};
use super::user_fields::user_fields;

// The names of fields in stored profiles are those of the places, so places never change.
user_fields! {
    computed { "name" }
    columns {
        /// The first name.
        FirstName = first_name: Option<String>, "first-name", FieldKind::Text { max_chars: 255 }, Owner;
        /// The last name.
        LastName = last_name: Option<String>, "last-name", FieldKind::Text { max_chars: 255 }, Owner;
        /// The address, unique without regard to case.
        Email = email: String, "email", FieldKind::Email, Admin;
    }
    profile {
        /// A description.
        Description = description: Option<String>, "description", FieldKind::Text { max_chars: 10_000 }, Owner;
        /// A shorter description.
        AdditionalInfo = additional_info: Option<String>, "additional-info", FieldKind::Text { max_chars: 300 }, Owner;
        /// Where the user works.
        Location = location: Vec<String>, "location", FieldKind::List, Owner;
        /// The units that the user belongs to.
        Unit = unit: Vec<String>, "unit", FieldKind::List, Owner;
        /// Telephone numbers.
        Phone = phone: Vec<String>, "phone", FieldKind::List, Owner;
        /// Mobile telephone numbers.
        Mobile = mobile: Vec<String>, "mobile", FieldKind::List, Owner;
        /// The job titles.
        JobTitle = job_title: Vec<String>, "job-title", FieldKind::List, Owner;
        /// URLs of web pages.
        Website = website: Vec<String>, "website", FieldKind::List, Owner;
        /// Skype names.
        Skype = skype: Vec<String>, "skype", FieldKind::List, Owner;
        /// Twitter names.
        Twitter = twitter: Vec<String>, "twitter", FieldKind::List, Owner;
    }
    columns {
        /// The id in another system.
        AltId = alt_id: Option<String>, "alt-id", FieldKind::Text { max_chars: 255 }, Admin;
        /// Whether the user may authenticate.
        IsEnabled = is_enabled: bool, "is-enabled", FieldKind::Flag, Admin;
        /// What the user may do.
        AccessLevel = access_level: AccessLevel, "access-level", FieldKind::Level, Admin;
    }
    computed { "is-supervisor" "created-at" "updated-at" }
    relationships { "user-relationships" "targeted-by" }
}

impl Field {
    /// Whether only an admin may write the field.
    #[must_use]
    pub fn is_admin_only(self) -> bool {
        self.writer() == FieldWriter::Admin
    }
}

impl Profile {
    /// The most bytes of a profile, as the JSON in which it is stored. Earlier releases stored larger ones.
    pub const LARGEST: usize = 64 * 1024;

    /// Reads a profile without its properties, which take up to sixteen times their size when they are parsed.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize_listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ListedProfile::deserialize(deserializer)
    }

    /// What is wrong with the size of a profile that replaces `old`, which may stay as large as it is.
    #[must_use]
    pub fn complaint_about_size(&self, old: &Self) -> Option<String> {
        let size = json_size(self);
        if size <= Self::LARGEST || size <= json_size(old) {
            return None;
        }
        let most = Self::LARGEST;
        Some(format!("the attributes of a user must have at most {most} bytes of JSON together; these have {size}"))
    }
}

impl UserData {
    /// An enabled user with an address and no other values.
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

    /// The bytes of a field as JSON.
    #[must_use]
    pub fn size_of(&self, field: Field) -> usize {
        json_size(&self.get(field))
    }

    /// First and last name joined; `None` if both are unknown or blank.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let parts: Vec<_> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        let name = parts.join(" ");
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// The key of the name, by which users are sorted and searched.
    #[must_use]
    pub fn name_key(&self) -> String {
        key::of_name(&self.name().unwrap_or_default())
    }

    /// The keys of what a search reads beside the keys of name and address: the other id, units and job titles, and the
    /// address without accents.
    #[must_use]
    pub fn search_key(&self) -> String {
        let email = (!self.email.is_ascii()).then(|| self.email_key());
        let others = email.iter().chain(&self.alt_id).map(|text| (SearchedAttribute::Other, text));
        let units = self.profile.unit.iter().map(|text| (SearchedAttribute::Unit, text));
        let job_titles = self.profile.job_title.iter().map(|text| (SearchedAttribute::JobTitle, text));
        let values = others.chain(units).chain(job_titles);
        values.map(|(attribute, text)| key::of_attribute(attribute, text)).collect()
    }

    /// The key of the address, which is unique.
    #[must_use]
    pub fn email_key(&self) -> String {
        key::of_email(&self.email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attributes::Attribute;
    use crate::model::field::Value;

    #[test]
    fn a_stored_profile_keeps_its_names_and_order() {
        let mut data = UserData::new("ann@example.com".to_owned());
        for field in Field::ALL.into_iter().filter(|field| field.is_in_profile()) {
            let value = match field.kind() {
                FieldKind::List => Value::List(vec!["x".to_owned()]),
                _ => Value::Text("x".to_owned()),
            };
            assert!(data.set(field, value), "{field:?}");
        }
        data.profile.properties.insert("p".to_owned(), 1.into());
        let stored = "{\"description\":\"x\",\"additional_info\":\"x\",\"location\":[\"x\"],\"unit\":[\"x\"],\
                      \"phone\":[\"x\"],\"mobile\":[\"x\"],\"job_title\":[\"x\"],\"website\":[\"x\"],\
                      \"skype\":[\"x\"],\"twitter\":[\"x\"],\"properties\":{\"p\":1}}";
        assert_eq!(serde_json::to_string(&data.profile).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Profile>(stored).unwrap(), data.profile);
        let listed = Profile::deserialize_listed(&mut serde_json::Deserializer::from_str(stored)).unwrap();
        data.profile.properties.clear();
        assert_eq!(listed, data.profile);
        assert_eq!(serde_json::to_string(&Profile::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Profile>("{\"later\":[1]}").unwrap(), Profile::default());
    }

    #[test]
    fn a_value_of_another_kind_changes_nothing() {
        let mut data = UserData::new("ann@example.com".to_owned());
        let before = data.clone();
        for (field, value) in [
            (Field::Email, Value::Null),
            (Field::FirstName, Value::Flag(true)),
            (Field::Phone, Value::Text("1".to_owned())),
            (Field::IsEnabled, Value::Null),
            (Field::AccessLevel, Value::Text("root".to_owned())),
            (Field::AltId, Value::Other),
        ] {
            assert!(!data.set(field, value), "{field:?}");
        }
        assert_eq!(data, before);
    }
}
