//! `/api/users`.

use actix_web::HttpResponse;
use serde_json::{Map, Value as Json};

use super::creation::FormCreation;
use super::request::FormRequest;
use super::responses::{FormError, respond_done};
use crate::domain::accounts::{self, AccountChanges};
use crate::domain::policy::Action;
use crate::http::forms::config::resource::FormResource;
use crate::http::forms::validation_result::Validated;
use crate::http::jsonapi::resources::USERS;
use crate::model::id::UserId;
use crate::model::user::{Field, Value};
use crate::store::{Cost, Tx};

/// `POST /api/users`
pub async fn create(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let parameters = request.parameters(&[FormResource::User]).await?;
    let caller = request.form_caller(&parameters.form)?;
    caller.require(Action::CreateUser)?;
    let mut validated = parameters.form.validate(&parameters.sent, None, true)?;
    let mut changes = to_changes(&validated);
    let checked = changes.clone();
    let check = move |tx: &mut Tx<'_>| accounts::check_new(tx, &caller, &checked);
    let creation = FormCreation::begin(&request, &parameters).await?;
    request.check("users.check", &mut validated.errors, check).await?;
    if let Some(repeated) = creation.check(validated.errors).await? {
        return Ok(repeated);
    }
    changes.password_hash = hash_password(&request, &validated.values).await?;
    let job = move |tx: &mut Tx<'_>| accounts::create(tx, &caller, &changes).map(UserId::get);
    creation.run("users.create", USERS, job).await
}

/// `PUT /api/users/{id}`
pub async fn change(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let parameters = request.parameters(&[FormResource::User]).await?;
    if parameters.form.allows_account_takeover() {
        return Err(FormError::wrong_parameters("`form_configuration_name`: this form can only create users"));
    }
    let id: UserId = request.id()?;
    let caller = request.form_caller(&parameters.form)?;
    // Authorization comes before the validation of the values.
    let authorize = move |tx: &mut Tx<'_>| accounts::check_change(tx, &caller, id, &AccountChanges::default());
    request.state.store.read("users.check", Cost::Bounded, authorize).await?;
    let mut validated = parameters.form.validate(&parameters.sent, None, false)?;
    let mut changes = to_changes(&validated);
    let checked = changes.clone();
    let check = move |tx: &mut Tx<'_>| accounts::check_change(tx, &caller, id, &checked);
    request.check("users.check", &mut validated.errors, check).await?;
    parameters.require_no_errors(validated.errors)?;
    changes.password_hash = hash_password(&request, &validated.values).await?;
    let job = move |tx: &mut Tx<'_>| accounts::change(tx, &caller, id, &changes);
    request.write("users.change", &parameters.sent, job).await?;
    request.state.auth.forget(id);
    Ok(respond_done(request.headers()))
}

/// The changes of a form to a user, without the values that failed their validation.
fn to_changes(validated: &Validated) -> AccountChanges {
    let names = [
        ("email", Field::Email),
        ("first_name", Field::FirstName),
        ("last_name", Field::LastName),
        ("external_id", Field::AltId),
    ];
    let value = |name: &str| match validated.values.get(name)? {
        Json::Null => Some(Value::Null),
        Json::String(text) => Some(Value::Text(text.clone())),
        _ => None,
    };
    let is_valid = |name: &str| !validated.errors.has(name);
    let fields = names.into_iter().filter(|(name, _)| is_valid(name));
    let fields = fields.filter_map(|(name, field)| Some((field, value(name)?))).collect();
    AccountChanges { fields, properties: validated.properties.clone(), password_hash: None }
}

/// Hashes the password of a form, if there is one.
async fn hash_password(request: &FormRequest, values: &Map<String, Json>) -> Result<Option<String>, FormError> {
    match values.get("password") {
        Some(Json::String(password)) => Ok(Some(request.state.passwords.hash(password.clone()).await?)),
        _ => Ok(None),
    }
}
