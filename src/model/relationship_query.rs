//! What a list of relationships asks for.

use super::filter::RelationshipFilter;
use super::page::PageRequest;
use super::relationship::End;

/// A list of relationships, with or without the users at their ends and the authors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelationshipQuery {
    /// Which relationships.
    pub filter: RelationshipFilter,
    /// Which part of the list.
    pub page: PageRequest,
    /// The ends whose users are read after the page, from the same snapshot.
    pub ends: Vec<End>,
    /// Whether the authors are read after the page, from the same snapshot.
    pub has_authors: bool,
}
