//! The identity of an authenticated request.

use crate::model::caller::Caller;
use crate::model::id::{TokenId, UserId};

/// The kind of credential of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// An API token, as `Token token=…` or `Bearer urt_…`.
    Token,
    /// A JWT.
    Bearer,
    /// A signature over the request.
    Signature,
}

impl Scheme {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Bearer => "bearer",
            Self::Signature => "signature",
        }
    }
}

/// A verified caller and its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The caller.
    pub caller: Caller,
    /// The kind of its credential.
    pub scheme: Scheme,
    /// The id of its API token, if the credential is one.
    pub token: Option<TokenId>,
}

/// How a credential names its user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum AccountKey {
    /// By its id.
    Id(UserId),
    /// By its id, if the address names the same account.
    IdAndEmail(UserId, String),
    /// By the only account with this `alt-id`.
    AltId(String),
    /// By the e-mail address in the credential, with ASCII letters in lower case. This is not the key of the address in
    /// the database: a cached account must not serve another address with the same key.
    Email(String),
}

impl AccountKey {
    pub fn of_email(email: &str) -> Self {
        Self::Email(email.to_ascii_lowercase())
    }

    pub fn of_id_and_email(id: UserId, email: &str) -> Self {
        Self::IdAndEmail(id, email.to_ascii_lowercase())
    }
}
