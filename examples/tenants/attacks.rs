//! What store A does. Each attack is refused or done, and never answered by a fault of the program.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tenon::content::Catalog;
use tenon::db::{DatabaseUrl, Db, Sql};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Outcome;
use crate::shop::Shop;
use crate::target::Target;

/// How long each attack lasts at least.
const SPAN: Duration = Duration::from_secs(3);

/// An attack by one who may write in store A.
pub struct Attack {
    pub name: &'static str,
    run: fn(Hostile) -> Attacking,
}

/// An attack under way.
type Attacking = Pin<Box<dyn Future<Output = Outcome<()>> + Send>>;

/// What the attacks are made with.
#[derive(Clone)]
pub struct Hostile {
    target: Target,
    store: String,
}

macro_rules! attacks {
    ($($run:ident: $name:literal),* $(,)?) => {
        /// All of them.
        pub static ATTACKS: &[Attack] =
            &[$(Attack { name: $name, run: |hostile| Box::pin(async move { hostile.$run().await }) }),*];
    };
}

attacks! {
    nothing: "nothing, for comparison",
    oversized_host: "a host of 4,000 letters",
    items: "100,000 items in a list",
    globs: "20,000 patterns",
    schedules: "sixty expensive schedules",
    deep_meta: "meta of 5,000 levels",
    slow_bodies: "500 slow bodies without a token",
    many_records: "100,000 records of one store",
}

/// What an attack did to store B.
#[derive(Debug)]
pub struct Seen {
    pub median: Duration,
    pub longest: Duration,
    pub lost: usize,
    pub peak_mib: u64,
    /// How long the attack itself took.
    pub took: Duration,
}

impl Hostile {
    pub async fn open(target: &Target) -> Outcome<Self> {
        let data = json!({ "data": { "title": "A", "slug": "hostile" } });
        let made = target.demand(Method::POST, "/api/stores", &data).await?;
        let store = made["data"]["documentId"].as_str().ok_or("no documentId")?.to_owned();
        Ok(Self { target: target.clone(), store })
    }

    /// Makes the attack while store B trades. Its events are numbered from `first`.
    pub async fn strike(&self, attack: &Attack, shop: &Shop, first: usize) -> Outcome<Seen> {
        self.target.forget_peak()?;
        let since = Instant::now();
        let run = tokio::spawn((attack.run)(self.clone()));
        let done = run.abort_handle();
        let traded = shop.trade(first, move || since.elapsed() < SPAN || !done.is_finished()).await;
        run.await?.map_err(|error| format!("{}: {error}", attack.name))?;
        let (took, traded) = (since.elapsed(), traded?);
        let peak_mib = self.target.peak_mib()?;
        Ok(Seen { median: traded.median(), longest: traded.longest(), lost: traded.lost, peak_mib, took })
    }

    async fn nothing(self) -> Outcome<()> {
        Ok(())
    }

    async fn oversized_host(self) -> Outcome<()> {
        let (mut host, mut chance) = (String::new(), 1_u32);
        for _ in 0..4000 {
            // Without a pattern, so that no database can make it short.
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            host.push(char::from(b'a' + (chance >> 24) as u8 % 26));
        }
        let record = json!({ "key": "custom:webhook", "triggers": ["trigger:store_updated"], "url": format!("http://{host}.example/") });
        self.try_write(Method::POST, "/extensions", &json!({ "data": record })).await?;
        self.try_write(Method::PUT, "", &json!({ "data": { "extensions": [record] } })).await?;
        self.try_write(Method::PUT, "", &json!({ "data": { "title": "go" } })).await
    }

    async fn items(self) -> Outcome<()> {
        // Texts, which cost this side nothing: it is to measure the other.
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
        for (member, list) in [
            ("PRICES", list("{}", 100_000)),
            ("Tag", list("{}", 100_000)),
            ("stores", format!("{{\"connect\":{}}}", list("7", 100_000))),
            // As many as may be.
            ("Tag", list("{}", 1000)),
        ] {
            let body = format!("{{\"data\":{{\"Name\":\"p\",\"{member}\":{list}}}}}");
            self.try_send(Method::POST, "/api/products", body).await?;
        }
        Ok(())
    }

    async fn globs(self) -> Outcome<()> {
        let patterns: Vec<_> = (0..20_000).map(|number| format!("\"trigger:*_{{a,b}}{number}\"")).collect();
        let record = format!("{{\"key\":\"custom:webhook\",\"triggers\":[{}]}}", patterns.join(","));
        let path = format!("/api/stores/{}", self.store);
        self.try_send(Method::POST, &format!("{path}/extensions"), format!("{{\"data\":{record}}}")).await?;
        self.try_send(Method::PUT, &path, format!("{{\"data\":{{\"extensions\":[{record}]}}}}")).await?;
        for _ in 0..20 {
            self.try_write(Method::POST, "/triggers/post_sale", &json!({ "payload": {} })).await?;
        }
        Ok(())
    }

    async fn schedules(self) -> Outcome<()> {
        let record = |schedule: &str| json!({ "key": "custom:webhook", "url": "http://127.0.0.1:9/", "config": { "policy": { "schedule": schedule } } });
        for schedule in ["0 0 29 2 +1#1", "0 0 31 2 *", "59 59 23 29 2 mon#5"] {
            let records = vec![record(schedule); 60];
            self.try_write(Method::PUT, "", &json!({ "data": { "extensions": records } })).await?;
        }
        self.try_write(Method::PUT, "", &json!({ "data": { "extensions": [] } })).await
    }

    async fn deep_meta(self) -> Outcome<()> {
        let (url, asked) = answering(format!("{{\"meta\":{}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000))).await?;
        let record = json!({ "key": "external:deep", "triggers": ["trigger:post_sale"], "url": url });
        self.try_write(Method::PUT, "", &json!({ "data": { "extensions": [record] } })).await?;
        self.try_write(Method::POST, "/triggers/post_sale", &json!({ "payload": {} })).await?;
        let since = Instant::now();
        while asked.load(Ordering::Relaxed) == 0 && since.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Whatever became of the answer, the store can be saved.
        let path = format!("/api/stores/{}", self.store);
        self.target.demand(Method::PUT, &path, &json!({ "data": { "title": "after" } })).await?;
        self.target.demand(Method::PUT, &path, &json!({ "data": { "extensions": [] } })).await.map(drop)
    }

    async fn slow_bodies(self) -> Outcome<()> {
        let address = self.target.address;
        let bodies: Vec<_> = (0..500)
            .map(|number| {
                let path = ["/api/stores", "/api/subscribers/subscribe", "/api/subscribers", "/hooks/1/x"][number % 4];
                let length = if number % 8 < 4 { "content-length: 900000" } else { "transfer-encoding: chunked" };
                tokio::spawn(slow_body(
                    address,
                    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{length}\r\n\r\n"),
                ))
            })
            .collect();
        for body in bodies {
            body.await?;
        }
        Ok(())
    }

    async fn many_records(self) -> Outcome<()> {
        let db = Db::open(&DatabaseUrl::parse(&self.target.database)?, Catalog::build(&[])?, 1)?;
        let seeded = db.write(|conn| {
            conn.execute(&Sql::new(
                "INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, url, active, run_count) \
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                 SELECT 50000000 + i, 'store.extensions', s.id, i, 'custom:webhook', '[\"trigger:post_sale\"]', \
                 'http://127.0.0.1:9/', TRUE, 0 FROM n, stores s WHERE s.draft_id IS NULL AND s.slug = 'hostile'",
            ))
        });
        seeded.await?;
        self.try_write(Method::POST, "/triggers/post_sale", &json!({ "payload": {} })).await?;
        tokio::time::sleep(2 * SPAN).await;
        Ok(())
    }

    async fn try_write(&self, method: Method, rest: &str, body: &Value) -> Outcome<()> {
        self.try_send(method, &format!("/api/stores/{}{rest}", self.store), body.to_string()).await
    }

    /// It may be done or refused.
    async fn try_send(&self, method: Method, path: &str, body: String) -> Outcome<()> {
        match self.target.send(method.clone(), path, body).await? {
            (200..300 | 400 | 413 | 429, _) => Ok(()),
            (status, answer) => Err(format!("{method} {path}: {status} {answer}").into()),
        }
    }
}

/// Sends as much of a body as is taken, then a little now and then, and never the end of it.
async fn slow_body(address: std::net::SocketAddr, head: String) {
    let is_chunked = head.contains("chunked");
    let until = Instant::now() + SPAN;
    let send = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        let piece = if is_chunked { format!("400\r\n{}\r\n", "x".repeat(1024)) } else { "x".repeat(1024) };
        for sent in 0.. {
            stream.write_all(piece.as_bytes()).await?;
            if sent > 800 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        std::io::Result::Ok(())
    };
    // The program may end the connection whenever it likes.
    let _ = tokio::time::timeout_at(until.into(), send).await;
}

/// A receiver that answers every request with `body`; its url, and how often it was asked.
async fn answering(body: String) -> Outcome<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // A request of this size comes in one piece.
            let (mut request, _) = (vec![0; 65_536], count.fetch_add(1, Ordering::Relaxed));
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Ok((url, asked))
}
