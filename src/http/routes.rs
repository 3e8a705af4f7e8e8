//! The table of routes: every path of the service, its methods and their handlers. `urls` prints those that documents
//! contain.

use actix_web::guard::{Any, Get, GuardContext, Head, Options, fn_guard};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};

use super::forms::request::run_with_deadline as run_form_handler;
use super::jsonapi::errors::Failure;
use super::middleware::metrics::{MatchedRoute, UNKNOWN_ROUTE};
use super::paths::is_probe;
use super::state::AppState;
use crate::http::v2::changes;
use crate::http::v2::group_members;
use crate::http::v2::groups;
use crate::http::v2::import_uploads;
use crate::http::v2::imports;
use crate::http::v2::index;
use crate::http::v2::operations;
use crate::http::v2::relationship_types;
use crate::http::v2::relationships;
use crate::http::v2::request::run_handler;
use crate::http::v2::role_changes;
use crate::http::v2::roles;
use crate::http::v2::transfers;
use crate::http::v2::users;
use crate::http::{forms, ops};

/// A path pattern and its methods.
pub type RouteEntry = (&'static str, &'static [&'static str]);

/// The route of a method. GET routes also serve HEAD, without the body.
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

/// Declares the routes below `/api`, their `Allow` headers and the list that tests iterate over.
macro_rules! table {
    ($($path:literal { $($method:ident => $handler:path),* $(,)? })*) => {
        /// Every path below `/api`.
        pub const TABLE: &[RouteEntry] = &[$(($path, &[$(stringify!($method)),*])),*];

        fn mount(config: &mut ServiceConfig) {
            $({
                const ALLOWED: &str = concat!($(allowed!($method),)* "OPTIONS");
                config.service(
                    closed(web::resource($path), $path, ALLOWED)
                        $(.route(route!($method).to(|call| run_handler(call, $handler))))*,
                );
            })*
        }
    };
}

table! {
    "/api/v2" { GET => index::get }
    "/api/v2/user-relationships" { GET => relationships::list, POST => relationships::create }
    "/api/v2/user-relationships/{id}" {
        GET => relationships::get, PATCH => relationships::change, DELETE => relationships::delete,
    }
    "/api/v2/user-relationships/{id}/relationships/{end}" {
        GET => relationships::get_linkage, PATCH => relationships::change_linkage,
        POST => relationships::change_linkage, DELETE => relationships::change_linkage,
    }
    "/api/v2/user-relationships/{id}/changes" { GET => changes::list_of_relationship }
    "/api/v2/user-relationships/{id}/{end}" { GET => relationships::get_end, PATCH => relationships::change_end }
    "/api/v2/users" { GET => users::list, POST => users::create }
    "/api/v2/users/me" { GET => users::get_me, PATCH => users::change_me }
    "/api/v2/users/{id}" { GET => users::get, PATCH => users::change, DELETE => users::delete }
    "/api/v2/users/{id}/relationships/{role}" {
        GET => roles::get_linkage, PATCH => role_changes::replace,
        POST => role_changes::add, DELETE => role_changes::remove,
    }
    "/api/v2/users/{id}/changes" { GET => changes::list_of_user }
    "/api/v2/users/{id}/{role}" { GET => roles::get_users }
    "/api/v2/operations" { POST => operations::run }
    "/api/v2/relationship-types" { GET => relationship_types::list, POST => relationship_types::create }
    "/api/v2/relationship-types/{id}" {
        GET => relationship_types::get, PATCH => relationship_types::change, DELETE => relationship_types::delete,
    }
    "/api/v2/transfers" { GET => transfers::list, POST => transfers::create }
    "/api/v2/transfers/{id}" { GET => transfers::get }
    "/api/v2/imports" { GET => imports::list, POST => import_uploads::create }
    "/api/v2/imports/{id}" { GET => imports::get, PATCH => imports::change, DELETE => imports::delete }
    "/api/v2/imports/{id}/rows" { GET => imports::list_rows }
    "/api/v2/changes" { GET => changes::list }
    "/api/v2/groups" { GET => groups::list }
    "/api/v2/groups/{id}" { GET => groups::get, PATCH => groups::change }
    "/api/v2/groups/{id}/relationships/owner" { GET => groups::get_owner_linkage, PATCH => groups::change_linkage }
    "/api/v2/groups/{id}/owner" { GET => groups::get_owner, PATCH => groups::change }
    "/api/v2/groups/{id}/members" { GET => group_members::list_of_group }
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

/// The same for the forms dialect, whose paths may end in `.json`.
macro_rules! form_table {
    ($($path:literal { $($method:ident => $handler:path),* $(,)? })*) => {
        /// Every path of the forms dialect.
        pub const FORMS: &[RouteEntry] = &[$(($path, &[$(stringify!($method)),*])),*];

        fn mount_forms(config: &mut ServiceConfig) {
            $({
                const ALLOWED: &str = concat!($(allowed!($method),)* "OPTIONS");
                config.service(
                    closed(web::resource([$path, concat!($path, ".json")]), $path, ALLOWED)
                        $(.route(route!($method).to(|call| run_form_handler(call, $handler))))*,
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

/// The same for pages without authentication.
macro_rules! open_table {
    ($($path:literal => $handler:path),* $(,)?) => {
        /// Every page without authentication; all of them have GET only.
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

/// The same for the files that `/docs` loads.
macro_rules! file_table {
    ($($path:literal => $handler:path),* $(,)?) => {
        /// Every file that `/docs` loads; all of them have GET only.
        pub const FILES: &[&str] = &[$($path),*];

        fn mount_files(config: &mut ServiceConfig) {
            $(config.service(page($path, || Route::new().to($handler)));)*
        }
    };
}

file_table! {
    "/docs/style.css" => ops::docs::files::style,
    "/docs/app.js" => ops::docs::files::app,
    "/docs/answer.js" => ops::docs::files::answer,
    "/docs/elements.js" => ops::docs::files::elements,
    "/docs/operation.js" => ops::docs::files::operation,
    "/docs/parameters.js" => ops::docs::files::parameters,
    "/docs/request.js" => ops::docs::files::request,
    "/docs/samples.js" => ops::docs::files::samples,
    "/docs/samples.json" => ops::docs::files::sample_answers,
    "/docs/schemas.js" => ops::docs::files::schemas,
    "/docs/search.js" => ops::docs::files::search,
}

/// The same for the pages that exist only with `EXPLORER=true` and are not part of the API.
macro_rules! explorer_table {
    ($($path:literal => $handler:path),* $(,)?) => {
        /// Every page of the explorer; all of them have GET only.
        pub const EXPLORER: &[&str] = &[$($path),*];

        fn mount_explorer(config: &mut ServiceConfig) {
            $(config.service(page($path, || Route::new().to($handler)).guard(fn_guard(has_explorer)));)*
        }
    };
}

explorer_table! {
    "/explorer" => ops::explorer::get,
    "/explorer/users/{id}" => ops::explorer::get,
    "/explorer/views/{view}" => ops::explorer::get,
    "/explorer/{file}" => ops::explorer::file,
}

/// Without `EXPLORER=true` its paths are 404 for every method.
fn has_explorer(context: &GuardContext<'_>) -> bool {
    context.app_data::<web::Data<AppState>>().is_some_and(|state| state.has_explorer)
}

/// Every pattern, in the order of [`MatchedRoute::index`]; [`UNKNOWN_ROUTE`] is the last.
pub fn patterns() -> impl Iterator<Item = &'static str> {
    let tables = TABLE.iter().chain(FORMS).map(|(path, _)| *path);
    tables.chain(OPEN.iter().chain(FILES).chain(EXPLORER).copied()).chain([UNKNOWN_ROUTE])
}

/// The route of a pattern, or that of [`UNKNOWN_ROUTE`].
#[must_use]
pub fn find_route(pattern: &str) -> MatchedRoute {
    let is_it = |(_, known): &(usize, &'static str)| *known == pattern || *known == UNKNOWN_ROUTE;
    let found = patterns().enumerate().find(is_it);
    found.map_or(MatchedRoute { pattern: UNKNOWN_ROUTE, index: 0 }, |(index, pattern)| MatchedRoute { pattern, index })
}

/// Mounts all routes. Probes and metrics are left out if they have their own address.
pub fn configure(config: &mut ServiceConfig, has_admin_address: bool) {
    mount(config);
    mount_forms(config);
    mount_open(config, |path| !(has_admin_address && is_probe(path)));
    mount_files(config);
    mount_explorer(config);
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(Failure::not_found()) }));
}

/// Mounts probes and metrics only.
pub fn configure_admin(config: &mut ServiceConfig) {
    mount_open(config, is_probe);
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(Failure::not_found()) }));
}

/// A page without authentication.
fn page(path: &str, route: impl Fn() -> Route) -> Resource {
    const ALLOWED: &str = "GET, HEAD, OPTIONS";
    closed(web::resource(path), path, ALLOWED).route(route().guard(Any(Get()).or(Head())))
}

/// A resource that answers OPTIONS, and 405 to every method that gets no route.
fn closed(resource: Resource, pattern: &str, allowed: &'static str) -> Resource {
    resource
        .app_data(find_route(pattern))
        .route(Route::new().guard(Options()).to(move || async move { options(allowed) }))
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(Failure::method_not_allowed(allowed)) }))
}

fn options(allowed: &'static str) -> HttpResponse {
    HttpResponse::NoContent().insert_header((ALLOW, HeaderValue::from_static(allowed))).finish()
}
