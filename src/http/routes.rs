//! Every path of the service. No other file knows paths, but `urls`, which prints those that documents show.

use actix_web::guard::{Any, Get, GuardContext, Head, Options, fn_guard};
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};

use super::forms::request::run_with_deadline as bounded_form;
use super::jsonapi::errors::Failure;
use super::state::State;
use crate::http::v2::group_members;
use crate::http::v2::groups;
use crate::http::v2::operations;
use crate::http::v2::relationship_types;
use crate::http::v2::relationships;
use crate::http::v2::request::bounded;
use crate::http::v2::users;
use crate::http::{forms, ops};

/// The route of paths that are none.
pub const UNKNOWN: &str = "unknown";

/// A route that a request has found: its pattern, and its place among [`patterns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchedRoute {
    /// The pattern, never a path.
    pub pattern: &'static str,
    /// Its place.
    pub at: usize,
}

/// A path pattern and the methods that it knows.
pub type RouteEntry = (&'static str, &'static [&'static str]);

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
        pub const TABLE: &[RouteEntry] = &[$(($path, &[$(stringify!($method)),*])),*];

        fn mount(config: &mut ServiceConfig) {
            $({
                const ALLOWED: &str = concat!($(allowed!($method),)* "OPTIONS");
                config.service(
                    closed(web::resource($path), $path, ALLOWED)
                        $(.route(route!($method).to(|call| bounded(call, $handler))))*,
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
    "/api/v2/groups" { GET => groups::list }
    "/api/v2/groups/{id}" { GET => groups::get, PATCH => groups::change }
    "/api/v2/groups/{id}/relationships/owner" { GET => groups::get_owner_linkage, PATCH => groups::change_linkage }
    "/api/v2/groups/{id}/owner" { GET => groups::get_owner, PATCH => groups::change }
    "/api/v2/groups/{id}/members" { GET => groups::list_members }
    "/api/v2/group-members" { GET => group_members::list }
    "/api/v2/group-members/{id}" { GET => group_members::get, PATCH => group_members::change }
    "/api/v2/group-members/{id}/relationships/group" {
        GET => group_members::get_group_linkage, PATCH => group_members::change_linkage,
    }
    "/api/v2/group-members/{id}/relationships/user" {
        GET => group_members::get_user_linkage, PATCH => group_members::change_linkage,
    }
    "/api/v2/group-members/{id}/group" { GET => group_members::get_group, PATCH => group_members::change }
    "/api/v2/group-members/{id}/user" { GET => group_members::get_user, PATCH => group_members::change }
}

/// The same for the forms dialect, whose paths all have a second form that ends in `.json`.
macro_rules! form_table {
    ($($path:literal { $($method:ident => $handler:path),* $(,)? })*) => {
        /// Every path of the forms dialect.
        pub const FORMS: &[RouteEntry] = &[$(($path, &[$(stringify!($method)),*])),*];

        fn mount_forms(config: &mut ServiceConfig) {
            $({
                const ALLOWED: &str = concat!($(allowed!($method),)* "OPTIONS");
                config.service(
                    closed(web::resource([$path, concat!($path, ".json")]), $path, ALLOWED)
                        $(.route(route!($method).to(|call| bounded_form(call, $handler))))*,
                );
            })*
        }
    };
}

form_table! {
    "/api/users" { POST => forms::users::create }
    "/api/users/{id}" { PUT => forms::users::change }
    "/api/sessions" { POST => forms::sessions::create, DELETE => forms::sessions::delete }
    "/api/user/relationships" { POST => forms::groups::create }
    "/api/user/relationships/{id}" { PUT => forms::groups::change, DELETE => forms::groups::delete }
    "/api/user/relationship_users" { POST => forms::group_members::create }
    "/api/user/relationship_users/{id}" { PUT => forms::group_members::change, DELETE => forms::group_members::delete }
}

/// The same for the pages that anybody may read.
macro_rules! open_table {
    ($($path:literal => $handler:path),* $(,)?) => {
        /// Every page that anybody may read; all of them know GET.
        pub const OPEN: &[&str] = &[$($path),*];

        fn mount_open(config: &mut ServiceConfig, is_wanted: impl Fn(&str) -> bool) {
            $(if is_wanted($path) {
                config.service(page($path, || Route::new().to($handler)));
            })*
        }
    };
}

open_table! {
    "/" => ops::root::get,
    "/livez" => ops::health::live,
    "/readyz" => ops::health::ready,
    "/metrics" => ops::metrics::get,
    "/docs" => ops::docs::get,
    "/openapi.json" => ops::openapi::get,
}

/// What `/docs` loads.
pub const FILES: [&str; 2] = ["/docs/style.css", "/docs/app.js"];

fn mount_files(config: &mut ServiceConfig) {
    let [style, app] = FILES;
    config.service(page(style, || Route::new().to(ops::docs::style)));
    config.service(page(app, || Route::new().to(ops::docs::app)));
}

/// The same for the pages that are there only where `EXPLORER` is on, and are no part of the API.
macro_rules! explorer_table {
    ($($path:literal => $handler:path),* $(,)?) => {
        /// Every page of the explorer; all of them know GET.
        pub const EXPLORER: &[&str] = &[$($path),*];

        fn mount_explorer(config: &mut ServiceConfig) {
            $(config.service(page($path, || Route::new().to($handler)).guard(fn_guard(has_explorer)));)*
        }
    };
}

explorer_table! {
    "/explorer" => ops::explorer::get,
    "/explorer/style.css" => ops::explorer::style,
    "/explorer/app.js" => ops::explorer::app,
    "/explorer/api.js" => ops::explorer::api,
    "/explorer/map.js" => ops::explorer::map,
    "/explorer/layout.js" => ops::explorer::layout,
    "/explorer/html.js" => ops::explorer::html,
}

/// Where it is off, its paths are unknown to every method.
fn has_explorer(context: &GuardContext<'_>) -> bool {
    context.app_data::<web::Data<State>>().is_some_and(|state| state.has_explorer)
}

/// Whether a path, percent-decoded, needs a caller: all below `/api` do, unknown ones and `//api` too.
#[must_use]
pub fn needs_caller(path: &str) -> bool {
    segments(path).next() == Some("api")
}

/// Whether a request opens a session: whoever sends it is not known yet.
#[must_use]
pub fn opens_session(method: &Method, path: &str) -> bool {
    let mut segments = segments(path);
    *method == Method::POST
        && segments.next() == Some("api")
        && segments.next().is_some_and(|name| without_suffix(name) == "sessions")
        && segments.next().is_none()
}

/// Whether a path, percent-decoded, is one of the forms dialect, so that its failures are told in its words.
#[must_use]
pub fn is_form(path: &str) -> bool {
    let mut segments = segments(path);
    let (api, room) = (segments.next(), segments.next().map(without_suffix));
    api == Some("api") && matches!(room, Some("users" | "sessions" | "user"))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn without_suffix(segment: &str) -> &str {
    segment.strip_suffix(forms::request::JSON_SUFFIX).unwrap_or(segment)
}

/// Every pattern, in the order of their places; [`UNKNOWN`] is the last.
pub fn patterns() -> impl Iterator<Item = &'static str> {
    let tables = TABLE.iter().chain(FORMS).map(|(path, _)| *path);
    tables.chain(OPEN.iter().chain(&FILES).chain(EXPLORER).copied()).chain([UNKNOWN])
}

/// The route of that pattern; patterns that nobody knows are [`UNKNOWN`].
#[must_use]
pub fn found(pattern: &str) -> MatchedRoute {
    let is_it = |(_, known): &(usize, &'static str)| *known == pattern || *known == UNKNOWN;
    let found = patterns().enumerate().find(is_it);
    found.map_or(MatchedRoute { pattern: UNKNOWN, at: 0 }, |(at, pattern)| MatchedRoute { pattern, at })
}

/// Whether a path is a probe or a scrape, which is not worth a line in the log.
#[must_use]
pub fn is_probe(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "/livez" | "/readyz" | "/metrics")
}

/// All routes, those of probes and metrics only where they have no address of their own.
pub fn configure(config: &mut ServiceConfig, has_admin_address: bool) {
    mount(config);
    mount_forms(config);
    mount_open(config, |path| !(has_admin_address && is_probe(path)));
    mount_files(config);
    mount_explorer(config);
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(Failure::not_found()) }));
}

/// The routes of probes and metrics alone.
pub fn configure_admin(config: &mut ServiceConfig) {
    mount_open(config, is_probe);
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(Failure::not_found()) }));
}

/// A page that anybody may read.
fn page(path: &str, route: impl Fn() -> Route) -> Resource {
    const ALLOWED: &str = "GET, HEAD, OPTIONS";
    closed(web::resource(path), path, ALLOWED).route(route().guard(Any(Get()).or(Head())))
}

/// A resource of that pattern as it is before it has routes of its own: it tells what is allowed, and refuses the rest.
fn closed(resource: Resource, pattern: &str, allowed: &'static str) -> Resource {
    resource
        .app_data(found(pattern))
        .route(Route::new().guard(Options()).to(move || async move { options(allowed) }))
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(Failure::method_not_allowed(allowed)) }))
}

fn options(allowed: &'static str) -> HttpResponse {
    HttpResponse::NoContent().insert_header((ALLOW, HeaderValue::from_static(allowed))).finish()
}
