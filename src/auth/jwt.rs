//! Keys and requirements for JWTs.

use super::claims::ClaimRequirements;
use super::keyset::KeySource;
use crate::auth::reload::ReloadingKeys;

/// The settings of JWT verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtSettings {
    /// Where the keys come from.
    pub source: KeySource,
    /// What the claims must be.
    pub requirements: ClaimRequirements,
}

/// Verifies the JWTs of the configured issuer.
pub(super) struct Issuer {
    pub keys: ReloadingKeys,
    pub requirements: ClaimRequirements,
}
