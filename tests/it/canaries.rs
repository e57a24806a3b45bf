//! A thousand secrets in every place where credentials can stand, handlers that send them and receivers that give them
//! back in every spelling: none of it can be read anywhere.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use tenon::db::{Conn, Db, Kind, Sql};

use crate::support::api::Api;
use crate::support::database::TestDatabase;
use crate::support::program::{Program, Settings};
use crate::support::receiver::{Answer, Receiver};
use crate::support::waiting::no_run_is_left;

/// Documents of each kind, and the records of each.
const OF_A_KIND: usize = 25;
const RECORDS: usize = 10;

#[test]
fn no_secret_can_be_read_anywhere_sqlite() {
    run(Kind::Sqlite);
}

#[test]
fn no_secret_can_be_read_anywhere_postgres() {
    run(Kind::Postgres);
}

fn run(kind: Kind) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (database, folder) = (TestDatabase::empty(kind), tempfile::tempdir().expect("a folder"));
        let settings = Settings::new(folder.path(), &database.url)
            .with("TENON_SECRET_KEY", &"07".repeat(32))
            .with("RUST_LOG", "debug,tenon=trace");
        let program = Program::start(&settings).await;
        let (api, receiver) = (program.api(), Receiver::start());
        let mut planted = Planted::default();
        plant(&api, &receiver, &mut planted).await;
        let db = Db::open(&database.parsed(), 1).expect("the database opens");
        no_run_is_left(&db).await;
        assert_eq!(receiver.received().len(), 4 * OF_A_KIND * RECORDS, "every record was executed, once");

        let mut readable = answers(&api, &mut planted).await;
        readable.push(("the log", program.log().into_bytes()));
        assert!(program.stop().success());
        readable.extend(stored(kind, &database, &db).await);
        let leaks: Vec<_> = readable.iter().flat_map(|(place, text)| planted.leaks(place, text)).take(5).collect();
        assert!(leaks.is_empty(), "{leaks:#?}");
        assert_eq!(planted.secrets, 1_000 + MISPLACED.len());
    });
}

/// Every spelling of every secret, by its first letters.
#[derive(Default)]
struct Planted {
    secrets: usize,
    spellings: HashMap<Vec<u8>, Vec<String>>,
}

/// How many letters tell spellings apart: the secrets differ in them.
const START: usize = 14;

impl Planted {
    /// A new secret, of letters that every encoding changes.
    fn secret(&mut self) -> String {
        self.secrets += 1;
        // Far apart, so that no two begin alike.
        let number = (self.secrets as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let secret = format!("{number:016x}-sécret \"{}\"/+&=%", self.secrets);
        self.note(&secret);
        secret
    }

    /// A new secret that is a number.
    fn number(&mut self) -> u64 {
        self.secrets += 1;
        let number =
            1_000_000_000_000_000 + (self.secrets as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % 8_000_000_000_000_000;
        self.note(&number.to_string());
        number
    }

    fn note(&mut self, secret: &str) {
        for spelling in spellings(secret) {
            let start = spelling.as_bytes()[..START].to_vec();
            self.spellings.entry(start).or_default().push(spelling);
        }
    }

    /// The spellings that `text` has.
    fn leaks(&self, place: &str, text: &[u8]) -> Vec<String> {
        let found = text.windows(START).enumerate().filter_map(|(at, start)| {
            let spellings = self.spellings.get(start)?;
            let spelling = spellings.iter().find(|spelling| text[at..].starts_with(spelling.as_bytes()))?;
            let around = &text[at.saturating_sub(200)..text.len().min(at + 200)];
            Some(format!("{place}: {spelling} in …{}…", String::from_utf8_lossy(around)))
        });
        found.collect()
    }
}

/// Plain, as JSON, hexadecimal, URL-encoded, and base64 wherever it begins in what is encoded.
fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = json!(secret).to_string();
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut all = vec![secret.to_owned(), json[1..json.len() - 1].to_owned(), hex.to_uppercase(), hex, encoded];
    for before in ["", "x", "xx"] {
        let text = format!("{before}{secret}");
        // Only the digits that nothing but the secret decides.
        let own = (before.len() * 8).div_ceil(6)..text.len() * 8 / 6;
        all.push(STANDARD_NO_PAD.encode(&text)[own.clone()].to_owned());
        all.push(URL_SAFE_NO_PAD.encode(&text)[own].to_owned());
    }
    all
}

/// Stores documents whose records hold the secrets, and lets every record run once.
async fn plant(api: &Api, receiver: &Receiver, planted: &mut Planted) {
    let data = json!({"title": "S", "slug": "s"});
    let store = api.create("stores", data).await["documentId"].clone();
    let mut emissions = Vec::new();
    for number in 0..4 * OF_A_KIND {
        let records: Vec<Value> =
            (0..RECORDS).map(|place| record(receiver, planted, number * RECORDS + place)).collect();
        let (plural, data) = match number % 4 {
            0 => ("stores", json!({"title": "S", "slug": format!("s{number}"), "extensions": records})),
            1 => ("products", json!({"Name": "P", "stores": [store], "extensions": records})),
            2 => ("products", json!({"Name": "P", "stores": [store], "PRICES": [{"Price": 1, "extensions": records}]})),
            _ => ("subscribers", json!({"Email": format!("a{number}@b.co"), "stores": [store], "extensions": records})),
        };
        let document = api.create(plural, data).await;
        let target = json!({"type": plural.trim_end_matches('s'), "documentId": document["documentId"]});
        let mut emission = json!({"trigger": "canary", "target": target});
        if number % 4 == 2 {
            let price = document["PRICES"][0]["id"].clone();
            emission["payload"] =
                json!({"targets": [{"type": "price", "documentId": document["documentId"], "priceId": price}]});
        }
        emissions.push(emission);
    }
    api.post("/api/triggers", json!({"data": emissions})).await.expect(202);
}

/// A record of one of five kinds, whose receiver answers with its secret in every spelling, well or badly.
fn record(receiver: &Receiver, planted: &mut Planted, number: usize) -> Value {
    let path = format!("/c{number}");
    let (key, url, credentials, shown) = match number % 5 {
        0 => {
            let secret = planted.secret();
            ("custom:webhook", receiver.url(&path), json!({"secret": secret}), secret)
        }
        1 => {
            let secret = planted.secret();
            let nested = json!({"secret": "whsec_c2VjcmV0", "list": [{"deep": secret}]});
            ("custom:webhook", receiver.url(&path), nested, secret)
        }
        2 => {
            let pin = planted.number();
            ("custom:webhook", receiver.url(&path), json!({"pin": pin}), pin.to_string())
        }
        3 => {
            let secret = planted.secret();
            ("posthog:track", receiver.url(&path), json!({"api_key": secret}), secret)
        }
        // A url whose path is the secret, as Discord has it.
        _ => {
            let token = planted.number().to_string();
            let url = receiver.url(&format!("/api/webhooks/7/{token}"));
            ("discord:webhook", String::new(), json!({"webhook_url": url}), token)
        }
    };
    let told = match number % 5 {
        3 => format!("{path}/i/v0/e/"),
        4 => format!("/api/webhooks/7/{shown}?wait=true"),
        _ => path,
    };
    let status = [200, 400, 401, 500][number / 5 % 4];
    let spelled = spellings(&shown);
    let answer = Answer::status(status).header("x-echo", &spelled[4]).body(spelled.join("\n"));
    receiver.answers(&told, [answer]);
    let policy = json!({"policy": {"max_attempts": 1}});
    let mut record = json!({"key": key, "triggers": ["canary"], "credentials": credentials, "config": policy});
    if !url.is_empty() {
        record["url"] = json!(url);
    }
    record
}

/// Where secrets may stand by mistake: what is said of the mistake must not repeat them.
const MISPLACED: [&str; 6] = [
    r#"{"data": {"title": "S", "slug": "x", "extensions": [{"key": "a:b", "credentials": SECRET}]}}"#,
    r#"{"data": {"title": "S", "slug": "x", "extensions": [{"key": "a:b", "credentials": [SECRET]}]}}"#,
    r#"{"data": {"title": "S", "slug": "x", "extensions": [{"key": "bad key", "credentials": {"a": SECRET}}]}}"#,
    r#"{"data": {"title": 5, "nothing": 1, "extensions": [{"key": "a:b", "credentials": {"a": SECRET}}]}}"#,
    r#"{"data": {"title": "S", "slug": "x", "extensions": [{"key": "a:b", "triggers": 5, "credentials": {"a": SECRET}}]}}"#,
    r#"{"data": {"title": "S", "slug": "x", "extensions": [{"key": "a:b", "credentials": {"a": SECRET}}]"#,
];

/// Everything that the API shows of it, and what it says of bodies that are wrong.
async fn answers(api: &Api, planted: &mut Planted) -> Vec<(&'static str, Vec<u8>)> {
    let mut read = Vec::new();
    for (place, path) in [
        ("runs", "/api/runs?populate=attempts"),
        ("events", "/api/events?"),
        ("stores", "/api/stores?populate=*&status=draft"),
        ("products", "/api/products?populate[extensions]=*&populate[PRICES][populate]=extensions"),
        ("subscribers", "/api/subscribers?populate=extensions"),
    ] {
        for page in 1.. {
            let answer = api.get(&format!("{path}&pagination[page]={page}&pagination[pageSize]=100")).await;
            read.push((place, answer.text.clone().into_bytes()));
            if answer.expect(200)["data"].as_array().is_none_or(|list| list.len() < 100) {
                break;
            }
        }
    }
    for body in MISPLACED {
        let body = body.replace("SECRET", &json!(planted.secret()).to_string());
        let request =
            api.request(Method::POST, "/api/stores?status=published").header("content-type", "application/json");
        let answer = request.body(body).send().await.expect("an answer");
        read.push(("what is said of a wrong body", answer.bytes().await.expect("a body").to_vec()));
    }
    read
}

/// All that is stored: the bytes of SQLite's files, and every row of every table on PostgreSQL.
async fn stored(kind: Kind, database: &TestDatabase, db: &Db) -> Vec<(&'static str, Vec<u8>)> {
    match kind {
        Kind::Sqlite => {
            let file = database.url.trim_start_matches("sqlite:").to_owned();
            let files = [file.clone(), format!("{file}-wal")];
            files.into_iter().filter_map(|file| Some(("the file", std::fs::read(file).ok()?))).collect()
        }
        Kind::Postgres => db.read(rows).await.expect("the tables"),
    }
}

fn rows(conn: &mut Conn) -> tenon::error::Result<Vec<(&'static str, Vec<u8>)>> {
    let tables = Sql::new("SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'");
    let tables = conn.list(&tables, |row| row.text(0))?;
    assert!(tables.len() > 10, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        // Statements are made of fixed texts everywhere else.
        let all = Sql::new(format!("SELECT t::text FROM \"{table}\" t").leak());
        found.extend(conn.list(&all, |row| Ok(("a row", row.text(0)?.into_bytes())))?);
    }
    Ok(found)
}
