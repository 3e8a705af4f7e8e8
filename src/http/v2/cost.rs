//! Estimates the cost of reads, by what a request selects.

use crate::http::jsonapi::render_options::RenderOptions;
use crate::model::caller::Caller;
use crate::model::filter::UserFilter;
use crate::model::page::{PageRequest, SortBy};
use crate::store::Cost;

/// The cost of a list of users.
#[must_use]
pub fn of_users(caller: &Caller, filter: &UserFilter, slice: &PageRequest) -> Cost {
    // These filters scan all users, and times have no index.
    let is_by_time = matches!(slice.sort.by, SortBy::CreatedAt | SortBy::UpdatedAt);
    let scans_all = filter.is_search() || !filter.levels.is_empty() || is_by_time;
    if scans_all || !slice.is_shallow() {
        Cost::Search
    } else if filter.is_counted() && caller.sees_only().is_none() {
        Cost::Bounded
    } else {
        Cost::Unbounded
    }
}

/// The cost of a list of groups or memberships, which includes counting them.
#[must_use]
pub fn of_groups(slice: &PageRequest) -> Cost {
    if slice.is_shallow() { Cost::Unbounded } else { Cost::Search }
}

/// The cost of one row or of one page of an index, optionally with related rows.
#[must_use]
pub const fn of_one(has_included: bool) -> Cost {
    if has_included { Cost::BoundedSnapshot } else { Cost::Bounded }
}

/// The cost of one group or membership: one index lookup, unless more rows are read for it.
#[must_use]
pub fn of_one_group(caller: &Caller, options: &RenderOptions) -> Cost {
    let is_alone = options.included_paths().is_empty() && caller.sees_only().is_none();
    if is_alone { Cost::Bounded } else { Cost::Unbounded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::page::Sort;

    #[test]
    fn searches_and_deep_pages_cost_more_than_pages_of_an_index() {
        let shallow = PageRequest::window(Sort::default(), 0, 20);
        let deep = PageRequest::window(Sort::default(), 1_001, 20);
        assert_eq!((of_groups(&shallow), of_groups(&deep)), (Cost::Unbounded, Cost::Search));
        let words = UserFilter { words: vec!["ann".to_owned()], ..UserFilter::default() };
        assert_eq!(of_users(&Caller::OPERATOR, &UserFilter::default(), &shallow), Cost::Bounded);
        assert_eq!(of_users(&Caller::OPERATOR, &words, &shallow), Cost::Search);
        assert_eq!(of_users(&Caller::OPERATOR, &UserFilter::default(), &deep), Cost::Search);
        let units = UserFilter { units: vec!["sales".to_owned()], ..UserFilter::default() };
        let supervisors = UserFilter { supervisors: vec![true], ..UserFilter::default() };
        let alt_ids = UserFilter { alt_ids: vec!["7".to_owned()], ..UserFilter::default() };
        assert_eq!(of_users(&Caller::OPERATOR, &units, &shallow), Cost::Search);
        assert_eq!(of_users(&Caller::OPERATOR, &supervisors, &shallow), Cost::Search);
        assert_eq!(of_users(&Caller::OPERATOR, &alt_ids, &shallow), Cost::Unbounded);
    }
}
