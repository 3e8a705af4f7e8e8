//! Every path of the service, and every URL that its documents show. No other file knows paths.

use actix_web::guard::{Any, Get, Head, Options};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Route};
use std::fmt;

use super::call::bounded;
use super::jsonapi::errors::Failure;
use super::{operations, ops, relationship_types, relationships, users};
use crate::model::code::Code;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship_type::TypeName;

/// A path pattern and the methods that it knows.
pub type Known = (&'static str, &'static [&'static str]);

/// The route of a method; whoever answers GET answers HEAD, without the body.
macro_rules! route {
    (GET) => {
        Route::new().guard(Any(Get()).or(Head()))
    };
    ($method:ident) => {
        Route::new().method(actix_web::http::Method::$method)
    };
}

macro_rules! allowed {
    (GET) => {
        "GET, HEAD, "
    };
    ($method:ident) => {
        concat!(stringify!($method), ", ")
    };
}

/// One table makes the routes below `/api`, their `Allow` header and the list that tests go through.
macro_rules! table {
    ($($path:literal { $($method:ident => $handler:path),* $(,)? })*) => {
        /// Every path below `/api`.
        pub const TABLE: &[Known] = &[$(($path, &[$(stringify!($method)),*])),*];

        fn mount(config: &mut ServiceConfig) {
            $({
                const ALLOWED: &str = concat!($(allowed!($method),)* "OPTIONS");
                config.service(
                    web::resource($path)
                        $(.route(route!($method).to(|call| bounded(call, $handler))))*
                        .route(Route::new().guard(Options()).to(|| async { options(ALLOWED) }))
                        .default_service(web::to(|| async { Err::<HttpResponse, _>(Failure::method_not_allowed(ALLOWED)) })),
                );
            })*
        }
    };
}

table! {
    "/api/v2/user-relationships" { GET => relationships::list, POST => relationships::create }
    "/api/v2/user-relationships/{id}" {
        GET => relationships::get, PATCH => relationships::change, DELETE => relationships::delete,
    }
    "/api/v2/user-relationships/{id}/relationships/{end}" {
        GET => relationships::get_linkage, PATCH => relationships::change_linkage,
        POST => relationships::change_linkage, DELETE => relationships::change_linkage,
    }
    "/api/v2/user-relationships/{id}/{end}" { GET => relationships::get_end, PATCH => relationships::change_end }
    "/api/v2/users" { GET => users::list, POST => users::create }
    "/api/v2/users/me" { GET => users::get_me, PATCH => users::change_me }
    "/api/v2/users/{id}" { GET => users::get, PATCH => users::change, DELETE => users::delete }
    "/api/v2/operations" { POST => operations::run }
    "/api/v2/relationship-types" { GET => relationship_types::list, POST => relationship_types::create }
    "/api/v2/relationship-types/{id}" {
        GET => relationship_types::get, PATCH => relationship_types::change, DELETE => relationship_types::delete,
    }
}

/// Whether a path, percent-decoded, needs a caller: all below `/api` do, unknown ones and `//api` too.
#[must_use]
pub fn needs_caller(path: &str) -> bool {
    path.trim_start_matches('/').split('/').next() == Some("api")
}

/// Whether a path is a probe, which is not worth a line in the log.
#[must_use]
pub fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// All routes.
pub fn configure(config: &mut ServiceConfig) {
    mount(config);
    open(config, "/", || Route::new().to(ops::root::get));
    open(config, "/livez", || Route::new().to(ops::health::live));
    open(config, "/readyz", || Route::new().to(ops::health::ready));
    open(config, "/docs", || Route::new().to(ops::docs::get));
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(Failure::not_found()) }));
}

/// A page that anybody may read.
fn open(config: &mut ServiceConfig, path: &str, route: impl Fn() -> Route) {
    const ALLOWED: &str = "GET, HEAD, OPTIONS";
    config.service(
        web::resource(path)
            .route(route().guard(Any(Get()).or(Head())))
            .route(Route::new().guard(Options()).to(|| async { options(ALLOWED) }))
            .default_service(web::to(|| async { Err::<HttpResponse, _>(Failure::method_not_allowed(ALLOWED)) })),
    );
}

fn options(allowed: &'static str) -> HttpResponse {
    HttpResponse::NoContent().insert_header((ALLOW, HeaderValue::from_static(allowed))).finish()
}

/// Where a relationship can be fetched.
#[must_use]
pub fn relationship(id: RelationshipId) -> String {
    RelationshipUrl(id).to_string()
}

/// Where a user can be fetched.
#[must_use]
pub fn user(id: UserId) -> String {
    UserUrl(id).to_string()
}

/// Where a relationship type can be fetched.
#[must_use]
pub fn relationship_type(name: &TypeName) -> String {
    format!("/api/v2/relationship-types/{name}")
}

/// Where an error code is explained.
#[must_use]
pub fn error_documentation(code: Code) -> String {
    format!("/docs#{}", code.name())
}

/// Prints where a relationship can be fetched.
pub struct RelationshipUrl(pub RelationshipId);

impl fmt::Display for RelationshipUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/user-relationships/{}", self.0)
    }
}

/// Prints where the linkage to one end of a relationship can be fetched.
pub struct LinkageUrl(pub RelationshipId, pub &'static str);

impl fmt::Display for LinkageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/user-relationships/{}/relationships/{}", self.0, self.1)
    }
}

/// Prints where the user at one end of a relationship can be fetched.
pub struct EndUrl(pub RelationshipId, pub &'static str);

impl fmt::Display for EndUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/user-relationships/{}/{}", self.0, self.1)
    }
}

/// Prints where a user can be fetched.
pub struct UserUrl(pub UserId);

impl fmt::Display for UserUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/users/{}", self.0)
    }
}

/// Prints where the relationships with a user at the end called so can be fetched.
pub struct FilteredUrl(pub &'static str, pub UserId);

impl fmt::Display for FilteredUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/user-relationships?filter%5B{}%5D={}", self.0, self.1)
    }
}
