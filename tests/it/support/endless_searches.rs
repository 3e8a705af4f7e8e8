//! Searches that never end, and clients that abandon them.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use super::app::{App, Engine};
use super::client::Client;
use super::sql::Raw;

/// A view in place of the table of users: comparing one user's name takes ten minutes.
pub struct EndlessSearches {
    raw: Raw,
}

impl EndlessSearches {
    /// Makes every search of users endless.
    pub fn make(app: &App, engine: Engine) -> Self {
        Self::on(Raw::connect(&app.config.database_url), app.user().id, engine)
    }

    /// The same in a database that has this user.
    pub fn on(mut raw: Raw, user: i64, engine: Engine) -> Self {
        let slow = match engine {
            Engine::Sqlite => {
                "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) \
                 SELECT CAST(count(*) AS TEXT) FROM n)"
            }
            Engine::Postgres => "(SELECT pg_sleep(600)::text)",
        };
        let columns = [
            "id",
            "version",
            "email",
            "email_key",
            "first_name",
            "last_name",
            "access_level",
            "is_enabled",
            "alt_id",
            "profile",
            "created_at",
            "updated_at",
            "search_key",
        ];
        raw.run("ALTER TABLE users RENAME TO users_kept");
        raw.run(&format!(
            "CREATE VIEW users AS SELECT {}, CASE WHEN id = {user} THEN {slow} ELSE name_key END AS name_key \
             FROM users_kept",
            columns.join(", ")
        ));
        Self { raw }
    }

    /// Restores the table of users.
    pub fn undo(&mut self) {
        self.raw.run("DROP VIEW users");
        self.raw.run("ALTER TABLE users_kept RENAME TO users");
    }
}

/// Sends a search without waiting for its response.
pub fn search(client: &Client) -> TcpStream {
    let mut stream = TcpStream::connect(client.address()).expect("the service listens");
    let token = client.authorization().expect("a token");
    let request = format!("GET /api/v2/users?query=zz HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

/// Closes connections by RST, as when a client disappears.
pub fn abandon(streams: Vec<TcpStream>) {
    for stream in streams {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
    }
}
