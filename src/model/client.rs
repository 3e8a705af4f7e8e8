//! Clients that sign their requests, and the accounts in whose name they do.

use super::id::{ClientId, ClientKeyId, UserId};
use super::time::Timestamp;
use super::user::AccessLevel;

/// What a credential that names a user needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: UserId,
    /// What it may do.
    pub level: AccessLevel,
    /// Whether it may authenticate at all.
    pub is_enabled: bool,
}

/// A client that may sign, with the keys that verify what it signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningClient {
    /// The client.
    pub id: ClientId,
    /// Whether its signatures may be over SHA-1.
    pub allows_sha1: bool,
    /// Its live public keys, RSA, as `SubjectPublicKeyInfo` in DER.
    pub keys: Vec<Vec<u8>>,
}

/// A client to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    /// What it will send as `Api-Id`.
    pub api_id: String,
    /// What its maker calls it.
    pub name: Option<String>,
    /// Whether its signatures may be over SHA-1.
    pub allows_sha1: bool,
}

/// A client in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client.
    pub id: ClientId,
    /// What it sends as `Api-Id`, and so on.
    pub data: NewClient,
    /// Whether it may sign at all.
    pub is_enabled: bool,
    /// Its keys, the oldest first.
    pub keys: Vec<ClientKey>,
}

/// A public key of a client in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// What `client disable --key` takes.
    pub id: ClientKeyId,
    /// `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// When it was registered.
    pub created_at: Timestamp,
}
