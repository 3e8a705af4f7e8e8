//! `/api/user/relationship_users`: memberships of groups, which this dialect calls relationship users.

use actix_web::HttpResponse;
use serde_json::Value;
use std::sync::Arc;

use super::creation::FormCreation;
use super::request::{FormParameters, FormRequest};
use super::responses::{FormError, respond_done};
use crate::domain::groups::{self, MembershipEnds};
use crate::domain::policy::FormCaller;
use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::check::BLANK;
use crate::http::forms::config::definition::Form;
use crate::http::forms::config::resource::FormResource;
use crate::http::forms::validation_result::Validated;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::group_resources::GROUP_MEMBERS;
use crate::http::state::AppState;
use crate::model::form::ResourceOwner;
use crate::model::id::{GroupId, MemberId, UserId};
use crate::store::{Cost, Tx};

/// `POST /api/user/relationship_users`
pub async fn create(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let parameters = request.parameters(&[FormResource::RelationshipUser]).await?;
    let kind = parameters.record_type(&request.state, FormResource::RelationshipUser)?;
    let caller = request.form_caller(&parameters.form)?;
    let mut validated = parameters.form.validate(&parameters.sent, Some(&kind), true)?;
    let ends = to_ends(&validated);
    let check = move |tx: &mut Tx<'_>| groups::check_ends(tx, &caller, ends);
    request.check("groups.check_ends", &mut validated.errors, check).await?;
    // A membership needs both, even if the form does not require them.
    if ends.group.is_none() && !validated.errors.has("relationship_id") {
        validated.errors.add("relationship_id", BLANK);
    }
    if ends.user.is_none() && !validated.errors.has("user_id") {
        validated.errors.add("user_id", BLANK);
    }
    let creation = FormCreation::begin(&request, &parameters).await?;
    if let Some(repeated) = creation.check(validated.errors).await? {
        return Ok(repeated);
    }
    let MembershipEnds { group: Some(group), user: Some(user) } = ends else {
        return Err(Failure::internal("a membership without ends was accepted".to_owned()).into());
    };
    let properties = validated.properties;
    let job = move |tx: &mut Tx<'_>| {
        groups::add_member(tx, &caller, &kind.name, (group, user), &properties).map(MemberId::get)
    };
    creation.run("groups.add_member", GROUP_MEMBERS, job).await
}

/// `PUT /api/user/relationship_users/{id}`
///
/// Accepts a form for `Relationship` too, as the documented example does, and validates the values as those of a
/// `RelationshipUser`. Such a form grants no rights here: `resource_owner: anyone` is ignored.
pub async fn change(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let parameters = request.parameters(&[FormResource::RelationshipUser, FormResource::Relationship]).await?;
    let id: MemberId = request.id()?;
    let is_group_form = parameters.form.resource == FormResource::Relationship;
    let caller = request.form_caller(&parameters.form)?;
    let caller = if is_group_form { FormCaller { owner: ResourceOwner::Own, ..caller } } else { caller };
    let job = move |tx: &mut Tx<'_>| groups::get_own_member(tx, &caller, id);
    let old = request.state.store.read("groups.get_member", Cost::Bounded, job).await?;
    let kind = request.state.forms.type_named(FormResource::RelationshipUser, &old.kind);
    let mut validated = validate_change(&request.state, &parameters, kind.map(Arc::as_ref))?;
    let ends = to_ends(&validated);
    if let Some((group, user)) = groups::moved_ends(&old, ends) {
        let ends = MembershipEnds { group: Some(group), user: Some(user) };
        let check = move |tx: &mut Tx<'_>| groups::check_ends(tx, &caller, ends);
        request.check("groups.check_ends", &mut validated.errors, check).await?;
    }
    parameters.require_no_errors(validated.errors)?;
    let properties = validated.properties;
    let job = move |tx: &mut Tx<'_>| groups::change_member(tx, &caller, id, ends, &properties);
    request.write("groups.change_member", &parameters.sent, job).await?;
    Ok(respond_done(request.headers()))
}

/// `DELETE /api/user/relationship_users/{id}`
pub async fn delete(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let form = request.form_for_deletion(FormResource::RelationshipUser).await?;
    let id: MemberId = request.id()?;
    let caller = request.form_caller(&form)?;
    let job = move |tx: &mut Tx<'_>| groups::remove_member(tx, &caller, id);
    request.state.store.write("groups.remove_member", request.origin()?, job).await?;
    Ok(respond_done(request.headers()))
}

fn validate_change(state: &AppState, parameters: &FormParameters, kind: Option<&Type>) -> Result<Validated, FormError> {
    let form: &Form = &parameters.form;
    let validated = if form.resource == FormResource::Relationship {
        state.forms.validate_member_by_group_form(&parameters.sent, kind)
    } else {
        form.validate(&parameters.sent, kind, false)
    };
    validated.map_err(FormError::from)
}

/// The group and the user of a form, where they are valid ids.
fn to_ends(validated: &Validated) -> MembershipEnds {
    let id = |name: &str| validated.values.get(name).and_then(Value::as_i64);
    MembershipEnds { group: id("relationship_id").map(GroupId::new), user: id("user_id").map(UserId::new) }
}
