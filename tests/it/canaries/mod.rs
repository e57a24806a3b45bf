//! A thousand secrets in every place where credentials can stand, handlers that send them and receivers that give them
//! back in every spelling: none of it can be read anywhere.

mod spellings;

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tenon::db::{Conn, Db, Kind, Sql};

use self::spellings::{basic, spellings};
use crate::support::api::Api;
use crate::support::database::TestDatabase;
use crate::support::database::catalog;
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
        let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
        no_run_is_left(&db).await;
        let paths = receiver.received().into_iter().map(|request| request.path);
        let delivered: HashSet<String> = paths.filter(|path| !path.ends_with("/token")).collect();
        assert_eq!(delivered.len(), 4 * OF_A_KIND * RECORDS, "every record was executed");

        let mut readable = answers(&api, &mut planted).await;
        readable.push(("the log", program.log().into_bytes()));
        assert!(program.stop().success());
        readable.extend(stored(kind, &database, &db).await);
        let leaks: Vec<_> = readable.iter().flat_map(|(place, text)| planted.leaks(place, text)).take(5).collect();
        assert!(leaks.is_empty(), "{leaks:#?}");
        assert!(planted.secrets >= 1_000 + MISPLACED.len(), "{}", planted.secrets);
    });
}

/// Every spelling of every secret, by its first letters.
#[derive(Default)]
struct Planted {
    secrets: usize,
    spellings: HashMap<Vec<u8>, Vec<String>>,
}

/// How many letters tell most spellings apart.
const START: usize = 14;

/// How many spellings an answer has: more would not fit into what is kept of it.
const SPELLINGS: usize = 6;

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

    /// A new key of 24 bytes for Standard Webhooks: its base64, and the bytes in hexadecimal digits.
    fn key(&mut self) -> (String, String) {
        self.secrets += 1;
        let number = (self.secrets as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes = [number, number.rotate_left(17), !number].map(u64::to_be_bytes).concat();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = STANDARD.encode(&bytes);
        for form in [key.clone(), hex.clone(), hex.to_uppercase(), key.replace('+', "-").replace('/', "_")] {
            self.spell(form);
        }
        (key, hex)
    }

    fn note(&mut self, secret: &str) {
        spellings(secret).into_iter().for_each(|spelling| self.spell(spelling));
    }

    fn spell(&mut self, spelling: String) {
        self.spellings.entry(spelling.as_bytes()[..START].to_vec()).or_default().push(spelling);
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

/// A record of one of eight kinds, whose receiver answers with its secret in several of its spellings, well or badly.
fn record(receiver: &Receiver, planted: &mut Planted, number: usize) -> Value {
    let path = format!("/c{number}");
    let url = receiver.url(&path);
    let policy = json!({"policy": {"max_attempts": 1}});
    let (record, shown, told) = match number % 8 {
        // Pasted with the line's end, which handlers trim.
        0 => {
            let secret = planted.secret();
            let credentials = json!({"api_key": format!(" {secret}\n")});
            (json!({"key": "posthog:track", "url": url, "credentials": credentials}), secret, format!("{path}/i/v0/e/"))
        }
        1 => {
            let secret = planted.secret();
            let nested = json!({"secret": "whsec_c2VjcmV0", "list": [{"deep": secret}]});
            (json!({"key": "custom:webhook", "url": url, "credentials": nested}), secret, path)
        }
        2 => {
            let pin = planted.number();
            (json!({"key": "custom:webhook", "url": url, "credentials": {"pin": pin}}), pin.to_string(), path)
        }
        3 => {
            let secret = planted.secret();
            let credentials = json!({"type": "basic", "username": "user", "password": secret});
            let record = json!({"key": "custom:webhook-authenticated", "url": url, "credentials": credentials});
            (record, secret, path)
        }
        // A url whose path is the secret, as Discord has it.
        4 => {
            let token = planted.number().to_string();
            let credentials = json!({"webhook_url": receiver.url(&format!("/api/webhooks/7/{token}"))});
            let told = format!("/api/webhooks/7/{token}?wait=true");
            (json!({"key": "discord:webhook", "credentials": credentials}), token, told)
        }
        // A token that is handed out for other secrets.
        5 => {
            let (secret, token) = (planted.secret(), planted.secret());
            let answer = json!({"access_token": token, "token_type": "Bearer"});
            receiver.answers(&format!("{path}/token"), [Answer::status(200).body(answer.to_string())]);
            let credentials = json!({"type": "oauth2", "client_id": "client", "client_secret": secret,
                "token_url": receiver.url(&format!("{path}/token"))});
            (json!({"key": "custom:webhook-authenticated", "url": url, "credentials": credentials}), token, path)
        }
        6 => {
            let (key, hex) = planted.key();
            let credentials = json!({"secret": format!("whsec_{key}\n")});
            (json!({"key": "custom:webhook", "url": url, "credentials": credentials}), [key, hex].join(" "), path)
        }
        // A program whose answer is kept in `meta`.
        _ => {
            let secret = planted.secret();
            let credentials = json!({"secret": secret});
            (json!({"key": "external:own", "url": url, "credentials": credentials}), secret, path)
        }
    };
    receiver.answers(&told, [answer(number, &shown)]);
    let mut record = record;
    record["triggers"] = json!(["canary"]);
    record["config"] = policy;
    record
}

/// An answer that holds `secret`, in its headers and its body, as JSON or as text.
fn answer(number: usize, secret: &str) -> Answer {
    let all = spellings(secret);
    let spelled: Vec<&str> = (0..SPELLINGS).map(|place| &*all[(number / 8 * SPELLINGS + place) % all.len()]).collect();
    let status = [200, 400, 401, 500][number / 8 % 4];
    let header: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let answer = Answer::status(status).header("x-echo", &header).header("x-basic", &basic(secret));
    let said = spelled.join("\n");
    match number / 32 % 2 {
        0 => answer.body(said),
        _ => {
            let told = json!({"message": said, "data": {"all": spelled}, "meta": {"said": spelled[0]}});
            answer.body(told.to_string())
        }
    }
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
        ("runs", "/tenon/runs?populate=attempts"),
        ("events", "/tenon/events?"),
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
