//! The list of a user's relationships as one would write it with axum and sqlx.
//!
//! It looks up the token and counts from the table of counts. It negotiates nothing, has no other filters, limits, entity
//! tags, logs or metrics, and validates next to nothing, all to its advantage.

use std::env;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgPool, PgPoolOptions};

const EDGES: &str = "/api/v2/user-relationships";
const CALLER: &str = "SELECT u.id FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = $1 AND u.is_enabled";
const LIST: &str = "SELECT r.id, r.user_id, r.target_id, t.name, r.created_at, r.updated_at FROM user_relationships r \
                    JOIN relationship_types t ON t.id = r.type_id WHERE r.user_id = $1 ORDER BY r.id LIMIT $2 OFFSET $3";
const COUNT: &str = "SELECT COALESCE(SUM(n), 0)::bigint FROM counts_by_user WHERE user_id = $1";

#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "filter[user]")]
    user: i64,
    #[serde(default = "usual_limit")]
    limit: i64,
    #[serde(default)]
    offset: i64,
}

fn usual_limit() -> i64 {
    20
}

#[derive(Serialize)]
struct Document {
    data: Vec<Resource>,
    links: ListLinks,
    meta: Meta,
}

#[derive(Serialize)]
struct ListLinks {
    #[serde(rename = "self")]
    own: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Meta {
    total_count: i64,
}

#[derive(Serialize)]
struct Resource {
    r#type: &'static str,
    id: String,
    attributes: Attributes,
    relationships: Ends,
    links: ListLinks,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    relationship: String,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Ends {
    user: End,
    target: End,
}

#[derive(Serialize)]
struct End {
    data: Identifier,
    links: EndLinks,
}

#[derive(Serialize)]
struct Identifier {
    r#type: &'static str,
    id: String,
}

#[derive(Serialize)]
struct EndLinks {
    #[serde(rename = "self")]
    own: String,
    related: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    user_id: i64,
    target_id: i64,
    name: String,
    created_at: i64,
    updated_at: i64,
}

struct Failure(StatusCode);

impl From<sqlx::Error> for Failure {
    fn from(_: sqlx::Error) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

async fn authenticate(pool: &PgPool, headers: &HeaderMap) -> Result<i64, Failure> {
    let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = sent.and_then(|value| value.strip_prefix("Token token=")).ok_or(Failure(StatusCode::UNAUTHORIZED))?;
    let digest = Sha256::digest(token.as_bytes());
    let caller = sqlx::query_scalar(CALLER).bind(digest.as_slice()).fetch_optional(pool).await?;
    caller.ok_or(Failure(StatusCode::UNAUTHORIZED))
}

async fn list(
    State(pool): State<PgPool>,
    Query(Parameters { user, limit, offset }): Query<Parameters>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    authenticate(&pool, &headers).await?;
    let rows: Vec<Row> =
        sqlx::query_as(LIST).bind(user).bind(limit.min(50)).bind(offset).fetch_all(&pool).await?;
    let total: i64 = sqlx::query_scalar(COUNT).bind(user).fetch_one(&pool).await?;
    let own = format!("{EDGES}?filter[user]={user}");
    let next = (offset + limit < total).then(|| format!("{own}&offset={}", offset + limit));
    let document = Document {
        data: rows.into_iter().map(resource).collect(),
        links: ListLinks { own, next },
        meta: Meta { total_count: total },
    };
    let body = serde_json::to_vec(&document).map_err(|_| Failure(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(([(CONTENT_TYPE, "application/vnd.api+json")], body))
}

fn resource(row: Row) -> Resource {
    let id = row.id;
    let end = |name: &str, user: i64| End {
        data: Identifier { r#type: "users", id: user.to_string() },
        links: EndLinks { own: format!("{EDGES}/{id}/relationships/{name}"), related: format!("{EDGES}/{id}/{name}") },
    };
    Resource {
        r#type: "user-relationships",
        id: id.to_string(),
        attributes: Attributes {
            relationship: row.name,
            created_at: date(row.created_at),
            updated_at: date(row.updated_at),
        },
        relationships: Ends { user: end("user", row.user_id), target: end("target", row.target_id) },
        links: ListLinks { own: format!("{EDGES}/{id}"), next: None },
    }
}

fn date(micros: i64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs()))
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    // sqlx requires the name of a host, also beside the folder of a Unix socket.
    let database = env::var("PEER_DATABASE").expect("PEER_DATABASE").replace("@/", "@localhost/");
    let pool = PgPoolOptions::new().max_connections(16).connect(&database).await.expect("the database");
    let app = Router::new().route(EDGES, get(list)).with_state(pool);
    let address = env::var("PEER_ADDRESS").expect("PEER_ADDRESS");
    let listener = tokio::net::TcpListener::bind(address).await.expect("an address");
    axum::serve(listener, app).await.expect("a server");
}
