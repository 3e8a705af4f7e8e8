//! Who manages the relationships of a type.

/// Who may create, change and delete the relationships of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Manager {
    /// The owner of the relationship, and admins.
    #[default]
    Owner,
    /// Only admins.
    Admin,
}

impl Manager {
    /// Every manager.
    pub const ALL: [Self; 2] = [Self::Owner, Self::Admin];

    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
        }
    }

    /// The manager with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|manager| manager.name() == name)
    }
}
