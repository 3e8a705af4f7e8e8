//! Changes of resources, as the change log keeps them.

use super::declared_names::declare_names;
use super::id::{GroupId, MemberId, RelationshipId, UserId};
use super::relationship::{EdgeData, Relationship};
use super::relationship_type::TypeName;
use super::time::Timestamp;

declare_names! {
    /// What happened to a resource.
    ChangeAction {
        /// The resource is new.
        Created = 0, "created";
        /// The resource has other values.
        Updated = 1, "updated";
        /// The resource is gone.
        Deleted = 2, "deleted";
        /// A first import stored many resources without single changes.
        Loaded = 3, "loaded";
    }
}

declare_names! {
    /// The type of a resource whose changes are logged.
    ChangeSubjectType {
        /// Relationships.
        Relationship = 0, "user-relationships";
        /// Users.
        User = 1, "users";
        /// Relationship types.
        RelationshipType = 2, "relationship-types";
        /// Groups.
        Group = 3, "groups";
        /// Memberships.
        GroupMember = 4, "group-members";
    }
}

declare_names! {
    /// Why something changed, if another request than a change of this resource was the cause.
    ChangeReason {
        /// A user was given in place of another one.
        Reassign = 0, "reassign";
        /// The relationships of a user were handed over.
        Transfer = 1, "transfer";
        /// A user was deleted.
        UserDeleted = 2, "user-deleted";
        /// An import.
        Import = 3, "import";
    }
}

/// Who changes something, and with which request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeOrigin {
    /// The user; `None` for the command line and for the service itself.
    pub actor: Option<UserId>,
    /// The request.
    pub request_id: Option<String>,
}

impl ChangeOrigin {
    /// Of what the command line and the service itself do.
    pub const WITHOUT_CALLER: Self = Self { actor: None, request_id: None };
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it happened. Never earlier than the change before it.
    pub at: Timestamp,
    /// What happened.
    pub action: ChangeAction,
    /// What changed.
    pub subject: ChangeSubject,
    /// The names of what changed, for all but relationships.
    pub changed: Vec<String>,
    /// The user who changed it; `None` for the command line.
    pub actor: Option<UserId>,
    /// The request that changed it; `None` for the command line.
    pub request_id: Option<String>,
    /// Why it changed.
    pub reason: Option<ChangeReason>,
}

/// The resource that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSubject {
    /// A relationship.
    Relationship(EdgeChange),
    /// A user.
    User(UserId),
    /// A relationship type.
    RelationshipType(TypeName),
    /// A group.
    Group(GroupId),
    /// A membership.
    GroupMember(MemberId),
    /// Many resources of a type, which were [loaded](ChangeAction::Loaded).
    Many(ChangeSubjectType),
}

/// A change of a relationship, with all that undoing it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeChange {
    /// The relationship.
    pub id: RelationshipId,
    /// The owner.
    pub user: UserId,
    /// The target.
    pub target: UserId,
    /// The name of the type: after the change, or of the relationship that was deleted.
    pub relationship: TypeName,
    /// The name of the type before an update.
    pub previous_relationship: Option<TypeName>,
    /// When the relationship was created, which an import may set to the past.
    pub created_at: Timestamp,
    /// Who created the relationship.
    pub created_by: Option<UserId>,
    /// What else the change replaced; `None` if the relationship is new.
    pub previous: Option<PreviousEdge>,
}

/// What a relationship had before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousEdge {
    /// The version.
    pub version: i64,
    /// The time of the last change before this one.
    pub updated_at: Timestamp,
    /// The user who made that.
    pub updated_by: Option<UserId>,
}

/// A change with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedChange {
    /// The number; the next change has the next number.
    pub number: i64,
    /// The number of the first change of the same transaction.
    pub transaction: i64,
    /// The change.
    pub change: Change,
}

/// A place in the log: after the change with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangePosition {
    /// The number, which may be that of the [`Horizon`].
    pub number: i64,
    /// The [fingerprint](NumberedChange::fingerprint) of the change, or that of the horizon.
    pub fingerprint: i64,
}

/// From where the log is complete: it has every later change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// The place after which every change is in the log.
    pub position: ChangePosition,
    /// The time from which every change is in the log.
    pub at: Timestamp,
}

/// The state of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeLogState {
    /// Whether changes are logged.
    pub is_on: bool,
    /// The number of the last change that has one; that of the horizon if there is none.
    pub last_number: i64,
    /// From where the log is complete.
    pub horizon: Horizon,
}

impl ChangeSubject {
    /// The type of the resource.
    #[must_use]
    pub const fn subject_type(&self) -> ChangeSubjectType {
        match self {
            Self::Relationship(_) => ChangeSubjectType::Relationship,
            Self::User(_) => ChangeSubjectType::User,
            Self::RelationshipType(_) => ChangeSubjectType::RelationshipType,
            Self::Group(_) => ChangeSubjectType::Group,
            Self::GroupMember(_) => ChangeSubjectType::GroupMember,
            Self::Many(subject_type) => *subject_type,
        }
    }

    /// The id of the resource in documents; `None` for many.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Relationship(edge) => Some(edge.id.to_string()),
            Self::User(id) => Some(id.to_string()),
            Self::RelationshipType(name) => Some(name.to_string()),
            Self::Group(id) => Some(id.to_string()),
            Self::GroupMember(id) => Some(id.to_string()),
            Self::Many(_) => None,
        }
    }

    /// The change of a relationship.
    #[must_use]
    pub const fn edge(&self) -> Option<&EdgeChange> {
        if let Self::Relationship(edge) = self { Some(edge) } else { None }
    }
}

impl EdgeChange {
    /// The relationship before the change; `None` if it is new.
    #[must_use]
    pub fn undo(&self) -> Option<Relationship> {
        let previous = self.previous?;
        Some(Relationship {
            id: self.id,
            version: previous.version,
            user: self.user,
            target: self.target,
            data: EdgeData::new(self.previous_relationship.as_ref().unwrap_or(&self.relationship).clone()),
            created_at: self.created_at,
            updated_at: previous.updated_at,
        })
    }
}

impl NumberedChange {
    /// A number that another change with the same number has not, as there is after a restore of an older database.
    #[must_use]
    pub fn fingerprint(&self) -> i64 {
        let Change { at, action, subject, actor, request_id, .. } = &self.change;
        let edge = subject.edge().map(|edge| (edge.user, edge.target, edge.relationship.as_str()));
        let text = format!(
            "{} {} {} {} {} {:?} {edge:?} {actor:?} {request_id:?}",
            self.number,
            self.transaction,
            at.micros(),
            action.name(),
            subject.subject_type().name(),
            subject.id(),
        );
        hash(text.as_bytes())
    }

    /// The place after this change.
    #[must_use]
    pub fn position(&self) -> ChangePosition {
        ChangePosition { number: self.number, fingerprint: self.fingerprint() }
    }
}

/// FNV-1a with 64 bits. Cursors are authenticated, so clients cannot choose a text for its hash.
fn hash(bytes: &[u8]) -> i64 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash.cast_signed()
}
