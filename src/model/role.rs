//! Roles: names of the users at one end of the relationships of a type, seen from the other end.

use super::id::{RelationshipId, UserId};
use super::page::{Page, PageRequest, Sort};
use super::read_budget::ReadBudget;
use super::relationship_type::TypeName;
use super::state::HasState;
use super::traversal::TraversalStep;
use super::user::User;

/// The end at which the users with a role are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleEnd {
    /// The owner end: the role is the `user-role` of its type.
    Owner,
    /// The target end: the role is the `target-role` of its type.
    Target,
    /// Either end of a symmetric type.
    Either,
}

impl RoleEnd {
    /// The end at which a type that has a role, and this `user-role`, has the users with it.
    #[must_use]
    pub fn of_role(role: &str, is_symmetric: bool, user_role: Option<&str>) -> Self {
        match user_role {
            _ if is_symmetric => Self::Either,
            Some(user_role) if user_role == role => Self::Owner,
            _ => Self::Target,
        }
    }
}

/// A user with a role, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleEdge {
    /// The relationship that gives the user the role.
    pub id: RelationshipId,
    /// The user.
    pub member: UserId,
}

/// The most users of one role that are included with a user.
pub const MAX_INCLUDED: usize = 50;

/// A user, with what a response shows beside its own data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserWithRoles {
    /// The user.
    pub user: User,
    /// The relationship that gives the user the role that a list is about.
    pub edge: Option<RelationshipId>,
    /// How a traversal reaches the user.
    pub step: Option<TraversalStep>,
    /// The included roles towards the user.
    pub roles: Vec<IncludedRole>,
}

/// A page of the users with a role towards a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleUsers {
    /// Whether at most one user has the role. The page then has that one, if there is one.
    pub is_to_one: bool,
    /// The page.
    pub page: Page<UserWithRoles>,
}

/// What a list of the users with a role asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleQuery {
    /// The role.
    pub role: TypeName,
    /// The user towards whom they have it.
    pub user: UserId,
    /// Which part of the list, if several users may have the role.
    pub page: PageRequest,
    /// The bytes that the users may have.
    pub budget: ReadBudget,
}

impl RoleQuery {
    /// The only page of a role that at most one user has.
    #[must_use]
    pub fn only() -> PageRequest {
        PageRequest::window(Sort::default(), 0, 1)
    }
}

/// The users with an included role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludedRole {
    /// The name.
    pub role: TypeName,
    /// Whether at most one user has the role.
    pub is_to_one: bool,
    /// The first of them, at most [`MAX_INCLUDED`].
    pub edges: Vec<RoleEdge>,
    /// The number of all of them.
    pub total: i64,
}

impl UserWithRoles {
    /// A user without roles.
    #[must_use]
    pub const fn alone(user: User) -> Self {
        Self { user, edge: None, step: None, roles: Vec::new() }
    }
}

impl HasState for RoleEdge {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        for number in [self.id.get(), self.member.get()] {
            put(&number.to_be_bytes());
        }
    }
}

/// The linkage of a user to the only user with a role towards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToOneLinkage {
    /// The user that the role is seen from.
    pub user: UserId,
    /// The type of the relationship.
    pub kind: TypeName,
    /// The relationship and the user with the role; `None` if no user has it.
    pub edge: Option<RoleEdge>,
}

impl HasState for ToOneLinkage {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        put(b"l");
        put(&self.user.get().to_be_bytes());
        put(self.kind.as_str().as_bytes());
        put(&[0]);
        if let Some(edge) = &self.edge {
            edge.write_state(put);
        }
    }
}

/// A page of the linkage of a user to the users with a role towards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToManyLinkage {
    /// The user that the role is seen from.
    pub user: UserId,
    /// The type of the relationships.
    pub kind: TypeName,
    /// The end of them at which the users with the role are.
    pub end: RoleEnd,
    /// The page.
    pub page: Page<RoleEdge>,
}

impl HasState for ToManyLinkage {
    /// That of the whole linkage, if the page has all of it; otherwise a state that no whole linkage has.
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        put(b"m");
        put(&self.user.get().to_be_bytes());
        put(self.kind.as_str().as_bytes());
        put(&[0, self.end as u8]);
        put(&self.page.total.to_be_bytes());
        for edge in &self.page.items {
            edge.write_state(put);
        }
    }
}
