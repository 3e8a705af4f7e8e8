//! `/api/sessions`: exchanges a password for a token that expires.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::request::FormRequest;
use super::responses::{FormError, respond_created, respond_done};
use crate::auth::failures::{AttemptTarget, PendingFailure};
use crate::auth::fair_semaphore::Overloaded;
use crate::auth::password::busy_error;
use crate::auth::token;
use crate::domain::{accounts, policy};
use crate::http::forms::config::resource::FormResource;
use crate::http::jsonapi::errors::Failure;
use crate::http::middleware::credentials::client_address;
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
    let attempt = AttemptTarget::Session(&address);
    let failures = request.state.auth.failures();
    let record_failure = |reason| request.state.metrics.record_auth_failure("password", reason);
    let rate_limited = |after| {
        record_failure(Code::RateLimited.name());
        FormError::from(Failure::rate_limited(after))
    };
    // All failures of a source count together as well, or a source could try one password at each of many addresses.
    let attempts = [attempt, AttemptTarget::Sessions];
    for attempt in attempts {
        failures.check(source, attempt).map_err(|after| rate_limited(after.0))?;
    }
    // Counted before the password is hashed, so that concurrent guesses can neither exceed the limit nor occupy a core
    // each. A request that ends before its password is verified, for example with 503, does not count.
    let mut counted = attempts.map(|attempt| failures.record_pending(source, attempt));
    let find = move |tx: &mut Tx<'_>| accounts::by_email(tx, &email);
    let account = request.state.store.read("sessions.account", Cost::Bounded, find).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    // A client that disconnects during the hashing has used the processor all the same.
    counted.iter_mut().for_each(PendingFailure::keep);
    let verified = match request.state.passwords.verify(Some(source), password, hash.clone()).await {
        Ok(verified) => verified.map_err(FormError::from),
        Err(Overloaded::SourceIsBusy) => Err(rate_limited(1)),
        Err(Overloaded::AllAreBusy) => Err(busy_error().into()),
    };
    let is_correct = match verified {
        Ok(is_correct) => is_correct,
        Err(refusal) => {
            counted.into_iter().for_each(PendingFailure::undo);
            return Err(refusal);
        }
    };
    let (true, Some(account), Some(hash)) = (is_correct, account, hash) else {
        record_failure(Code::Unauthenticated.name());
        return Err(FormError::wrong_password());
    };
    counted.into_iter().for_each(PendingFailure::undo);
    if !account.is_enabled || account.level == AccessLevel::Excluded {
        record_failure(Code::AccountDisabled.name());
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
