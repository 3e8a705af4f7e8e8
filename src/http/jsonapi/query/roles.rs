//! Parses the names of roles in query parameters. Whether a type has them is found out later.

use super::Query;
use crate::domain::roles::MAX_INCLUDED_ROLES;
use crate::http::jsonapi::fields::{ID, ResourceField, UserField};
use crate::http::jsonapi::parameter::Schema;
use crate::http::jsonapi::render_options::FIELDS_OF_USERS;
use crate::model::code::Code;
use crate::model::relationship_type::TypeName;
use crate::model::text::excerpt;

impl Query {
    /// The distinct roles that `include` lists; `None` if it was not sent, or lists no roles here.
    pub fn included_roles(&mut self) -> Option<Vec<TypeName>> {
        let Some(Schema::Roles) = self.schema("include") else { return None };
        let sent = self.text("include")?.to_owned();
        let mut roles = Vec::new();
        for name in sent.split(',').filter(|_| !sent.is_empty()) {
            match TypeName::parse(name) {
                Some(role) if roles.contains(&role) => {}
                Some(role) => roles.push(role),
                None => {
                    let detail = format!("`include` takes roles of users, such as `mentors`; got `{}`", excerpt(name));
                    self.push_error(Code::UnsupportedInclude, "include", detail);
                }
            }
        }
        if roles.len() > MAX_INCLUDED_ROLES {
            let detail = format!("`include` takes at most {MAX_INCLUDED_ROLES} roles; got {}", roles.len());
            self.push_error(Code::UnsupportedInclude, "include", detail);
        }
        Some(roles)
    }

    /// The roles among the fields of users that a sparse fieldset selects; `None` if all fields are shown.
    pub fn role_fields(&mut self) -> Option<Vec<TypeName>> {
        let roles = self.names_of_role_fields()?;
        if roles.len() > MAX_INCLUDED_ROLES {
            let name = FIELDS_OF_USERS.name;
            let detail = format!("`{name}` takes at most {MAX_INCLUDED_ROLES} roles; got {}", roles.len());
            self.push_error(Code::UnknownField, name, detail);
        }
        Some(roles)
    }

    /// The roles among the fields of users that `include` does not name, so that nothing else finds out whether a type
    /// has them.
    pub fn unchecked_role_fields(&mut self) -> Vec<TypeName> {
        let Some(mut roles) = self.names_of_role_fields().filter(|roles| !roles.is_empty()) else { return Vec::new() };
        let included = self.included_roles().unwrap_or_default();
        roles.retain(|role| !included.contains(role));
        roles
    }

    fn names_of_role_fields(&self) -> Option<Vec<TypeName>> {
        let sent = self.text(FIELDS_OF_USERS.name)?;
        let is_field = |name: &&str| *name == ID || UserField::all().any(|field| field.name() == *name);
        let mut roles: Vec<_> = sent.split(',').filter(|name| !is_field(name)).filter_map(TypeName::parse).collect();
        roles.sort_unstable();
        roles.dedup();
        Some(roles)
    }
}
