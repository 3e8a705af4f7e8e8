//! The keys that verify JWTs: reloaded when their file changes, and refused at start with a reason.

use std::time::Duration;

use crate::support::app::{Engine, Home};
use crate::support::jwt::{Key, SECRET, claims, file, jwks, kid, signed, token};
use crate::support::process::{Service, finish, program, run, until};
use crate::support::signing::{KEYS, openssl, pem, private_pem};
use crate::support::{Value, json};

/// How long a line may take to reach the log.
const SOON: Duration = Duration::from_secs(10);

const ME: &str = "/api/v2/users/me";

#[test]
fn changed_key_sets_are_reloaded_and_broken_ones_are_ignored() {
    // Created first, because it takes a while during which the service would wait.
    std::sync::LazyLock::force(&KEYS);
    let Some(home) = Home::new(Engine::Sqlite) else { return };
    let url = home.text();
    run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
    let path = jwks("rotated.json", &[Key::Rsa(0), Key::Curve]);
    let settings = [("JWT_JWKS_FILE", path.to_str().unwrap()), ("AUTH_REFRESH", "100ms")];
    let service = Service::start(&url, &settings);
    let status = |key: Key| {
        let token = token(key, Some(&kid(key)), &claims(&json!({"sub": "1"})));
        service.anonymous().with_authorization(&format!("Bearer {token}")).get(ME).status
    };
    assert_eq!([Key::Rsa(0), Key::Curve, Key::Edwards].map(status), [200, 200, 401]);
    jwks("rotated.json", &[Key::Curve, Key::Edwards]);
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!([Key::Rsa(0), Key::Curve, Key::Edwards].map(status), [401, 200, 200], "{:?}", service.log());
    for broken in ["", "{\"keys\":[", "{\"keys\":[{\"kty\":\"oct\"}]}"] {
        file("rotated.json", broken);
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!([Key::Rsa(0), Key::Curve, Key::Edwards].map(status), [401, 200, 200], "{broken}");
    }
    std::fs::remove_file(&path).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!([Key::Curve, Key::Edwards].map(status), [200, 200]);
    jwks("rotated.json", &[Key::Rsa(0)]);
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!([Key::Rsa(0), Key::Curve].map(status), [200, 401]);
    until("the log says so", SOON, || service.log().iter().any(|line| line.contains("JWTs stay")));
}

#[test]
fn changed_public_keys_and_secrets_are_reloaded() {
    std::sync::LazyLock::force(&KEYS);
    let secret = |text: &str| file("rotated.txt", &format!("{text}\n"));
    let key = |key: Key| file("rotated.pem", &pem("PUBLIC KEY", &key.der()));
    for (variable, path) in [("JWT_PUBLIC_KEY_FILE", key(Key::Rsa(0))), ("JWT_SECRET_FILE", secret(&"x".repeat(40)))] {
        let Some(home) = Home::new(Engine::Sqlite) else { return };
        let url = home.text();
        run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
        let service = Service::start(&url, &[(variable, path.to_str().unwrap()), ("AUTH_REFRESH", "100ms")]);
        let status = |key: Key| {
            let token = token(key, None, &claims(&json!({"sub": "1"})));
            service.anonymous().with_authorization(&format!("Bearer {token}")).get(ME).status
        };
        let is_key = variable == "JWT_PUBLIC_KEY_FILE";
        assert_eq!([Key::Rsa(0), Key::Edwards, Key::Secret].map(status), [if is_key { 200 } else { 401 }, 401, 401]);
        if is_key {
            key(Key::Edwards)
        } else {
            secret(SECRET)
        };
        std::thread::sleep(Duration::from_millis(150));
        let expected = if is_key { [401, 200, 401] } else { [401, 401, 200] };
        assert_eq!([Key::Rsa(0), Key::Edwards, Key::Secret].map(status), expected, "{variable}: {:?}", service.log());
    }
}

/// A key of each kind that cannot verify tokens.
fn unusable_keys() -> Vec<Value> {
    let rsa = |kid: &str, name: &str, value: Value| {
        let mut jwk = Key::Rsa(1).jwk(kid);
        jwk[name] = value;
        jwk
    };
    let ec = |curve: &str| json!({"kty": "EC", "kid": curve, "crv": curve, "x": "AA", "y": "AA"});
    vec![
        json!({"kty": "AKP", "kid": "akp", "alg": "ML-DSA-65", "pub": "AA"}),
        Key::Secret.jwk("oct"),
        ec("P-384"),
        ec("secp256k1"),
        json!({"kty": "OKP", "kid": "Ed448", "crv": "Ed448", "x": "AA"}),
        rsa("rs512", "alg", json!("RS512")),
        rsa("ps256", "alg", json!("PS256")),
        rsa("small", "n", json!("w".repeat(170))),
        rsa("enc", "use", json!("enc")),
        rsa("kid", "kid", json!(["kid"])),
        json!("not a key"),
    ]
}

#[test]
fn unusable_keys_of_a_set_are_skipped_with_a_warning() {
    std::sync::LazyLock::force(&KEYS);
    let Some(home) = Home::new(Engine::Sqlite) else { return };
    let url = home.text();
    run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
    let with_unusable = |good: Key| {
        let mut keys = unusable_keys();
        keys.insert(3, good.jwk(&kid(good)));
        file("mixed.json", &json!({ "keys": keys }).to_string())
    };
    let path = with_unusable(Key::Curve);
    let settings = [("JWT_JWKS_FILE", path.to_str().unwrap()), ("AUTH_REFRESH", "100ms")];
    let service = Service::start(&url, &settings);
    let status = |key: Key| {
        let token = token(key, Some(&kid(key)), &claims(&json!({"sub": "1"})));
        service.anonymous().with_authorization(&format!("Bearer {token}")).get(ME).status
    };
    let warns_once = |name: &str| service.log().iter().filter(|line| line.contains(name)).count() == 1;
    let names = [
        "akp` (`kty` AKP)",
        "oct` (`kty` oct)",
        "P-384`",
        "secp256k1`",
        "Ed448`",
        "rs512`",
        "ps256`",
        "small`",
        "enc`",
    ];
    assert_eq!([Key::Curve, Key::Rsa(0)].map(status), [200, 401]);
    for name in names {
        until(&format!("the log has one warning for {name}"), SOON, || warns_once(&format!("the key `{name}")));
    }
    with_unusable(Key::Rsa(0));
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!([Key::Curve, Key::Rsa(0)].map(status), [401, 200], "{:?}", service.log());
    file("mixed.json", &json!({ "keys": unusable_keys() }).to_string());
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(status(Key::Rsa(0)), 200, "a set without a usable key does not replace the previous one");
    until("the log has one warning for the set", SOON, || warns_once("stay in use"));
}

#[test]
fn keys_with_one_kid_or_without_one_are_all_tried() {
    std::sync::LazyLock::force(&KEYS);
    let Some(home) = Home::new(Engine::Sqlite) else { return };
    let url = home.text();
    run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
    let mut nameless = Key::Edwards.jwk("");
    nameless.as_object_mut().unwrap().remove("kid");
    let keys = [Key::Rsa(0).jwk("a"), Key::Rsa(1).jwk("a"), Key::Rsa(1).jwk("a"), Key::Curve.jwk("b"), nameless];
    let path = file("shared.json", &json!({ "keys": keys }).to_string());
    let service = Service::start(&url, &[("JWT_JWKS_FILE", path.to_str().unwrap())]);
    let status = |key: Key, kid: Option<&str>| {
        let token = token(key, kid, &claims(&json!({"sub": "1"})));
        service.anonymous().with_authorization(&format!("Bearer {token}")).get(ME).status
    };
    for (key, kid, expected) in [
        (Key::Rsa(0), Some("a"), 200),
        (Key::Rsa(1), Some("a"), 200),
        (Key::Curve, Some("a"), 401),
        (Key::Curve, Some("b"), 200),
        (Key::Rsa(0), Some("b"), 401),
        (Key::Rsa(0), None, 401),
        (Key::Edwards, None, 200),
        (Key::Edwards, Some("any"), 200),
    ] {
        assert_eq!(status(key, kid), expected, "{key:?} {kid:?}");
    }
}

#[test]
fn ed25519_has_the_names_of_both_standards() {
    let Some(home) = Home::new(Engine::Sqlite) else { return };
    let url = home.text();
    run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
    let mut key = Key::Edwards.jwk("new");
    key["alg"] = json!("Ed25519");
    let path = file("ed25519.json", &json!({ "keys": [key] }).to_string());
    let service = Service::start(&url, &[("JWT_JWKS_FILE", path.to_str().unwrap())]);
    for (alg, status) in [("EdDSA", 200), ("Ed25519", 200), ("Ed448", 401), ("ed25519", 401)] {
        let header = json!({"alg": alg, "kid": "new"}).to_string();
        let token = signed(&header, &claims(&json!({"sub": "1"})).to_string(), |message| Key::Edwards.sign(message));
        service.anonymous().with_authorization(&format!("Bearer {token}")).get(ME).expect(status);
    }
}

#[test]
fn serve_refuses_weak_private_broken_and_unknown_keys() {
    let private = private_pem(0);
    let weak = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], b"");
    let weak = String::from_utf8(openssl(&["pkey", "-pubout"], &weak)).unwrap();
    let other = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], b"");
    let other = String::from_utf8(openssl(&["pkey", "-pubout"], &other)).unwrap();
    let jwk = Key::Rsa(0).jwk("a");
    let changed = |name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        json!({"keys": [jwk]}).to_string()
    };
    let set = |keys: &[Value]| json!({ "keys": keys }).to_string();
    let path = |name: &str, content: &str| file(name, content).to_str().unwrap().to_owned();
    let good = path("start.pem", &pem("PUBLIC KEY", &Key::Curve.der()));
    let pem_file = "JWT_PUBLIC_KEY_FILE";
    let jwks_file = "JWT_JWKS_FILE";
    let cases: Vec<(&str, String, &str)> = vec![
        ("JWT_SECRET", "x".repeat(31), "31 bytes"),
        ("JWT_SECRET_FILE", path("short.txt", &format!("{}\n", "x".repeat(31))), "31 bytes"),
        ("JWT_SECRET_FILE", path("key.txt", &pem("PUBLIC KEY", &Key::Rsa(0).der())), "JWT_PUBLIC_KEY_FILE"),
        ("JWT_SECRET_FILE", "/no/such/file".to_owned(), "/no/such/file"),
        (pem_file, path("private.pem", &private), "private"),
        (pem_file, path("weak.pem", &weak), "2,048"),
        (pem_file, path("p384.pem", &other), "P-256"),
        (pem_file, path("broken.pem", "-----BEGIN PUBLIC KEY-----\nMII=\n"), "no end"),
        (jwks_file, path("none.json", "{}"), "JWK Set"),
        (jwks_file, path("no.json", &set(&[])), "no key"),
        (jwks_file, path("oct.json", &set(&[Key::Secret.jwk("a")])), "kty"),
        (jwks_file, path("kty.json", &changed("kty", json!("XYZ"))), "XYZ"),
        (jwks_file, path("crv.json", &set(&[json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"})])), "P-521"),
        (jwks_file, path("okp.json", &set(&[json!({"kty": "OKP", "crv": "X25519", "x": "AA"})])), "X25519"),
        (jwks_file, path("point.json", &set(&[json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"})])), "point"),
        (jwks_file, path("alg.json", &changed("alg", json!("PS256"))), "PS256"),
        (jwks_file, path("d.json", &changed("d", json!("AQAB"))), "private"),
        (jwks_file, path("n.json", &changed("n", json!("not base64!"))), "`n`"),
        (jwks_file, path("small.json", &changed("n", json!("w".repeat(170)))), "2,048"),
        (jwks_file, path("enc.json", &changed("use", json!("enc"))), "no key"),
        (jwks_file, path("unusable.json", &set(&unusable_keys())), "and 1 more"),
    ];
    for (variable, value, reason) in &cases {
        let ended = finish(program().env(variable, value).env("LISTEN", "nonsense").arg("serve")).expect(78);
        assert!(ended.stderr.contains(&format!("`{variable}`")), "{variable} {ended:?}");
        assert!(ended.stderr.contains(reason), "{variable} {value}: {reason} is not in {}", ended.stderr);
        assert!(ended.stderr.contains("`LISTEN`"), "all problems together: {ended:?}");
        assert!(!ended.stderr.contains("xxxx"), "{ended:?}");
    }
    let two = finish(program().env("JWT_SECRET", SECRET).env(pem_file, &good).arg("config")).expect(78);
    assert!(
        two.stderr.contains(pem_file) && two.stderr.contains("JWT_SECRET") && !two.stderr.contains(SECRET),
        "{two:?}"
    );
    let flag = finish(program().args(["config", "--jwt-secret", SECRET])).expect(78);
    assert!(flag.stderr.contains("JWT_SECRET_FILE") && !flag.stderr.contains(SECRET), "{flag:?}");
    assert!(!finish(program().arg("--help")).expect(0).stdout.contains("--jwt-secret "));
    for (variable, value) in [("JWT_SECRET", SECRET), (pem_file, &good)] {
        let shown = finish(program().env(variable, value).arg("config")).expect(0).stdout;
        let line = shown.lines().find(|line| line.starts_with(&format!("{variable}="))).unwrap().to_owned();
        assert_eq!(line, format!("{variable}={}", if value == SECRET { "(hidden)" } else { &*good }));
    }
}
