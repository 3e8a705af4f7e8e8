//! Which claim of a JWT names the user: the setting `JWT_USER`.

use std::fmt;
use std::str::FromStr;

use crate::model::text::excerpt;

/// The claim that names the user, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum UserClaim {
    /// A numeric `sub` is the id of the user, and `email` must not contradict it; without such a `sub`, `email` decides.
    #[default]
    SubAsId,
    /// `sub` is the `alt-id` of the user.
    SubAsAltId,
    /// The claim with this name is the e-mail address of the user.
    Email(String),
}

const EMAIL: &str = "email";

impl FromStr for UserClaim {
    type Err = String;

    /// Parses the setting.
    ///
    /// ```
    /// use user_relationships::auth::user_claim::UserClaim;
    ///
    /// assert_eq!("upn=email".parse(), Ok(UserClaim::Email("upn".to_owned())));
    /// assert!("upn=id".parse::<UserClaim>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = |name: &&str| {
            !name.is_empty()
                && !name.contains(|letter: char| letter == '=' || letter.is_whitespace() || letter.is_control())
        };
        match text {
            "sub=id" => return Ok(Self::SubAsId),
            "sub=alt-id" => return Ok(Self::SubAsAltId),
            EMAIL => return Ok(Self::Email(EMAIL.to_owned())),
            _ => {}
        }
        let claim = text.strip_suffix("=email").filter(is_name);
        claim.map(|claim| Self::Email(claim.to_owned())).ok_or_else(|| {
            format!(
                "`{}` is invalid; write `sub=id`, `sub=alt-id`, `email`, or `CLAIM=email` with the name of the claim, for example `upn=email`",
                excerpt(text)
            )
        })
    }
}

impl fmt::Display for UserClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubAsId => f.write_str("sub=id"),
            Self::SubAsAltId => f.write_str("sub=alt-id"),
            Self::Email(claim) if claim == EMAIL => f.write_str(EMAIL),
            Self::Email(claim) => write!(f, "{claim}=email"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_four_forms_are_parsed_and_others_are_refused() {
        for good in ["sub=id", "sub=alt-id", "email", "upn=email", "sub=email", "https://example.com/mail=email"] {
            assert_eq!(good.parse::<UserClaim>().unwrap().to_string(), good);
        }
        assert_eq!("email=email".parse(), Ok(UserClaim::Email("email".to_owned())));
        for bad in [
            "",
            "sub",
            "id",
            "alt-id",
            "=email",
            "sub=",
            "sub=name",
            "upn=id",
            "upn=alt-id",
            "upn",
            "sub = id",
            "Email",
            "SUB=ID",
            "email=",
            "sub=id,email",
            "a b=email",
            "sub==email",
        ] {
            let refused = bad.parse::<UserClaim>().unwrap_err();
            for part in ["`sub=id`", "`sub=alt-id`", "`email`", "`CLAIM=email`"] {
                assert!(refused.contains(part), "{bad}: {refused}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_parsed_as_the_same(text in "\\PC{0,8}(=email)?") {
            if let Ok(claim) = text.parse::<UserClaim>() {
                prop_assert_eq!(claim.to_string().parse(), Ok(claim));
            }
        }
    }
}
