//! Ids: positive 64-bit integers, with one type for each kind of record.

use std::fmt;
use std::str::FromStr;

/// The error for a text that is not the decimal form of a positive 64-bit integer (`^[1-9][0-9]*$`, at most 2^63-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedId;

fn parse(text: &str) -> Result<i64, MalformedId> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || text.starts_with('0') {
        return Err(MalformedId);
    }
    text.parse().map_err(|_| MalformedId)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// Takes the number of an id.
            #[must_use]
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                parse(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// The id of a user.
    UserId,
    /// The id of a user relationship.
    RelationshipId,
    /// The id of a group.
    GroupId,
    /// The id of a membership of a user in a group.
    MemberId,
    /// The id of a transfer.
    TransferId,
    /// The id of an import.
    ImportId,
    /// The id of an API token (not the secret).
    TokenId,
    /// The id of a client that signs its requests (not its `Api-Id`).
    ClientId,
    /// The id of a public key of such a client.
    ClientKeyId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_positive_decimal_integer_of_64_bits() {
        for good in ["1", "9876", "9223372036854775807"] {
            assert_eq!(good.parse::<UserId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "0", "-1", "+1", "01", "1.0", " 1", "1 ", "x", "١", "9223372036854775808", "1e3"] {
            assert_eq!(bad.parse::<UserId>(), Err(MalformedId), "{bad:?}");
        }
    }
}
