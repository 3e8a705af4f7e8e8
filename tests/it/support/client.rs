//! A client of the service, which sends requests and checks every response independently.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use jsonapi::api::JsonApiDocument;
use serde_json::Value;
use ureq::http::{HeaderMap, Request};

use super::signing::Signer;

const MEDIA_TYPE: &str = "application/vnd.api+json";

/// A client of the service.
#[derive(Clone)]
pub struct Client {
    /// Its id as a user; 0 without one.
    pub id: i64,
    address: SocketAddr,
    authorization: Option<String>,
    signer: Option<Signer>,
    agent: ureq::Agent,
}

/// A response of the service.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The document; null without a body or if it is not JSON.
    pub body: Value,
    /// The body as received.
    pub text: String,
}

impl Client {
    /// A client with that `Authorization` header, or without any.
    pub fn new(address: SocketAddr, id: i64, authorization: Option<String>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        Self { id, address, authorization, signer: None, agent }
    }

    /// The same connection with another `Authorization` header.
    pub fn with_authorization(&self, authorization: &str) -> Self {
        Self { authorization: Some(authorization.to_owned()), ..self.clone() }
    }

    /// The same connection, signing its requests instead.
    pub fn with_signer(&self, signer: Signer) -> Self {
        Self { authorization: None, signer: Some(signer), ..self.clone() }
    }

    /// The base of its URLs.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of its service.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its `Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// The same user at another instance.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// `POST` of a JSON:API document.
    pub fn post(&self, path: &str, document: &Value) -> Answer {
        self.send("POST", path, &[("content-type", MEDIA_TYPE)], Some(document.to_string().as_bytes()))
    }

    /// `PATCH` with a JSON:API document.
    pub fn patch(&self, path: &str, document: &Value) -> Answer {
        self.send("PATCH", path, &[("content-type", MEDIA_TYPE)], Some(document.to_string().as_bytes()))
    }

    /// A request of the forms dialect.
    pub fn form(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        self.send(method, path, &headers, Some(body.to_string().as_bytes()))
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }

    /// Any request. The path is sent unchanged.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.attempt(method, path, headers, body).expect("the service answers")
    }

    /// Any request to a service that may exit before it responds.
    ///
    /// # Errors
    /// When there is no complete response.
    pub fn attempt(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let signed = self.signer.as_ref().map(|signer| signer.fields(method, &self.base(), path, body));
        for (name, value) in signed.unwrap_or_default() {
            request = request.header(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let answered = match body {
            Some(body) => self.agent.run(request.body(body).expect("a legal request")),
            None => self.agent.run(request.body(()).expect("a legal request")),
        };
        let mut response = answered?;
        let text = response.body_mut().read_to_string()?;
        Ok(Answer::read(response.status().as_u16(), response.headers().clone(), text))
    }

    /// Sends bytes unchanged and returns everything that is received until the connection closes.
    pub fn raw(&self, bytes: &[u8]) -> String {
        String::from_utf8_lossy(&self.raw_bytes(bytes)).into_owned()
    }

    /// The same as bytes.
    pub fn raw_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).expect("the service listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream.write_all(bytes).expect("the service reads");
        let mut all = Vec::new();
        drop(stream.read_to_end(&mut all));
        all
    }
}

impl Answer {
    /// Reads a response. The `jsonapi` crate must be able to read every JSON:API document, and every document of the
    /// forms dialect has its two members.
    fn read(status: u16, headers: HeaderMap, text: String) -> Self {
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let answer = Self { status, headers, body, text };
        if answer.text == "{}" {
            return answer;
        }
        if answer.body.get("model").is_some() {
            let (members, kind) = (answer.body.as_object().expect("an object"), answer.header("content-type"));
            assert!(members.len() == 2 && answer.body["errors"].is_object(), "{}", answer.text);
            assert!(matches!(kind, Some("application/json; charset=utf-8" | MEDIA_TYPE)), "{kind:?}");
            return answer;
        }
        if answer.header("content-type") == Some(MEDIA_TYPE) && !answer.text.is_empty() {
            let has_data = answer.body.get("data").is_some_and(|data| !data.is_null());
            if has_data || answer.body.get("errors").is_some() {
                let parsed = serde_json::from_str::<JsonApiDocument>(&answer.text);
                assert!(parsed.is_ok(), "`jsonapi` cannot read {}", answer.text);
            }
            assert_eq!(answer.body["jsonapi"]["version"], "1.1", "{}", answer.text);
        }
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some(MEDIA_TYPE), "{status} {}", answer.text);
        }
        answer
    }

    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of text"))
    }

    /// The ids of the primary data of a list.
    pub fn ids(&self) -> Vec<i64> {
        let rows = self.body["data"].as_array().expect("a list");
        rows.iter().map(|row| row["id"].as_str().expect("an id").parse().expect("a number")).collect()
    }

    /// The id of the primary data.
    pub fn id(&self) -> i64 {
        let id = self.body["data"]["id"].as_str();
        id.unwrap_or_else(|| panic!("no resource in {}", self.text)).parse().expect("a number")
    }

    /// `meta.total-count`.
    pub fn total(&self) -> i64 {
        self.body["meta"]["total-count"].as_i64().unwrap_or_else(|| panic!("no count in {}", self.text))
    }

    /// `model.id` of an answer of the forms dialect.
    pub fn model_id(&self) -> i64 {
        self.body["model"]["id"].as_i64().unwrap_or_else(|| panic!("no id in {}", self.text))
    }

    /// The invalid fields, in a response of the forms dialect.
    pub fn fields(&self) -> Vec<&str> {
        self.body["errors"].as_object().map(|errors| errors.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The codes of all errors.
    pub fn codes(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["code"].as_str().expect("a code")).collect()
    }

    /// Asserts that the request succeeded with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Asserts that the request failed with this status and code, and checks the members of every error object.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(self.codes().contains(&code), "{code} is not in {}", self.text);
        for error in self.body["errors"].as_array().expect("errors") {
            for member in ["id", "status", "code", "title", "detail"] {
                assert!(error[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {}", self.text);
            }
            assert_eq!(error["id"].as_str(), self.header("x-request-id"), "{}", self.text);
            assert!(error["links"]["type"].is_string(), "{}", self.text);
        }
        self
    }

    /// The pointer (or parameter, or header) of the first error.
    pub fn source(&self, kind: &str) -> Option<&str> {
        self.body["errors"][0]["source"][kind].as_str()
    }
}
