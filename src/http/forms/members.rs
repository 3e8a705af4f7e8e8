//! `/api/user/relationship_users`: what this dialect calls a relationship user is a membership of a group.

use actix_web::HttpResponse;
use serde_json::{Value, json};
use std::sync::Arc;

use super::answer::{Refusal, blamed, created, done};
use super::call::{Call, Parameters};
use crate::domain::groups::{self, Ends};
use crate::domain::policy::FormCaller;
use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::definition::Form;
use crate::http::forms::config::resource::Resource;
use crate::http::forms::validation_result::Validated;
use crate::http::state::State;
use crate::model::form::ResourceOwner;
use crate::model::id::{GroupId, MemberId, UserId};
use crate::store::{Cost, Tx};

/// `POST /api/user/relationship_users`
pub async fn create(mut call: Call) -> Result<HttpResponse, Refusal> {
    let asked = call.parameters(&[Resource::RelationshipUser]).await?;
    let kind = asked.kind(&call.state, Resource::RelationshipUser)?;
    let by = call.by(&asked.form)?;
    let mut judged = asked.form.judge(&asked.sent, Some(&kind), true)?;
    let ends = ends_of(&judged);
    let check = move |tx: &mut Tx<'_>| groups::check_ends(tx, &by, ends);
    let checked = call.state.store.read("groups.check_ends", Cost::Bounded, check).await;
    if let Err(error) = checked {
        judged.errors.complete(blamed(error)?);
    }
    // A form need not demand what a membership cannot do without.
    if ends.group.is_none() && !judged.errors.has("relationship_id") {
        judged.errors.add("relationship_id", "can't be blank");
    }
    if ends.user.is_none() && !judged.errors.has("user_id") {
        judged.errors.add("user_id", "can't be blank");
    }
    let (true, Ends { group: Some(group), user: Some(user) }) = (judged.errors.is_empty(), ends) else {
        return Err(Refusal::values(&asked.sent, judged.errors));
    };
    let properties = judged.properties;
    let job = move |tx: &mut Tx<'_>| groups::add_member(tx, &by, &kind.name, (group, user), &properties);
    let id = call.state.store.write("groups.add_member", job).await.map_err(|error| Refusal::of(error, &asked.sent))?;
    Ok(created(call.headers(), json!({ "id": id.get() })))
}

/// `PUT /api/user/relationship_users/{id}`
///
/// The founding documents name a form for `Relationship` here: it serves, and the values are judged as those of a
/// `RelationshipUser`. It gives no right that it was not made for, so that nobody but the owner may use it.
pub async fn change(mut call: Call) -> Result<HttpResponse, Refusal> {
    let asked = call.parameters(&[Resource::RelationshipUser, Resource::Relationship]).await?;
    let id: MemberId = call.id()?;
    let is_borrowed = asked.form.resource == Resource::Relationship;
    let by = call.by(&asked.form)?;
    let by = if is_borrowed { FormCaller { owner: ResourceOwner::Own, ..by } } else { by };
    let job = move |tx: &mut Tx<'_>| groups::get_own_member(tx, &by, id);
    let old = call.state.store.read("groups.get_member", Cost::Bounded, job).await?;
    let kind = call.state.forms.type_named(Resource::RelationshipUser, &old.kind);
    let mut judged = judge_change(&call.state, &asked, kind.map(Arc::as_ref))?;
    let ends = ends_of(&judged);
    if let Some((group, user)) = groups::moved(&old, ends) {
        let ends = Ends { group: Some(group), user: Some(user) };
        let check = move |tx: &mut Tx<'_>| groups::check_ends(tx, &by, ends);
        if let Err(error) = call.state.store.read("groups.check_ends", Cost::Bounded, check).await {
            judged.errors.complete(blamed(error)?);
        }
    }
    if !judged.errors.is_empty() {
        return Err(Refusal::values(&asked.sent, judged.errors));
    }
    let properties = judged.properties;
    let job = move |tx: &mut Tx<'_>| groups::change_member(tx, &by, id, ends, &properties);
    call.state.store.write("groups.change_member", job).await.map_err(|error| Refusal::of(error, &asked.sent))?;
    Ok(done(call.headers()))
}

/// `DELETE /api/user/relationship_users/{id}`
pub async fn delete(mut call: Call) -> Result<HttpResponse, Refusal> {
    let form = call.form_of_deletion(Resource::RelationshipUser).await?;
    let id: MemberId = call.id()?;
    let by = call.by(&form)?;
    call.state.store.write("groups.remove_member", move |tx: &mut Tx<'_>| groups::remove_member(tx, &by, id)).await?;
    Ok(done(call.headers()))
}

fn judge_change(state: &State, asked: &Parameters, kind: Option<&Type>) -> Result<Validated, Refusal> {
    let form: &Form = &asked.form;
    let judged = if form.resource == Resource::Relationship {
        state.forms.judge_member_by_group_form(&asked.sent, kind)
    } else {
        form.judge(&asked.sent, kind, false)
    };
    judged.map_err(Refusal::from)
}

/// The ends that a form names, as far as they are ids.
fn ends_of(judged: &Validated) -> Ends {
    let id = |name: &str| judged.values.get(name).and_then(Value::as_i64);
    Ends { group: id("relationship_id").map(GroupId::new), user: id("user_id").map(UserId::new) }
}
