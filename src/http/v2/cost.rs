//! What reading a list costs at most, by what is asked for.

use crate::model::caller::Caller;
use crate::model::filter::UserFilter;
use crate::model::page::{PageRequest, SortBy};
use crate::store::Cost;

/// The cost of a list of users.
#[must_use]
pub fn of_users(caller: &Caller, filter: &UserFilter, slice: &PageRequest) -> Cost {
    // Words and levels are compared with those of every user; the time of creation has no index.
    let looks_at_all = !filter.words.is_empty() || !filter.levels.is_empty() || slice.sort.by == SortBy::CreatedAt;
    if looks_at_all || !slice.is_shallow() {
        Cost::Search
    } else if filter.is_counted() && caller.sees_only().is_none() {
        Cost::Bounded
    } else {
        Cost::Unbounded
    }
}

/// The cost of a list of groups or of memberships, which are counted when they are asked for.
#[must_use]
pub fn of_groups(slice: &PageRequest) -> Cost {
    if slice.is_shallow() { Cost::Unbounded } else { Cost::Search }
}

/// The cost of one row, or of a page from one index, and of a page of what belongs to it.
#[must_use]
pub const fn of_one(has_companions: bool) -> Cost {
    if has_companions { Cost::BoundedSnapshot } else { Cost::Bounded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::page::Sort;

    #[test]
    fn searches_and_deep_pages_cost_more_than_pages_of_an_index() {
        let near = PageRequest::window(Sort::default(), 0, 20);
        let deep = PageRequest::window(Sort::default(), 1_001, 20);
        assert_eq!((of_groups(&near), of_groups(&deep)), (Cost::Unbounded, Cost::Search));
        let words = UserFilter { words: vec!["ann".to_owned()], ..UserFilter::default() };
        assert_eq!(of_users(&Caller::OPERATOR, &UserFilter::default(), &near), Cost::Bounded);
        assert_eq!(of_users(&Caller::OPERATOR, &words, &near), Cost::Search);
        assert_eq!(of_users(&Caller::OPERATOR, &UserFilter::default(), &deep), Cost::Search);
    }
}
