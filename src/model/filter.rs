//! Filters of lists. An empty list of values matches everything; several values match any of them.

use super::id::{GroupId, MemberId, UserId};
use super::relationship::{Edge, End};
use super::relationship_type::TypeName;
use super::user::AccessLevel;

/// The most values of one filter.
pub const MAX_FILTER_VALUES: usize = 50;

/// A filter on relationships.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelationshipFilter {
    /// Owners.
    pub users: Vec<UserId>,
    /// Targets.
    pub targets: Vec<UserId>,
    /// Names of types, which need not be registered.
    pub relationships: Vec<TypeName>,
    /// Users at either end.
    pub participants: Vec<UserId>,
    /// Whether the owner is enabled.
    pub user_enabled: Vec<bool>,
    /// Whether the target is enabled.
    pub target_enabled: Vec<bool>,
    /// The user who must be owner or target, for external callers.
    pub seen_by: Option<UserId>,
}

impl RelationshipFilter {
    /// The end, the user there and the type, if the filter selects the relationships of one user, of one type or of all
    /// types.
    #[must_use]
    pub fn single_end(&self) -> Option<(End, UserId, Option<&TypeName>)> {
        let Self { users, targets, relationships, seen_by: None, .. } = self else { return None };
        if !self.participants.is_empty() || self.depends_on_users() {
            return None;
        }
        let (end, id) = match (users.as_slice(), targets.as_slice()) {
            ([user], []) => (End::User, *user),
            ([], [target]) => (End::Target, *target),
            _ => return None,
        };
        match relationships.as_slice() {
            [] => Some((end, id, None)),
            [one] => Some((end, id, Some(one))),
            _ => None,
        }
    }

    /// Whether an index answers the filter in the time of a page, regardless of the number of rows.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        let ends = self.users.len() + self.targets.len();
        let are_few = if self.participants.is_empty() { ends <= 2 } else { ends == 0 && self.participants.len() == 1 };
        are_few && self.relationships.len() <= 1 && self.seen_by.is_none() && !self.depends_on_users()
    }

    /// Whether the filter matches a relationship, regardless of the state of the users at its ends and of who sees it.
    #[must_use]
    pub fn has_edge(&self, edge: &Edge) -> bool {
        fn is_one_of<T: PartialEq>(values: &[T], value: &T) -> bool {
            values.is_empty() || values.contains(value)
        }
        is_one_of(&self.users, &edge.user)
            && is_one_of(&self.targets, &edge.target)
            && is_one_of(&self.relationships, &edge.relationship)
            && (self.participants.is_empty()
                || [edge.user, edge.target].iter().any(|end| self.participants.contains(end)))
    }

    /// Whether the filter examines the users at the ends.
    #[must_use]
    pub fn depends_on_users(&self) -> bool {
        !self.user_enabled.is_empty() || !self.target_enabled.is_empty()
    }
}

/// A filter on users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Ids.
    pub ids: Vec<UserId>,
    /// E-mail addresses, compared without regard to case.
    pub emails: Vec<String>,
    /// Ids in another system, compared exactly.
    pub alt_ids: Vec<String>,
    /// Keys of words ([`words_of_search`](super::key::words_of_search)) that must all occur in the names, the e-mail
    /// address, the id in another system, the units or the job titles.
    pub words: Vec<String>,
    /// Units, compared by the keys of search.
    pub units: Vec<String>,
    /// Job titles, compared by the keys of search.
    pub job_titles: Vec<String>,
    /// Whether the user is a supervisor.
    pub supervisors: Vec<bool>,
    /// Whether the user is enabled.
    pub enabled: Vec<bool>,
    /// Access levels.
    pub levels: Vec<AccessLevel>,
    /// Roles, one of which some user has towards the user.
    pub has: Vec<TypeName>,
    /// Roles, none of which any user has towards the user.
    pub lacks: Vec<TypeName>,
    /// The user who must be the user itself or related to it, for external callers.
    pub seen_by: Option<UserId>,
}

impl UserFilter {
    /// Whether the stored counts and one index answer the filter.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        let has_values = !self.ids.is_empty() || !self.emails.is_empty() || !self.alt_ids.is_empty();
        !has_values && !self.is_search() && self.seen_by.is_none()
    }

    /// Whether the filter examines values that no index has.
    #[must_use]
    pub fn is_search(&self) -> bool {
        let has_texts = !self.words.is_empty() || !self.units.is_empty() || !self.job_titles.is_empty();
        has_texts || !self.supervisors.is_empty() || !self.has.is_empty() || !self.lacks.is_empty()
    }
}

/// A filter on groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFilter {
    /// Ids.
    pub ids: Vec<GroupId>,
    /// Names of types.
    pub kinds: Vec<String>,
    /// Owners.
    pub owners: Vec<UserId>,
    /// The user who must be owner or member, for external callers.
    pub seen_by: Option<UserId>,
}

/// A filter on memberships.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberFilter {
    /// Ids.
    pub ids: Vec<MemberId>,
    /// Groups.
    pub groups: Vec<GroupId>,
    /// Members.
    pub users: Vec<UserId>,
    /// The user who must be the member or the owner of the group, for external callers.
    pub seen_by: Option<UserId>,
}
