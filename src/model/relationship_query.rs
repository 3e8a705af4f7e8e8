//! What a list of relationships asks for, and what it returns.

use super::filter::RelationshipFilter;
use super::page::{Page, PageRequest};
use super::read_budget::ReadBudget;
use super::relationship::{End, Relationship};
use super::user::User;

/// A list of relationships, with or without the users at their ends and the authors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelationshipQuery {
    /// Which relationships.
    pub filter: RelationshipFilter,
    /// Which part of the list.
    pub page: PageRequest,
    /// The users that are read after the page, from the same snapshot.
    pub included: IncludedEnds,
    /// Whether the authors are read after the page, from the same snapshot.
    pub has_authors: bool,
}

/// The users at some ends of the first rows of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludedEnds {
    /// The ends; none if no users are included.
    pub ends: Vec<End>,
    /// How many rows the page shows at most: it may have one more, which tells whether there is a next page.
    pub rows: usize,
    /// The bytes that the users may have.
    pub budget: ReadBudget,
}

impl Default for IncludedEnds {
    fn default() -> Self {
        Self { ends: Vec::new(), rows: 0, budget: ReadBudget::for_answer(true) }
    }
}

/// A page of relationships, and the included users at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationshipPage {
    /// The relationships.
    pub page: Page<Relationship>,
    /// The users, each once, by id.
    pub included: Vec<User>,
}
