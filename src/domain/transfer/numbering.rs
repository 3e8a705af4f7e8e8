//! The ids of new records.

use std::collections::HashSet;
use std::hash::Hash;

use super::outcome::too_few_ids;
use crate::model::error::Result;

/// The ids of new records, in their order: the wanted one if it is free and no earlier record has it, otherwise a new one.
/// `reserve` gets the number of new ids and the largest wanted one.
///
/// # Errors
/// Those of `reserve`.
pub(super) fn assign_ids<I: Copy + Ord + Hash>(
    wanted: &[Option<I>],
    is_free: impl Fn(I) -> bool,
    reserve: impl FnOnce(usize, Option<I>) -> Result<Vec<I>>,
) -> Result<Vec<I>> {
    let largest = wanted.iter().flatten().max().copied();
    let mut used = HashSet::new();
    let chosen: Vec<_> = wanted.iter().map(|id| id.filter(|id| is_free(*id) && used.insert(*id))).collect();
    let mut ids = reserve(chosen.iter().filter(|id| id.is_none()).count(), largest)?.into_iter();
    chosen.into_iter().map(|id| id.or_else(|| ids.next()).ok_or_else(too_few_ids)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gets_the_wanted_id_if_it_is_free() {
        let wanted = [Some(5), None, Some(7), Some(5), Some(9)];
        let reserve = |count, largest| {
            assert_eq!((count, largest), (3, Some(9)));
            Ok(vec![10, 11, 12])
        };
        let ids = assign_ids(&wanted, |id| id != 7, reserve).unwrap();
        assert_eq!(ids, [5, 10, 11, 12, 9]);
        assert!(assign_ids(&[None::<i64>], |_| true, |_, _| Ok(Vec::new())).is_err());
    }
}
