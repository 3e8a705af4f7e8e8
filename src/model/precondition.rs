//! What a change demands of the present state of what it changes.

/// Which versions of a row a change may be applied to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Any.
    #[default]
    None,
    /// Only these; none of them if the list is empty.
    Versions(Vec<i64>),
    /// All but these (`If-None-Match`); none at all if there is no list, but `*`.
    Except(Option<Vec<i64>>),
}

impl Precondition {
    /// Whether a row of this version may be changed.
    #[must_use]
    pub fn holds(&self, version: i64) -> bool {
        match self {
            Self::None => true,
            Self::Versions(versions) => versions.contains(&version),
            Self::Except(versions) => versions.as_ref().is_some_and(|versions| !versions.contains(&version)),
        }
    }
}
