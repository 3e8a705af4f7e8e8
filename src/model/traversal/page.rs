//! A page of a traversal.

use super::Place;
use crate::model::page::Page;
use crate::model::role::UserWithRoles;

/// A page of the users that a traversal reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraversalPage<T = UserWithRoles> {
    /// The page.
    pub page: Page<T>,
    /// Whether more users follow.
    pub is_more: bool,
    /// Whether relationships lead back to a user, in a type that allows it.
    pub has_cycle: bool,
    /// The place of the last user of the page.
    pub end: Option<Place>,
}
