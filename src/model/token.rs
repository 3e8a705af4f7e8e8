//! Stored API tokens: only the digest, never the secret.

use super::id::{TokenId, UserId};
use super::time::Timestamp;
use super::user::AccessLevel;

/// SHA-256 of a token.
pub type Digest = [u8; 32];

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The id, for `token revoke` and `session revoke`.
    pub id: TokenId,
    /// The owner.
    pub user: UserId,
    /// The e-mail address of the owner.
    pub email: String,
    /// A name for people.
    pub name: Option<String>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of expiry; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// The time of the last use, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Whether it belongs to a session, which a password opened.
    pub is_session: bool,
}

/// A token to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// SHA-256 of the secret.
    pub digest: Digest,
    /// The owner.
    pub user: UserId,
    /// A name for people.
    pub name: Option<String>,
    /// The time of expiry; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// Whether a session created it. Changing the password deletes such tokens.
    pub is_session: bool,
}

/// A stored token and the account of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenOwner {
    /// The token.
    pub token: TokenId,
    /// The time of expiry; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// The time of the last use, if known.
    pub last_used_at: Option<Timestamp>,
    /// The owner.
    pub user: UserId,
    /// The access level of the owner.
    pub level: AccessLevel,
    /// Whether the owner may authenticate.
    pub is_enabled: bool,
}

/// A user who signs in with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: UserId,
    /// The access level.
    pub level: AccessLevel,
    /// Whether the user may authenticate.
    pub is_enabled: bool,
    /// The Argon2id hash of the password, if any.
    pub password_hash: Option<String>,
}
