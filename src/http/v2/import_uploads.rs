//! `POST /api/v2/imports`: receives a file and keeps it in the database.
//!
//! # Design
//! The body is written in pieces as it comes, so a request holds one piece in memory. Clients see an import when its upload
//! is complete; what a broken upload has stored is deleted.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;

use actix_web::HttpResponse;
use actix_web::body::{BodyStream, MessageBody};
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut};

use crate::domain::imports;
use crate::domain::sync::ChangeLimit;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::parameter::Parameter;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::upload_type::{UploadType, parse_upload_type};
use crate::http::urls::ImportUrl;
use crate::http::v2::import_parameters::{
    IMPORT_IGNORE_UNKNOWN, IMPORT_MAP, IMPORT_MAX_CHANGES, IMPORT_MISSING, IMPORT_SYNC, NEW_IMPORT,
};
use crate::http::v2::imports::require_admin;
use crate::http::v2::request::Call;
use crate::http::v2::responses::SingleResponse;
use crate::imports::service::ImportService;
use crate::imports::settings::{ImportSettings, for_requests};
use crate::imports::upload::CHUNK_BYTES;
use crate::model::code::Code;
use crate::model::error::Result as JobResult;
use crate::model::id::ImportId;
use crate::model::import::NewImport;
use crate::model::text::excerpt;
use crate::store::Tx;

/// `POST /api/v2/imports`
pub async fn create(mut call: Call) -> Result<HttpResponse, Failure> {
    require_admin(&call)?;
    let mut query = call.query(NEW_IMPORT)?;
    let options = call.options_of(&mut query);
    let mut settings = parse_settings(&mut query);
    call.finish(&mut query).await?;
    match parse_upload_type(call.headers())? {
        UploadType::Table(encoding) => (settings.is_table, settings.encoding) = (true, encoding),
        UploadType::Lines => settings.is_table = false,
    }
    let most = call.state.max_import;
    let announced = call.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > most) {
        return Err(too_large(most));
    }
    let body = call.upload()?;
    let (caller, service) = (call.caller, call.state.imports.clone());
    let origin = call.origin();
    let new = NewImport {
        actor: caller.id,
        request_id: origin.request_id.clone(),
        options: settings.to_text(),
        runner: service.runner().to_owned(),
    };
    let begin = move |tx: &mut Tx<'_>| imports::begin_upload(tx, &caller, &new);
    let created = call.state.store.write("imports.begin", origin.clone(), begin).await.map_err(Failure::of)?;
    let mut upload = Upload { service, id: created.id, is_complete: false };
    let size = receive(&call, created.id, BodyStream::new(body), most).await?;
    let (id, size) = (created.id, i64::try_from(size).unwrap_or(i64::MAX));
    let complete = move |tx: &mut Tx<'_>| imports::complete_upload(tx, id, size);
    let row = call.state.store.write("imports.complete", origin, complete).await.map_err(Failure::of)?;
    upload.is_complete = true;
    upload.service.read(row.clone());
    SingleResponse::alone(row).accepted(&ImportUrl(id).to_string(), call.raw_query(), &options)
}

/// An upload, which is deleted if it does not become complete: also if the request ends at its deadline.
struct Upload {
    service: ImportService,
    id: ImportId,
    is_complete: bool,
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_complete {
            self.service.discard(self.id);
        }
    }
}

/// Writes the body to the database, and returns its size.
async fn receive(call: &Call, id: ImportId, body: impl MessageBody, most: usize) -> Result<usize, Failure> {
    let mut body = pin!(body);
    let (mut size, mut number) = (0, 0);
    let mut piece = BytesMut::with_capacity(CHUNK_BYTES);
    while let Some(received) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        let Ok(mut received) = received else {
            let detail = "the upload is incomplete, and nothing of it was kept; send it again";
            return Err(ApiProblem::new(Code::MalformedDocument, detail).into());
        };
        size += received.len();
        if size > most {
            return Err(too_large(most));
        }
        while piece.len() + received.len() >= CHUNK_BYTES {
            piece.extend_from_slice(&received.split_to(CHUNK_BYTES - piece.len()));
            store(call, id, number, piece.split().freeze()).await?;
            number += 1;
        }
        piece.extend_from_slice(&received);
    }
    if !piece.is_empty() {
        store(call, id, number, piece.freeze()).await?;
    }
    Ok(size)
}

async fn store(call: &Call, id: ImportId, number: i64, piece: Bytes) -> Result<(), Failure> {
    let job = move |tx: &mut Tx<'_>| -> JobResult<()> { tx.insert_import_chunk(id, number, &piece) };
    call.state.store.write("imports.upload", call.origin(), job).await.map_err(Failure::of)
}

fn too_large(most: usize) -> Failure {
    let detail = format!("the upload must have at most {most} bytes; split the file, or raise `MAX_IMPORT`");
    ApiProblem::new(Code::BodyTooLarge, detail).into()
}

/// The options of the query. Problems are reported by the query.
fn parse_settings(query: &mut Query) -> ImportSettings {
    let mut is_on = |parameter: &Parameter| query.choice(parameter) == Some("true");
    let (is_sync, ignores_unknown) = (is_on(&IMPORT_SYNC), is_on(&IMPORT_IGNORE_UNKNOWN));
    let missing = query.choice(&IMPORT_MISSING).map(ToOwned::to_owned);
    let max_changes = query.text(IMPORT_MAX_CHANGES.name).map(ToOwned::to_owned);
    if let Some(Err(rule)) = max_changes.as_deref().map(str::parse::<ChangeLimit>) {
        push(query, &IMPORT_MAX_CHANGES, &rule);
    }
    for parameter in [IMPORT_MISSING, IMPORT_MAX_CHANGES] {
        if query.has(&parameter) && !is_sync {
            push(query, &parameter, "needs `import-sync=true`");
        }
    }
    let map = parse_map(query);
    let settings =
        ImportSettings { is_table: false, encoding: None, is_sync, missing, max_changes, map, ignores_unknown };
    if let Err(problem) = settings.mapping() {
        push(query, &IMPORT_MAP, &format!("is invalid: {}", for_requests(&problem)));
    }
    settings
}

fn parse_map(query: &mut Query) -> BTreeMap<String, Option<String>> {
    let Some(sent) = query.text(IMPORT_MAP.name) else { return BTreeMap::new() };
    if let Ok(map) = serde_json::from_str(sent) {
        return map;
    }
    let got = excerpt(sent).into_owned();
    push(query, &IMPORT_MAP, &format!("must be a JSON object such as `{{\"Work Email\": \"email\"}}`; got `{got}`"));
    BTreeMap::new()
}

fn push(query: &mut Query, parameter: &Parameter, rule: &str) {
    let detail = format!("`{}` {rule}", parameter.name);
    query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(parameter.name));
}
