//! The lines of files that are imported.

use crate::model::as_of::MOST_SECONDS_AHEAD;
use crate::model::group::Properties;
use crate::model::id::{GroupId, MemberId, RelationshipId, UserId};
use crate::model::relationship::{Edge, EdgeData};
use crate::model::relationship_type::{TypeAttribute, TypeName};
use crate::model::time::Timestamp;
use crate::model::user::{Field, Value};

/// A line of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportLine {
    /// Its number in the file, from 1.
    pub number: u64,
    /// Its content.
    pub record: Record,
}

/// The content of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A relationship type.
    Type(Box<TypeLine>),
    /// A user.
    User(Box<UserLine>),
    /// A relationship.
    Relationship(RelationshipLine),
    /// A group.
    Group(Box<GroupLine>),
    /// A membership.
    Member(Box<MemberLine>),
}

/// A relationship type in a file. The attributes that the line lacks stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeLine {
    /// The name, which identifies the type.
    pub name: TypeName,
    /// The attributes of the line.
    pub fields: Vec<(TypeAttribute, Value)>,
    /// The time of registration, for a new type.
    pub created_at: Option<Timestamp>,
    /// The time of the last change, for a new type.
    pub updated_at: Option<Timestamp>,
}

/// A user in a file. If a user with the address exists, the fields that the line lacks stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct UserLine {
    /// The id for a new user.
    pub id: Option<UserId>,
    /// The address, which identifies the user.
    pub email: String,
    /// The fields of the line, `email` included. They must have passed
    /// [`problems_of`](crate::domain::validation::problems_of).
    pub fields: Vec<(Field, Value)>,
    /// The properties that forms store, which replace those of the user.
    pub properties: Option<Properties>,
    /// The time of creation, for a new user.
    pub created_at: Option<Timestamp>,
    /// The time of the last change, for a new user.
    pub updated_at: Option<Timestamp>,
}

/// A relationship in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationshipLine {
    /// The id for a new relationship, used if it is free.
    pub id: Option<RelationshipId>,
    /// The owner.
    pub user: UserReference,
    /// The target.
    pub target: UserReference,
    /// The attributes.
    pub data: EdgeData,
    /// The time of creation, for a new relationship.
    pub created_at: Option<Timestamp>,
    /// The time of the last change, for a new relationship.
    pub updated_at: Option<Timestamp>,
}

/// A group in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupLine {
    /// The id, which identifies the group.
    pub id: GroupId,
    /// The name of its type.
    pub kind: String,
    /// The owner.
    pub owner: GroupOwner<UserReference>,
    /// The properties, which replace those of the group.
    pub properties: Option<Properties>,
    /// The time of creation, for a new group.
    pub created_at: Option<Timestamp>,
    /// The time of the last change, for a new group.
    pub updated_at: Option<Timestamp>,
}

/// The owner of a group in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupOwner<T> {
    /// The line does not say.
    Absent,
    /// The group has none.
    NoUser,
    /// A user.
    User(T),
}

/// A membership in a file. Group and user identify it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberLine {
    /// The id for a new membership, used if it is free.
    pub id: Option<MemberId>,
    /// The name of its type.
    pub kind: String,
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserReference,
    /// The properties, which replace those of the membership.
    pub properties: Option<Properties>,
    /// The time of creation, for a new membership.
    pub created_at: Option<Timestamp>,
    /// The time of the last change, for a new membership.
    pub updated_at: Option<Timestamp>,
}

/// The times of a line, each with the name of its member.
type LineTimes = [(&'static str, Option<Timestamp>); 2];

macro_rules! lines_with_times {
    ($($line:ident),+) => {$(
        impl $line {
            pub(super) fn times(&self) -> LineTimes {
                [("created-at", self.created_at), ("updated-at", self.updated_at)]
            }
        }
    )+};
}

lines_with_times!(TypeLine, UserLine, RelationshipLine, GroupLine, MemberLine);

impl Record {
    /// Whether it is a relationship type, which other lines may depend on.
    #[must_use]
    pub const fn is_type(&self) -> bool {
        matches!(self, Self::Type(_))
    }
}

/// Why the times of a line are not accepted: a relationship exists from its creation on, which must have happened. The
/// clocks of two servers may differ a little.
pub(super) fn complaint_about_times(times: LineTimes, now: Timestamp) -> Option<String> {
    let latest = now.plus_seconds(MOST_SECONDS_AHEAD);
    let (name, time) = times.into_iter().find_map(|(name, time)| Some((name, time.filter(|time| *time > latest)?)))?;
    Some(format!(
        "`{name}`: must be at most {MOST_SECONDS_AHEAD} seconds in the future (it is {}); got `{}`",
        now.iso8601(),
        time.iso8601()
    ))
}

/// A relationship, and the first line that has it.
#[derive(Debug)]
pub(super) struct RequestedEdge<'a> {
    /// The relationship.
    pub edge: Edge,
    /// The number of the line.
    pub number: u64,
    /// The line.
    pub line: &'a RelationshipLine,
}

/// How a line refers to a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UserReference {
    /// By id.
    Id(UserId),
    /// By address.
    Email(String),
    /// By the id in another system.
    AltId(String),
    /// By name: `First Last` or `Last, First`.
    Name(String),
}

/// A reference to a user in a line that is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedReference {
    /// The number of the line.
    pub line: u64,
    /// The member that has it.
    pub member: &'static str,
    /// The user.
    pub user: UserReference,
}
