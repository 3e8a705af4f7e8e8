//! Public keys as operators give them: PEM in, parsed or DER out, or a sentence that says what is wrong.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::RsaSubjectPublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The RSA key in a PEM file, as `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1). Both `BEGIN PUBLIC KEY` and
/// `BEGIN RSA PUBLIC KEY` are read.
///
/// # Errors
/// A sentence: what is wrong with the file, or the key is none of RSA, or not of 2,048 to 8,192 bits.
pub fn rsa_of_pem(pem: &[u8]) -> Result<Vec<u8>, String> {
    rsa_of_der(&public_of_pem(pem)?)
}

/// An RSA key in either of its two DER forms, as `SubjectPublicKeyInfo`.
pub(super) fn rsa_of_der(der: &[u8]) -> Result<Vec<u8>, String> {
    let wrong = "not a valid RSA public key";
    let key = RsaSubjectPublicKey::from_der(der).and_then(|key| Ok(key.as_der()?)).map_err(|_| wrong)?;
    match PublicEncryptingKey::from_der(key.as_ref()) {
        Ok(_) => Ok(key.as_ref().to_vec()),
        Err(error) => Err(match error.to_string().as_str() {
            "TooSmall" => "the RSA key is shorter than 2,048 bits, which is too weak",
            "TooLarge" => "the RSA key is longer than 8,192 bits",
            _ => wrong,
        }
        .to_owned()),
    }
}

/// The modulus of an RSA key as [`rsa_of_der`] gives it, without zeros in front.
pub(super) fn modulus_of_rsa(der: &[u8]) -> Option<Vec<u8>> {
    // All lengths of such a key take two bytes, so that everything has its place (RFC 5280 section 4.1, RFC 8017
    // appendix A.1.1): the modulus is the integer at the 28th byte.
    let (head, number) = der.get(28..)?.split_at_checked(4)?;
    let [0x02, 0x82, high, low] = *head else { return None };
    let number = number.get(..usize::from(u16::from_be_bytes([high, low])))?;
    Some(number.iter().copied().skip_while(|byte| *byte == 0).collect())
}

/// The DER of the only block of a PEM file (RFC 7468), which must be a public key.
pub(super) fn public_of_pem(pem: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(pem).map_err(|_| NO_BLOCK)?;
    let (_, rest) = text.split_once(BEGIN).ok_or(NO_BLOCK)?;
    let (label, rest) = rest.split_once(DASHES).ok_or(NO_BLOCK)?;
    if label.ends_with("PRIVATE KEY") {
        return Err("this is a private key, keep it secret; `openssl pkey -in FILE -pubout` prints \
                    the public one"
            .to_owned());
    }
    if label == "CERTIFICATE" {
        return Err("this is a certificate; `openssl x509 -in FILE -pubkey -noout` prints its public key".to_owned());
    }
    if !matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY") {
        return Err(NO_BLOCK.to_owned());
    }
    let (body, rest) = rest
        .split_once(&format!("{DASHES}END {label}{DASHES}"))
        .ok_or_else(|| format!("the block has no end, `-----END {label}-----`"))?;
    if rest.contains(BEGIN) {
        return Err("the file has more than one block; it must have exactly one public key".to_owned());
    }
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).map_err(|_| "the block is not base64".to_owned())
}

const NO_BLOCK: &str =
    "not a public key in PEM, which begins with `-----BEGIN PUBLIC KEY-----` or `-----BEGIN RSA PUBLIC KEY-----`";

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RsaPublicKeyComponents};
    use proptest::prelude::*;

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\r\n{}\r\n-----END {label}-----\r\n", STANDARD.encode(der))
    }

    #[test]
    fn both_forms_of_an_rsa_key_are_read_as_one() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let (short, whole) = (pair.public_key().as_ref(), pair.public_key().as_der().unwrap());
        let key = rsa_of_pem(pem("RSA PUBLIC KEY", short).as_bytes()).unwrap();
        assert_eq!(key, whole.as_ref());
        let noisy = format!("Bag Attributes\n  friendlyName: x\n{}", pem("PUBLIC KEY", &key));
        assert_eq!(rsa_of_pem(noisy.as_bytes()).unwrap(), key);
        let twice = pem("PUBLIC KEY", &key).repeat(2);
        assert!(rsa_of_pem(twice.as_bytes()).unwrap_err().contains("more than one"));
        for bad in
            ["", "x", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\nAAAA\n", &pem("PUBLIC KEY", b"x")]
        {
            assert!(rsa_of_pem(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_modulus_of_a_key_is_found_in_its_encoding() {
        for size in [KeySize::Rsa2048, KeySize::Rsa3072] {
            let pair = KeyPair::generate(size).unwrap();
            let der = pair.public_key().as_der().unwrap();
            let modulus = modulus_of_rsa(&rsa_of_der(der.as_ref()).unwrap()).unwrap();
            assert_eq!(modulus.len(), pair.public_modulus_len());
            // A `RSAPublicKey` holds nothing but the modulus and the exponent.
            let whole = pair.public_key().as_ref();
            assert_eq!(whole.get(9..9 + modulus.len()), Some(modulus.as_slice()));
        }
        assert_eq!(modulus_of_rsa(b"no key"), None);
    }

    #[test]
    fn a_key_of_more_than_8192_bits_is_refused() {
        let key = |bytes: usize| RsaPublicKeyComponents { n: vec![0xff; bytes], e: vec![1, 0, 1] }.as_der();
        assert!(rsa_of_der(key(1024).unwrap().as_ref()).is_ok());
        // The library may not even write down such a key.
        let refused = key(1032).map_or(Err("8,192".to_owned()), |der| rsa_of_der(der.as_ref()));
        assert!(refused.unwrap_err().contains("8,192"));
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_a_panic(
            noise in proptest::collection::vec(any::<u8>(), 0..80),
            label in "(PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE|-----)",
        ) {
            prop_assert!(rsa_of_pem(&noise).is_err());
            prop_assert!(rsa_of_pem(pem(&label, &noise).as_bytes()).is_err());
        }
    }
}
