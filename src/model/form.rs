//! What the forms dialect and the rules of who may do what share.

/// Who may use a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResourceOwner {
    /// Whoever may do the same without a form: the owner of the record, or an admin.
    #[default]
    Own,
    /// Every caller that is let in.
    Anyone,
}
