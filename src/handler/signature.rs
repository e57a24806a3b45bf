//! Signatures that receivers check.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// The value of `webhook-signature` for a body, by the Standard Webhooks specification
/// (<https://github.com/standard-webhooks/standard-webhooks>): `v1,` and the base64 HMAC-SHA256 of
/// `<id>.<timestamp>.<body>`, the timestamp in seconds.
///
/// The key is the base64 of `secret` behind its prefix `whsec_`, which may be missing; a secret that is not base64 is
/// taken as it stands.
pub fn standard_webhook(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD.decode(text).unwrap_or_else(|_| secret.as_bytes().to_vec());
    let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    signing.update(format!("{id}.{timestamp}.").as_bytes());
    signing.update(body);
    format!("v1,{}", STANDARD.encode(signing.sign()))
}

/// The hexadecimal HMAC of a body; `None` when `algorithm` is none of sha1, sha256, sha384 and sha512.
pub fn hex_hmac(algorithm: &str, secret: &str, body: &[u8]) -> Option<String> {
    let name = algorithm.to_ascii_lowercase();
    let algorithm = match name.strip_prefix("hmac-").unwrap_or(&name) {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    let signature = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body);
    Some(signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
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
    }
}
