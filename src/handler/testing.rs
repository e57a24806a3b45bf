//! What the tests of handlers need: a receiver that listens once, and an attempt without a runner.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    Delivery, Detached, Event, Exchange, Handler, Http, Inbound, Json, Masker, Outcome, Parts, Purpose, Received,
    Refusal, Registry, RunInfo, StoreRef, Target,
};
use crate::clock::{FixedClock, Millis};
use crate::outbound::Client;

/// Takes one request and answers it.
pub(crate) struct Receiver {
    address: SocketAddr,
    requests: mpsc::Receiver<Request>,
}

/// What the receiver was sent.
pub(crate) struct Request {
    /// Request line and headers.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Receiver {
    pub(crate) fn answering(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, requests) = mpsc::channel();
        let answer = answer.to_owned();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
            let received = loop {
                let count = stream.read(&mut chunk).expect("a request");
                bytes.extend_from_slice(&chunk[..count]);
                if let Some(received) = Request::whole(&bytes) {
                    break received;
                }
            };
            stream.write_all(answer.as_bytes()).expect("a caller that listens");
            let _ = tell.send(received);
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self) -> Request {
        self.requests.recv_timeout(Duration::from_secs(5)).expect("a request came")
    }
}

impl Request {
    fn whole(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let received = Self { head: head.to_owned(), body: body.to_owned() };
        let length = received.find_header("content-length").map_or(0, |length| length.parse().expect("a length"));
        (body.len() >= length).then_some(received)
    }

    pub(crate) fn find_header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.find_header(name).unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// A sale in the store `north`.
pub(crate) fn sale() -> Event {
    let json = |text: &str| Json::parse(text.to_owned()).expect("JSON");
    Event {
        id: "evt_1".into(),
        trigger: "trigger:post_sale".into(),
        occurred_at: 1_795_255_200_000,
        target: Target { type_name: "store".into(), document_id: "s".repeat(24), price_id: None },
        store: Some(StoreRef { document_id: "s".repeat(24), slug: Some("north".into()) }),
        data: json(r#"{"title": "North", "slug": "north"}"#),
        changes: None,
        payload: Some(json(r#"{"order": {"total": 12.50}, "customer": {"email": "ada@example.com"}}"#)),
        actor: "token:shop".into(),
        depth: 0,
        test: false,
    }
}

/// One attempt of `handler` for [`sale`], and what was recorded of it.
pub(crate) async fn attempt_with(
    handler: impl Handler,
    config: Value,
    credentials: Value,
    url: &str,
) -> (Outcome, Vec<Exchange>) {
    let key = handler.descriptor().key;
    let registry = Registry::default().with(handler).expect("one handler");
    let clock = Arc::new(FixedClock::at(1_795_255_200_000));
    let client = Client::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a client");
    let deadline = Instant::now() + Duration::from_secs(5);
    let http = Http::new(client, Arc::<FixedClock>::clone(&clock), deadline, Masker::new(&credentials));
    let parts = Parts {
        key: key.to_owned(),
        event: Arc::new(sale()),
        credentials,
        config,
        url: Some(url.to_owned()).filter(|url| !url.is_empty()),
        meta: Json::default(),
        run: RunInfo { id: "run_1".into(), attempt: 1, max_attempts: 8 },
        http: http.clone(),
        clock,
        host: Arc::new(Detached),
    };
    let outcome = match registry.find(key).expect("the handler").attempt(parts, Purpose::Run) {
        Ok(attempt) => attempt.await,
        Err(setup_error) => Err(setup_error.into()),
    };
    (outcome, http.take_exchanges())
}

/// What `handler` makes of a delivery to a record with this config and these credentials.
pub(crate) fn delivered(
    handler: impl Inbound,
    (config, credentials): (Value, Value),
    headers: &[(&str, &str)],
    body: &str,
    now: Millis,
) -> Result<Received, Refusal> {
    let key = handler.descriptor().key;
    let registry = Registry::default().with_inbound(handler).expect("one handler");
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let delivery = Delivery { headers: &headers, body: body.as_bytes(), now };
    registry.find(key).expect("the handler").receive(&delivery, config, credentials)
}
