//! Every spelling in which a receiver can give a secret back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

/// Plain and in other letter cases; as JSON, alone and within JSON; URL-encoded in all ways; as HTML entities; hexadecimal;
/// and base64 wherever it begins in what is encoded, with escapes outside and inside.
pub fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned(), secret.to_uppercase(), secret.to_lowercase()];
    let json = inner(secret);
    let json_in_json = inner(&json);
    all.extend([json.clone(), inner(&json_in_json), json_in_json]);
    all.push(json.replace('/', "\\/"));
    all.extend([ascii(&json, false), ascii(&json, true), inner(&ascii(&json, false))]);
    all.push(secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect());
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let url = form.replace('+', "%20");
    all.extend([
        form,
        url.clone(),
        url.to_lowercase(),
        url.replace('%', "%25"),
        url.to_lowercase().replace('%', "%25"),
    ]);
    all.push(secret.bytes().map(|byte| format!("%{byte:02X}")).collect());
    all.extend([entities(secret, |of| format!("&#{of};")), entities(secret, |of| format!("&#x{of:X};"))]);
    all.extend([entities(secret, |of| format!("&#x{of:x};")), named(secret), named(&json)]);
    all.push(secret.chars().map(|letter| format!("&#{};", u32::from(letter))).collect());
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    all.extend([hex.to_uppercase(), hex]);
    for inside in [secret, &json, &url] {
        all.extend(base64(inside));
    }
    all.push(base64(secret)[0].replace('+', "%2B").replace('/', "%2F"));
    all.sort();
    all.dedup();
    all
}

/// The form of a name and a password that HTTP sends.
pub fn basic(secret: &str) -> String {
    STANDARD.encode(format!("user:{secret}"))
}

fn base64(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for before in ["", "x", "xx"] {
        let whole = format!("{before}{text}");
        // Only the digits that nothing but the secret decides.
        let own = (before.len() * 8).div_ceil(6)..whole.len() * 8 / 6;
        all.push(STANDARD_NO_PAD.encode(&whole)[own.clone()].to_owned());
        all.push(URL_SAFE_NO_PAD.encode(&whole)[own].to_owned());
    }
    all
}

/// Within the quotes of a JSON string.
fn inner(text: &str) -> String {
    let json = json!(text).to_string();
    json[1..json.len() - 1].to_owned()
}

fn ascii(text: &str, capitals: bool) -> String {
    let unit = |unit: &u16| if capitals { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    let letter = |letter: char| match letter.is_ascii() {
        true => letter.to_string(),
        false => letter.encode_utf16(&mut [0; 2]).iter().map(unit).collect(),
    };
    text.chars().map(letter).collect()
}

fn entities(text: &str, entity: fn(u32) -> String) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_string() } else { entity(letter.into()) };
    text.chars().map(letter).collect()
}

fn named(text: &str) -> String {
    let letter = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        '/' => "&sol;".to_owned(),
        '+' => "&plus;".to_owned(),
        '=' => "&equals;".to_owned(),
        '%' => "&percnt;".to_owned(),
        'é' => "&eacute;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(letter).collect()
}
