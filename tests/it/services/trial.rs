//! One attempt of a handler, without a server and without a database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenon::clock::FixedClock;
use tenon::handler::{
    Detached, Done, Event, Exchange, Failure, Host, Http, Json, Masker, Outcome, Parts, Purpose, Registry, RunInfo,
    StoreRef, Target,
};
use tenon::outbound::Client;

/// An attempt in the making: of a key, for an event. It begins with a sale in the store `north`.
pub struct Trial {
    key: &'static str,
    config: Value,
    credentials: Value,
    url: String,
    meta: Value,
    event: Event,
    run: RunInfo,
    host: Arc<dyn Host>,
    registry: Option<Arc<Registry>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Tried {
    pub outcome: Outcome,
    pub exchanges: Vec<Exchange>,
}

/// 2026-11-21T10:00:00Z
const NOW: i64 = 1_795_255_200_000;

impl Trial {
    pub fn of(key: &'static str) -> Self {
        let store = "s".repeat(24);
        let event = Event {
            id: "evt_01kah4h3t6x4c8n2w9z5q7r1ym".into(),
            trigger: "trigger:post_sale".into(),
            occurred_at: NOW,
            target: Target { type_name: "store".into(), document_id: store.clone(), price_id: None },
            store: Some(StoreRef { document_id: store, slug: Some("north".into()) }),
            data: as_json(json!({"id": 1, "documentId": "s".repeat(24), "title": "North", "slug": "north"})),
            changes: None,
            payload: Some(as_json(json!({
                "order": {"id": "1001", "total": 25.80, "currency": "EUR"},
                "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
                "items": [{"name": "Sencha, 100 g", "sku": "S-100", "quantity": 2, "price": 12.90}],
            }))),
            actor: "token:shop".into(),
            depth: 0,
            test: false,
        };
        let run = RunInfo { id: "run_01kah4h3t6x4c8n2w9z5q7r1yn".into(), attempt: 1, max_attempts: 8 };
        let (config, credentials, meta) = (json!({}), json!({}), json!({}));
        let (url, host) = (String::new(), Arc::new(Detached));
        Self { key, config, credentials, url, meta, event, run, host, registry: None }
    }

    pub fn config(self, config: Value) -> Self {
        Self { config, ..self }
    }

    pub fn credentials(self, credentials: Value) -> Self {
        Self { credentials, ..self }
    }

    pub fn url(self, url: impl Into<String>) -> Self {
        Self { url: url.into(), ..self }
    }

    /// What earlier runs left in the record's `meta`.
    pub fn meta(self, meta: Value) -> Self {
        Self { meta, ..self }
    }

    /// The event is of this trigger, about this entity of a store, a product, a subscriber or a price.
    pub fn about(mut self, trigger: &str, type_name: &str, data: Value) -> Self {
        self.event.trigger = format!("trigger:{trigger}");
        self.event.target.type_name = type_name.to_owned();
        if let Some(document_id) = data["documentId"].as_str() {
            self.event.target.document_id = document_id.to_owned();
        }
        self.event.target.price_id = if type_name == "price" { data["id"].as_i64() } else { None };
        self.event.data = as_json(data);
        self.event.payload = None;
        self
    }

    pub fn payload(mut self, payload: Value) -> Self {
        self.event.payload = Some(as_json(payload));
        self
    }

    pub fn changes(mut self, changes: Value) -> Self {
        self.event.changes = Some(as_json(changes));
        self
    }

    /// Whatever else is to be changed of the event.
    pub fn event(mut self, change: impl FnOnce(&mut Event)) -> Self {
        change(&mut self.event);
        self
    }

    /// The instance that runs it.
    pub fn host(self, host: Arc<dyn Host>) -> Self {
        Self { host, ..self }
    }

    /// The handlers, which remember what they were told in other attempts.
    pub fn registry(self, registry: &Arc<Registry>) -> Self {
        Self { registry: Some(Arc::clone(registry)), ..self }
    }

    /// The attempt of this number, of the run with this id.
    pub fn run_info(mut self, id: &str, attempt: u32) -> Self {
        (self.run.id, self.run.attempt) = (id.to_owned(), attempt);
        self
    }

    pub async fn run(self) -> Tried {
        self.go(Purpose::Run).await
    }

    /// Proves the credentials in place of doing anything.
    pub async fn test(self) -> Tried {
        self.go(Purpose::Test).await
    }

    async fn go(self, purpose: Purpose) -> Tried {
        let new = || Arc::new(tenon::extensions::registry().expect("one handler for each key"));
        let registry = self.registry.unwrap_or_else(new);
        let clock = Arc::new(FixedClock::at(NOW));
        let client = Client::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a client");
        let deadline = Instant::now() + Duration::from_secs(15);
        let entry = registry.find(self.key).unwrap_or_else(|| panic!("{}", self.key));
        let masker = Masker::of(&self.credentials, &entry.description().credentials_schema);
        let http = Http::new(client, Arc::<FixedClock>::clone(&clock), deadline, masker);
        let parts = Parts {
            key: self.key.to_owned(),
            event: Arc::new(self.event),
            credentials: self.credentials,
            config: self.config,
            url: Some(self.url).filter(|url| !url.is_empty()),
            meta: as_json(self.meta),
            run: self.run,
            http: http.clone(),
            clock,
            host: self.host,
        };
        let outcome = match entry.attempt(parts, purpose) {
            Ok(attempt) => attempt.await,
            Err(obstacle) => Err(obstacle.into()),
        };
        Tried { outcome: http.masker().outcome(outcome), exchanges: http.take_exchanges() }
    }
}

impl Tried {
    /// What was done, every request having been accepted by the contract's mock.
    #[track_caller]
    pub fn accepted(self) -> Done {
        for exchange in &self.exchanges {
            let violations = exchange.answer.as_ref().and_then(|answer| answer.headers.get("sl-violations"));
            assert_eq!(violations, None, "{:#?}", exchange.request);
        }
        self.outcome.unwrap_or_else(|failure| panic!("{failure:?}: {:#?}", self.exchanges))
    }

    /// Why it was not done.
    #[track_caller]
    pub fn failure(self) -> Failure {
        match self.outcome {
            Err(failure) => failure,
            Ok(done) => panic!("{done:?}"),
        }
    }

    /// `POST /v1/customers`, for each request.
    pub fn requests(&self) -> Vec<String> {
        let line = |exchange: &Exchange| {
            let url = url::Url::parse(&exchange.request.url).expect("a url");
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            format!("{} {}{query}", exchange.request.method, url.path())
        };
        self.exchanges.iter().map(line).collect()
    }

    /// The body of the request in this place, as JSON.
    #[track_caller]
    pub fn sent(&self, place: usize) -> Value {
        let body = &self.exchanges[place].request.body;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("not JSON: {error}: {body}"))
    }
}

pub fn as_json(value: Value) -> Json {
    Json::parse(value.to_string()).expect("JSON")
}
