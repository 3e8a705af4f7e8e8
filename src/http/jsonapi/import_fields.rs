//! The fields of imports and of their rows.

use super::fields::{ResourceField, resource_fields};

resource_fields! {
    /// A field of an import.
    ImportField {
        computed {
            State = "state", Counts = "counts", Deleted = "deleted", Missing = "missing", Progress = "progress",
            Problem = "problem", CreatedAt = "created-at", FinishedAt = "finished-at",
        }
        relationships { Actor = "actor", Rows = "rows" }
    }
}

resource_fields! {
    /// A field of a row of an import.
    ImportRowField {
        computed {
            Line = "line", Outcome = "outcome", Subject = "subject", Before = "before", After = "after",
            Problems = "problems",
        }
        relationships {}
    }
}
