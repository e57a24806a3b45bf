//! Every spelling in which a secret can come back, around every other: none may be left.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A name, and how a text is spelt.
type Encoding = (&'static str, fn(&str) -> String);

/// Ways to spell a text, as receivers do.
const ENCODINGS: [Encoding; 31] = [
    ("as it is", str::to_owned),
    ("capitals", str::to_uppercase),
    ("small letters", str::to_lowercase),
    ("json", |text| inner(&json!(text).to_string())),
    ("json of PHP", |text| inner(&json!(text).to_string()).replace('/', "\\/")),
    ("json in ASCII", |text| ascii(&inner(&json!(text).to_string()), "\\u", false)),
    ("json in ASCII and capitals", |text| ascii(&inner(&json!(text).to_string()), "\\u", true)),
    ("json of numbers alone", |text| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
    ("json three times", |text| (0..3).fold(text.to_owned(), |text, _| inner(&json!(text).to_string()))),
    ("escape of JavaScript", |text| ascii(&text.replace('%', "%25"), "%u", true)),
    ("of a url", |text| percent(text, false, false)),
    ("of a url in small letters", |text| percent(text, true, false)),
    ("of a url, every byte", |text| percent(text, false, true)),
    ("of a url twice", |text| percent(&percent(text, false, false), true, false)),
    ("of a form", |text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect()),
    ("named entities", named),
    ("decimal entities", |text| entities(text, |letter| format!("&#{letter};"))),
    ("hexadecimal entities", |text| entities(text, |letter| format!("&#x{letter:X};"))),
    ("entities for every letter", |text| text.chars().map(|letter| format!("&#{};", u32::from(letter))).collect()),
    ("bytes of Python", |text| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()),
    ("hexadecimal", |text| text.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ("hexadecimal with colons", |text| bytes(text, ":", |byte| format!("{byte:02X}"))),
    ("hexadecimal with spaces", |text| bytes(text, " ", |byte| format!("{byte:02x}"))),
    ("bytes of C", |text| bytes(text, ", ", |byte| format!("0x{byte:02x}"))),
    ("bytes of Node.js", |text| bytes(text, ",", |byte| byte.to_string())),
    ("bytes of JSON in lines", |text| bytes(text, ",\n    ", |byte| byte.to_string())),
    ("texts of bytes", |text| bytes(text, "\", \"", |byte| format!("{byte:x}"))),
    ("quoted-printable", |text| bytes(text, "", |byte| format!("={byte:02X}"))),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 of a pair", |text| STANDARD.encode(format!("a:{text}:xy"))),
    ("base64 of a url", |text| URL_SAFE.encode(format!("ab{text}"))),
];

/// Encodings that another letter case makes unreadable for everyone.
const OF_ONE_CASE: [&str; 3] = ["base64", "base64 of a pair", "base64 of a url"];

fn inner(json: &str) -> String {
    json[1..json.len() - 1].to_owned()
}

fn ascii(text: &str, lead: &str, capitals: bool) -> String {
    let unit = |unit: u16| if capitals { format!("{lead}{unit:04X}") } else { format!("{lead}{unit:04x}") };
    let letter = |letter: char| match letter.is_ascii() {
        true => letter.to_string(),
        false => letter.encode_utf16(&mut [0; 2]).iter().map(|of| unit(*of)).collect(),
    };
    text.chars().map(letter).collect()
}

fn percent(text: &str, small: bool, all: bool) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() && !all {
        true => char::from(byte).to_string(),
        false if small => format!("%{byte:02x}"),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn bytes(text: &str, between: &str, byte: fn(u8) -> String) -> String {
    text.bytes().map(byte).collect::<Vec<_>>().join(between)
}

fn entities(text: &str, entity: fn(u32) -> String) -> String {
    let letter = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter.to_string(),
        false => entity(letter.into()),
    };
    text.chars().map(letter).collect()
}

fn named(text: &str) -> String {
    let letter = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&apos;".to_owned(),
        '/' => "&sol;".to_owned(),
        '+' => "&plus;".to_owned(),
        'é' => "&eacute;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(letter).collect()
}

/// What is left of a text that `spelt` stands in.
fn left(masker: &Masker, spelt: &str) -> String {
    let masked = masker.text(&format!("{{\"said\": <{spelt}>}}"));
    let said = masked.strip_prefix("{\"said\": <").and_then(|rest| rest.strip_suffix(">}"));
    said.unwrap_or_else(|| panic!("more than the secret was masked: {masked}")).replace(MASK, "")
}

proptest! {
    #[test]
    fn no_two_encodings_around_each_other_leave_a_secret(
        secret in "[a-zA-Z0-9]{6}[a-z0-9\"'/+&=%é日😀\\\\ .:_-]{4,20}[a-zA-Z0-9]{6}",
        first in 0..ENCODINGS.len(),
        second in 0..ENCODINGS.len(),
    ) {
        let ((first, encode_first), (second, encode)) = (ENCODINGS[first], ENCODINGS[second]);
        prop_assume!(!(OF_ONE_CASE.contains(&first) && ["capitals", "small letters"].contains(&second)));
        let spelt = |text: &str| encode(&encode_first(text));
        let left = left(&Masker::new(&json!({"key": secret})), &spelt(&secret));
        // What stands around the secret may stay, and at both ends a digit that also belongs to it.
        let most = spelt("").len() + 6 * spelt("x").len();
        prop_assert!(left.len() <= most, "{first}, {second}: {} left {left}", spelt(&secret));
    }

    #[test]
    fn nothing_but_secrets_is_masked(text in "[ -~é日\\n]{0,200}", secret in "[A-Z]{10}[a-z]{10}") {
        prop_assume!(!text.to_lowercase().contains(&secret[..8].to_lowercase()));
        prop_assert_eq!(Masker::new(&json!(secret)).text(&text), text);
    }
}

#[test]
fn no_form_in_which_a_secret_is_used_is_left() {
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let bytes = STANDARD_NO_PAD.decode(key).expect("base64");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    for (secret, used) in [
        (" sk_live_0123456789\n", "sk_live_0123456789".to_owned()),
        ("sk_live_0123456789\r\n", "sk_live_0123456789".to_owned()),
        ("Bearer sk_live_0123456789", "sk_live_0123456789".to_owned()),
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", key.to_owned()),
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n", hex.to_lowercase()),
        ("v1,whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", hex.clone()),
        ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "0123456789abcdef01234567".to_owned()),
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", STANDARD.encode([b"key=", &bytes[..]].concat())),
        (&hex, key.to_owned()),
        ("https://hooks.example/v1/AbCdEfGhIjKlMn\n", "AbCdEfGhIjKlMn".to_owned()),
    ] {
        let left = left(&Masker::new(&json!({"secret": secret})), &used);
        assert!(left.len() <= 8, "{secret:?}: {used} left {left}");
    }
}

#[test]
fn what_is_mangled_on_its_way_is_known_by_its_letters() {
    let masker = Masker::new(&json!({"key": "0123456789-sécret \"7\"/+&=%"}));
    for mangled in
        ["0123456789-sÃ©cret \"7\"", "0123456789-s?cret 7", "0123456789-scret\n\"7\"", "0123-4567-89-s\u{fffd}cret 7"]
    {
        assert!(left(&masker, mangled).len() <= 3, "{mangled}");
    }
    let latin = masker.bytes(b"key 0123456789-s\xe9cret \"7\"/+&=% was refused");
    assert_eq!(latin, format!("key {MASK} was refused"));
    let broken: String = STANDARD
        .encode("key=0123456789-sécret \"7\"/+&=%")
        .as_bytes()
        .chunks(8)
        .map(|line| format!("{}\r\n", String::from_utf8_lossy(line)))
        .collect();
    assert!(left(&masker, &broken).len() <= 12, "{broken}");
}

#[test]
fn half_a_secret_is_a_secret() {
    let masker = Masker::new(
        &json!({"key": "sk_live_51Habcdefghijklmnop", "url": "https://hooks.example/services/T00000000/B00000000"}),
    );
    assert_eq!(masker.text("refused: sk_live_51Habcdefgh… (400)"), format!("refused: {MASK}… (400)"));
    assert_eq!(
        masker.text("no sk_live_ key; see https://hooks.example/services"),
        "no sk_live_ key; see https://hooks.example/services"
    );
}

#[test]
fn overlapping_secrets_leave_no_rest() {
    let masker = Masker::new(&json!(["abcd1234", "1234efgh", "zabcd"]));
    assert_eq!(masker.text("<zabcd1234efgh>"), format!("<{MASK}>"));
}

#[test]
fn values_are_masked_by_member() {
    let masker = Masker::new(&json!({"nested": [{"token": "s3cret-42"}], "pin": 90210, "mode": "no"}));
    assert_eq!(
        masker.value(json!({"a": [90210, 1], "s3cret-42": "S3CRET-42!", "mode": "no"})),
        json!({"a": [MASK, 1], MASK: format!("{MASK}!"), "mode": "no"})
    );
    let done = Done::new("done").with_change("STRIPE_ID", "s3cret-42").with_price_change(7, "STRIPE_ID", "s3cret-42");
    let done = masker.outcome(Ok(done)).expect("done");
    assert_eq!((&done.changes["STRIPE_ID"], &done.price_changes[&7]["STRIPE_ID"]), (&json!(MASK), &json!(MASK)));
}

#[test]
fn what_is_secret_in_a_url_is_a_secret_alone() {
    let masker = Masker::new(&json!("https://me:pass5@hooks.example/v1/AbCdEfGhIjKl?token=0123456789ab&wait=true"));
    let told = "v1 hooks.example AbCdEfGhIjKl pass5 0123456789ab wait=true";
    assert_eq!(masker.text(told), format!("v1 hooks.example {MASK} {MASK} {MASK} wait=true"));
}

#[test]
fn what_the_schema_knows_as_no_secret_stays_readable() {
    let schema = json!({"properties": {
        "mode": {"oneOf": [{"type": "null"}, {"enum": ["test", "live"]}]},
        "database": {"type": ["string", "null"]},
        "key": {"type": "string", "format": "password"},
    }});
    let credentials = json!({"mode": "live", "database": "a-database-of-odoo", "key": "k-12", "more": "abcd"});
    let told = Masker::of(&credentials, &schema).text("live_key k-12 of a-database-of-odoo, abcd");
    assert_eq!(told, format!("live_key {MASK} of a-database-of-odoo, {MASK}"));
    assert_eq!(Masker::new(&Value::Null).text("null and void"), "null and void");
}

#[test]
fn secrets_are_not_printed() {
    assert_eq!(format!("{:?}", Masker::new(&json!({"key": "sk_live_1234"}))), "Masker(2 [hidden])");
}

/// In proportion to its length, whatever the text is made of: the square of it would take hours.
#[test]
fn long_texts_of_repeated_parts_take_no_time_to_speak_of() {
    let secrets = (0..100).map(|number| format!("{number:02}aaaaaaaaaaaaaaaaaaaaaaaaaaaa\\%41&amp;"));
    let masker = Masker::new(&secrets.collect());
    for part in ["a", "\\", "%25", "&amp;", "00aaaaaaaaaaaaaaaa", "QUFB", "{\"a\":\"\\u00e9\"},", "\\\\u0061"] {
        let started = std::time::Instant::now();
        masker.text(&part.repeat(64 * 1024 / part.len()));
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "{part}: {:?}", started.elapsed());
    }
}
