//! What the door knows of a request once it has let it in.

use crate::model::caller::Caller;
use crate::model::id::{TokenId, UserId};

/// How a request said who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// An API token, in either of its spellings.
    Token,
    /// A JWT.
    Bearer,
    /// A signature over the request.
    Signature,
}

impl Scheme {
    /// What logs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Bearer => "bearer",
            Self::Signature => "signature",
        }
    }
}

/// A verified caller, and by what it was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Who asks.
    pub caller: Caller,
    /// By which scheme.
    pub scheme: Scheme,
    /// By which API token, if it was one.
    pub token: Option<TokenId>,
}

/// How a credential names its user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum AccountKey {
    /// By its id.
    Id(UserId),
    /// By its e-mail address as the credential presents it, with ASCII letters in lower case. This is not the key of
    /// the address: a cached account must not serve an address that only has the same key.
    Email(String),
}

impl AccountKey {
    pub fn of_email(email: &str) -> Self {
        Self::Email(email.to_ascii_lowercase())
    }
}
