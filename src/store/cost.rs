//! How much work a read is.

use crate::model::page::SortBy;
use crate::model::relationship_query::RelationshipQuery;

/// How much work a read is, which decides where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// At most a page of work, from one index: less than a move to another thread costs.
    Bounded,
    /// As little work as [`Bounded`](Self::Bounded), but never on the caller's thread, so that a slow disk does not
    /// block it.
    Probe,
    /// As little work as [`Bounded`](Self::Bounded), in several statements that see one snapshot.
    BoundedSnapshot,
    /// Work that grows with the data. All statements see one snapshot.
    Unbounded,
    /// Work that examines all rows of a table, such as a search for a part of a name or a page far from the start. All
    /// statements see one snapshot. Few of these run at the same time, so that other reads find a connection.
    Search,
}

impl Cost {
    /// The cost of a list of relationships whose filter is restricted to what its caller may see.
    #[must_use]
    pub fn of_relationships(query: &RelationshipQuery) -> Self {
        if !query.page.is_shallow() || query.filter.depends_on_users() {
            return Self::Search;
        }
        let is_page_of_index = query.page.sort.by == SortBy::Id && query.filter.is_narrow();
        match (is_page_of_index, query.included.ends.is_empty() && !query.has_authors) {
            (false, _) => Self::Unbounded,
            (true, true) => Self::Bounded,
            (true, false) => Self::BoundedSnapshot,
        }
    }

    /// The cost with related rows, which are read from the same snapshot.
    #[must_use]
    pub const fn with_included(self) -> Self {
        match self {
            Self::Bounded | Self::Probe => Self::BoundedSnapshot,
            other => other,
        }
    }

    /// Whether it may take longer than a page of work.
    #[must_use]
    pub const fn is_long(self) -> bool {
        matches!(self, Self::Unbounded | Self::Search)
    }

    /// Whether all statements must see one snapshot.
    pub(super) const fn needs_snapshot(self) -> bool {
        matches!(self, Self::BoundedSnapshot | Self::Unbounded | Self::Search)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::filter::RelationshipFilter;
    use crate::model::page::{PageRequest, Sort};
    use crate::model::relationship::End;
    use crate::model::relationship_query::IncludedEnds;

    #[test]
    fn lists_of_relationships_are_bounded_unless_deep_or_wide() {
        let of = |offset, ends: &[End]| {
            let page = PageRequest::window(Sort::default(), offset, 20);
            let filter = RelationshipFilter::default();
            let included = IncludedEnds { ends: ends.to_vec(), ..IncludedEnds::default() };
            Cost::of_relationships(&RelationshipQuery { filter, page, included, has_authors: false })
        };
        assert_eq!(of(0, &[]), Cost::Bounded);
        assert_eq!(of(0, &[End::User]), Cost::BoundedSnapshot);
        assert_eq!(of(1_001, &[End::User]), Cost::Search);
    }
}
