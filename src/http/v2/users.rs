//! `/api/v2/users`.

use actix_web::HttpResponse;

use crate::domain::accounts::{self, NewPassword};
use crate::domain::group_lists::IncludedRecords;
use crate::domain::handover::{self, Succession};
use crate::domain::operations::ResourceRef;
use crate::domain::policy::{self, Action};
use crate::domain::roles;
use crate::domain::users;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::input::{IdPolicy, Input};
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::requests::{RequestedPassword, parse_user_changes, take_password};
use crate::http::jsonapi::resources::USERS;
use crate::http::jsonapi::returned_roles::take_roles;
use crate::http::v2::cost;
use crate::http::v2::creation;
use crate::http::v2::deletion_parameters::{DELETED_USER, TRANSFER_TO, TRANSFER_TYPES};
use crate::http::v2::parameters::{
    FILTER_ACCESS_LEVEL, FILTER_ALT_ID, FILTER_EMAIL, FILTER_HAS, FILTER_IS_ENABLED, FILTER_IS_SUPERVISOR,
    FILTER_JOB_TITLE, FILTER_LACKS, FILTER_QUERY, FILTER_UNIT, FILTER_USER_ID, FLAG_RULE, LIST_USERS, ONE_USER,
    SHOWN_USER,
};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, deleted, parse_page};
use crate::model::attributes::Attribute;
use crate::model::code::Code;
use crate::model::email;
use crate::model::error::{Error, ErrorSource, Result as JobResult};
use crate::model::filter::{MAX_FILTER_VALUES, UserFilter};
use crate::model::id::UserId;
use crate::model::key;
use crate::model::page::{Direction, Sort, SortBy, SortKey};
use crate::model::relationship_type::TypeName;
use crate::model::role::UserWithRoles;
use crate::model::user::{AccessLevel, Field, User};
use crate::store::{Cost, Tx};

const BY_NAME: Sort = Sort { by: SortBy::Name, direction: Direction::Ascending };

/// `GET /api/v2/users`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST_USERS)?;
    let filter = parse_filter(&mut query);
    let sort = query.sort(BY_NAME);
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, USERS, &(&filter, sort)).await?;
    let (caller, slice, budget) = (call.caller, paging.slice(sort), options.read_budget());

    let cost = cost::of_users(&caller, &filter, &slice);
    let sort_key = |user: &User| match sort.by {
        SortBy::Id => SortKey::Id(user.id.get()),
        SortBy::CreatedAt => SortKey::CreatedAt(user.created_at.micros(), user.id.get()),
        SortBy::UpdatedAt => SortKey::UpdatedAt(user.updated_at.micros(), user.id.get()),
        SortBy::Name => SortKey::Name(user.data.name_key(), user.id.get()),
    };
    if let Some(inclusion) = options.role_inclusion() {
        let (asked, cost) = (paging.clone(), cost.with_included());
        let job = move |tx: &mut Tx<'_>| {
            require_roles(tx, &filter)?;
            let page = users::list(tx, &caller, &filter, &slice, budget)?;
            roles::include(tx, &caller, page.map(UserWithRoles::alone), Some(&inclusion), |rows| asked.shown(rows))
        };
        let (page, included) = call.read("users.list", cost, job).await.map_err(Failure::without_document)?;
        let included = included.into();
        let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
        return listed.answer(&call, &options, |row| sort_key(&row.user));
    }
    let job = move |tx: &mut Tx<'_>| {
        require_roles(tx, &filter)?;
        users::list(tx, &caller, &filter, &slice, budget)
    };
    let page = call.read("users.list", cost, job).await.map_err(Failure::without_document)?;
    let included = IncludedRecords::default();
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(&call, &options, sort_key)
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
    let options = call.render_options(SHOWN_USER).await?;
    let caller = call.caller;
    if let Some(inclusion) = options.role_inclusion() {
        let job = move |tx: &mut Tx<'_>| {
            let row = UserWithRoles::alone(users::get(tx, &caller, id)?);
            let (row, included) = roles::include_with_one(tx, &caller, row, &inclusion)?;
            Ok(SingleResponse { row, included: included.into() })
        };
        let shown = call.read("users.get", cost::of_one(true), job).await;
        return shown.map_err(Failure::without_document)?.fetched(&call, &options);
    }
    let user = find(&call, id).await;
    SingleResponse::alone(user.map_err(Failure::without_document)?).fetched(&call, &options)
}

/// The user with an id, if the caller may see it.
async fn find(call: &Call, id: UserId) -> JobResult<User> {
    let caller = call.caller;
    if caller.sees_only().is_none()
        && let Some(found) = call.state.store.find_user("users.get", id, call.after).await?
    {
        return users::shown(&caller, Some(found), false);
    }
    call.read("users.get", Cost::Bounded, move |tx: &mut Tx<'_>| users::get(tx, &caller, id)).await
}

/// `POST /api/v2/users`
pub async fn create(mut call: Call) -> Result<HttpResponse, Failure> {
    // Permission comes before validation of the document.
    policy::require(&call.caller, Action::CreateUser).map_err(Failure::without_document)?;
    let options = call.render_options(ONE_USER).await?;
    let caller = call.caller;
    let body = call.body().await?;
    let mut input = Input::parse(&body, USERS, IdPolicy::New)?;
    input.require_attribute(Field::Email.member());
    let changes = parse_user_changes(input)?;
    let job = move |tx: &mut Tx<'_>| users::create(tx, &caller, None, &changes).map(SingleResponse::alone);
    let find = move |tx: &mut Tx<'_>, id: &str| {
        let id = id.parse().map_err(|_| Error::not_found("user"))?;
        users::get(tx, &caller, id).map(SingleResponse::alone)
    };
    creation::create(&call, &body, &options, "users.create", job, find).await
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

async fn change_user(mut call: Call, id: UserId) -> Result<HttpResponse, Failure> {
    let options = call.render_options(ONE_USER).await?;
    let (caller, precondition) = (call.caller, call.precondition());
    // Permission comes before validation of the document.
    let expected = precondition.clone();
    let job = move |tx: &mut Tx<'_>| users::get_own(tx, &caller, id, &expected);
    let user = call.read("users.get", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    let named = id.to_string();
    let mut input = Input::parse(&call.body().await?, USERS, IdPolicy::OptionalButMatching(&named))?;
    require_unchanged_roles(&call, id, &mut input).await?;
    let password = take_password(&mut input, id == caller.id);
    let changes = parse_user_changes(input)?;
    let password = match password {
        Some(password) => Some(hash_password(&call, &user, password).await?),
        None => None,
    };
    let job = move |tx: &mut Tx<'_>| match &password {
        Some(password) => accounts::change_password(tx, &caller, (id, &precondition), &changes, password),
        None => users::change(tx, &caller, id, &precondition, &changes),
    };
    let stored = call.state.store.write("users.change", call.origin(), job).await.map_err(Failure::of)?;
    call.state.auth.forget(id);
    SingleResponse::alone(stored).changed(&call.target(), &options)
}

/// Verifies the current password, if the caller changes its own, and hashes the new one. A wrong password takes as long as
/// a right one.
async fn hash_password(call: &Call, user: &User, password: RequestedPassword) -> Result<NewPassword, Failure> {
    let verified = match password.current {
        None => Ok(None),
        Some(current) => call.verify_password(user, current).await?.map(Some).ok_or_else(accounts::wrong_password),
    };
    let hash = call.state.passwords.hash(password.new).await.map_err(Failure::of)?;
    Ok(NewPassword { hash, verified: verified.map_err(Failure::of)? })
}

/// Removes the roles from a record of a user that the client sent back. Those that are not as stored are reported with the
/// record.
async fn require_unchanged_roles(call: &Call, id: UserId, input: &mut Input) -> Result<(), Failure> {
    let roles: Vec<_> = take_roles(input).iter().map(|role| role.resolve(ResourceRef::stored)).collect();
    if roles.is_empty() {
        return Ok(());
    }
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| roles::find_changed_roles(tx, &caller, id, &roles);
    let read = call.read("roles.find_changed", Cost::BoundedSnapshot, job).await;
    input.push_problems(read.map_err(Failure::without_document)?);
    Ok(())
}

/// `DELETE /api/v2/users/{id}`
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::DeleteUser).map_err(Failure::without_document)?;
    let id: UserId = call.id()?;
    let succession = parse_succession(call.query(DELETED_USER)?)?;
    let (caller, precondition) = (call.caller, call.precondition());
    let job = move |tx: &mut Tx<'_>| match &succession {
        Some(succession) => handover::delete_user(tx, &caller, id, &precondition, succession),
        None => users::delete(tx, &caller, id, &precondition),
    };
    call.state.store.write("users.delete", call.origin(), job).await.map_err(Failure::without_document)?;
    call.state.auth.forget(id);
    deleted(&call)
}

/// Parses who takes over the relationships of a deleted user.
fn parse_succession(mut query: Query) -> Result<Option<Succession>, Failure> {
    let to = query.id(&TRANSFER_TO);
    let types = query.list(&TRANSFER_TYPES, TypeName::RULE, TypeName::parse);
    let types = query.has(&TRANSFER_TYPES).then_some(types);
    if types.is_some() && !query.has(&TRANSFER_TO) {
        let (name, needed) = (TRANSFER_TYPES.name, TRANSFER_TO.name);
        let detail =
            format!("`{name}` needs `{needed}`, the user to whom relationships of these types are handed over");
        query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
    }
    query.finish()?;
    let sources = (ErrorSource::Parameter(TRANSFER_TO.name), ErrorSource::Parameter(TRANSFER_TYPES.name));
    Ok(to.map(|to| Succession { to, types, sources }))
}

const TEXT_RULE: &str = "a text that is not empty";
/// Clients that do not encode a `+` send a space.
const ADDRESS_RULE: &str = "a valid e-mail address (a `+` must be sent as `%2B`, otherwise it arrives as a space)";

/// Refuses names in filters that are no roles.
fn require_roles(tx: &mut Tx<'_>, filter: &UserFilter) -> JobResult<()> {
    roles::require_known(tx, &filter.has, FILTER_HAS.name)?;
    roles::require_known(tx, &filter.lacks, FILTER_LACKS.name)
}

pub(crate) fn parse_filter(query: &mut Query) -> UserFilter {
    let exact = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let folded = |text: &str| (!text.is_empty()).then(|| key::of_search_text(text));
    let address = |text: &str| email::is_valid(text.trim()).then(|| text.trim().to_owned());
    UserFilter {
        ids: query.ids(&FILTER_USER_ID),
        emails: query.list(&FILTER_EMAIL, ADDRESS_RULE, address),
        alt_ids: query.list(&FILTER_ALT_ID, TEXT_RULE, exact),
        words: parse_words(query),
        units: query.list(&FILTER_UNIT, TEXT_RULE, folded),
        job_titles: query.list(&FILTER_JOB_TITLE, TEXT_RULE, folded),
        supervisors: query.list(&FILTER_IS_SUPERVISOR, FLAG_RULE, |text| text.parse().ok()),
        enabled: query.list(&FILTER_IS_ENABLED, FLAG_RULE, |text| text.parse().ok()),
        levels: query.list(&FILTER_ACCESS_LEVEL, "an access level", AccessLevel::parse),
        has: query.list(&FILTER_HAS, TypeName::RULE, TypeName::parse),
        lacks: query.list(&FILTER_LACKS, TypeName::RULE, TypeName::parse),
        seen_by: None,
    }
}

/// The distinct words of a search.
fn parse_words(query: &mut Query) -> Vec<String> {
    let mut words: Vec<_> = query.texts(FILTER_QUERY.name).flat_map(key::words_of_search).collect();
    words.sort_unstable();
    words.dedup();
    if words.len() > MAX_FILTER_VALUES {
        let name = query.sent_name(&FILTER_QUERY);
        let detail = format!("`{name}` takes at most {MAX_FILTER_VALUES} distinct words");
        query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
    }
    words
}
