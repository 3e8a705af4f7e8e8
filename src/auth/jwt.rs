//! What JWTs are verified by.

use super::claims::Demands;
use super::keyset::Source;
use super::watch::Watched;

/// What is set about JWTs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What verifies them.
    pub source: Source,
    /// What they must say.
    pub demands: Demands,
}

/// What is needed to verify JWTs.
pub(super) struct Issuer {
    pub keys: Watched,
    pub demands: Demands,
}
