//! The handlers of Odoo.

mod addresses;
mod at_once;
mod books;
mod buyers;
mod contacts;
mod double;
mod fields;
mod newsletter;
mod orders;
mod outcomes;
mod people;
mod products;
mod recorded;
mod stories;

use double::{DATABASE, Double, KEY, USER};
use serde_json::{Value, json};

use super::trial::{Trial, Tried};

/// The credentials that the small Odoo knows.
fn credentials() -> Value {
    json!({"database": DATABASE, "username": USER, "api_key": KEY})
}

/// An attempt of the handler `key` with the small Odoo, which speaks what its version speaks.
fn trial(key: &'static str, odoo: &Double) -> Trial {
    let config = if key == "markket:odoo:newsletter" { json!({"list": "Newsletter"}) } else { json!({}) };
    Trial::of(key).url(odoo.url()).credentials(credentials()).config(config)
}

/// What was done, as it is kept in the record's `meta` for the next run.
fn meta(tried: Tried) -> Value {
    Value::Object(tried.accepted().meta)
}

/// What is remembered of a document: what Odoo calls it, and as of when Odoo knows it.
fn remembered(kind: &str, own: &str, id: i64) -> Value {
    json!({(format!("{kind}:{own}")): id, (format!("as_of:{own}")): NOW})
}

/// The same of what the record has made.
fn made(kind: &str, own: &str, id: i64) -> Value {
    let mut remembered = remembered(kind, own, id);
    remembered[format!("made:{id}")] = json!(true);
    remembered
}

/// When the events of trials happen.
const NOW: i64 = 1_795_255_200_000;

/// Both languages: the last Odoo that has no JSON-2, and the first that has it.
const VERSIONS: [u32; 2] = [18, 19];

/// A small Odoo of this version, of a company that counts in euros.
fn odoo_of(version: u32) -> Double {
    let odoo = Double::start(version);
    odoo.kept().books.currency = "EUR";
    odoo
}

/// The same, for what is said to it many times.
fn unjudged(version: u32) -> Double {
    let odoo = Double::start_unjudged(version);
    odoo.kept().books.currency = "EUR";
    odoo
}

/// The fields of a record that a test looks at.
fn parts<const N: usize>(record: &Value, names: [&str; N]) -> Value {
    Value::Array(names.iter().map(|name| record[*name].clone()).collect())
}
