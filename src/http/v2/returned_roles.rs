//! Roles in a record of a user that a client sends back. Client libraries send whole records, so roles as they are stored
//! are ignored.

use serde_json::Value;
use std::collections::HashSet;

use crate::domain::operations::ResourceRef;
use crate::domain::roles;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::input::Input;
use crate::http::jsonapi::linkage::{to_many_of, to_one_of};
use crate::http::urls;
use crate::http::v2::request::Call;
use crate::model::code::Code;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::model::role::IncludedRole;
use crate::store::{Cost, Tx};

/// Removes the roles of a user from a record that a client sent. Those with another linkage than the stored one are
/// reported with the record; other names stay in it.
///
/// # Errors
/// Those of the job.
pub async fn take_roles(call: &Call, id: UserId, input: &mut Input) -> Result<(), Failure> {
    let names: Vec<_> =
        input.relationship_names().filter_map(TypeName::parse).take(roles::MAX_INCLUDED_ROLES).collect();
    if names.is_empty() {
        return Ok(());
    }
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| roles::get_known(tx, &caller, id, &names);
    let known = call.read("roles.get_known", Cost::BoundedSnapshot, job).await.map_err(Failure::without_document)?;
    for role in known {
        let sent = input.relationship(role.role.as_str());
        let data = sent.as_ref().and_then(|object| object.get("data"));
        if data.is_some_and(|data| !is_stored(data, &role)) {
            input.push_error(refusal(id, &role.role));
        }
    }
    Ok(())
}

fn refusal(id: UserId, role: &TypeName) -> ApiProblem {
    let url = urls::role_linkage(id, role.as_str());
    let detail = format!("roles are changed at `{url}`; leave `{role}` out, or send it as it is stored");
    ApiProblem::new(Code::UnsupportedUpdate, detail).pointer(format!("/data/relationships/{role}"))
}

/// Whether a linkage is the stored one, or its part that `include` shows.
fn is_stored(data: &Value, role: &IncludedRole) -> bool {
    let stored: HashSet<_> = role.edges.iter().map(|edge| edge.member).collect();
    let sent = if role.is_to_one {
        to_one_of(data).ok().map(|sent| sent.into_iter().collect())
    } else {
        to_many_of(data).ok()
    };
    let id = |subject: ResourceRef<UserId>| match subject {
        ResourceRef::Stored(id) => Some(id),
        ResourceRef::Lid(_) => None,
    };
    let ids = sent.and_then(|sent: Vec<_>| sent.into_iter().map(id).collect::<Option<HashSet<_>>>());
    ids.is_some_and(|ids| ids == stored)
}
