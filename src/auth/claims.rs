//! What a JWT claims (RFC 7519 section 4), as far as it matters here.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

use super::identity::AccountKey;

/// What a token must say beside whom it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimRequirements {
    /// `iss`, where it matters.
    pub issuer: Option<String>,
    /// One of `aud`, where it matters.
    pub audience: Option<String>,
}

/// The claims that are asked for; others are passed over.
#[derive(Deserialize)]
pub(super) struct Claims<'j> {
    /// Seconds since 1970, as everywhere in a token.
    pub exp: f64,
    pub nbf: Option<f64>,
    #[serde(borrow, default)]
    iss: Claim<'j>,
    #[serde(borrow, default)]
    aud: Claim<'j>,
    #[serde(borrow, default)]
    sub: Claim<'j>,
    #[serde(borrow, default)]
    email: Claim<'j>,
    #[serde(borrow, default)]
    email_verified: Claim<'j>,
}

/// A claim of any kind. It is read here and not by `serde_json::Value`, since that would copy every text.
#[derive(Default)]
enum Claim<'j> {
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
    /// Whether the token is from and for whom it shall be.
    pub fn satisfies(&self, requirements: &ClaimRequirements) -> bool {
        let is_meant = |demanded: &Option<String>, claimed: &Claim<'_>| match (demanded, claimed) {
            (None, _) => true,
            (Some(demanded), Claim::List(all)) => all.iter().any(|one| one.is(demanded)),
            (Some(demanded), claimed) => claimed.is(demanded),
        };
        let is_one_issuer = !matches!(self.iss, Claim::List(_));
        is_one_issuer && is_meant(&requirements.issuer, &self.iss) && is_meant(&requirements.audience, &self.aud)
    }

    /// A numeric `sub` is the id of a user and decides alone, even if it names nobody.
    pub fn subject(&self) -> Option<AccountKey> {
        match &self.sub {
            Claim::Number(number) => return number.and_then(|it| it.to_string().parse().ok()).map(AccountKey::Id),
            Claim::Text(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                return text.parse().ok().map(AccountKey::Id);
            }
            _ => {}
        }
        let is_verified = match &self.email_verified {
            Claim::Nothing => true,
            Claim::Flag(flag) => *flag,
            // Some issuers write it as text.
            Claim::Text(text) => text == "true",
            _ => false,
        };
        let Claim::Text(email) = &self.email else { return None };
        let is_one = !email.is_empty() && !email.contains(char::is_control);
        (is_verified && is_one).then(|| AccountKey::of_email(email))
    }
}

impl Claim<'_> {
    fn is(&self, demanded: &str) -> bool {
        matches!(self, Self::Text(text) if text == demanded)
    }
}

impl<'de: 'j, 'j> Deserialize<'de> for Claim<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyKind)
    }
}

struct AnyKind;

impl<'de> Visitor<'de> for AnyKind {
    type Value = Claim<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claim")
    }

    fn visit_unit<E: Error>(self) -> Result<Claim<'de>, E> {
        Ok(Claim::Nothing)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Claim<'de>, E> {
        Ok(Claim::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Claim<'de>, E> {
        Ok(Claim::Number(Some(number)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Claim<'de>, E> {
        Ok(Claim::Number(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Claim<'de>, E> {
        Ok(Claim::Number(None))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Claim<'de>, E> {
        Ok(Claim::Text(text.to_owned().into()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Claim<'de>, E> {
        Ok(Claim::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Claim<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        Ok(Claim::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claim<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Claim::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// What a claim says, compared with what was written.
    fn is_as_written(claim: &Claim<'_>, written: &Value) -> bool {
        match (claim, written) {
            (Claim::Nothing, Value::Null) | (Claim::Object, Value::Object(_)) => true,
            (Claim::Flag(flag), Value::Bool(written)) => flag == written,
            (Claim::Number(number), Value::Number(written)) => *number == written.as_u64(),
            (Claim::Text(text), Value::String(written)) => text == written,
            (Claim::List(all), Value::Array(written)) => {
                all.len() == written.len() && all.iter().zip(written).all(|(one, written)| is_as_written(one, written))
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
        fn a_claim_of_any_kind_is_read_as_it_was_written(written in any_json()) {
            let text = written.to_string();
            let claim: Claim<'_> = serde_json::from_str(&text).unwrap();
            prop_assert!(is_as_written(&claim, &written), "{}", text);
        }
    }

    #[test]
    fn an_issuer_is_one_text_and_an_audience_may_be_several() {
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
