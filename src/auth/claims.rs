//! The claims of a JWT (RFC 7519 section 4) that the service uses.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

use super::identity::AccountKey;

/// Values that the claims of a token must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimRequirements {
    /// The required `iss`; `None` accepts any.
    pub issuer: Option<String>,
    /// The required `aud`, or a member of it; `None` accepts any.
    pub audience: Option<String>,
}

/// The claims that are read; others are ignored.
#[derive(Deserialize)]
pub(super) struct Claims<'j> {
    /// Seconds since 1970, like all times in a token.
    pub exp: f64,
    pub nbf: Option<f64>,
    #[serde(borrow, default)]
    iss: ClaimValue<'j>,
    #[serde(borrow, default)]
    aud: ClaimValue<'j>,
    #[serde(borrow, default)]
    sub: ClaimValue<'j>,
    #[serde(borrow, default)]
    email: ClaimValue<'j>,
    #[serde(borrow, default)]
    email_verified: ClaimValue<'j>,
}

/// A claim of any JSON type. `serde_json::Value` would copy every string; this borrows.
#[derive(Default)]
enum ClaimValue<'j> {
    /// Missing, or `null`.
    #[default]
    Nothing,
    Text(Cow<'j, str>),
    Flag(bool),
    /// `None` if it is negative or has a fraction.
    Number(Option<u64>),
    List(Vec<Self>),
    Object,
}

impl Claims<'_> {
    /// Whether issuer and audience match the requirements.
    pub fn satisfies(&self, requirements: &ClaimRequirements) -> bool {
        let is_met = |demanded: &Option<String>, claimed: &ClaimValue<'_>| match (demanded, claimed) {
            (None, _) => true,
            (Some(demanded), ClaimValue::List(all)) => all.iter().any(|one| one.is(demanded)),
            (Some(demanded), claimed) => claimed.is(demanded),
        };
        let is_one_issuer = !matches!(self.iss, ClaimValue::List(_));
        is_one_issuer && is_met(&requirements.issuer, &self.iss) && is_met(&requirements.audience, &self.aud)
    }

    /// The account that the token names. A numeric `sub` is a user id and takes precedence over `email`, even if no
    /// user has this id.
    pub fn subject(&self) -> Option<AccountKey> {
        match &self.sub {
            ClaimValue::Number(number) => return number.and_then(|it| it.to_string().parse().ok()).map(AccountKey::Id),
            ClaimValue::Text(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                return text.parse().ok().map(AccountKey::Id);
            }
            _ => {}
        }
        let is_verified = match &self.email_verified {
            ClaimValue::Nothing => true,
            ClaimValue::Flag(flag) => *flag,
            // Some issuers send a string.
            ClaimValue::Text(text) => text == "true",
            _ => false,
        };
        let ClaimValue::Text(email) = &self.email else { return None };
        let is_address = !email.is_empty() && !email.contains(char::is_control);
        (is_verified && is_address).then(|| AccountKey::of_email(email))
    }
}

impl ClaimValue<'_> {
    fn is(&self, demanded: &str) -> bool {
        matches!(self, Self::Text(text) if text == demanded)
    }
}

impl<'de: 'j, 'j> Deserialize<'de> for ClaimValue<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClaimVisitor)
    }
}

struct ClaimVisitor;

impl<'de> Visitor<'de> for ClaimVisitor {
    type Value = ClaimValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<ClaimValue<'de>, E> {
        Ok(ClaimValue::Nothing)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<ClaimValue<'de>, E> {
        Ok(ClaimValue::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ClaimValue<'de>, E> {
        Ok(ClaimValue::Number(Some(number)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<ClaimValue<'de>, E> {
        Ok(ClaimValue::Number(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<ClaimValue<'de>, E> {
        Ok(ClaimValue::Number(None))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClaimValue<'de>, E> {
        Ok(ClaimValue::Text(text.to_owned().into()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<ClaimValue<'de>, E> {
        Ok(ClaimValue::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ClaimValue<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        Ok(ClaimValue::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClaimValue<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(ClaimValue::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Whether a parsed claim equals the JSON value it was parsed from.
    fn is_equal(claim: &ClaimValue<'_>, written: &Value) -> bool {
        match (claim, written) {
            (ClaimValue::Nothing, Value::Null) | (ClaimValue::Object, Value::Object(_)) => true,
            (ClaimValue::Flag(flag), Value::Bool(written)) => flag == written,
            (ClaimValue::Number(number), Value::Number(written)) => *number == written.as_u64(),
            (ClaimValue::Text(text), Value::String(written)) => text == written,
            (ClaimValue::List(all), Value::Array(written)) => {
                all.len() == written.len() && all.iter().zip(written).all(|(one, written)| is_equal(one, written))
            }
            _ => false,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_claim_of_any_type_is_parsed_as_written(written in any_json()) {
            let text = written.to_string();
            let claim: ClaimValue<'_> = serde_json::from_str(&text).unwrap();
            prop_assert!(is_equal(&claim, &written), "{}", text);
        }
    }

    #[test]
    fn iss_is_one_string_and_aud_may_be_a_list() {
        let requirements = ClaimRequirements { issuer: Some("i".to_owned()), audience: Some("a".to_owned()) };
        for (iss, aud, is_met) in [
            (json!("i"), json!("a"), true),
            (json!("i"), json!(["b", "a"]), true),
            (json!("i"), json!(["b", ["a"]]), false),
            (json!(["i"]), json!("a"), false),
            (json!("i"), json!(null), false),
            (json!(7), json!("a"), false),
        ] {
            let text = json!({"exp": 1, "iss": iss, "aud": aud}).to_string();
            let claims: Claims<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(claims.satisfies(&requirements), is_met, "{text}");
        }
    }
}
