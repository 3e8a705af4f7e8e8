//! Parses RSA public keys from PEM and DER, with error messages for operators.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::RsaSubjectPublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The RSA key in a PEM file, as `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1). Both `BEGIN PUBLIC KEY` and
/// `BEGIN RSA PUBLIC KEY` are accepted.
///
/// # Errors
/// A message that says what is wrong with the file or the key, which must be RSA of 2,048 to 8,192 bits.
pub fn parse_rsa_pem(pem: &[u8]) -> Result<Vec<u8>, String> {
    parse_rsa_der(&parse_public_pem(pem)?)
}

/// An RSA key in either of its two DER forms, as `SubjectPublicKeyInfo`.
pub(super) fn parse_rsa_der(der: &[u8]) -> Result<Vec<u8>, String> {
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

/// The modulus of an RSA key from [`parse_rsa_der`], without leading zeros.
pub(super) fn rsa_modulus(der: &[u8]) -> Option<Vec<u8>> {
    // All lengths in keys of this size take two bytes, so offsets are fixed (RFC 5280 section 4.1, RFC 8017 appendix
    // A.1.1): the modulus is the integer at byte 28.
    let (head, number) = der.get(28..)?.split_at_checked(4)?;
    let [0x02, 0x82, high, low] = *head else { return None };
    let number = number.get(..usize::from(u16::from_be_bytes([high, low])))?;
    Some(number.iter().copied().skip_while(|byte| *byte == 0).collect())
}

/// The DER of the only block of a PEM file (RFC 7468), which must be a public key.
pub(super) fn parse_public_pem(pem: &[u8]) -> Result<Vec<u8>, String> {
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
    fn both_pem_forms_give_the_same_rsa_key() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let (short, whole) = (pair.public_key().as_ref(), pair.public_key().as_der().unwrap());
        let key = parse_rsa_pem(pem("RSA PUBLIC KEY", short).as_bytes()).unwrap();
        assert_eq!(key, whole.as_ref());
        let noisy = format!("Bag Attributes\n  friendlyName: x\n{}", pem("PUBLIC KEY", &key));
        assert_eq!(parse_rsa_pem(noisy.as_bytes()).unwrap(), key);
        let twice = pem("PUBLIC KEY", &key).repeat(2);
        assert!(parse_rsa_pem(twice.as_bytes()).unwrap_err().contains("more than one"));
        for bad in
            ["", "x", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\nAAAA\n", &pem("PUBLIC KEY", b"x")]
        {
            assert!(parse_rsa_pem(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_modulus_of_a_key_is_found_in_its_encoding() {
        for size in [KeySize::Rsa2048, KeySize::Rsa3072] {
            let pair = KeyPair::generate(size).unwrap();
            let der = pair.public_key().as_der().unwrap();
            let modulus = rsa_modulus(&parse_rsa_der(der.as_ref()).unwrap()).unwrap();
            assert_eq!(modulus.len(), pair.public_modulus_len());
            // An `RSAPublicKey` consists of the modulus and the exponent.
            let whole = pair.public_key().as_ref();
            assert_eq!(whole.get(9..9 + modulus.len()), Some(modulus.as_slice()));
        }
        assert_eq!(rsa_modulus(b"no key"), None);
    }

    #[test]
    fn a_key_of_more_than_8192_bits_is_refused() {
        let key = |bytes: usize| RsaPublicKeyComponents { n: vec![0xff; bytes], e: vec![1, 0, 1] }.as_der();
        assert!(parse_rsa_der(key(1024).unwrap().as_ref()).is_ok());
        // The library may not be able to encode such a key.
        let refused = key(1032).map_or(Err("8,192".to_owned()), |der| parse_rsa_der(der.as_ref()));
        assert!(refused.unwrap_err().contains("8,192"));
    }

    proptest! {
        #[test]
        fn any_file_is_parsed_without_a_panic(
            noise in proptest::collection::vec(any::<u8>(), 0..80),
            label in "(PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE|-----)",
        ) {
            prop_assert!(parse_rsa_pem(&noise).is_err());
            prop_assert!(parse_rsa_pem(pem(&label, &noise).as_bytes()).is_err());
        }
    }
}
