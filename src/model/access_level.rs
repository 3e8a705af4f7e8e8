//! What a user may do.

/// The access level of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AccessLevel {
    /// Sees everything, changes its own records.
    #[default]
    User,
    /// Sees and changes everything.
    Admin,
    /// An external user: sees and changes only its own records.
    Ext,
    /// May not authenticate.
    Excluded,
}

impl AccessLevel {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::User, Self::Admin, Self::Ext, Self::Excluded];

    /// The level's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Ext => "ext",
            Self::Excluded => "excluded",
        }
    }

    /// The level with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}
