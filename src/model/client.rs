//! Clients that sign their requests, and the accounts that they act for.

use super::id::{ClientId, ClientKeyId, UserId};
use super::time::Timestamp;
use super::user::AccessLevel;

/// The account of a user that a credential names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: UserId,
    /// The access level.
    pub level: AccessLevel,
    /// Whether the user may authenticate.
    pub is_enabled: bool,
}

/// A client that may sign, with the keys that verify its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningClient {
    /// The client.
    pub id: ClientId,
    /// Whether signatures with SHA-1 are allowed.
    pub allows_sha1: bool,
    /// The enabled RSA public keys, as `SubjectPublicKeyInfo` in DER.
    pub keys: Vec<Vec<u8>>,
}

/// The data of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    /// The `Api-Id` that it sends.
    pub api_id: String,
    /// A name for people.
    pub name: Option<String>,
    /// Whether signatures with SHA-1 are allowed.
    pub allows_sha1: bool,
}

/// A stored client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client.
    pub id: ClientId,
    /// Its data.
    pub data: NewClient,
    /// Whether it may sign.
    pub is_enabled: bool,
    /// The keys, oldest first.
    pub keys: Vec<ClientKey>,
}

/// A public key of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// The id, for `client disable --key`.
    pub id: ClientKeyId,
    /// `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// The time of registration.
    pub created_at: Timestamp,
}
