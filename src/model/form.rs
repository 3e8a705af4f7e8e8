//! The access rule of a form.

/// Who may use a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResourceOwner {
    /// The callers who may do the same without a form: the owner of the record and admins.
    #[default]
    Own,
    /// Every authenticated caller.
    Anyone,
}
