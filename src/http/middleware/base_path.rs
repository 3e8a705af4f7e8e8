//! Serves everything below the path of `PUBLIC_URL`: removes it from each request, so that all other code sees the paths of
//! the API.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::middleware::Next;
use actix_web::web;

use crate::http::paths::is_probe;
use crate::http::state::AppState;

/// A path that no route has.
const NOWHERE: &str = "/-";

/// Removes the path of `PUBLIC_URL` from the path of a request. Probes and metrics are served at the root as well, since
/// orchestrators do not pass the proxy; every other path outside is one that does not exist.
///
/// # Errors
/// Those of the inner services.
pub async fn remove_base_path<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let target = state.and_then(|state| inner_target(request.uri(), state.base.path()));
    if let Some(uri) = target.and_then(|target| with_target(request.uri(), &target)) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    next.call(request).await
}

/// The target of a request without the base path; `None` if the target stays as it is.
fn inner_target(uri: &Uri, base_path: &str) -> Option<String> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    match target.strip_prefix(base_path) {
        Some(rest) if rest.starts_with('/') => Some(rest.to_owned()),
        Some(rest) if rest.is_empty() || rest.starts_with('?') => Some(format!("/{rest}")),
        _ if is_probe(uri.path()) => None,
        _ => Some(NOWHERE.to_owned()),
    }
}

fn with_target(uri: &Uri, target: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_base_path_and_probes_lead_inside() {
        for (sent, inner) in [
            ("/people/api/v2/users?limit=1", Some("/api/v2/users?limit=1")),
            ("/people", Some("/")),
            ("/people/", Some("/")),
            ("/people?x", Some("/?x")),
            ("/people//api", Some("//api")),
            ("/people/livez", Some("/livez")),
            ("/livez", None),
            ("/readyz/?verbose", None),
            ("/peoples/api", Some(NOWHERE)),
            ("/api/v2/users", Some(NOWHERE)),
            ("/", Some(NOWHERE)),
            ("http://a.example/people/docs", Some("/docs")),
        ] {
            let uri: Uri = sent.parse().unwrap();
            let target = inner_target(&uri, "/people");
            assert_eq!(target.as_deref(), inner, "{sent}");
            if let Some(target) = target {
                let changed = with_target(&uri, &target).unwrap();
                assert_eq!(changed.path_and_query().unwrap().as_str(), target);
            }
        }
    }
}
