//! What an import remembers of earlier lines.

use std::collections::{HashMap, HashSet};

use super::super::admission::Overlays;
use super::packed_users::{PackedUsers, PendingUser};
use crate::model::code::Code;
use crate::model::error::{Problem, Result};
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, RelationshipId, UserId};
use crate::model::relationship::Edge;
use crate::model::relationship_type::{TypeData, TypeName};
use crate::model::user::UserData;

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

/// The most records that a dry run remembers, in about 2 GB.
const MAX_PENDING: usize = 10_000_000;

/// The records of earlier lines that are not in the database: those of the same run of lines in an import, those of all
/// lines before in a dry run.
#[derive(Debug)]
pub struct PendingRecords {
    /// The users that lines create or change.
    pub(super) users: PackedUsers,
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
    /// The most records that it may have.
    most: usize,
}

impl Default for PendingRecords {
    fn default() -> Self {
        Self {
            users: PackedUsers::default(),
            edges: HashSet::new(),
            types: HashMap::new(),
            groups: HashMap::new(),
            members: HashMap::new(),
            judged: Overlays::default(),
            last_placeholder: 0,
            most: MAX_PENDING,
        }
    }
}

/// The users of a run of lines: those that are stored, and those that the lines create.
#[derive(Debug, Default)]
pub(super) struct LineUsers {
    /// Users by the key of their address.
    pub(super) users: HashMap<String, PendingUser>,
    /// Keys of addresses that two stored users have.
    pub(super) shared_keys: HashSet<String>,
    /// The keys of addresses by user.
    pub(super) keys: HashMap<UserId, String>,
    /// Ids of deleted users.
    pub(super) retired: HashSet<UserId>,
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
    pub(super) fn data_of(&self, id: UserId) -> Option<UserData> {
        self.users.of_id(id).map(|user| user.data)
    }

    /// The keys of addresses of new users, with their placeholders.
    pub fn new_users(&self) -> impl Iterator<Item = (UserId, String)> {
        self.users.new_users()
    }

    /// Fails if a dry run would remember more records than it may.
    pub(super) fn require_room(&self) -> Result<()> {
        let records =
            self.users.len() + self.edges.len() + self.judged.added() + self.groups.len() + self.members.len();
        if records <= self.most {
            return Ok(());
        }
        let most = self.most;
        let detail = format!("a dry run or a preview remembers at most {most} new and changed records; split the file");
        Err(Problem::new(Code::BodyTooLarge, detail).into())
    }

    /// The types of lines, and those that relationships of lines register.
    pub(in crate::domain) fn types(&self) -> impl Iterator<Item = (&TypeName, &TypeData)> {
        self.types.iter()
    }

    /// Whether no line has taken that id in another system from the user.
    pub(super) fn may_have_alt_id(&self, id: UserId, alt_id: &str) -> bool {
        self.users.of_id(id).is_none_or(|user| user.data.alt_id.as_deref() == Some(alt_id))
    }

    /// Whether no line has given the user another address than that with the key.
    pub(super) fn may_have_email(&self, id: UserId, email_key: &str) -> bool {
        self.users.of_id(id).is_none_or(|user| user.key == email_key)
    }

    /// Whether no line has given the user another name than that with the key.
    pub(super) fn may_have_name(&self, id: UserId, name_key: &str) -> bool {
        self.users.of_id(id).is_none_or(|user| user.data.name_key() == name_key)
    }

    /// The users of lines that have the name with a key: their ids and addresses.
    pub(super) fn users_of_name(&self, name_key: &str) -> impl Iterator<Item = (UserId, String)> {
        self.users.of_name(name_key).map(|user| (user.id, user.data.email))
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed_users::KnownUser;
    use super::*;
    use crate::model::error::Error;
    use crate::model::time::Timestamp;

    fn new_user(id: i64, email: &str, alt_id: &str, name: &str) -> PendingUser {
        let data = UserData {
            alt_id: Some(alt_id.to_owned()),
            first_name: Some(name.to_owned()),
            ..UserData::new(email.to_owned())
        };
        let user = KnownUser { id: UserId::new(id), is_new: true, key: String::new(), data };
        PendingUser::of_earlier_line(user, Timestamp::from_micros(0))
    }

    #[test]
    fn a_user_is_found_by_its_last_values_only() {
        let mut pending = PendingRecords::default();
        let put = |pending: &mut PendingRecords, id, email: &str, alt_id, name| {
            pending.users.put(email.to_owned(), new_user(id, email, alt_id, name)).unwrap();
        };
        put(&mut pending, -1, "a@x.example", "1", "Ann");
        put(&mut pending, -2, "b@x.example", "2", "Ann");
        put(&mut pending, -1, "a@x.example", "3", "Eve");
        let (first, users) = (UserId::new(-1), &pending.users);
        assert_eq!((users.len(), users.of_alt_id("1").count(), users.of_alt_id("3").count()), (2, 0, 1));
        assert!(pending.may_have_alt_id(first, "3") && !pending.may_have_alt_id(first, "1"));
        assert!(pending.may_have_email(first, "a@x.example") && !pending.may_have_email(first, "b@x.example"));
        assert!(pending.may_have_name(UserId::new(7), "of a user that no line has"));
        assert_eq!(pending.users_of_name("ann").collect::<Vec<_>>(), [(UserId::new(-2), "b@x.example".to_owned())]);
        let new: Vec<_> = pending.new_users().map(|(id, key)| (id.get(), key)).collect();
        assert_eq!(new, [(-1, "a@x.example".to_owned()), (-2, "b@x.example".to_owned())]);
    }

    #[test]
    fn more_records_than_allowed_are_refused() {
        let mut pending = PendingRecords { most: 1, ..PendingRecords::default() };
        pending.users.put("a@x.example".to_owned(), new_user(-1, "a@x.example", "1", "Ann")).unwrap();
        assert!(pending.require_room().is_ok());
        pending.users.put("b@x.example".to_owned(), new_user(-2, "b@x.example", "2", "Bob")).unwrap();
        assert!(
            matches!(pending.require_room(), Err(Error::Refused(problems)) if problems[0].detail.contains("at most 1 "))
        );
    }
}
