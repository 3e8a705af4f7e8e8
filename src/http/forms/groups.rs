//! `/api/user/relationships`: what this dialect calls a relationship is a group.

use actix_web::HttpResponse;
use serde_json::json;
use std::sync::Arc;

use super::answer::{Refusal, created, done};
use super::call::Call;
use crate::domain::groups;
use crate::http::forms::config::resource::Resource;
use crate::model::id::GroupId;
use crate::store::{Cost, Tx};

/// `POST /api/user/relationships`
pub async fn create(mut call: Call) -> Result<HttpResponse, Refusal> {
    let asked = call.parameters(&[Resource::Relationship]).await?;
    let kind = asked.kind(&call.state, Resource::Relationship)?;
    let by = call.by(&asked.form)?;
    let judged = asked.form.judge(&asked.sent, Some(&kind), true)?;
    if !judged.errors.is_empty() {
        return Err(Refusal::values(&asked.sent, judged.errors));
    }
    let job = move |tx: &mut Tx<'_>| groups::create(tx, &by, &kind.name, &judged.properties);
    let id = call.state.store.write("groups.create", job).await?;
    Ok(created(call.headers(), json!({ "id": id.get() })))
}

/// `PUT /api/user/relationships/{id}`
pub async fn change(mut call: Call) -> Result<HttpResponse, Refusal> {
    let asked = call.parameters(&[Resource::Relationship]).await?;
    let id: GroupId = call.id()?;
    let by = call.by(&asked.form)?;
    let job = move |tx: &mut Tx<'_>| groups::get_own(tx, &by, id);
    let old = call.state.store.read("groups.get", Cost::Bounded, job).await?;
    let kind = call.state.forms.type_named(Resource::Relationship, &old.kind);
    let judged = asked.form.judge(&asked.sent, kind.map(Arc::as_ref), false)?;
    if !judged.errors.is_empty() {
        return Err(Refusal::values(&asked.sent, judged.errors));
    }
    let job = move |tx: &mut Tx<'_>| groups::change(tx, &by, id, &judged.properties);
    call.state.store.write("groups.change", job).await.map_err(|error| Refusal::of(error, &asked.sent))?;
    Ok(done(call.headers()))
}

/// `DELETE /api/user/relationships/{id}`
pub async fn delete(mut call: Call) -> Result<HttpResponse, Refusal> {
    let form = call.form_of_deletion(Resource::Relationship).await?;
    let id: GroupId = call.id()?;
    let by = call.by(&form)?;
    call.state.store.write("groups.delete", move |tx: &mut Tx<'_>| groups::delete(tx, &by, id)).await?;
    Ok(done(call.headers()))
}
