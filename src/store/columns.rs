//! Columns that queries return, and columns of values that statements take.

/// Declares the columns of a row for queries of diesel, as SQL types, and as an SQL text.
macro_rules! declare_columns {
    ($table:ident, $columns:ident, $types:ident, $names:ident, $first:ident: $first_type:ty, $($name:ident: $type:ty),+) => {
        /// The columns, for queries of diesel.
        pub(super) const $columns: ($table::$first, $($table::$name,)+) = ($table::$first, $($table::$name,)+);
        /// Their SQL types.
        pub(super) type $types = ($first_type, $($type,)+);
        /// Their names, as an SQL text.
        pub(super) const $names: &str = concat!(stringify!($first), $(", ", stringify!($name)),+);
    };
}

pub(super) use declare_columns;

/// Declares the kinds of columns by the types of their values.
macro_rules! declare_kinds {
    ($($kind:ident: $type:ty),+ $(,)?) => {
        /// A column of a table of values in a statement.
        #[derive(Debug)]
        pub(super) enum Column {
            $($kind(Vec<$type>),)+
        }

        impl Column {
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$kind(values) => values.len(),)+
                }
            }
        }

        $(
            impl From<Vec<$type>> for Column {
                fn from(values: Vec<$type>) -> Self {
                    Self::$kind(values)
                }
            }
        )+
    };
}

declare_kinds! {
    Integers: i64,
    OptionalIntegers: Option<i64>,
    Smalls: i16,
    OptionalSmalls: Option<i16>,
    Flags: bool,
    Texts: String,
    OptionalTexts: Option<String>,
}
