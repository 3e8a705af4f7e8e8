//! The claims of a JWT (RFC 7519 section 4) that the service uses.

use serde::Deserialize;

use super::claim_value::{ClaimValue, find_claim};
use super::identity::AccountKey;
use super::user_claim::UserClaim;
use crate::model::boolean::parse_boolean;

/// What the claims of a token must be, and which of them names the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimRequirements {
    /// The required `iss`; `None` accepts any.
    pub issuer: Option<String>,
    /// `aud`, or a member of it, must be one of these; an empty list accepts any.
    pub audiences: Vec<String>,
    /// The claim that names the user.
    pub user: UserClaim,
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

impl Claims<'_> {
    /// Whether issuer and audience match the requirements.
    pub fn satisfies(&self, requirements: &ClaimRequirements) -> bool {
        let is_issuer = requirements.issuer.as_ref().is_none_or(|issuer| self.iss.is(issuer));
        let is_one_issuer = !matches!(self.iss, ClaimValue::List(_));
        is_one_issuer && is_issuer && self.has_audience(&requirements.audiences)
    }

    fn has_audience(&self, accepted: &[String]) -> bool {
        let is_accepted = |claimed: &ClaimValue<'_>| accepted.iter().any(|audience| claimed.is(audience));
        match &self.aud {
            _ if accepted.is_empty() => true,
            ClaimValue::List(all) => all.iter().any(is_accepted),
            claimed => is_accepted(claimed),
        }
    }

    /// The account that the token names; `json` holds all claims.
    pub fn account_key(&self, user: &UserClaim, json: &[u8]) -> Option<AccountKey> {
        match user {
            UserClaim::SubAsId => self.key_by_id(),
            UserClaim::SubAsAltId => self.key_by_alt_id(),
            UserClaim::Email(claim) => self.key_by_email(&find_claim(json, claim)?),
        }
    }

    /// A numeric `sub` is a user id, which `email` must confirm if it is there: another issuer may have the same number
    /// for another person. Without a numeric `sub`, `email` names the user.
    fn key_by_id(&self) -> Option<AccountKey> {
        let id = match &self.sub {
            ClaimValue::Number(number) => (*number)?.to_string().parse().ok()?,
            ClaimValue::Text(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()?
            }
            _ => return self.key_by_email(&self.email),
        };
        match &self.email {
            ClaimValue::Nothing => Some(AccountKey::Id(id)),
            email => Some(AccountKey::of_id_and_email(id, text_of(email)?)),
        }
    }

    fn key_by_alt_id(&self) -> Option<AccountKey> {
        match &self.sub {
            ClaimValue::Number(number) => number.map(|number| AccountKey::AltId(number.to_string())),
            sub => text_of(sub).map(|text| AccountKey::AltId(text.to_owned())),
        }
    }

    fn key_by_email(&self, email: &ClaimValue<'_>) -> Option<AccountKey> {
        let is_verified = match &self.email_verified {
            ClaimValue::Nothing => true,
            ClaimValue::Flag(flag) => *flag,
            // Some issuers send a string.
            ClaimValue::Text(text) => parse_boolean(text) == Some(true),
            _ => false,
        };
        text_of(email).filter(|_| is_verified).map(AccountKey::of_email)
    }
}

/// A text that the database may be asked for.
fn text_of<'c>(claim: &'c ClaimValue<'_>) -> Option<&'c str> {
    match claim {
        ClaimValue::Text(text) if !text.is_empty() && !text.contains(char::is_control) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn iss_is_one_string_and_aud_may_be_a_list() {
        let requirements = ClaimRequirements {
            issuer: Some("i".to_owned()),
            audiences: vec!["x".to_owned(), "a".to_owned()],
            ..ClaimRequirements::default()
        };
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
