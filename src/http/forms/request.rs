//! A request of the forms dialect, as handlers see it.

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use serde_json::{Map, Value};
use std::future::{Future, Ready, ready};
use std::str::FromStr;
use std::sync::Arc;

use super::responses::{FormError, to_field_errors};
use super::validation_result::FieldErrors;
use crate::auth::Identity;
use crate::domain::policy::FormCaller;
use crate::http::body;
use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::definition::Form;
use crate::http::forms::config::resource::FormResource;
use crate::http::idempotency::KeyedRequest;
use crate::http::json;
use crate::http::jsonapi::errors::Failure;
use crate::http::middleware::consistency;
use crate::http::middleware::deadline::Deadline;
use crate::http::paths::JSON_SUFFIX;
use crate::http::request_id;
use crate::http::state::AppState;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::error::Error;
use crate::store::{Cost, Tx};

/// The member of the body, and the query parameter, with the name of a form.
const FORM_NAME: &str = "form_configuration_name";
/// The member with the name or id of a type.
const TYPE_NAME: &str = "parent_resource_id";

/// An authenticated request whose parameters and body are not read yet.
pub struct FormRequest {
    /// The state of the service.
    pub state: web::Data<AppState>,
    http: HttpRequest,
    payload: web::Payload,
}

/// The body of a request.
pub struct FormParameters {
    /// The form that the request names.
    pub form: Arc<Form>,
    /// The values as sent.
    pub sent: Map<String, Value>,
    type_id_or_name: Option<Value>,
    body: Bytes,
}

impl FromRequest for FormRequest {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>().cloned();
        let state = state.ok_or_else(|| Failure::internal("the application has no state".to_owned()));
        let payload = web::Payload::from_request(request, payload).into_inner();
        let payload = payload.map_err(|error| Failure::internal(error.to_string()));
        ready(state.and_then(|state| Ok(Self { state, http: request.clone(), payload: payload? })))
    }
}

impl FormRequest {
    /// The caller.
    ///
    /// # Errors
    /// 401 if the middleware let the request pass without one.
    pub fn caller(&self) -> Result<Caller, FormError> {
        self.identity().map(|identity| identity.caller)
    }

    /// Who makes the changes of the request.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub fn origin(&self) -> Result<ChangeOrigin, FormError> {
        self.caller().map(|caller| request_id::origin_of(&self.http, &caller))
    }

    /// The caller and its credential.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub fn identity(&self) -> Result<Identity, FormError> {
        let identity = self.http.extensions().get::<Identity>().copied();
        identity.ok_or_else(|| Failure::unauthenticated().into())
    }

    /// The caller as a user of a form.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub fn form_caller(&self, form: &Form) -> Result<FormCaller, FormError> {
        self.caller().map(|caller| FormCaller { caller, owner: form.owner })
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.http.headers()
    }

    /// The request of the framework, with the extensions that the middleware added.
    #[must_use]
    pub fn http_request(&self) -> &HttpRequest {
        &self.http
    }

    /// The id in the path.
    ///
    /// # Errors
    /// 404 if it is malformed, because no record has such an id.
    pub fn id<Id: FromStr>(&self) -> Result<Id, FormError> {
        let segment = self.http.match_info().get("id").unwrap_or_default();
        let id = segment.strip_suffix(JSON_SUFFIX).unwrap_or(segment);
        id.parse().map_err(|_| Failure::not_found().into())
    }

    /// Runs a check in the database, and adds its problems to the errors of the form.
    ///
    /// # Errors
    /// The error of the check if one of its problems belongs to no field.
    pub async fn check(
        &self,
        name: &'static str,
        errors: &mut FieldErrors,
        check: impl Fn(&mut Tx<'_>) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), FormError> {
        if let Err(error) = self.state.store.read(name, Cost::Bounded, check).await {
            errors.add_missing(to_field_errors(error)?);
        }
        Ok(())
    }

    /// Runs a write of a form with these values.
    ///
    /// # Errors
    /// 422 if every problem belongs to a field of the form; otherwise the error of the write.
    pub async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        sent: &Map<String, Value>,
        job: impl Fn(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, FormError> {
        self.state.store.write(name, self.origin()?, job).await.map_err(|error| FormError::from_error(error, sent))
    }

    /// The request, for `Idempotency-Key`.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub fn keyed(&self) -> Result<KeyedRequest<'_>, FormError> {
        Ok(KeyedRequest { state: &self.state, caller: self.caller()?, http: &self.http })
    }

    /// Reads the body of a create or an update: a form for one of these resources, and its values.
    ///
    /// # Errors
    /// 406 if a parameter is missing or wrong, 413 if the body is too large.
    pub async fn parameters(&mut self, resources: &[FormResource]) -> Result<FormParameters, FormError> {
        let body = self.read_body().await?;
        let mut members = parse_object(&body)?;
        let form = self.find_form(members.get(FORM_NAME), resources)?;
        let sent = match members.remove("form") {
            Some(Value::Object(sent)) => sent,
            Some(_) => return Err(FormError::wrong_parameters("`form` must be an object")),
            None => return Err(FormError::wrong_parameters("`form` is missing: an object with the values")),
        };
        Ok(FormParameters { form, sent, type_id_or_name: members.remove(TYPE_NAME), body })
    }

    /// Reads the form that a deletion names in its query or in its body.
    ///
    /// # Errors
    /// As [`parameters`](Self::parameters).
    pub async fn form_for_deletion(&mut self, resource: FormResource) -> Result<Arc<Form>, FormError> {
        let mut names =
            form_urlencoded::parse(self.http.query_string().as_bytes()).filter(|(name, _)| name == FORM_NAME);
        if let Some((_, name)) = names.next() {
            return self.find_form(Some(&Value::String(name.into_owned())), &[resource]);
        }
        let body = self.read_body().await?;
        let body = if body.is_empty() { Map::new() } else { parse_object(&body)? };
        self.find_form(body.get(FORM_NAME), &[resource])
    }

    fn find_form(&self, name: Option<&Value>, resources: &[FormResource]) -> Result<Arc<Form>, FormError> {
        let name = match name {
            Some(Value::String(name)) => name,
            Some(_) => return Err(FormError::wrong_parameters(format!("`{FORM_NAME}` must be a string"))),
            None => {
                return Err(FormError::wrong_parameters(format!(
                    "`{FORM_NAME}` is missing: the name of a form configuration"
                )));
            }
        };
        let Some(form) = self.state.forms.form(name) else {
            return Err(FormError::wrong_parameters(format!("`{FORM_NAME}`: no such form configuration")));
        };
        if !resources.contains(&form.resource) {
            let detail =
                format!("`{FORM_NAME}`: this form configuration is for another resource, `{}`", form.resource.name());
            return Err(FormError::wrong_parameters(detail));
        }
        Ok(Arc::clone(form))
    }

    async fn read_body(&mut self) -> Result<Bytes, FormError> {
        // A body without a content type is read as JSON.
        if let Some(kind) = self.http.headers().get(CONTENT_TYPE) {
            let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
            let is_json = kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json");
            if !is_json {
                return Err(FormError::wrong_parameters(
                    "the body must be JSON: send `Content-Type: application/json`",
                ));
            }
        }
        let empty = web::Payload::from_request(&self.http, &mut Payload::None).into_inner();
        let empty = empty.map_err(|error| Failure::internal(error.to_string()))?;
        let payload = std::mem::replace(&mut self.payload, empty);
        Ok(body::read(payload, self.http.headers(), self.state.max_body).await?)
    }
}

impl FormParameters {
    /// The body as it was sent.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Rejects values with errors.
    ///
    /// # Errors
    /// 422 if there is an error.
    pub fn require_no_errors(&self, errors: FieldErrors) -> Result<(), FormError> {
        if errors.is_empty() { Ok(()) } else { Err(FormError::invalid_values(&self.sent, errors)) }
    }

    /// Finds the type that the request names.
    ///
    /// # Errors
    /// 406 if it names none, or none of this resource.
    pub fn record_type(&self, state: &AppState, resource: FormResource) -> Result<Arc<Type>, FormError> {
        let id_or_name = match &self.type_id_or_name {
            Some(value @ (Value::String(_) | Value::Number(_))) => value,
            Some(_) => return Err(FormError::wrong_parameters(format!("`{TYPE_NAME}` must be a string or a number"))),
            None => {
                return Err(FormError::wrong_parameters(format!("`{TYPE_NAME}` is missing: the name or id of a type")));
            }
        };
        let kind = state.forms.type_of(resource, id_or_name).cloned();
        kind.ok_or_else(|| FormError::wrong_parameters(format!("`{TYPE_NAME}`: no such type of `{}`", resource.name())))
    }
}

pub(crate) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, FormError> {
    match json::parse(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(FormError::wrong_parameters("the body must be a JSON object")),
        Err(error) => {
            let position = format!("line {}, column {}", error.line(), error.column());
            Err(FormError::wrong_parameters(format!("the body is not JSON: {position}")))
        }
    }
}

/// Runs a handler until the deadline of the request.
pub async fn run_with_deadline<F: Future<Output = Result<HttpResponse, FormError>>>(
    request: FormRequest,
    handler: impl FnOnce(FormRequest) -> F,
) -> HttpResponse {
    let (deadline, http) = (Deadline::of(&request.http, request.state.request_timeout), request.http.clone());
    let state = consistency::state_for_token(http.method(), &request.state);
    let result = deadline.enforce(handler(request)).await.unwrap_or_else(|late| Err(late.into()));
    let mut answer = result.unwrap_or_else(|error| error.respond(http.headers()));
    consistency::add_token(&mut answer, state).await;
    answer
}
