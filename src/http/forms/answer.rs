//! Answers of the forms dialect: `{"model": …, "errors": …}` in every case but an empty 204.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::forms::validation_result::{BASE, FieldErrors, FormMismatch};
use crate::http::jsonapi::document::MEDIA_TYPE;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::preferences::{PREFERENCE_APPLIED, Preferences};
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem};
use crate::model::json_size::json_size;
use crate::model::user::Field;

const JSON: &str = "application/json; charset=utf-8";
/// The members of a form whose values are never sent back.
const SECRETS: [&str; 2] = ["password", "password_confirmation"];
/// The most bytes of JSON of the values that a refusal sends back.
const LARGEST_MODEL: usize = 8 * 1024;

#[derive(Serialize)]
struct Body<'a, M> {
    model: M,
    errors: &'a FieldErrors,
}

/// Something was created.
#[must_use]
pub fn created(headers: &HeaderMap, model: impl Serialize) -> HttpResponse {
    write(&mut HttpResponse::Created(), headers, model, &FieldErrors::default())
}

/// Something was changed or deleted: nothing to say, unless the client asks for a body.
#[must_use]
pub fn done(headers: &HeaderMap) -> HttpResponse {
    if !Preferences::of(headers).representation {
        return HttpResponse::NoContent().finish();
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((PREFERENCE_APPLIED, HeaderValue::from_static("return=representation")));
    answer.insert_header((CONTENT_TYPE, content_type(headers))).body("{}")
}

fn write(
    answer: &mut HttpResponseBuilder,
    headers: &HeaderMap,
    model: impl Serialize,
    errors: &FieldErrors,
) -> HttpResponse {
    // Maps with text keys and numbers: there is nothing in them that cannot be written.
    let body = serde_json::to_vec(&Body { model, errors }).unwrap_or_default();
    answer.insert_header((CONTENT_TYPE, content_type(headers))).body(body)
}

/// JSON, but for clients that take JSON:API's media type and not plain JSON.
fn content_type(headers: &HeaderMap) -> HeaderValue {
    let ranges = || {
        let values = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok());
        values.flat_map(|list| list.split(',')).map(|range| range.split(';').next().unwrap_or_default().trim())
    };
    let takes = |wanted: &str| ranges().any(|range| range.eq_ignore_ascii_case(wanted));
    HeaderValue::from_static(if takes(MEDIA_TYPE) && !takes("application/json") { MEDIA_TYPE } else { JSON })
}

/// Why a request of this dialect is not answered as it hoped.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    status: StatusCode,
    model: Map<String, Value>,
    errors: FieldErrors,
    /// The codes of what is wrong, and the cause if it is not the client's fault: for the log.
    told: Box<LogOutcome>,
    /// `Allow` of a 405, `Retry-After` of a 429 or 503.
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What the log says of an answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOutcome {
    /// The codes of what is wrong.
    pub outcome: String,
    /// What happened, for failures that are not the client's.
    pub cause: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, outcome: &'static str, errors: FieldErrors) -> Self {
        let told = Box::new(LogOutcome { outcome: outcome.to_owned(), cause: None });
        Self { status, model: Map::new(), errors, told, headers: Vec::new() }
    }

    /// The request does not fit the form: 406.
    #[must_use]
    pub fn parameters(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "wrong-parameters", base(detail))
    }

    /// The values do not match the validations: 422 with what was sent, but for passwords and for values that do not
    /// fit into 8 KiB together with those before them.
    #[must_use]
    pub fn values(sent: &Map<String, Value>, errors: FieldErrors) -> Self {
        let mut left = LARGEST_MODEL;
        let is_echoed = |(name, value): &(&String, &Value)| {
            let size = json_size(name).saturating_add(json_size(value));
            let fits = !SECRETS.contains(&name.as_str()) && size <= left;
            left -= if fits { size } else { 0 };
            fits
        };
        let echoed = sent.iter().filter(is_echoed).map(|(name, value)| (name.clone(), value.clone()));
        Self { model: echoed.collect(), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-values", errors) }
    }

    /// Nobody has that e-mail address and password: 401.
    #[must_use]
    pub fn wrong_password() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", base("the e-mail address or the password is wrong"))
    }

    /// What went wrong below, for a form with these values: what is blamed on a field is a 422 on that field.
    #[must_use]
    pub fn of(error: Error, sent: &Map<String, Value>) -> Self {
        match blamed(error) {
            Ok(errors) => Self::values(sent, errors),
            Err(error) => Failure::without_document(error).into(),
        }
    }

    /// The answer.
    #[must_use]
    pub fn respond(self, headers: &HeaderMap) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Token")));
        }
        for header in self.headers {
            answer.insert_header(header);
        }
        let mut answer = write(&mut answer, headers, self.model, &self.errors);
        answer.extensions_mut().insert(*self.told);
        answer
    }
}

/// Every problem that is blamed on a field of a form, or the error itself if one of them is of another kind.
///
/// # Errors
/// The error, as it was.
pub fn blamed(error: Error) -> Result<FieldErrors, Error> {
    let Error::Refused(problems) = &error else { return Err(error) };
    let mut errors = FieldErrors::default();
    for problem in problems {
        match field_of(problem) {
            Some(field) => errors.add(field, message_of(problem)),
            None => return Err(error),
        }
    }
    Ok(errors)
}

fn field_of(problem: &Problem) -> Option<&'static str> {
    // A right that is missing is no fault of the value.
    if problem.code.status() == 403 {
        return None;
    }
    match problem.culprit? {
        ErrorSource::Attribute(field) | ErrorSource::Missing(field) => Some(match field {
            Field::Email => "email",
            Field::FirstName => "first_name",
            Field::LastName => "last_name",
            Field::AltId => "external_id",
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
        Code::MissingAttribute => "can't be blank".to_owned(),
        _ => problem.detail.clone().into_owned(),
    }
}

fn base(detail: impl Into<String>) -> FieldErrors {
    let mut errors = FieldErrors::default();
    errors.add(BASE, detail.into());
    errors
}

/// What the door, the framework or the store refused, in the words of this dialect.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let answer = actix_web::ResponseError::error_response(&failure);
        let kept = |name: HeaderName| answer.headers().get(&name).cloned().map(|value| (name, value));
        let mut errors = FieldErrors::default();
        for detail in failure.details() {
            errors.add(BASE, detail.to_owned());
        }
        errors.drop_more(failure.more());
        Self {
            status: failure.status(),
            model: Map::new(),
            errors,
            told: Box::new(LogOutcome { outcome: failure.to_string(), cause: failure.cause().map(str::to_owned) }),
            headers: [ALLOW, RETRY_AFTER].into_iter().filter_map(kept).collect(),
        }
    }
}

/// What was sent does not fit the form.
impl From<FormMismatch> for Refusal {
    fn from(misfit: FormMismatch) -> Self {
        Self::parameters(misfit.to_string())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Failure::without_document(error).into()
    }
}
