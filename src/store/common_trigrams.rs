//! Which trigrams are too common to be worth asking an index for.
//!
//! # Design
//! They only decide how a search asks the index. The answer does not depend on them, because each user that the index finds
//! is compared with the words of the search. So a sample of the users that is a minute old is good enough.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::model::key;

/// How long a sample is used.
const TTL: Duration = Duration::from_mins(1);
/// A trigram is common if more than one of that many users has it.
const RARITY: usize = 50;

/// The trigrams in the index of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexedTrigrams {
    /// None: there is no index.
    None,
    /// Those of ASCII: the database knows no other letters.
    Ascii,
    /// Those of all scripts.
    All,
}

/// The common trigrams of an index.
#[derive(Debug)]
pub(super) struct CommonTrigrams {
    indexed: IndexedTrigrams,
    common: HashSet<String>,
}

impl CommonTrigrams {
    /// The common trigrams of a sample of users, each with the texts that the index has of it.
    pub fn of_sample(indexed: IndexedTrigrams, users: &[String]) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for user in users {
            for trigram in key::trigrams_of_key(user).collect::<HashSet<_>>() {
                *numbers.entry(trigram).or_default() += 1;
            }
        }
        let common = numbers.into_iter().filter(|(_, number)| *number > users.len() / RARITY + 1);
        Self { indexed, common: common.map(|(trigram, _)| trigram.to_owned()).collect() }
    }

    /// The trigrams by which the index finds the users that contain all of these texts, few more, and no fewer. Without
    /// them the search must read all users.
    pub fn choose<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
        let is_useless = |trigram: &str| match self.indexed {
            IndexedTrigrams::None => true,
            IndexedTrigrams::Ascii => !trigram.is_ascii() || self.common.contains(trigram),
            IndexedTrigrams::All => self.common.contains(trigram),
        };
        let rare = texts.into_iter().flat_map(|text| key::rare_trigrams(text, is_useless));
        // More of them cost more time than they save.
        let mut chosen: Vec<_> = rare.take(4).map(str::to_owned).collect();
        chosen.dedup();
        chosen
    }
}

/// The newest sample, which all jobs share.
#[derive(Debug, Default)]
pub(super) struct TrigramCache(RwLock<Option<(Instant, Arc<CommonTrigrams>)>>);

impl TrigramCache {
    /// The sample; `None` if it is missing or too old.
    pub fn get(&self) -> Option<Arc<CommonTrigrams>> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().filter(|(taken, _)| taken.elapsed() < TTL).map(|(_, sample)| Arc::clone(sample))
    }

    pub fn set(&self, sample: CommonTrigrams) -> Arc<CommonTrigrams> {
        let sample = Arc::new(sample);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&sample)));
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trigrams_of_many_users_are_not_searched_for() {
        let users: Vec<_> = (0..1_000).map(|n| format!("first{n} last{n}\nuser{n}@example.com\n")).collect();
        let sample = CommonTrigrams::of_sample(IndexedTrigrams::All, &users);
        assert_eq!(sample.choose(["first123", "last"]), ["t12", "123"]);
        assert!(sample.choose(["first", "last", "an"]).is_empty(), "all users are read");
        assert_eq!(sample.choose(["mustermann"]), ["mus", "ann"], "unknown trigrams are rare");
        assert_eq!(sample.choose(["жукxyz"]), ["жук", "xyz"]);
        let sample = CommonTrigrams::of_sample(IndexedTrigrams::Ascii, &users);
        assert_eq!(sample.choose(["жукxyz"]), ["xyz"]);
        assert!(CommonTrigrams::of_sample(IndexedTrigrams::None, &users).choose(["first123"]).is_empty());
    }
}
