//! What JWTs are verified by.

use super::claims::ClaimRequirements;
use super::keyset::Source;
use crate::auth::reload::ReloadingKeys;

/// What is set about JWTs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What verifies them.
    pub source: Source,
    /// What they must say.
    pub requirements: ClaimRequirements,
}

/// What is needed to verify JWTs.
pub(super) struct Issuer {
    pub keys: ReloadingKeys,
    pub requirements: ClaimRequirements,
}
