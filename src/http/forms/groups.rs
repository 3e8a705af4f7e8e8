//! `/api/user/relationships`: groups, which this dialect calls relationships.

use actix_web::HttpResponse;
use std::sync::Arc;

use super::creation::FormCreation;
use super::request::FormRequest;
use super::responses::{FormError, respond_done};
use crate::domain::groups;
use crate::http::forms::config::resource::FormResource;
use crate::http::jsonapi::group_resources::GROUPS;
use crate::model::id::GroupId;
use crate::store::{Cost, Tx};

/// `POST /api/user/relationships`
pub async fn create(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let parameters = request.parameters(&[FormResource::Relationship]).await?;
    let kind = parameters.record_type(&request.state, FormResource::Relationship)?;
    let caller = request.form_caller(&parameters.form)?;
    let validated = parameters.form.validate(&parameters.sent, Some(&kind), true)?;
    parameters.require_no_errors(validated.errors)?;
    let creation = FormCreation::begin(&request, &parameters).await?;
    let job = move |tx: &mut Tx<'_>| groups::create(tx, &caller, &kind.name, &validated.properties).map(GroupId::get);
    creation.run("groups.create", GROUPS, job).await
}

/// `PUT /api/user/relationships/{id}`
pub async fn change(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let parameters = request.parameters(&[FormResource::Relationship]).await?;
    let id: GroupId = request.id()?;
    let caller = request.form_caller(&parameters.form)?;
    let job = move |tx: &mut Tx<'_>| groups::get_own(tx, &caller, id);
    let old = request.state.store.read("groups.get", Cost::Bounded, job).await?;
    let kind = request.state.forms.type_named(FormResource::Relationship, &old.kind);
    let validated = parameters.form.validate(&parameters.sent, kind.map(Arc::as_ref), false)?;
    parameters.require_no_errors(validated.errors)?;
    let job = move |tx: &mut Tx<'_>| groups::change(tx, &caller, id, &validated.properties);
    request.write("groups.change", &parameters.sent, job).await?;
    Ok(respond_done(request.headers()))
}

/// `DELETE /api/user/relationships/{id}`
pub async fn delete(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let form = request.form_for_deletion(FormResource::Relationship).await?;
    let id: GroupId = request.id()?;
    let caller = request.form_caller(&form)?;
    let job = move |tx: &mut Tx<'_>| groups::delete(tx, &caller, id);
    request.state.store.write("groups.delete", request.origin()?, job).await?;
    Ok(respond_done(request.headers()))
}
