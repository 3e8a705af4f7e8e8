//! One request of the forms dialect on its way to a handler.

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use serde_json::{Map, Value};
use std::future::{Future, Ready, ready};
use std::str::FromStr;
use std::sync::Arc;

use super::answer::Refusal;
use crate::auth::Identity;
use crate::domain::policy::FormCaller;
use crate::http::body;
use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::definition::Form;
use crate::http::forms::config::resource::Resource;
use crate::http::jsonapi::errors::Failure;
use crate::http::state::State;
use crate::http::v2::request::deadline_of;
use crate::model::caller::Caller;

/// The member and parameter that names a form.
const NAME: &str = "form_configuration_name";
/// The member that names a type.
const PARENT: &str = "parent_resource_id";
/// What may stand at the end of every path.
pub const SUFFIX: &str = ".json";

/// What a handler of this dialect gets: the door has let it in, nothing else has been looked at.
pub struct Call {
    /// What the service is made of.
    pub state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
}

/// What a request says in its body.
pub struct Parameters {
    /// The form that it names.
    pub form: Arc<Form>,
    /// The values, as they were sent.
    pub sent: Map<String, Value>,
    parent: Option<Value>,
}

impl FromRequest for Call {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<State>>().cloned();
        let state = state.ok_or_else(|| Failure::internal("a handler runs outside of the service".to_owned()));
        let payload = web::Payload::from_request(request, payload).into_inner();
        let payload = payload.map_err(|error| Failure::internal(error.to_string()));
        ready(state.and_then(|state| Ok(Self { state, request: request.clone(), payload: payload? })))
    }
}

impl Call {
    /// Who asks.
    ///
    /// # Errors
    /// 401 if the request came past the door without a caller.
    pub fn caller(&self) -> Result<Caller, Refusal> {
        self.identity().map(|identity| identity.caller)
    }

    /// Who asks, and by which credential.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub fn identity(&self) -> Result<Identity, Refusal> {
        let identity = self.request.extensions().get::<Identity>().copied();
        identity.ok_or_else(|| Failure::unauthenticated().into())
    }

    /// Who asks, with a form in hand.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub fn by(&self, form: &Form) -> Result<FormCaller, Refusal> {
        self.caller().map(|caller| FormCaller { caller, owner: form.owner })
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The request itself, for what the door has noted of it.
    #[must_use]
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The id in the path; a malformed one names nothing.
    ///
    /// # Errors
    /// 404.
    pub fn id<Id: FromStr>(&self) -> Result<Id, Refusal> {
        let segment = self.request.match_info().get("id").unwrap_or_default();
        let id = segment.strip_suffix(SUFFIX).unwrap_or(segment);
        id.parse().map_err(|_| Failure::not_found().into())
    }

    /// What a request that creates or changes something says: a form for one of these resources, and its values.
    ///
    /// # Errors
    /// 406 with what is missing or wrong, 413.
    pub async fn parameters(&mut self, resources: &[Resource]) -> Result<Parameters, Refusal> {
        let mut body = object(&self.body().await?)?;
        let form = self.form(body.get(NAME), resources)?;
        let sent = match body.remove("form") {
            Some(Value::Object(sent)) => sent,
            Some(_) => return Err(Refusal::parameters("`form` must be an object")),
            None => return Err(Refusal::parameters("`form` is missing: an object with the values")),
        };
        Ok(Parameters { form, sent, parent: body.remove(PARENT) })
    }

    /// The form that a request to delete names, in its query or in its body.
    ///
    /// # Errors
    /// As [`parameters`](Self::parameters).
    pub async fn form_of_deletion(&mut self, resource: Resource) -> Result<Arc<Form>, Refusal> {
        let mut named = form_urlencoded::parse(self.request.query_string().as_bytes()).filter(|(name, _)| name == NAME);
        if let Some((_, name)) = named.next() {
            return self.form(Some(&Value::String(name.into_owned())), &[resource]);
        }
        let body = self.body().await?;
        let body = if body.is_empty() { Map::new() } else { object(&body)? };
        self.form(body.get(NAME), &[resource])
    }

    fn form(&self, name: Option<&Value>, resources: &[Resource]) -> Result<Arc<Form>, Refusal> {
        let name = match name {
            Some(Value::String(name)) => name,
            Some(_) => return Err(Refusal::parameters(format!("`{NAME}` must be a text"))),
            None => return Err(Refusal::parameters(format!("`{NAME}` is missing: the name of a form configuration"))),
        };
        let Some(form) = self.state.forms.form(name) else {
            return Err(Refusal::parameters(format!("`{NAME}`: there is no such form configuration")));
        };
        if !resources.contains(&form.resource) {
            let detail =
                format!("`{NAME}`: this form configuration is for another resource, `{}`", form.resource.name());
            return Err(Refusal::parameters(detail));
        }
        Ok(Arc::clone(form))
    }

    async fn body(&mut self) -> Result<Bytes, Refusal> {
        // A type that says otherwise is a body that is not meant as JSON; without one it is taken for what it is.
        if let Some(kind) = self.request.headers().get(CONTENT_TYPE) {
            let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
            let is_json = kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json");
            if !is_json {
                return Err(Refusal::parameters("the body must be JSON: send `Content-Type: application/json`"));
            }
        }
        let empty = web::Payload::from_request(&self.request, &mut Payload::None).into_inner();
        let empty = empty.map_err(|error| Failure::internal(error.to_string()))?;
        let payload = std::mem::replace(&mut self.payload, empty);
        Ok(body::read(payload, self.request.headers(), self.state.max_body).await?)
    }
}

impl Parameters {
    /// The type that the request names.
    ///
    /// # Errors
    /// 406 if it names none, or none of `resource`.
    pub fn kind(&self, state: &State, resource: Resource) -> Result<Arc<Type>, Refusal> {
        let named = match &self.parent {
            Some(named @ (Value::String(_) | Value::Number(_))) => named,
            Some(_) => return Err(Refusal::parameters(format!("`{PARENT}` must be a text or a number"))),
            None => return Err(Refusal::parameters(format!("`{PARENT}` is missing: the name or id of a type"))),
        };
        let kind = state.forms.type_of(resource, named).cloned();
        kind.ok_or_else(|| Refusal::parameters(format!("`{PARENT}`: there is no such type of `{}`", resource.name())))
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::parameters("the body must be a JSON object")),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            Err(Refusal::parameters(format!("the body is not JSON: {place}")))
        }
    }
}

/// Runs a handler, not longer than a request may take.
pub async fn bounded<F: Future<Output = Result<HttpResponse, Refusal>>>(
    call: Call,
    handler: impl FnOnce(Call) -> F,
) -> HttpResponse {
    let (deadline, request) = (deadline_of(&call.request, &call.state), call.request.clone());
    let answer = deadline.keep(handler(call)).await.unwrap_or_else(|late| Err(late.into()));
    answer.unwrap_or_else(|refusal| refusal.respond(request.headers()))
}
