//! Enums whose values have a name in documents and a number in the database.

/// Declares an enum whose values have a name in documents and a number in the database.
macro_rules! declare_names {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $value:ident = $number:literal, $name:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$doc])* $value,)+
        }

        impl $type {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The name in documents and URLs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }

            /// The number in the database.
            #[must_use]
            pub const fn number(self) -> i16 {
                match self {
                    $(Self::$value => $number,)+
                }
            }

            /// The value with a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }

            /// The value with a number; `None` for a number of a later release.
            #[must_use]
            pub fn of_number(number: i16) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.number() == number)
            }
        }
    };
}

pub(super) use declare_names;
