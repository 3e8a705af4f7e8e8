//! Clients that check every response against the specification.

use std::ops::Deref;

use super::document::assert_sound;
use crate::support::{Answer, App, Client, Value};

/// The media type of JSON:API, as it is sent.
pub const JSON_API: (&str, &str) = ("content-type", "application/vnd.api+json");

/// A service, or a client of it, whose responses are all checked.
#[derive(Clone)]
pub struct Checked<T>(T);

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'a> Checked<&'a App> {
    /// The same service with checked clients.
    pub fn new(app: &'a App) -> Self {
        Self(app)
    }

    /// As [`App::user`].
    pub fn user(&self) -> Checked<Client> {
        Checked(self.0.user())
    }

    /// As [`App::caller`].
    pub fn caller(&self, level: &str) -> Checked<Client> {
        Checked(self.0.caller(level))
    }

    /// As [`App::admin`].
    pub fn admin(&self) -> Checked<Client> {
        Checked(self.0.admin())
    }

    /// As [`App::anonymous`].
    pub fn anonymous(&self) -> Checked<Client> {
        Checked(self.0.anonymous())
    }
}

impl Checked<Client> {
    /// As [`Client::get`].
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// `GET` with header fields.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, None)
    }

    /// As [`Client::post`].
    pub fn post(&self, path: &str, document: &Value) -> Answer {
        self.put_in("POST", path, &[], document)
    }

    /// As [`Client::patch`].
    pub fn patch(&self, path: &str, document: &Value) -> Answer {
        self.put_in("PATCH", path, &[], document)
    }

    /// As [`Client::delete`].
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }

    /// A JSON:API document by that method, with more header fields.
    pub fn put_in(&self, method: &str, path: &str, headers: &[(&str, &str)], document: &Value) -> Answer {
        let headers = [&[JSON_API], headers].concat();
        self.send(method, path, &headers, Some(document.to_string().as_bytes()))
    }

    /// As [`Client::send`].
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let answer = self.0.send(method, path, headers, body);
        assert_sound(method, path, &answer);
        answer
    }
}
