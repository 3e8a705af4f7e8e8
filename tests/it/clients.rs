//! `client`: registering public keys with commands, and the keys that are refused.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::app::{Engine, Home};
use crate::support::process::{Service, run};
use crate::support::signing::{KEYS, Signer, openssl, pem, public_key};
use aws_lc_rs::signature::KeyPair as _;

const ME: &str = "/api/v2/users/me";

fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).expect("a file");
    path
}

#[test]
fn client_commands_register_add_a_key_and_disable() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new) {
        let url = home.text();
        let folder = tempfile::tempdir().expect("a folder");
        let first = file(folder.path(), "first.pem", pem("PUBLIC KEY", &public_key(0)));
        let second = file(folder.path(), "second.pem", pem("RSA PUBLIC KEY", KEYS[1].public_key().as_ref()));
        let (first, second) = (first.to_str().expect("a path"), second.to_str().expect("a path"));

        let add = ["client", "add", "--public-key", first, "--name", "intranet"];
        let api_id = run(&url, &add).expect(0).line().to_owned();
        assert!(api_id.len() == 32 && api_id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{api_id}");
        run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
        let service = Service::start(&url, &[("AUTH_REFRESH", "0s")]);
        let user = "ann@example.com".to_owned();
        let signer = Signer { api_id: api_id.clone(), user, key: 0, base: None, is_stamped: false };
        let old = service.anonymous().with_signer(signer.clone());
        let new = service.anonymous().with_signer(Signer { key: 1, ..signer });
        old.get(ME).expect(200);
        new.get(ME).refused(403, "signature-rejected");

        let rotate = ["client", "add", "--public-key", second, "--to", &api_id];
        assert_eq!(run(&url, &rotate).expect(0).line(), api_id);
        assert!(run(&url, &rotate).expect(1).stderr.contains("already"));
        old.get(ME).expect(200);
        new.get(ME).expect(200);
        let listed = run(&url, &["client", "list"]).expect(0).stdout;
        let rows: Vec<Vec<_>> = listed.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(rows.len(), 2, "{listed}");
        assert_eq!(rows[0][..5], [&*api_id, "intranet", "enabled", "sha256,sha512", "1"], "{listed}");
        let der = openssl(&["pkey", "-pubin", "-in", first, "-outform", "DER"], b"");
        let fingerprint = String::from_utf8(openssl(&["sha256"], &der)).expect("text");
        assert!(fingerprint.contains(rows[0][5]), "{fingerprint} {listed}");

        run(&url, &["client", "disable", &api_id, "--key", rows[0][4]]).expect(0);
        old.get(ME).refused(403, "signature-rejected");
        new.get(ME).expect(200);
        run(&url, &["client", "disable", &api_id, "--key", "77"]).expect(1);
        run(&url, &["client", "disable", "unknown"]).expect(1);
        run(&url, &["client", "disable", &api_id]).expect(0);
        new.get(ME).refused(403, "signature-rejected");
        assert!(run(&url, &["client", "list"]).expect(0).line().contains("disabled"));
        assert!(
            run(&url, &["client", "add", "--public-key", first, "--to", &api_id]).expect(1).stderr.contains("disabled")
        );
        run(&url, &["client", "add", "--public-key", first, "--to", "unknown"]).expect(1);
        run(&url, &["client", "add", "--public-key", first, "--to", &api_id, "--allow-sha1"]).expect(2);

        let api_id = run(&url, &["client", "add", "--public-key", first, "--allow-sha1"]).expect(0).line().to_owned();
        let listed = run(&url, &["client", "list"]).expect(0).stdout;
        assert!(
            listed.lines().any(|line| line.starts_with(&api_id) && line.contains("\tsha256,sha512,sha1\t")),
            "{listed}"
        );
    }
}

#[test]
fn unusable_keys_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("new.db").display());
    let generate = |name: &str, options: &[&str]| {
        let private = folder.path().join(format!("{name}-private.pem"));
        let private = private.to_str().expect("a path");
        openssl(&[&["genpkey"], options, &["-out", private]].concat(), b"");
        let public = openssl(&["pkey", "-in", private, "-pubout"], b"");
        (private.to_owned(), file(folder.path(), name, public).to_str().expect("a path").to_owned())
    };
    let rsa =
        |name: &str, bits: &str| generate(name, &["-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")]);
    let (_, weak) = rsa("weak.pem", "1024");
    let (_, nearly) = rsa("nearly.pem", "2040");
    let (private, good) = rsa("good.pem", "2048");
    let (_, curve) = generate("curve.pem", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let text = fs::read_to_string(&good).expect("the key");
    let path = |name: &str, content: &str| file(folder.path(), name, content).to_str().expect("a path").to_owned();
    let cases = [
        (weak, "2,048"),
        (nearly, "2,048"),
        (private, "private"),
        (curve, "not a valid RSA"),
        (path("cut.pem", &text[..text.len() / 2]), "no end"),
        (path("noise.pem", &text.replacen("MII", "M!!", 1)), "base64"),
        (path("lies.pem", &text.replacen("MII", "AAA", 1)), "not a valid RSA"),
        (path("empty.pem", ""), "PEM"),
        (path("certificate.pem", &text.replace("PUBLIC KEY", "CERTIFICATE")), "certificate"),
        (path("two.pem", &text.repeat(2)), "more than one"),
        (folder.path().join("missing.pem").to_str().expect("a path").to_owned(), "missing.pem"),
    ];
    for (path, reason) in &cases {
        let refused = run(&url, &["client", "add", "--public-key", path]).expect(1);
        assert!(refused.stdout.is_empty() && refused.stderr.contains(reason), "{path}: {refused:?}");
        assert!(refused.stderr.contains("--public-key"), "{refused:?}");
    }
    assert!(!folder.path().join("new.db").exists(), "a refused key creates no database");
    run(&url, &["migrate", "run"]).expect(0);
    run(&url, &["client", "add", "--public-key", &good]).expect(0);
}
