//! Signatures: those that receivers check, and those that services send.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};

/// A key of Standard Webhooks (<https://github.com/standard-webhooks/standard-webhooks>), which is never empty.
#[derive(Clone)]
pub struct StandardKey(Vec<u8>);

impl StandardKey {
    /// Reads a secret as people paste it: `whsec_` and base64 of either alphabet, where the padding may be missing, with the
    /// `v1,` that some services show before it. Without the prefix it is base64 too, or else any text.
    ///
    /// The error says what is wrong, and quotes nothing of the secret.
    pub fn parse(secret: &str) -> Result<Self, String> {
        let text = unversioned(secret);
        if ["whsk_", "whpk_"].iter().any(|prefix| text.starts_with(prefix)) {
            return Err("is half of a key pair: a secret begins with whsec_".to_owned());
        }
        let key = match text.strip_prefix(MARK) {
            Some(encoded) => {
                let encoded: String =
                    encoded.split_whitespace().collect::<String>().replace('-', "+").replace('_', "/");
                LENIENT.decode(encoded).map_err(|_| "must have base64 behind whsec_".to_owned())?
            }
            None => STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()),
        };
        if key.is_empty() { Err("is empty: anyone could sign with it".to_owned()) } else { Ok(Self(key)) }
    }

    /// Whether a secret says that it is one of Standard Webhooks.
    pub fn is_marked(secret: &str) -> bool {
        unversioned(secret).starts_with(MARK)
    }

    /// The value of `webhook-signature` for a body: `v1,` and the base64 HMAC-SHA256 of `<id>.<timestamp>.<body>`, the
    /// timestamp in seconds.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        signing.update(format!("{id}.{timestamp}.").as_bytes());
        signing.update(body);
        format!("v1,{}", STANDARD.encode(signing.sign()))
    }

    /// Whether `signatures`, the value of `webhook-signature`, has one that [`Self::sign`] makes. There are several while a
    /// secret is changed for another; those of other versions count for nothing.
    pub fn has_signed(&self, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> bool {
        let signed = standard_signed(id, timestamp, body);
        versions(signatures, "v1,").any(|tag| is_hmac(hmac::HMAC_SHA256, &self.0, &signed, &tag))
    }
}

/// What every secret of Standard Webhooks begins with.
const MARK: &str = "whsec_";

/// A secret without the version that some services show before it, and without what was pasted around it.
fn unversioned(secret: &str) -> &str {
    let text = secret.trim();
    text.strip_prefix("v1,").map_or(text, str::trim_start)
}

/// Whether `signatures`, the value of `webhook-signature`, has one that is made with a key of which only the half in
/// `public_key` is known, `whpk_` and base64: `v1a,` and Ed25519. `None` when it is no such key.
pub fn is_standard_ed25519(public_key: &str, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> Option<bool> {
    let public_key = public_key.trim();
    let key = LENIENT.decode(public_key.strip_prefix("whpk_").unwrap_or(public_key)).ok()?;
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

/// Base64 as people paste it: its padding may be missing, which most libraries forgive.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Whether this is the name of a hash that HMACs can be made with: sha1, sha256, sha384 or sha512.
pub fn is_algorithm(name: &str) -> bool {
    hmac_named(name).is_some()
}

/// The hexadecimal HMAC of a body; `None` when `algorithm` is none of sha1, sha256, sha384 and sha512. Line breaks and
/// spaces around the secret are no part of it.
pub fn hex_hmac(algorithm: &str, secret: &str, body: &[u8]) -> Option<String> {
    body_hmac(algorithm, secret, body).map(|tag| to_hex(tag.as_ref()))
}

/// The same in base64, as Shopify and WooCommerce write it.
pub fn base64_hmac(algorithm: &str, secret: &str, body: &[u8]) -> Option<String> {
    body_hmac(algorithm, secret, body).map(|tag| STANDARD.encode(tag))
}

fn body_hmac(algorithm: &str, secret: &str, body: &[u8]) -> Option<hmac::Tag> {
    Some(hmac::sign(&hmac::Key::new(hmac_named(algorithm)?, secret.trim().as_bytes()), body))
}

/// Whether `signature` is the HMAC of a body, in hexadecimal digits of either case or in base64: they differ in length.
/// `None` when the algorithm is none.
pub fn is_body_hmac(algorithm: &str, secret: &str, body: &[u8], signature: &str) -> Option<bool> {
    let algorithm = hmac_named(algorithm)?;
    let written = [from_hex(signature), LENIENT.decode(signature).ok()];
    Some(written.iter().flatten().any(|tag| is_hmac(algorithm, secret.trim().as_bytes(), body, tag)))
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
            assert_eq!(key(secret).sign(id, at, body), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        }
    }

    fn key(secret: &str) -> StandardKey {
        StandardKey::parse(secret).unwrap_or_else(|problem| panic!("{secret:?}: {problem}"))
    }

    #[test]
    fn a_secret_is_read_as_it_is_meant_or_refused() {
        let bytes = STANDARD.decode("+/+/MDEyMzQ1Njc4OWFiY2RlZjAxMjM0").expect("base64");
        for pasted in [
            "whsec_+/+/MDEyMzQ1Njc4OWFiY2RlZjAxMjM0",
            "whsec_+/+/MDEyMzQ1Njc4OWFiY2RlZjAxMjM0\n",
            " whsec_+/+/MDEyMzQ1Njc4OWFi\r\n  Y2RlZjAxMjM0 ",
            "v1,whsec_+/+/MDEyMzQ1Njc4OWFiY2RlZjAxMjM0",
            "v1, whsec_-_-_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0",
            "+/+/MDEyMzQ1Njc4OWFiY2RlZjAxMjM0\t",
        ] {
            assert_eq!(key(pasted).0, bytes, "{pasted:?}");
        }
        assert_eq!(
            (key("whsec_YQ").0, key("whsec_YQ==").0, key("any text ").0),
            (b"a".into(), b"a".into(), b"any text".into())
        );
        for wrong in [
            "",
            " ",
            "\n",
            "v1,",
            "whsec_",
            "whsec_ \n",
            "v1,whsec_",
            "whsec_not*base64",
            "whsec_====",
            "whsk_YQ==",
            "whpk_YQ==",
        ] {
            assert!(StandardKey::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_base64_signature_is_that_of_the_body_too() {
        let base64 = base64_hmac("sha256", "It's a Secret to Everybody\n", b"Hello, World!").expect("known");
        // The bytes of the hexadecimal one above, as Shopify's documentation writes them.
        assert_eq!(base64, "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=");
        let is = |signature: &str| is_body_hmac("sha256", "It's a Secret to Everybody", b"Hello, World!", signature);
        assert_eq!((is(&base64), is(base64.trim_end_matches('='))), (Some(true), Some(true)));
        for wrong in ["=", "AAAA", &base64[1..], &base64.to_lowercase()] {
            assert_eq!(is(wrong), Some(false), "{wrong}");
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
        let is = |signature: &str| is_body_hmac("sha256", "It's a Secret to Everybody", b"Hello, World!", signature);
        assert_eq!((is(expected), is(&expected.to_uppercase())), (Some(true), Some(true)));
        for wrong in ["", "7", "zz", &expected[..62], &expected.replace('7', "8"), &format!("{expected}00")] {
            assert_eq!(is(wrong), Some(false), "{wrong}");
        }
        assert_eq!(is_body_hmac("md5", "x", b"", ""), None);
        assert_eq!(is_body_hmac("sha256", "", b"", &hex_hmac("sha256", "", b"").expect("known")), Some(false));
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let (secret, id, body) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_1", b"{}");
        let (secret, good) = (key(secret), key(secret).sign(id, 5, body));
        for (signatures, expected) in [
            (good.clone(), true),
            (format!("v1,AAAA {good}"), true),
            (format!("v1a,AAAA {good} v2,x"), true),
            (good.replacen("v1,", "v2,", 1), false),
            (good.replacen("v1,", "", 1), false),
            (String::new(), false),
            ("v1,".to_owned(), false),
        ] {
            assert_eq!(secret.has_signed(id, "5", body, &signatures), expected, "{signatures}");
        }
        assert!(!secret.has_signed(id, "6", body, &good) && !secret.has_signed("m", "5", body, &good));
    }

    #[test]
    fn a_key_of_another_kind_is_no_key() {
        for key in ["", "AAAA", "not base64", &STANDARD.encode([0; 91]), &STANDARD.encode(P256_INFO)] {
            assert_eq!(is_p256(key, b"", b""), None, "{key}");
        }
    }
}
