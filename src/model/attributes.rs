//! Attributes that clients can write, declared once for the API, the command line and the store.

use super::field::{FieldKind, FieldStorage, Held, Value};

/// An attribute of one kind of record, which clients can write.
pub trait Attribute: Copy + PartialEq + 'static {
    /// Every attribute, in the order of documents.
    fn all() -> &'static [Self];

    /// The name of the attribute in documents and files.
    fn member(self) -> &'static str;

    /// What the attribute can hold.
    fn kind(self) -> FieldKind;

    /// The attribute with that name in documents and files.
    #[must_use]
    fn of_member(name: &str) -> Option<Self> {
        Self::all().iter().copied().find(|attribute| attribute.member() == name)
    }
}

/// A record with attributes.
pub trait HasAttributes {
    /// The attributes.
    type Attribute: Attribute;

    /// Where the record keeps an attribute.
    fn storage(&self, attribute: Self::Attribute) -> &dyn FieldStorage;

    /// Where the record keeps an attribute, to change it.
    fn storage_mut(&mut self, attribute: Self::Attribute) -> &mut dyn FieldStorage;

    /// The value of an attribute.
    fn get(&self, attribute: Self::Attribute) -> Held<'_> {
        self.storage(attribute).held()
    }

    /// Replaces the value of an attribute. Returns `false`, and changes nothing, if the attribute cannot hold `value`.
    fn set(&mut self, attribute: Self::Attribute, value: Value) -> bool {
        self.storage_mut(attribute).set(value)
    }

    /// The names of the attributes that differ from those of another record.
    fn changed_members(&self, other: &Self) -> Vec<&'static str> {
        let all = Self::Attribute::all().iter().copied();
        let changed = all.filter(|attribute| self.get(*attribute) != other.get(*attribute));
        changed.map(Attribute::member).collect()
    }

    /// Whether an attribute has the value `value` already.
    fn holds(&self, attribute: Self::Attribute, value: &Value) -> bool {
        self.get(attribute).equals(value)
    }
}

/// Declares the attributes of a record, in the order of documents: an enum of them, their names and kinds, and where the
/// record keeps each.
macro_rules! attributes {
    ($(#[$meta:meta])* $attribute:ident of $record:ident {
        $($(#[$doc:meta])* $name:ident = $($place:ident).+, $member:literal, $kind:expr;)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $attribute {
            $($(#[$doc])* $name,)*
        }

        impl $attribute {
            /// Every attribute, in the order of documents.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$name,)*];
            /// The number of attributes.
            pub const COUNT: usize = [$($member,)*].len();
        }

        impl $crate::model::attributes::Attribute for $attribute {
            fn all() -> &'static [Self] {
                &Self::ALL
            }

            fn member(self) -> &'static str {
                match self {
                    $(Self::$name => $member,)*
                }
            }

            fn kind(self) -> $crate::model::field::FieldKind {
                match self {
                    $(Self::$name => $kind,)*
                }
            }
        }

        impl $crate::model::attributes::HasAttributes for $record {
            type Attribute = $attribute;

            fn storage(&self, attribute: $attribute) -> &dyn $crate::model::field::FieldStorage {
                match attribute {
                    $($attribute::$name => &self.$($place).+,)*
                }
            }

            fn storage_mut(&mut self, attribute: $attribute) -> &mut dyn $crate::model::field::FieldStorage {
                match attribute {
                    $($attribute::$name => &mut self.$($place).+,)*
                }
            }
        }
    };
}

/// Declares the attributes of a record, and the record with a field for each.
macro_rules! record {
    (
        $(#[$meta:meta])* $attribute:ident of
        $(#[$record_meta:meta])* $record:ident {
            $($(#[$doc:meta])* $name:ident = $place:ident: $type:ty, $member:literal, $kind:expr;)*
        }
    ) => {
        $crate::model::attributes::attributes! {
            $(#[$meta])* $attribute of $record {
                $($(#[$doc])* $name = $place, $member, $kind;)*
            }
        }

        $(#[$record_meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $record {
            $($(#[$doc])* pub $place: $type,)*
        }
    };
}

pub(super) use {attributes, record};
