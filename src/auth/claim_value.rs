//! Claims of any JSON type.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A claim of any JSON type. `serde_json::Value` would copy every string; this borrows.
#[derive(Default)]
pub(super) enum ClaimValue<'j> {
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

impl ClaimValue<'_> {
    /// Whether the claim is this text.
    pub fn is(&self, demanded: &str) -> bool {
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

/// The claim with a name; `None` if it is missing, or if the JSON is not an object with at most one such member.
pub(super) fn find_claim<'j>(json: &'j [u8], name: &str) -> Option<ClaimValue<'j>> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    ClaimFinder { name }.deserialize(&mut deserializer).ok().flatten()
}

/// Reads one claim of an object and ignores the others.
struct ClaimFinder<'n> {
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for ClaimFinder<'_> {
    type Value = Option<ClaimValue<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ClaimFinder<'_> {
    type Value = Option<ClaimValue<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name != self.name {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("a duplicate claim"));
            }
        }
        Ok(found)
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

        #[test]
        fn a_claim_is_found_by_its_name(name in "[a-z:/._\\\\\"-]{1,8}", written in any_json(), other in any_json()) {
            let object = json!({name.clone(): written, format!("{name}x"): other});
            let text = object.to_string();
            let found = find_claim(text.as_bytes(), &name).unwrap();
            prop_assert!(is_equal(&found, &object[&name]), "{}", text);
            let missing = format!("{name}y");
            prop_assert!(find_claim(text.as_bytes(), &missing).is_none());
        }

        #[test]
        fn any_json_is_searched_without_a_panic(noise: Vec<u8>, written in any_json()) {
            prop_assert!(find_claim(&noise, "upn").is_none());
            find_claim(written.to_string().as_bytes(), "upn");
        }
    }

    #[test]
    fn a_duplicate_claim_is_not_found() {
        assert!(find_claim(br#"{"upn":"a@example.com","\u0075pn":"b@example.com"}"#, "upn").is_none());
    }
}
