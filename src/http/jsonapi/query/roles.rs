//! Parses the names of roles in query parameters. Whether a type has them is found out later.

use super::Query;
use crate::domain::roles::MAX_INCLUDED_ROLES;
use crate::http::jsonapi::errors::ApiProblem;
use crate::http::jsonapi::fields::{ID, ResourceField, UserField};
use crate::http::jsonapi::parameter::{Parameter, Schema};
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

    /// The roles among the fields of users that a sparse fieldset selects; `None` if it was not sent, or has no roles here.
    pub fn role_fields(&mut self, parameter: &Parameter) -> Option<Vec<TypeName>> {
        let Some(Schema::FieldsAndRoles(_)) = self.schema(parameter.name) else { return None };
        let sent = self.text(parameter.name)?;
        let is_field = |name: &&str| *name == ID || UserField::all().any(|field| field.name() == *name);
        let roles: Vec<_> = sent.split(',').filter(|name| !is_field(name)).filter_map(TypeName::parse).collect();
        if roles.len() > MAX_INCLUDED_ROLES {
            let detail = format!("`{}` takes at most {MAX_INCLUDED_ROLES} roles; got {}", parameter.name, roles.len());
            self.problems.push(ApiProblem::new(Code::UnknownField, detail).parameter(parameter.name));
        }
        Some(roles)
    }
}
