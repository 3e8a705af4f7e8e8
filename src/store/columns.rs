//! Columns that queries return.

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
