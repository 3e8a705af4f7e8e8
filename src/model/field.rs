//! What can be written of a user: the fields, and values that somebody sends for them.

/// What a user or an admin can write of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Up to 255 characters.
    FirstName,
    /// Up to 255 characters.
    LastName,
    /// A valid address, required, unique without regard to case.
    Email,
    /// Up to 10,000 characters.
    Description,
    /// Up to 300 characters.
    AdditionalInfo,
    /// Where the user works.
    Location,
    /// The units it belongs to.
    Unit,
    /// Telephone numbers.
    Phone,
    /// Mobile telephone numbers.
    Mobile,
    /// What it does.
    JobTitle,
    /// Its pages.
    Website,
    /// Its names there.
    Skype,
    /// Its names there.
    Twitter,
    /// The user's id in another system, up to 255 characters.
    AltId,
    /// Whether it may authenticate.
    IsEnabled,
    /// What it may do.
    AccessLevel,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text of at most so many characters; null clears it.
    Text {
        /// Characters, not bytes.
        most: usize,
    },
    /// An e-mail address, never null.
    Email,
    /// A list of texts; null empties it.
    List,
    /// True or false, never null.
    Flag,
    /// The name of an access level, never null.
    Level,
}

impl Field {
    /// Every field, in the order in which documents show them.
    pub const ALL: [Self; 16] = [
        Self::FirstName,
        Self::LastName,
        Self::Email,
        Self::Description,
        Self::AdditionalInfo,
        Self::Location,
        Self::Unit,
        Self::Phone,
        Self::Mobile,
        Self::JobTitle,
        Self::Website,
        Self::Skype,
        Self::Twitter,
        Self::AltId,
        Self::IsEnabled,
        Self::AccessLevel,
    ];

    /// What the field holds.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::FirstName | Self::LastName | Self::AltId => Kind::Text { most: 255 },
            Self::Description => Kind::Text { most: 10_000 },
            Self::AdditionalInfo => Kind::Text { most: 300 },
            Self::Email => Kind::Email,
            Self::Location
            | Self::Unit
            | Self::Phone
            | Self::Mobile
            | Self::JobTitle
            | Self::Website
            | Self::Skype
            | Self::Twitter => Kind::List,
            Self::IsEnabled => Kind::Flag,
            Self::AccessLevel => Kind::Level,
        }
    }

    /// Whether it is kept in the profile, the size of which is bounded as a whole.
    #[must_use]
    pub const fn is_in_profile(self) -> bool {
        matches!(self, Self::Description | Self::AdditionalInfo) || matches!(self.kind(), Kind::List)
    }

    /// Whether only an admin may write it: what names a user to credentials, and what gives rights.
    #[must_use]
    pub const fn is_admin_only(self) -> bool {
        matches!(self, Self::Email | Self::AltId | Self::IsEnabled | Self::AccessLevel)
    }
}

/// A value as somebody sends it, not yet known to suit its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Clears the field.
    Null,
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// True or false.
    Flag(bool),
    /// A number, an object or anything else that no field takes.
    Other,
}
