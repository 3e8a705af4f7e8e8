//! Users in few bytes, for code that holds very many.

use serde::{Deserialize, Serialize};

use super::access_level::AccessLevel;
use super::user_data::{Profile, UserData};

/// The values of a user and the key of its address, in about as many bytes as they have in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedUser(Box<str>);

/// What a packed user has, as JSON with short names. Values that most users share are left out.
#[derive(Serialize, Deserialize)]
struct PackedValues {
    #[serde(rename = "k")]
    key: String,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    alt_id: Option<String>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    is_disabled: Option<bool>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    access_level: Option<String>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
}

impl PackedUser {
    /// Packs the values of a user and the key by which it is found. `None` if a value cannot be written as JSON.
    #[must_use]
    pub fn pack(key: String, data: UserData) -> Option<Self> {
        let values = PackedValues {
            email: Some(data.email).filter(|email| *email != key),
            key,
            first_name: data.first_name,
            last_name: data.last_name,
            alt_id: data.alt_id,
            is_disabled: (!data.is_enabled).then_some(true),
            access_level: (data.access_level != AccessLevel::User).then(|| data.access_level.name().to_owned()),
            profile: Some(data.profile).filter(|profile| *profile != Profile::default()),
        };
        serde_json::to_string(&values).ok().map(|text| Self(text.into_boxed_str()))
    }

    /// The key and the values.
    #[must_use]
    pub fn unpack(&self) -> Option<(String, UserData)> {
        let values: PackedValues = serde_json::from_str(&self.0).ok()?;
        let data = UserData {
            email: values.email.unwrap_or_else(|| values.key.clone()),
            first_name: values.first_name,
            last_name: values.last_name,
            alt_id: values.alt_id,
            is_enabled: values.is_disabled.is_none(),
            access_level: values.access_level.map_or(Some(AccessLevel::User), |name| AccessLevel::parse(&name))?,
            profile: values.profile.unwrap_or_default(),
        };
        Some((values.key, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_user_has_all_its_values() {
        let plain = UserData::new("ann@example.com".to_owned());
        let full = UserData {
            email: "Ann@Example.com".to_owned(),
            first_name: Some("Änn \"A\"".to_owned()),
            last_name: Some(String::new()),
            alt_id: Some("\u{1}7".to_owned()),
            is_enabled: false,
            access_level: AccessLevel::Ext,
            profile: Profile {
                unit: vec!["Sales".to_owned()],
                properties: [("p".to_owned(), serde_json::json!([1, { "q": null }]))].into_iter().collect(),
                ..Profile::default()
            },
        };
        for data in [plain, full] {
            let packed = PackedUser::pack("ann@example.com".to_owned(), data.clone()).unwrap();
            assert_eq!(packed.unpack(), Some(("ann@example.com".to_owned(), data)));
        }
        let packed = PackedUser::pack("u1@x".to_owned(), UserData::new("u1@x".to_owned())).unwrap();
        assert_eq!(&*packed.0, "{\"k\":\"u1@x\"}");
    }
}
