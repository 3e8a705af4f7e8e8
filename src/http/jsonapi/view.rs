//! What of a resource a client wants to see: sparse fieldsets and inclusion
//! (JSON:API 1.1, "Sparse Fieldsets", "Inclusion of Related Resources").

use chrono_tz::Tz;

use super::query::{Parameter, Query};
use crate::domain::group_lists::{Inclusion, Path};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::End;
use crate::model::user::{Field, USER_MEMBERS};

/// The fields of a relationship: three attributes, then two relationships.
pub const RELATIONSHIP_FIELDS: &[&str] = &["relationship", "created-at", "updated-at", "user", "target"];
/// The fields of a relationship type: attributes.
pub const TYPE_FIELDS: &[&str] = &["description", "created-at", "updated-at"];
/// A member of a user. Its place in [`USER_MEMBERS`] is its place in a fieldset of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserMember {
    /// First and last name together.
    Name,
    /// An attribute that clients can write.
    Attribute(Field),
    /// Whether some relationship makes the user a supervisor.
    IsSupervisor,
    /// The time of creation.
    CreatedAt,
    /// The time of the last change.
    UpdatedAt,
    /// The relationships that the user owns.
    UserRelationships,
    /// The relationships whose target the user is.
    TargetedBy,
}

impl UserMember {
    const fn place(self) -> usize {
        match self {
            Self::Name => 0,
            Self::Attribute(field) => 1 + field as usize,
            Self::IsSupervisor => Field::COUNT + 1,
            Self::CreatedAt => Field::COUNT + 2,
            Self::UpdatedAt => Field::COUNT + 3,
            Self::UserRelationships => Field::COUNT + 4,
            Self::TargetedBy => Field::COUNT + 5,
        }
    }
}

/// The fields of a group: four attributes, then two relationships.
pub const GROUP_FIELDS: &[&str] = &["group-type", "properties", "created-at", "updated-at", "owner", "members"];
/// Those of [`GROUP_FIELDS`] that are relationships.
pub const GROUP_LINKS: &[&str] = &["owner", "members"];
/// The fields of a membership: four attributes, then two relationships.
pub const MEMBER_FIELDS: &[&str] = &["member-type", "properties", "created-at", "updated-at", "group", "user"];
/// Those of [`MEMBER_FIELDS`] that are relationships.
pub const MEMBER_LINKS: &[&str] = &["group", "user"];
/// What may come along with groups.
pub const GROUP_PATHS: &[(&str, Path)] =
    &[("owner", Path::Owner), ("members", Path::Members), ("members.user", Path::MemberUsers)];
/// What may come along with memberships.
pub const MEMBER_PATHS: &[(&str, Path)] =
    &[("group", Path::Group), ("group.owner", Path::GroupOwner), ("user", Path::User)];
/// The ends of a relationship by name.
pub const ENDS: &[(&str, End)] = &[("user", End::User), ("target", End::Target)];

/// A choice among the fields of one resource type: one bit each, in the order of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fieldset(u32);

impl Fieldset {
    /// All fields.
    pub const ALL: Self = Self(u32::MAX);

    /// Whether the field at this place of the list is wanted.
    #[must_use]
    pub const fn has(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    /// Whether a member of users is wanted.
    #[must_use]
    pub const fn has_member(self, member: UserMember) -> bool {
        self.has(member.place())
    }

    /// Whether any attribute of users is wanted.
    #[must_use]
    pub fn has_user_attributes(self) -> bool {
        self.has_any(0..UserMember::UserRelationships.place())
    }

    /// Whether any field at these places is wanted.
    #[must_use]
    pub fn has_any(self, mut places: std::ops::Range<usize>) -> bool {
        places.any(|place| self.has(place))
    }

    fn of(places: impl Iterator<Item = usize>) -> Self {
        Self(places.fold(0, |bits, place| bits | 1 << place))
    }
}

/// How documents of one answer show what they show.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// The zone of all times.
    pub zone: Tz,
    /// Fields of relationships.
    pub relationships: Fieldset,
    /// Fields of users.
    pub users: Fieldset,
    /// Fields of relationship types.
    pub types: Fieldset,
    /// Fields of groups.
    pub groups: Fieldset,
    /// Fields of memberships.
    pub members: Fieldset,
    /// The ends of relationships whose users come along; `None` if `include` was not sent.
    pub include: Option<Vec<End>>,
    /// What comes along with groups or memberships; `None` if `include` was not sent.
    pub paths: Option<Vec<Path>>,
}

/// The parameters of everything that shows relationships.
pub const INCLUDE: Parameter = Parameter::new("include");
/// The parameter that chooses fields of relationships.
pub const FIELDS_OF_RELATIONSHIPS: Parameter = Parameter::new("fields[user-relationships]");
/// The parameter that chooses fields of users.
pub const FIELDS_OF_USERS: Parameter = Parameter::new("fields[users]");
/// The parameter that chooses fields of relationship types.
pub const FIELDS_OF_TYPES: Parameter = Parameter::new("fields[relationship-types]");
/// The parameter that chooses fields of groups.
pub const FIELDS_OF_GROUPS: Parameter = Parameter::new("fields[groups]");
/// The parameter that chooses fields of memberships.
pub const FIELDS_OF_MEMBERS: Parameter = Parameter::new("fields[group-members]");

impl RenderOptions {
    /// The view that shows everything and brings nothing along.
    #[must_use]
    pub const fn whole(zone: Tz) -> Self {
        let all = Fieldset::ALL;
        Self { zone, relationships: all, users: all, types: all, groups: all, members: all, include: None, paths: None }
    }

    /// The view that a query asks for. Problems are noted in the query.
    pub fn of(query: &mut Query, zone: Tz) -> Self {
        Self { include: query.include(ENDS), ..Self::fields(query, zone) }
    }

    /// The view of groups or memberships that a query asks for; `known` may come along.
    pub fn with_paths(query: &mut Query, zone: Tz, known: &[(&str, Path)]) -> Self {
        Self { paths: query.include(known), ..Self::fields(query, zone) }
    }

    fn fields(query: &mut Query, zone: Tz) -> Self {
        Self {
            relationships: fieldset(query, FIELDS_OF_RELATIONSHIPS.name, RELATIONSHIP_FIELDS),
            users: fieldset(query, FIELDS_OF_USERS.name, USER_MEMBERS),
            types: fieldset(query, FIELDS_OF_TYPES.name, TYPE_FIELDS),
            groups: fieldset(query, FIELDS_OF_GROUPS.name, GROUP_FIELDS),
            members: fieldset(query, FIELDS_OF_MEMBERS.name, MEMBER_FIELDS),
            ..Self::whole(zone)
        }
    }

    /// How much a job may read for an answer that shows users like this.
    #[must_use]
    pub fn read_budget(&self) -> ReadBudget {
        let mut fields = Field::ALL.into_iter().filter(|field| field.is_in_profile());
        ReadBudget::for_answer(fields.any(|field| self.users.has_member(UserMember::Attribute(field))))
    }

    /// What comes along with groups or memberships, and how many bytes of it.
    #[must_use]
    pub fn wanted(&self) -> Inclusion {
        Inclusion { paths: self.paths.clone().unwrap_or_default(), budget: self.read_budget() }
    }

    /// Whether `include` was sent.
    #[must_use]
    pub fn is_including(&self) -> bool {
        self.include.is_some() || self.paths.is_some()
    }

    /// What comes along with groups or memberships.
    #[must_use]
    pub fn included_paths(&self) -> &[Path] {
        self.paths.as_deref().unwrap_or_default()
    }

    /// The ends whose users come along.
    #[must_use]
    pub fn included_ends(&self) -> &[End] {
        self.include.as_deref().unwrap_or_default()
    }
}

fn fieldset(query: &mut Query, parameter: &str, fields: &[&str]) -> Fieldset {
    query.fields(parameter, fields).map_or(Fieldset::ALL, |places| Fieldset::of(places.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_a_user_has_its_place() {
        let name = |member: UserMember| USER_MEMBERS[member.place()];
        for field in Field::ALL {
            assert_eq!(name(UserMember::Attribute(field)), field.member());
        }
        assert_eq!(name(UserMember::Name), "name");
        assert_eq!(name(UserMember::IsSupervisor), "is-supervisor");
        assert_eq!(name(UserMember::CreatedAt), "created-at");
        assert_eq!(name(UserMember::UpdatedAt), "updated-at");
        assert_eq!(name(UserMember::UserRelationships), "user-relationships");
        assert_eq!(name(UserMember::TargetedBy), "targeted-by");
        assert_eq!(USER_MEMBERS.len(), UserMember::TargetedBy.place() + 1);
    }
}
