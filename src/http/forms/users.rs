//! `/api/users`.

use actix_web::HttpResponse;
use serde_json::{Value as Json, json};

use super::answer::{Refusal, blamed, created, done};
use super::call::Call;
use crate::domain::accounts::{self, Changes};
use crate::domain::policy::Action;
use crate::http::forms::config::resource::Resource;
use crate::http::forms::validation_result::Validated;
use crate::model::id::UserId;
use crate::model::user::{Field, Value};
use crate::store::{Cost, Tx};

/// `POST /api/users`
pub async fn create(mut call: Call) -> Result<HttpResponse, Refusal> {
    let asked = call.parameters(&[Resource::User]).await?;
    let by = call.by(&asked.form)?;
    by.require(Action::CreateUser)?;
    let mut judged = asked.form.judge(&asked.sent, None, true)?;
    let mut changes = changes_of(&judged);
    let checked = changes.clone();
    let check = move |tx: &mut Tx<'_>| accounts::check_new(tx, &by, &checked);
    if let Err(error) = call.state.store.read("users.check", Cost::Bounded, check).await {
        judged.errors.complete(blamed(error)?);
    }
    if !judged.errors.is_empty() {
        return Err(Refusal::values(&asked.sent, judged.errors));
    }
    changes.password_hash = hash(&call, &judged).await?;
    let job = move |tx: &mut Tx<'_>| accounts::create(tx, &by, &changes);
    let id = call.state.store.write("users.create", job).await.map_err(|error| Refusal::of(error, &asked.sent))?;
    Ok(created(call.headers(), json!({ "id": id.get() })))
}

/// `PUT /api/users/{id}`
pub async fn change(mut call: Call) -> Result<HttpResponse, Refusal> {
    let asked = call.parameters(&[Resource::User]).await?;
    if asked.form.allows_account_takeover() {
        return Err(Refusal::parameters("this form is for creating users only"));
    }
    let id: UserId = call.id()?;
    let by = call.by(&asked.form)?;
    // Who may not change it learns that before its values are judged.
    let may = move |tx: &mut Tx<'_>| accounts::check_change(tx, &by, id, &Changes::default());
    call.state.store.read("users.check", Cost::Bounded, may).await?;
    let mut judged = asked.form.judge(&asked.sent, None, false)?;
    let mut changes = changes_of(&judged);
    let checked = changes.clone();
    let check = move |tx: &mut Tx<'_>| accounts::check_change(tx, &by, id, &checked);
    if let Err(error) = call.state.store.read("users.check", Cost::Bounded, check).await {
        judged.errors.complete(blamed(error)?);
    }
    if !judged.errors.is_empty() {
        return Err(Refusal::values(&asked.sent, judged.errors));
    }
    changes.password_hash = hash(&call, &judged).await?;
    let job = move |tx: &mut Tx<'_>| accounts::change(tx, &by, id, &changes);
    call.state.store.write("users.change", job).await.map_err(|error| Refusal::of(error, &asked.sent))?;
    call.state.auth.forget(id);
    Ok(done(call.headers()))
}

/// What a form says of a user. Values that were found wrong are left out: they are told already.
fn changes_of(judged: &Validated) -> Changes {
    let named = [
        ("email", Field::Email),
        ("first_name", Field::FirstName),
        ("last_name", Field::LastName),
        ("external_id", Field::AltId),
    ];
    let value = |name: &str| match judged.values.get(name)? {
        Json::Null => Some(Value::Null),
        Json::String(text) => Some(Value::Text(text.clone())),
        _ => None,
    };
    let is_right = |name: &str| !judged.errors.has(name);
    let fields = named.into_iter().filter(|(name, _)| is_right(name));
    let fields = fields.filter_map(|(name, field)| Some((field, value(name)?))).collect();
    Changes { fields, properties: judged.properties.clone(), password_hash: None }
}

/// The hash of the password that a form brings, if it brings one.
async fn hash(call: &Call, judged: &Validated) -> Result<Option<String>, Refusal> {
    match judged.values.get("password") {
        Some(Json::String(password)) => Ok(Some(call.state.passwords.hash(password.clone()).await?)),
        _ => Ok(None),
    }
}
