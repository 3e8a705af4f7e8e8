//! What an import remembers of earlier lines.

use std::collections::{HashMap, HashSet};

use super::super::admission::Overlays;
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, RelationshipId, UserId};
use crate::model::key;
use crate::model::relationship::Edge;
use crate::model::relationship_type::{TypeData, TypeName};
use crate::model::user::{Profile, User, UserData};

/// The most users that a load remembers, in 10 MB. No other transaction can delete them while the load runs.
pub(super) const MAX_REMEMBERED_USERS: usize = 900_000;

/// The most relationships of types with rules that a load remembers, in 300 MB.
pub const MAX_REMEMBERED: usize = 1_000_000;

/// What a bulk load, which is one transaction, remembers of earlier lines.
#[derive(Debug, Default)]
pub struct LoadMemory {
    /// Existing users, at most [`MAX_REMEMBERED_USERS`].
    pub(super) users: HashSet<UserId>,
    /// The largest id of a relationship so far.
    pub(super) largest: Option<RelationshipId>,
    /// All relationships of types with rules.
    pub(super) judged: Overlays,
}

impl LoadMemory {
    /// How many relationships of types with rules it remembers.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.judged.added()
    }
}

/// The records of earlier lines that are not in the database: those of the same run of lines in an import, those of all
/// lines before in a dry run.
#[derive(Debug, Default)]
pub struct PendingRecords {
    /// Users by the key of their address.
    pub(super) users: HashMap<String, PendingUser>,
    /// Keys of addresses that two stored users have.
    pub(super) shared_keys: HashSet<String>,
    /// The keys of addresses by user.
    pub(super) keys: HashMap<UserId, String>,
    /// Ids of deleted users.
    pub(super) retired: HashSet<UserId>,
    /// The users that have or had an id in another system.
    pub(super) alt_ids: HashMap<String, HashSet<UserId>>,
    /// The keys of addresses of the users that have or had a name, by the key of the name.
    pub(super) names: HashMap<String, HashSet<String>>,
    /// The relationships of types without rules.
    pub(super) edges: HashSet<Edge>,
    /// The types of lines, which are new or differ from the stored ones.
    pub(super) types: HashMap<TypeName, TypeData>,
    /// The groups of lines.
    pub(super) groups: HashMap<GroupId, PendingGroup>,
    /// The memberships of lines, by their ends.
    pub(super) members: HashMap<(GroupId, UserId), PendingMember>,
    /// The relationships of types with rules.
    pub(super) judged: Overlays,
    /// The last placeholder for the id of a new user; they are negative.
    pub(super) last_placeholder: i64,
}

/// A user that lines contain.
#[derive(Debug)]
pub(super) struct PendingUser {
    /// The user in the database.
    pub stored: Option<User>,
    /// The user after the lines; its id is 0 until one is assigned.
    pub wanted: User,
}

/// A group that lines contain.
#[derive(Debug)]
pub(super) struct PendingGroup {
    /// The group in the database.
    pub stored: Option<Group>,
    /// The group after the lines.
    pub wanted: Group,
}

/// A membership that lines contain.
#[derive(Debug)]
pub(super) struct PendingMember {
    /// The membership in the database.
    pub stored: Option<Member>,
    /// The membership after the lines; its id is 0 until one is assigned.
    pub wanted: Member,
}

impl PendingRecords {
    /// The data of a user of the lines.
    pub(super) fn data_of(&self, id: UserId) -> Option<&UserData> {
        self.users.get(self.keys.get(&id)?).map(|user| &user.wanted.data)
    }

    /// The user of the lines with an address.
    pub(in crate::domain) fn id_of_email(&self, email: &str) -> Option<UserId> {
        self.users.get(&key::of_email(email)).map(|user| user.wanted.id)
    }

    /// The keys of addresses of new users, with their placeholders.
    pub fn new_users(&self) -> impl Iterator<Item = (UserId, &String)> {
        self.users.iter().filter(|(_, user)| user.stored.is_none()).map(|(key, user)| (user.wanted.id, key))
    }

    /// The types of lines, and those that relationships of lines register.
    pub(in crate::domain) fn types(&self) -> impl Iterator<Item = (&TypeName, &TypeData)> {
        self.types.iter()
    }

    /// Forgets the users that are stored as they are in the lines, and the profiles of the others. No later line may have
    /// one of these users.
    pub(in crate::domain) fn forget_unchanged(&mut self) {
        self.users.retain(|_, user| user.stored.as_ref().is_none_or(|stored| stored.data != user.wanted.data));
        for user in self.users.values_mut() {
            user.wanted.data.profile = Profile::default();
            if let Some(stored) = &mut user.stored {
                stored.data = UserData::new(String::new());
            }
        }
        let users = &self.users;
        self.keys.retain(|_, key| users.contains_key(key));
        self.names.retain(|_, keys| {
            keys.retain(|key| users.contains_key(key));
            !keys.is_empty()
        });
        let kept: HashSet<_> = users.values().map(|user| user.wanted.id).collect();
        self.alt_ids.retain(|_, ids| {
            ids.retain(|id| kept.contains(id));
            !ids.is_empty()
        });
        self.retired.clear();
        self.shared_keys.clear();
    }

    /// Whether no line has taken that id in another system from the user.
    pub(super) fn may_have_alt_id(&self, id: UserId, alt_id: &str) -> bool {
        let user = self.keys.get(&id).and_then(|key| self.users.get(key));
        user.is_none_or(|user| user.wanted.data.alt_id.as_deref() == Some(alt_id))
    }

    /// Whether no line has given the user another address than that with the key.
    pub(super) fn may_have_email(&self, id: UserId, email_key: &str) -> bool {
        self.keys.get(&id).is_none_or(|key| key == email_key)
    }

    /// Whether no line has given the user another name than that with the key.
    pub(super) fn may_have_name(&self, id: UserId, name_key: &str) -> bool {
        let user = self.keys.get(&id).and_then(|key| self.users.get(key));
        user.is_none_or(|user| user.wanted.data.name_key() == name_key)
    }

    /// The users of lines that have the name with a key: their ids and addresses.
    pub(super) fn users_of_name(&self, name_key: &str) -> impl Iterator<Item = (UserId, String)> {
        let users = self.names.get(name_key).into_iter().flatten().filter_map(|key| self.users.get(key));
        let named = users.filter(move |user| user.wanted.data.name_key() == name_key);
        named.map(|user| (user.wanted.id, user.wanted.data.email.clone()))
    }
}
