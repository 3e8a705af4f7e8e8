//! `/api/sessions`: a password for a token that expires.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::answer::{Refusal, created, done};
use super::call::Call;
use crate::auth::failures::{Ahead, Attempt};
use crate::auth::password::busy;
use crate::auth::token;
use crate::auth::turns::NoTurn;
use crate::domain::{accounts, policy};
use crate::http::forms::config::resource::Resource;
use crate::http::jsonapi::errors::Failure;
use crate::http::middleware::credentials::client_address;
use crate::model::code::Code;
use crate::model::key;
use crate::model::user::AccessLevel;
use crate::store::{Cost, Tx};

/// `POST /api/sessions`, for which nobody needs to be known.
pub async fn create(mut call: Call) -> Result<HttpResponse, Refusal> {
    let asked = call.parameters(&[Resource::Session]).await?;
    let judged = asked.form.judge(&asked.sent, None, true)?;
    if !judged.errors.is_empty() {
        return Err(Refusal::values(&asked.sent, judged.errors));
    }
    let text = |name: &str| judged.values.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (email, password) = (text("email"), text("password"));
    let (source, address) = (client_address(call.request()), key::of_email(&email));
    let guess = Attempt::Session(&address);
    let failures = call.state.auth.failures();
    let note = |reason| call.state.measures.not_let_in("password", reason);
    let slow_down = |after| {
        note(Code::RateLimited.name());
        Refusal::from(Failure::rate_limited(after))
    };
    // Wrong passwords of one source at any address count too, or each new address would be hashed once more.
    let attempts = [guess, Attempt::Sessions];
    for attempt in attempts {
        failures.check(source, attempt).map_err(|after| slow_down(after.0))?;
    }
    // Before the password is hashed: guesses must not cost a core each, nor exceed the limit together. A request that
    // ends before its password is judged, such as one that gets 503, is not a failed guess.
    let mut counted = attempts.map(|attempt| failures.note_ahead(source, attempt));
    let find = move |tx: &mut Tx<'_>| accounts::by_email(tx, &email);
    let account = call.state.store.read("sessions.account", Cost::Bounded, find).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    // A client that gives up while its password is hashed has cost a core all the same.
    counted.iter_mut().for_each(Ahead::keep);
    let verified = match call.state.passwords.verify(Some(source), password, hash.clone()).await {
        Ok(verified) => verified.map_err(Refusal::from),
        Err(NoTurn::SourceIsBusy) => Err(slow_down(1)),
        Err(NoTurn::AllAreBusy) => Err(busy().into()),
    };
    let is_right = match verified {
        Ok(is_right) => is_right,
        Err(refusal) => {
            counted.into_iter().for_each(Ahead::undo);
            return Err(refusal);
        }
    };
    let (true, Some(account), Some(hash)) = (is_right, account, hash) else {
        note(Code::Unauthenticated.name());
        return Err(Refusal::wrong_password());
    };
    counted.into_iter().for_each(Ahead::undo);
    if !account.is_enabled || account.level == AccessLevel::Excluded {
        note(Code::AccountDisabled.name());
        return Err(Failure::without_document(policy::refusal(Code::AccountDisabled).into()).into());
    }
    let (secret, digest) = token::generate()?;
    let (user, life) = (account.user, call.state.session_ttl);
    let job = move |tx: &mut Tx<'_>| {
        let expires_at = tx.now().plus_seconds(life);
        accounts::open_session(tx, user, &hash, (digest, expires_at))
    };
    match call.state.store.write("sessions.open", job).await? {
        Some(id) => Ok(created(call.headers(), json!({ "id": id.get(), "token": secret }))),
        None => Err(Refusal::wrong_password()),
    }
}

/// `DELETE /api/sessions`: ends the session whose token the request brings.
pub async fn delete(mut call: Call) -> Result<HttpResponse, Refusal> {
    call.form_of_deletion(Resource::Session).await?;
    let identity = call.identity()?;
    let token = identity.token.ok_or_else(|| Refusal::from(Failure::not_found()))?;
    let job = move |tx: &mut Tx<'_>| accounts::close_session(tx, token);
    call.state.store.write("sessions.close", job).await?;
    call.state.auth.forget(identity.caller.id);
    Ok(done(call.headers()))
}
