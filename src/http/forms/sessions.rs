//! `/api/sessions`: exchanges a password for a token that expires.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::request::FormRequest;
use super::responses::{FormError, respond_created, respond_done};
use crate::auth::token;
use crate::domain::{accounts, policy};
use crate::http::forms::config::resource::FormResource;
use crate::http::jsonapi::errors::Failure;
use crate::http::middleware::credentials::client_address;
use crate::http::password_attempts::PasswordAttempt;
use crate::model::change::ChangeOrigin;
use crate::model::code::Code;
use crate::model::key;
use crate::model::user::AccessLevel;
use crate::store::{Cost, Tx};

/// `POST /api/sessions`, without a credential.
pub async fn create(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    let parameters = request.parameters(&[FormResource::Session]).await?;
    let validated = parameters.form.validate(&parameters.sent, None, true)?;
    parameters.require_no_errors(validated.errors)?;
    let text = |name: &str| validated.values.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (email, password) = (text("email"), text("password"));
    let (source, address) = (client_address(request.http_request()), key::of_email(&email));
    let record_failure = |reason: Code| request.state.metrics.record_auth_failure("password", reason.name());
    let attempt = PasswordAttempt { state: &request.state, source, address: &address, password };
    let mut found = None;
    let find_hash = async {
        let find = move |tx: &mut Tx<'_>| accounts::by_email(tx, &email);
        found = request.state.store.read("sessions.account", Cost::Bounded, find).await?;
        Ok(found.as_ref().and_then(|account| account.password_hash.clone()))
    };
    let hash = attempt.verify(find_hash).await?;
    let (Some(account), Some(hash)) = (found, hash) else { return Err(FormError::wrong_password()) };
    if !account.is_enabled || account.level == AccessLevel::Excluded {
        record_failure(Code::AccountDisabled);
        return Err(Failure::without_document(policy::refusal(Code::AccountDisabled).into()).into());
    }
    let (secret, digest) = token::generate()?;
    let (user, life) = (account.user, request.state.session_ttl);
    let job = move |tx: &mut Tx<'_>| {
        let expires_at = tx.now().plus_seconds(life);
        accounts::open_session(tx, user, &hash, (digest, expires_at))
    };
    match request.state.store.write("sessions.open", ChangeOrigin::WITHOUT_CALLER, job).await? {
        Some(id) => Ok(respond_created(request.headers(), json!({ "id": id.get(), "token": secret }))),
        None => Err(FormError::wrong_password()),
    }
}

/// `DELETE /api/sessions`: ends the session of the token that the request sends.
pub async fn delete(mut request: FormRequest) -> Result<HttpResponse, FormError> {
    request.form_for_deletion(FormResource::Session).await?;
    let identity = request.identity()?;
    let token = identity.token.ok_or_else(|| FormError::from(Failure::not_found()))?;
    let job = move |tx: &mut Tx<'_>| accounts::close_session(tx, token);
    request.state.store.write("sessions.close", request.origin()?, job).await?;
    request.state.auth.forget(identity.caller.id);
    Ok(respond_done(request.headers()))
}
