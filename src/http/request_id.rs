//! The id of a request, for what it changes.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};

use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
struct RequestId(String);

/// Keeps the id of a request that may change something.
pub fn keep(request: &impl HttpMessage, method: &Method, id: &str) {
    if !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        request.extensions_mut().insert(RequestId(id.to_owned()));
    }
}

/// Who makes the changes of a request, and with which request.
#[must_use]
pub fn origin_of(request: &HttpRequest, caller: &Caller) -> ChangeOrigin {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    ChangeOrigin { actor: caller.author(), request_id }
}
