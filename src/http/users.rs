//! `/api/v2/users`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use serde_json::Value as Json;

use super::call::Call;
use super::jsonapi::document::{Document, ListMeta, Nothing};
use super::jsonapi::errors::{Failure, Problem};
use super::jsonapi::input::{Input, Naming};
use super::jsonapi::links::PageLinks;
use super::jsonapi::query::{Parameter, Query};
use super::jsonapi::resources::{COMPUTED, Resource, USERS, member_of};
use super::relationships::window_of;
use super::routes;
use crate::domain::policy::{self, Action};
use crate::domain::users;
use crate::model::code::Code;
use crate::model::filter::{MAX_FILTER_VALUES, UserFilter, UserSort};
use crate::model::id::UserId;
use crate::model::user::{AccessLevel, Field, User, Value};
use crate::store::{Cost, Tx};

const LIST: &[Parameter] = &[
    Parameter::or("page[offset]", "offset"),
    Parameter::or("page[limit]", "limit"),
    Parameter::or("filter[query]", "query"),
    Parameter::new("filter[id]"),
    Parameter::new("filter[email]"),
    Parameter::new("filter[is-enabled]"),
    Parameter::new("filter[access-level]"),
];

/// `GET /api/v2/users`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST)?;
    let filter = filter_of(&mut query);
    let window = window_of(&mut query, call.state.max_offset);
    query.finish()?;
    let caller = call.caller;
    let is_cheap = filter.is_counted() && filter.levels.is_empty() && window.is_near() && caller.sees_only().is_none();
    let cost = if is_cheap { Cost::Bounded } else { Cost::Unbounded };
    let job = move |tx: &mut Tx<'_>| users::list(tx, &caller, &filter, UserSort::default(), window);
    let page = call.state.store.read("users.list", cost, job).await.map_err(Failure::without_document)?;

    let (path, raw, max) = (call.path(), call.raw_query(), call.state.max_offset);
    let links = PageLinks::new(path, raw, &query, window, page.total, max);
    let rows: Vec<_> = page.items.iter().map(|row| Resource(row, call.state.time_zone)).collect();
    Document::new(rows, links, ListMeta { total_count: page.total }).answer(StatusCode::OK)
}

/// `GET /api/v2/users/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: UserId = call.id()?;
    show(call, id).await
}

/// `GET /api/v2/users/me`
pub async fn get_me(call: Call) -> Result<HttpResponse, Failure> {
    let id = call.caller.id;
    show(call, id).await
}

async fn show(call: Call, id: UserId) -> Result<HttpResponse, Failure> {
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| users::get(tx, &caller, id);
    let user = call.state.store.read("users.get", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    document(&user, call.state.time_zone).answer(StatusCode::OK)
}

/// `POST /api/v2/users`
pub async fn create(call: Call) -> Result<HttpResponse, Failure> {
    // Who may not create users learns that before its document is judged.
    policy::require(&call.caller, Action::CreateUser).map_err(Failure::without_document)?;
    call.query(&[])?;
    let (caller, state) = (call.caller, call.state.clone());
    let changes = changes_in(Input::parse(&call.body().await?, USERS, Naming::New)?)?;
    let job = move |tx: &mut Tx<'_>| users::create(tx, &caller, None, &changes);
    let stored = state.store.write("users.create", job).await.map_err(Failure::of)?;
    let mut answer = document(&stored, state.time_zone).answer(StatusCode::CREATED)?;
    let location = routes::user(stored.id).parse();
    answer.headers_mut().insert(LOCATION, location.map_err(|_| Failure::internal("a URL is no header".to_owned()))?);
    Ok(answer)
}

/// `PATCH /api/v2/users/{id}`
pub async fn change(call: Call) -> Result<HttpResponse, Failure> {
    let id: UserId = call.id()?;
    change_user(call, id).await
}

/// `PATCH /api/v2/users/me`
pub async fn change_me(call: Call) -> Result<HttpResponse, Failure> {
    let id = call.caller.id;
    change_user(call, id).await
}

async fn change_user(call: Call, id: UserId) -> Result<HttpResponse, Failure> {
    call.query(&[])?;
    let (caller, state) = (call.caller, call.state.clone());
    // Who may not change it learns that before its document is judged.
    let job = move |tx: &mut Tx<'_>| {
        users::get(tx, &caller, id)?;
        policy::require(&caller, Action::ChangeUser { id })
    };
    state.store.read("users.get", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    let named = id.to_string();
    let input = Input::parse(&call.body().await?, USERS, Naming::ExistingLenient(&named))?;
    let changes = changes_in(input)?;
    let job = move |tx: &mut Tx<'_>| users::change(tx, &caller, id, &changes);
    let stored = state.store.write("users.change", job).await.map_err(Failure::of)?;
    state.auth.forget(id);
    document(&stored, state.time_zone).answer(StatusCode::OK)
}

/// `DELETE /api/v2/users/{id}`
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::DeleteUser).map_err(Failure::without_document)?;
    let id: UserId = call.id()?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| users::delete(tx, &caller, id);
    call.state.store.write("users.delete", job).await.map_err(Failure::without_document)?;
    call.state.auth.forget(id);
    Ok(HttpResponse::NoContent().finish())
}

/// The document that shows one user.
pub(super) fn document(user: &User, zone: chrono_tz::Tz) -> Document<Resource<'_, User>, Nothing, ()> {
    Document::one(Resource(user, zone))
}

fn filter_of(query: &mut Query) -> UserFilter {
    let word = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let words = query.texts("filter[query]").flat_map(str::split_whitespace).map(str::to_owned).collect();
    UserFilter {
        ids: query.ids("filter[id]"),
        emails: query.list("filter[email]", MAX_FILTER_VALUES, "an e-mail address", word),
        words,
        enabled: query.list("filter[is-enabled]", 2, "`true` or `false`", |text| text.parse().ok()),
        levels: query.list("filter[access-level]", 4, "an access level", AccessLevel::parse),
        seen_by: None,
    }
}

/// The attributes that a document sends.
fn changes_in(mut input: Input) -> Result<Vec<(Field, Value)>, Failure> {
    input.ignore(&COMPUTED);
    let changes = Field::ALL
        .into_iter()
        .filter_map(|field| Some((field, value_of(input.attribute(member_of(field))?))))
        .collect();
    for name in ["user-relationships", "targeted-by"] {
        // Client libraries send whole records back; without `data` a relationship object asks for nothing.
        if input.relationship(name).is_some_and(|object| object.get("data").is_some()) {
            let detail = "these are created and deleted under `/api/v2/user-relationships`";
            let problem = Problem::new(Code::ImmutableRelationship, detail);
            input.blame(problem.pointer(format!("/data/relationships/{name}")));
        }
    }
    input.finish()?;
    Ok(changes)
}

fn value_of(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Flag(flag),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => {
            let texts: Option<Vec<_>> = items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map_or(Value::Other, Value::List)
        }
        Json::Number(_) | Json::Object(_) => Value::Other,
    }
}
