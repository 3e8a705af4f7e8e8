//! A POST that creates one record, once for each `Idempotency-Key`. The response has the id only, so a repeated request needs
//! nothing but the receipt of the first one.

use actix_web::HttpResponse;
use serde_json::json;

use super::request::{FormParameters, FormRequest};
use super::responses::{FormError, respond_created};
use super::validation_result::FieldErrors;
use crate::http::idempotency::{
    Done, HeldKey, IdempotentResult, Named, Receipt, find_receipt, hold_key, mark_replayed, run_idempotent,
};
use crate::http::jsonapi::errors::Failure;
use crate::model::error::Result as JobResult;
use crate::store::Tx;

/// A create, with its key if it has one.
pub struct FormCreation<'a> {
    request: &'a FormRequest,
    parameters: &'a FormParameters,
    key: Option<HeldKey>,
}

impl<'a> FormCreation<'a> {
    /// Waits until no other request uses the key.
    ///
    /// # Errors
    /// As [`hold_key`].
    pub async fn begin(request: &'a FormRequest, parameters: &'a FormParameters) -> Result<Self, FormError> {
        let key = hold_key(request.keyed()?, parameters.body()).await?;
        Ok(Self { request, parameters, key })
    }

    /// Rejects values with errors, unless an earlier request with this key has created the record: its values may be
    /// invalid only because that record exists. Returns the response to such a repeated request.
    ///
    /// # Errors
    /// 422 if there is an error.
    pub async fn check(&self, errors: FieldErrors) -> Result<Option<HttpResponse>, FormError> {
        if errors.is_empty() {
            return Ok(None);
        }
        if let Some(key) = &self.key
            && let Some(receipt) = find_receipt(self.request.keyed()?, key).await?
        {
            return self.replay(&receipt).map(Some);
        }
        Err(FormError::invalid_values(&self.parameters.sent, errors))
    }

    /// Creates the record, a resource of type `kind` whose id `job` returns.
    ///
    /// # Errors
    /// 422 if every problem belongs to a field of the form; otherwise the error of the job or of the key.
    pub async fn run(
        self,
        name: &'static str,
        kind: &'static str,
        job: impl Fn(&mut Tx<'_>) -> JobResult<i64> + Send + Sync + 'static,
    ) -> Result<HttpResponse, FormError> {
        let Self { request, parameters, key } = self;
        let job = move |tx: &mut Tx<'_>| job(tx).map(|id| (kind, id));
        let created = run_idempotent(request.keyed()?, key, name, None, job, receipt_of).await;
        match created.map_err(|error| FormError::from_error(error, &parameters.sent))? {
            IdempotentResult::New((_, id)) => Ok(respond_created(request.headers(), json!({ "id": id }))),
            IdempotentResult::Repeated(receipt) => Self { request, parameters, key: None }.replay(&receipt),
        }
    }

    fn replay(&self, receipt: &Receipt) -> Result<HttpResponse, FormError> {
        let id = match &receipt.done {
            Done::One(named) => named.id.parse::<i64>().ok(),
            Done::Results(_) => None,
        };
        let id = id.ok_or_else(|| Failure::internal("the stored response is not that of a form".to_owned()))?;
        let answer = respond_created(self.request.headers(), json!({ "id": id }));
        Ok(mark_replayed(&self.request.state, receipt, answer)?)
    }
}

fn receipt_of((kind, id): &(&'static str, i64)) -> Receipt {
    let named = Named { kind: (*kind).to_owned(), id: id.to_string() };
    Receipt { status: 201, location: None, done: Done::One(named) }
}
