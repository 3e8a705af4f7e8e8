//! Clients that sign their requests, as Skillhive's do, with keys generated for this run of the tests.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use user_relationships::clock::Clock;
use user_relationships::model::client::NewClient;
use user_relationships::model::id::ClientId;

use super::App;

/// Two keys; generating one takes a while.
pub static KEYS: LazyLock<[KeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).expect("a key")));

/// Header fields of a request.
pub type Fields = Vec<(&'static str, String)>;

/// A signing client.
#[derive(Clone)]
pub struct Signer {
    /// `Api-Id`.
    pub api_id: String,
    /// `Api-User`.
    pub user: String,
    /// Which of [`KEYS`].
    pub key: usize,
    /// The base of its URLs, if it is not the address of the service.
    pub base: Option<String>,
    /// Whether a nonce and a stamp make each request unique.
    pub is_stamped: bool,
}

impl Signer {
    /// A new client of the service with the first key, in the name of that user.
    pub fn new(app: &App, user: &str) -> Self {
        Self { api_id: register(app, 0, false), user: user.to_owned(), key: 0, base: None, is_stamped: false }
    }

    /// The header fields of a request.
    pub fn fields(&self, method: &str, base: &str, path: &str, body: Option<&[u8]>) -> Fields {
        self.fields_at((now(), &hex(&random::<16>())), method, base, path, body)
    }

    /// The same, with a stamp of that second and that nonce.
    pub fn fields_at(
        &self,
        (seconds, nonce): (u64, &str),
        method: &str,
        base: &str,
        path: &str,
        body: Option<&[u8]>,
    ) -> Fields {
        let url = format!("{}{path}", self.base.as_deref().unwrap_or(base));
        let content = body.map(String::from_utf8_lossy).unwrap_or_default();
        let mut fields = self.names();
        let mut text = text(&url, &content, &self.api_id, &self.user);
        if self.is_stamped {
            text.pop();
            let members = json!({"nonce": nonce, "method": method});
            write!(text, r#","timestamp":{seconds},"nonce":{},"method":{}}}"#, members["nonce"], members["method"])
                .expect("a string takes it");
            fields.extend([("api-timestamp", seconds.to_string()), ("api-nonce", nonce.to_owned())]);
        }
        fields.push(("api-signature", sign(self.key, &RSA_PKCS1_SHA256, text.as_bytes())));
        fields
    }

    /// All header fields but the signature.
    pub fn names(&self) -> Fields {
        vec![("api-id", self.api_id.clone()), ("api-user", self.user.clone())]
    }
}

/// Registers a client with one of [`KEYS`] and returns its `Api-Id`.
pub fn register(app: &App, key: usize, allows_sha1: bool) -> String {
    let api_id = hex(&random::<8>());
    let client = NewClient { api_id: api_id.clone(), name: None, allows_sha1 };
    let key = public_key(key);
    app.write(move |tx| {
        let id = tx.insert_client(&client)?;
        tx.insert_client_key(id, &key)
    });
    api_id
}

/// Gives an existing client another one of [`KEYS`].
pub fn add_key(app: &App, api_id: &str, key: usize) {
    let (client, key) = (client_id(app, api_id), public_key(key));
    app.write(move |tx| tx.insert_client_key(client, &key));
}

/// The id of a client.
pub fn client_id(app: &App, api_id: &str) -> ClientId {
    let api_id = api_id.to_owned();
    app.read(move |tx| tx.client(&api_id)).expect("the client exists").id
}

/// `SubjectPublicKeyInfo` of one of [`KEYS`].
pub fn public_key(key: usize) -> Vec<u8> {
    KEYS[key].public_key().as_der().expect("an encoding").as_ref().to_vec()
}

/// One of [`KEYS`] in PEM, for other programs.
pub fn private_pem(key: usize) -> String {
    pem("PRIVATE KEY", KEYS[key].as_der().expect("an encoding").as_ref())
}

/// A block of PEM.
pub fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der).into_bytes();
    let lines: Vec<_> = body.chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The text to sign, as JavaScript encodes it.
pub fn text(url: &str, content: &str, api_id: &str, user: &str) -> String {
    let [url, content, api_id, user] = [url, content, api_id, user].map(|text| json!(text).to_string());
    format!(r#"{{"url":{url},"content":{content},"api_id":{api_id},"user":{user}}}"#)
}

/// A signature in its encoding.
pub fn sign(key: usize, digest: &'static dyn RsaEncoding, text: &[u8]) -> String {
    let mut signature = vec![0; KEYS[key].public_modulus_len()];
    KEYS[key].sign(digest, &SystemRandom::new(), text, &mut signature).expect("a signature");
    STANDARD.encode(signature)
}

/// Seconds since 1970.
pub fn now() -> u64 {
    u64::try_from(Clock::System.now().micros() / 1_000_000).expect("after 1970")
}

/// Runs `openssl` with this standard input, and returns its output.
#[track_caller]
pub fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("`openssl` is installed");
    child.stdin.take().expect("a pipe").write_all(input).expect("`openssl` reads");
    let output = child.wait_with_output().expect("`openssl` ends");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn random<const N: usize>() -> [u8; N] {
    let mut bits = [0; N];
    aws_lc_rs::rand::fill(&mut bits).expect("random numbers");
    bits
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).expect("a digit")).collect()
}
