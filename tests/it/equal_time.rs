//! Refusals that must be indistinguishable, including by the time they take.
//!
//! # Design
//! The machine is shared and noisy. So all kinds of refusal take turns, the fastest quarter of the turns is compared
//! with a generous bound, and a difference must show repeatedly. Without the protection, signatures differ by a factor
//! of at least two (two keys or one), and sign-ins by a factor of fifty.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use user_relationships::auth::signature::{HeaderField, SignedRequest};
use user_relationships::auth::{Auth, AuthError, AuthSettings};
use user_relationships::clock::Clock;

use crate::both;
use crate::forms::form;
use crate::support::app::{Engine, run};
use crate::support::signing::{add_key, client_id, register, sign, text};
use crate::support::{App, json};

const ANN: &str = "ann@example.com";
const URL: &str = "http://api.example/api/v2/users/me";
/// How many measurements must show a difference before the test fails.
const ATTEMPTS: usize = 4;

/// A kind of signed request that is refused: its name, `Api-Id`, user and signature.
type Kind = (&'static str, String, &'static str, String);

/// The time that the fastest quarter of all turns needed; disturbances only add time.
fn quarter(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 4].as_secs_f64()
}

/// Sends each kind in turn and asserts that none takes much longer than another. Noise does not repeat; a real
/// difference shows in every attempt.
#[track_caller]
fn assert_alike(kinds: &[&str], turns: usize, bound: f64, mut ask: impl FnMut(usize)) {
    let mut report = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut times = vec![Vec::new(); kinds.len()];
        for _ in 0..turns {
            for (kind, times) in times.iter_mut().enumerate() {
                let begun = Instant::now();
                ask(kind);
                times.push(begun.elapsed());
            }
        }
        let times: Vec<_> = times.iter_mut().map(|times| quarter(times)).collect();
        report.push(kinds.iter().zip(&times).map(|(kind, time)| format!("{kind}: {:.0} µs", time * 1e6)).collect());
        let (least, most) = times.iter().fold((f64::MAX, 0.0_f64), |(least, most), it| (least.min(*it), most.max(*it)));
        if most < bound * least {
            return;
        }
    }
    let report: Vec<Vec<String>> = report;
    panic!("one takes longer than another: {report:#?}");
}

/// Clients with one key, with one that may use SHA-1, with two, with a longer second key, and a disabled one.
fn clients(app: &App, longer: &KeyPair) -> [String; 5] {
    let all = [false, true, false, false, true].map(|allows_sha1| register(app, 0, allows_sha1));
    let [_, _, two, long, disabled] = all.clone();
    add_key(app, &two, 1);
    let (client, key) = (client_id(app, &long), longer.public_key().as_der().unwrap().as_ref().to_vec());
    app.write(move |tx| tx.insert_client_key(client, &key));
    app.write(move |tx| tx.disable_client(&disabled));
    all
}

#[test]
fn signature_refusals_take_equal_time_for_known_and_unknown_clients() {
    run(
        Engine::Sqlite,
        |_| {},
        |app| {
            app.named(ANN, "user");
            let longer = KeyPair::generate(KeySize::Rsa3072).unwrap();
            let [one, sha1, two, long, disabled] = clients(app, &longer);
            let good = sign(0, &RSA_PKCS1_SHA256, text(URL, "", &one, "unknown@example.com").as_bytes());
            // A number that is valid for any key of that size, and one that is valid for hardly any.
            let [small, great] = [0x01, 0xff].map(|byte| STANDARD.encode([byte; 256]));
            let unknown = "unknown".to_owned();
            let usual: Vec<Kind> = vec![
                ("an unknown client", unknown.clone(), ANN, small.clone()),
                ("an unknown client and user", unknown.clone(), "unknown@example.com", small.clone()),
                ("a disabled client", disabled, ANN, small.clone()),
                ("a client with one key", one.clone(), ANN, small.clone()),
                ("a client with one key, of an unknown user", one.clone(), "unknown@example.com", small.clone()),
                ("a client with one key that may use SHA-1", sha1, ANN, small.clone()),
                ("a client with two keys", two, ANN, small.clone()),
                ("a client with a longer key beside", long.clone(), ANN, small),
                ("a number that is too great, of an unknown client", unknown.clone(), ANN, great.clone()),
                ("a number that is too great, of a client", one.clone(), ANN, great),
                ("a good signature in the name of an unknown user", one.clone(), "unknown@example.com", good),
                ("a signature that is too short", one, ANN, STANDARD.encode([1; 255])),
                ("no signature", unknown.clone(), ANN, String::new()),
            ];
            let mut by_longer = vec![0; 384];
            let signed = text(URL, "", &long, ANN);
            longer.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut by_longer).unwrap();
            let by_longer: Kind = ("a good signature by a longer key", long.clone(), ANN, STANDARD.encode(by_longer));
            let long_one = STANDARD.encode([1; 384]);
            let of_longer: Vec<Kind> = vec![
                ("3,072 bits, an unknown client", unknown, ANN, long_one.clone()),
                ("3,072 bits, a client that has such a key", long, ANN, long_one),
            ];
            let refresh = Duration::from_mins(1);
            let settings = AuthSettings {
                refresh,
                failure_limit: u32::MAX,
                require_timestamp: false,
                grace: Duration::ZERO,
                jwt: None,
            };
            let auth = Auth::new(app.store.clone(), Clock::System, &settings);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let ask = |(_, api_id, user, signature): &Kind| {
                let request = SignedRequest {
                    api_id: HeaderField::Once(api_id.as_bytes()),
                    user: HeaderField::Once(user.as_bytes()),
                    signature: HeaderField::Once(signature.as_bytes()),
                    timestamp: HeaderField::Nothing,
                    nonce: HeaderField::Nothing,
                    method: "GET",
                    url: Some(URL),
                    body: Some(b""),
                };
                let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
                runtime.block_on(async {
                    let recognized = auth.recognize(here, &request).await?;
                    auth.identify_signed(here, &request, recognized).await
                })
            };
            assert!(ask(&by_longer).is_ok());
            for kinds in [usual, of_longer] {
                let names: Vec<_> = kinds.iter().map(|kind| kind.0).collect();
                assert_alike(&names, 41, 1.5, |at| assert_eq!(ask(&kinds[at]), Err(AuthError::Rejected)));
            }
        },
    );
}

both!(sign_in_refusals_take_equal_time_for_known_and_unknown_users, |app| {
    let values = json!({"first_name": "A", "email": "with@example.com", "password": "long enough"});
    app.admin().form("POST", "/api/users", &form("create_user", &values)).expect(201);
    app.named("without@example.com", "user");
    let disabled = app.named("disabled@example.com", "user");
    let document = json!({"data": {"attributes": {"is-enabled": false}}});
    app.admin().patch(&format!("/api/v2/users/{}", disabled.id), &document).expect(200);
    let anonymous = app.anonymous();
    let kinds = ["with", "without", "disabled", "unknown"];
    assert_alike(&kinds, 5, 3.0, |at| {
        let values = json!({"email": format!("{}@example.com", kinds[at]), "password": "wrong enough"});
        anonymous.form("POST", "/api/sessions", &form("create_session", &values)).expect(401);
    });
});

both!(a_wrong_current_password_takes_as_long_as_a_right_one, |app| {
    let users = ["right", "wrong", "without"].map(|name| app.named(&format!("{name}@example.com"), "user"));
    let root = app.admin();
    for user in &users[..2] {
        let sent = json!({"data": {"attributes": {"password": "long enough"}}});
        root.patch(&format!("/api/v2/users/{}", user.id), &sent).expect(200);
    }
    assert_alike(&["right", "wrong", "without"], 5, 1.5, |at| {
        let current = if at == 0 { "long enough" } else { "wrong enough" };
        let sent = json!({"data": {"attributes": {"password": "long enough", "current-password": current}}});
        users[at].patch("/api/v2/users/me", &sent).expect(if at == 0 { 200 } else { 422 });
    });
});
