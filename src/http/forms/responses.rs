//! Responses of the forms dialect: `{"model": …, "errors": …}`, or an empty 204.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::forms::config::check::BLANK;
use crate::http::forms::validation_result::{BASE, FieldErrors, FormMismatch};
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::media_type::MEDIA_TYPE;
use crate::http::jsonapi::preferences::{PREFERENCE_APPLIED, Preferences};
use crate::http::outcome::LogOutcome;
use crate::model::attributes::Attribute;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem};
use crate::model::json_size::json_size;
use crate::model::user::Field;

const JSON: &str = "application/json; charset=utf-8";
/// Members of a form whose values are never sent back.
const SECRET_MEMBERS: [&str; 2] = ["password", "password_confirmation"];
/// How many bytes of the values a 422 sends back, as JSON.
const MAX_MODEL_SIZE: usize = 8 * 1024;

#[derive(Serialize)]
struct FormDocument<'a, M> {
    model: M,
    errors: &'a FieldErrors,
}

/// A failure of the middleware, the framework or the store.
#[must_use]
pub fn respond_failure(failure: Failure, headers: &HeaderMap) -> HttpResponse {
    FormError::from(failure).respond(headers)
}

/// 201 with a model.
#[must_use]
pub fn respond_created(headers: &HeaderMap, model: impl Serialize) -> HttpResponse {
    write(&mut HttpResponse::Created(), headers, model, &FieldErrors::default())
}

/// 204 after a change or a deletion; 200 with `{}` if the client prefers a body.
#[must_use]
pub fn respond_done(headers: &HeaderMap) -> HttpResponse {
    if !Preferences::of(headers).representation {
        return HttpResponse::NoContent().finish();
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((PREFERENCE_APPLIED, HeaderValue::from_static("return=representation")));
    response.insert_header((CONTENT_TYPE, content_type(headers))).body("{}")
}

fn write(
    response: &mut HttpResponseBuilder,
    headers: &HeaderMap,
    model: impl Serialize,
    errors: &FieldErrors,
) -> HttpResponse {
    // Serialization cannot fail: these are maps with string keys.
    let body = serde_json::to_vec(&FormDocument { model, errors }).unwrap_or_default();
    response.insert_header((CONTENT_TYPE, content_type(headers))).body(body)
}

/// JSON, or JSON:API's media type for clients that accept only that.
fn content_type(headers: &HeaderMap) -> HeaderValue {
    let ranges = || {
        let values = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok());
        values.flat_map(|list| list.split(',')).map(|range| range.split(';').next().unwrap_or_default().trim())
    };
    let accepts = |wanted: &str| ranges().any(|range| range.eq_ignore_ascii_case(wanted));
    HeaderValue::from_static(if accepts(MEDIA_TYPE) && !accepts("application/json") { MEDIA_TYPE } else { JSON })
}

/// A failed request of this dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct FormError {
    status: StatusCode,
    model: Map<String, Value>,
    errors: FieldErrors,
    /// What the access log says about it.
    log: Box<LogOutcome>,
    /// `Allow` of a 405, `Retry-After` of a 429 or 503.
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl FormError {
    fn new(status: StatusCode, outcome: &'static str, errors: FieldErrors) -> Self {
        let log = Box::new(LogOutcome { outcome: outcome.to_owned(), cause: None });
        Self { status, model: Map::new(), errors, log, headers: Vec::new() }
    }

    /// 406: the request does not fit the form.
    #[must_use]
    pub fn wrong_parameters(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "wrong-parameters", base(detail))
    }

    /// 422: the values fail the validations. Sends them back, except passwords and what exceeds 8 KiB in total.
    #[must_use]
    pub fn invalid_values(sent: &Map<String, Value>, errors: FieldErrors) -> Self {
        let mut left = MAX_MODEL_SIZE;
        let is_echoed = |(name, value): &(&String, &Value)| {
            let size = json_size(name).saturating_add(json_size(value));
            let fits = !SECRET_MEMBERS.contains(&name.as_str()) && size <= left;
            left -= if fits { size } else { 0 };
            fits
        };
        let echoed = sent.iter().filter(is_echoed).map(|(name, value)| (name.clone(), value.clone()));
        Self { model: echoed.collect(), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-values", errors) }
    }

    /// 401: no user has this e-mail address and password.
    #[must_use]
    pub fn wrong_password() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", base("the e-mail address or the password is wrong"))
    }

    /// Converts an error of the domain: 422 if every problem belongs to a field of the form.
    #[must_use]
    pub fn from_error(error: Error, sent: &Map<String, Value>) -> Self {
        match to_field_errors(error) {
            Ok(errors) => Self::invalid_values(sent, errors),
            Err(error) => Failure::without_document(error).into(),
        }
    }

    /// The response.
    #[must_use]
    pub fn respond(self, headers: &HeaderMap) -> HttpResponse {
        let mut builder = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            builder.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Token")));
        }
        for header in self.headers {
            builder.insert_header(header);
        }
        let mut response = write(&mut builder, headers, self.model, &self.errors);
        response.extensions_mut().insert(*self.log);
        response
    }
}

/// Converts an error into messages by field.
///
/// # Errors
/// The error itself if one of its problems belongs to no field.
pub fn to_field_errors(error: Error) -> Result<FieldErrors, Error> {
    let Error::Refused(problems) = &error else { return Err(error) };
    let mut errors = FieldErrors::default();
    for problem in problems {
        match form_field(problem) {
            Some(field) => errors.add(field, message_of(problem)),
            None => return Err(error),
        }
    }
    Ok(errors)
}

fn form_field(problem: &Problem) -> Option<&'static str> {
    // A missing permission is not a problem of a value.
    if problem.code.status() == 403 {
        return None;
    }
    match problem.source.as_ref()? {
        ErrorSource::Attribute(name) | ErrorSource::Missing(name) => Some(match Field::of_member(name) {
            Some(Field::Email) => "email",
            Some(Field::FirstName) => "first_name",
            Some(Field::LastName) => "last_name",
            Some(Field::AltId) => "external_id",
            _ => BASE,
        }),
        ErrorSource::Properties => Some("properties"),
        ErrorSource::Group => Some("relationship_id"),
        ErrorSource::Member => Some("user_id"),
        _ => None,
    }
}

fn message_of(problem: &Problem) -> String {
    match problem.code {
        Code::EmailTaken => "has already been taken".to_owned(),
        Code::MissingAttribute => BLANK.to_owned(),
        _ => problem.detail.clone().into_owned(),
    }
}

fn base(detail: impl Into<String>) -> FieldErrors {
    let mut errors = FieldErrors::default();
    errors.add(BASE, detail.into());
    errors
}

/// Errors of the middleware, the framework and the store in the format of this dialect.
impl From<Failure> for FormError {
    fn from(failure: Failure) -> Self {
        let response = actix_web::ResponseError::error_response(&failure);
        let header = |name: HeaderName| response.headers().get(&name).cloned().map(|value| (name, value));
        let mut errors = FieldErrors::default();
        for detail in failure.details() {
            errors.add(BASE, detail.to_owned());
        }
        errors.add_omitted(failure.omitted());
        Self {
            status: failure.status(),
            model: Map::new(),
            errors,
            log: Box::new(LogOutcome::from(&failure)),
            headers: [ALLOW, RETRY_AFTER].into_iter().filter_map(header).collect(),
        }
    }
}

/// 406.
impl From<FormMismatch> for FormError {
    fn from(mismatch: FormMismatch) -> Self {
        Self::wrong_parameters(mismatch.to_string())
    }
}

impl From<Error> for FormError {
    fn from(error: Error) -> Self {
        Failure::without_document(error).into()
    }
}
