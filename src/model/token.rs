//! API tokens as they are kept: never the secret, only its digest.

use super::id::{TokenId, UserId};
use super::time::Timestamp;
use super::user::AccessLevel;

/// SHA-256 of a token.
pub type Digest = [u8; 32];

/// A token in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What `token revoke` takes.
    pub id: TokenId,
    /// The owner's e-mail address.
    pub email: String,
    /// What its maker called it.
    pub name: Option<String>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A token to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// SHA-256 of the secret.
    pub digest: Digest,
    /// The owner.
    pub user: UserId,
    /// What its maker calls it.
    pub name: Option<String>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// Whether a session made it: then it ends with the password that opened the session.
    pub is_session: bool,
}

/// A stored token together with what its owner may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenOwner {
    /// The token.
    pub token: TokenId,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, as far as is known.
    pub last_used_at: Option<Timestamp>,
    /// The owner.
    pub user: UserId,
    /// The owner's level.
    pub level: AccessLevel,
    /// Whether the owner may authenticate at all.
    pub is_enabled: bool,
}

/// A user as one who signs in with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: UserId,
    /// What it may do.
    pub level: AccessLevel,
    /// Whether it may authenticate at all.
    pub is_enabled: bool,
    /// The Argon2id hash of its password, if it has one.
    pub password_hash: Option<String>,
}
