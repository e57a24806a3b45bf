//! Signatures: those that receivers check, and those that services send.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};

/// The value of `webhook-signature` for a body, by the Standard Webhooks specification
/// (<https://github.com/standard-webhooks/standard-webhooks>): `v1,` and the base64 HMAC-SHA256 of
/// `<id>.<timestamp>.<body>`, the timestamp in seconds.
///
/// The key is the base64 of `secret` behind its prefix `whsec_`, where the padding may be missing; without the prefix a
/// secret that is not base64 is taken as it stands.
pub fn standard_webhook(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &standard_key(secret));
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{id}.{timestamp}.").as_bytes());
    signing.update(body);
    format!("v1,{}", STANDARD.encode(signing.sign()))
}

/// Whether `signatures`, the value of `webhook-signature`, has one that [`standard_webhook`] makes. There are several
/// while a secret is changed for another; those of other versions count for nothing.
pub fn is_standard_webhook(secret: &str, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> bool {
    let (key, signed) = (standard_key(secret), standard_signed(id, timestamp, body));
    versions(signatures, "v1,").any(|tag| is_hmac(hmac::HMAC_SHA256, &key, &signed, &tag))
}

/// The same for signatures that are made with a key of which only the half in `public_key` is known, `whpk_` and base64:
/// `v1a,` and Ed25519. `None` when it is no such key.
pub fn is_standard_ed25519(public_key: &str, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> Option<bool> {
    let key = STANDARD.decode(public_key.strip_prefix("whpk_").unwrap_or(public_key)).ok()?;
    let (key, signed) = (UnparsedPublicKey::new(&ED25519, key), standard_signed(id, timestamp, body));
    let is_key = key.as_ref().len() == 32;
    is_key.then(|| versions(signatures, "v1a,").any(|signature| key.verify(&signed, &signature).is_ok()))
}

/// The signatures that have this prefix, decoded.
fn versions(signatures: &str, prefix: &str) -> impl Iterator<Item = Vec<u8>> {
    let of_version = signatures.split_ascii_whitespace().filter_map(move |signature| signature.strip_prefix(prefix));
    of_version.filter_map(|text| STANDARD.decode(text).ok())
}

fn standard_signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

fn standard_key(secret: &str) -> Vec<u8> {
    let decoded = match secret.strip_prefix("whsec_") {
        Some(text) => LENIENT.decode(text),
        None => STANDARD.decode(secret),
    };
    decoded.unwrap_or_else(|_| secret.as_bytes().to_vec())
}

/// Base64 as people paste it: its padding may be missing, which most libraries forgive.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The hexadecimal HMAC of a body; `None` when `algorithm` is none of sha1, sha256, sha384 and sha512.
pub fn hex_hmac(algorithm: &str, secret: &str, body: &[u8]) -> Option<String> {
    let signature = hmac::sign(&hmac::Key::new(hmac_named(algorithm)?, secret.as_bytes()), body);
    Some(to_hex(signature.as_ref()))
}

/// Whether `signature` is the one that [`hex_hmac`] makes, in digits of either case; `None` when the algorithm is none.
pub fn is_hex_hmac(algorithm: &str, secret: &str, body: &[u8], signature: &str) -> Option<bool> {
    let algorithm = hmac_named(algorithm)?;
    Some(from_hex(signature).is_some_and(|tag| is_hmac(algorithm, secret.as_bytes(), body, &tag)))
}

/// Whether `signature` is an ECDSA signature (P-256, SHA-256, DER) of `signed` by the owner of `public_key`.
///
/// The key is a `SubjectPublicKeyInfo` in DER and base64, between the lines of a PEM file or without them; `None` when it
/// is no key for that curve.
pub fn is_p256(public_key: &str, signed: &[u8], signature: &[u8]) -> Option<bool> {
    let text: String =
        public_key.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect();
    let der = STANDARD.decode(text).ok()?;
    let point = der.strip_prefix(&P256_INFO).filter(|point| point.len() == 65)?;
    Some(UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature).is_ok())
}

/// What stands before the point in the DER of every P-256 key (RFC 5480): its lengths, id-ecPublicKey and secp256r1.
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn hmac_named(algorithm: &str) -> Option<hmac::Algorithm> {
    let name = algorithm.to_ascii_lowercase();
    Some(match name.strip_prefix("hmac-").unwrap_or(&name) {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return None,
    })
}

/// Compares in a time that tells nothing about where they differ. A key without a byte signs nothing: anyone has it.
fn is_hmac(algorithm: hmac::Algorithm, key: &[u8], signed: &[u8], tag: &[u8]) -> bool {
    !key.is_empty() && hmac::verify(&hmac::Key::new(algorithm, key), signed, tag).is_ok()
}

/// Bytes in hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits in either case; `None` when there is anything else.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the example of the Standard Webhooks specification, checked with the official library in `tests/it`.
    #[test]
    fn bodies_are_signed_by_the_specification() {
        let (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        for secret in ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            let signature = standard_webhook(secret, id, at, body);
            assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        }
    }

    /// Source: the example of GitHub's documentation of `X-Hub-Signature-256`.
    #[test]
    fn a_hexadecimal_signature_is_that_of_the_body() {
        let sign = |algorithm| hex_hmac(algorithm, "It's a Secret to Everybody", b"Hello, World!");
        let expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(sign("sha256").as_deref(), Some(expected));
        assert_eq!(sign("HMAC-SHA256").as_deref(), Some(expected));
        assert_eq!(sign("sha512").map(|text| text.len()), Some(128));
        assert_eq!(sign("md5"), None);
        let is = |signature: &str| is_hex_hmac("sha256", "It's a Secret to Everybody", b"Hello, World!", signature);
        assert_eq!((is(expected), is(&expected.to_uppercase())), (Some(true), Some(true)));
        for wrong in ["", "7", "zz", &expected[..62], &expected.replace('7', "8"), &format!("{expected}00")] {
            assert_eq!(is(wrong), Some(false), "{wrong}");
        }
        assert_eq!(is_hex_hmac("md5", "x", b"", ""), None);
        assert_eq!(is_hex_hmac("sha256", "", b"", &hex_hmac("sha256", "", b"").expect("known")), Some(false));
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let (secret, id, body) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_1", b"{}");
        let good = standard_webhook(secret, id, 5, body);
        for (signatures, expected) in [
            (good.clone(), true),
            (format!("v1,AAAA {good}"), true),
            (format!("v1a,AAAA {good} v2,x"), true),
            (good.replacen("v1,", "v2,", 1), false),
            (good.replacen("v1,", "", 1), false),
            (String::new(), false),
            ("v1,".to_owned(), false),
        ] {
            assert_eq!(is_standard_webhook(secret, id, "5", body, &signatures), expected, "{signatures}");
        }
        assert!(
            !is_standard_webhook(secret, id, "6", body, &good) && !is_standard_webhook(secret, "m", "5", body, &good)
        );
        assert!(!is_standard_webhook("", id, "5", body, &standard_webhook("", id, 5, body)));
    }

    #[test]
    fn a_key_of_another_kind_is_no_key() {
        for key in ["", "AAAA", "not base64", &STANDARD.encode([0; 91]), &STANDARD.encode(P256_INFO)] {
            assert_eq!(is_p256(key, b"", b""), None, "{key}");
        }
    }
}
