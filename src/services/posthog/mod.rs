//! PostHog: where requests go, the project's key that they carry, and what answers mean.
//!
//! <https://posthog.com/docs/api>

mod person;

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;
use utoipa::ToSchema;

pub use person::{Who, anonymous_id, groups, told};

use crate::clock::iso;
use crate::handler::{Answer, Done, Event, ExtensionContext, Failure, Http, Outcome, SetupCheck};
use crate::nesting;

/// Where requests go when the record has no url.
const HOST: &str = "https://us.i.posthog.com";
/// Hosts of PostHog's pages, which people copy from their browser, and where the same cloud takes requests.
const PAGES: [(&str, &str); 4] = [
    ("app.posthog.com", HOST),
    ("us.posthog.com", HOST),
    ("posthog.com", HOST),
    ("eu.posthog.com", "https://eu.i.posthog.com"),
];
/// The longest name and distinct id that PostHog takes, in characters.
const LONGEST: usize = 200;
/// How much of an answer that refuses is told on.
const TOLD: usize = 200;

/// The project that is spoken to.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The project's API key, which begins with phc_. A personal key (phx_) does not fit.
    #[schema(format = Password)]
    api_key: String,
}

impl Credentials {
    /// Names what keeps the key from being used.
    pub fn check(&self, check: &mut SetupCheck<'_>) {
        if let Err(failure) = self.key() {
            check.credentials("api_key", failure.reason());
        }
    }

    fn key(&self) -> Result<&str, Failure> {
        match self.api_key.trim() {
            "" => Err(Failure::discard("credentials.api_key is empty: it takes the project's key (phc_)")),
            key if key.starts_with("phx_") => Err(Failure::discard(
                "credentials.api_key is a personal key (phx_); it takes the project's (phc_), from the project's settings",
            )),
            key => Ok(key),
        }
    }
}

/// The way to a project for one attempt.
pub struct PostHog<'a> {
    http: &'a Http,
    base: &'a str,
    key: &'a str,
}

/// An event, as it is captured.
pub struct Captured<'a> {
    /// Its name; one that is too long is cut.
    pub name: &'a str,
    /// Whom it is about.
    pub distinct_id: &'a str,
    /// What it brings.
    pub properties: Map<String, Value>,
}

/// What the flags are for someone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flags {
    /// The flags by key.
    pub flags: BTreeMap<String, Flag>,
    /// Whether some could not be computed, which are missing or marked then.
    #[serde(default)]
    pub errors_while_computing_flags: bool,
    #[serde(default)]
    quota_limited: Vec<String>,
}

/// A flag, as it is for someone.
#[derive(Deserialize)]
pub struct Flag {
    enabled: bool,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, deserialize_with = "nesting::read_member")]
    payload: Option<Value>,
}

#[derive(Deserialize)]
struct Taken {
    #[serde(default)]
    quota_limited: Vec<String>,
}

impl Flag {
    /// Its variant, or whether it is on; nothing when it could not be computed.
    pub fn value(&self) -> Option<Value> {
        let value = self.variant.as_ref().map_or(json!(self.enabled), |variant| json!(variant));
        Some(value).filter(|_| !self.failed)
    }

    /// What comes with it: JSON, in a text.
    pub fn payload(&self) -> Option<Value> {
        let payload = self.metadata.payload.as_ref().filter(|payload| !payload.is_null())?;
        let read = payload.as_str().and_then(|text| nesting::read(text).ok());
        Some(read.unwrap_or_else(|| payload.clone()))
    }
}

impl<'a> PostHog<'a> {
    /// The way for an attempt. A key that is no project's is never sent: a personal key opens the whole account.
    pub fn of<Config>(context: &'a ExtensionContext<Config, Credentials>) -> Result<Self, Failure> {
        let key = context.credentials.key()?;
        let url = context.url.as_deref().filter(|url| !url.is_empty()).unwrap_or(HOST);
        Ok(Self { http: &context.http, base: host(url), key })
    }

    /// Captures `captured`, which happened with `event`. Captured again under the same name, it is kept once: its UUID is
    /// made of both.
    pub async fn capture(&self, event: &Event, captured: Captured<'_>) -> Result<(), Failure> {
        let Captured { name, distinct_id, mut properties } = captured;
        let known = [
            ("trigger", json!(event.trigger)),
            ("event_id", json!(event.id)),
            ("$lib", json!("tenon")),
            // Or PostHog takes this server's place on earth for the person's.
            ("$geoip_disable", json!(true)),
        ];
        properties.extend(known.map(|(name, value)| (name.to_owned(), value)));
        if event.test {
            properties.insert("test".to_owned(), json!(true));
        }
        let body = json!({
            "api_key": self.key,
            "event": cut(name),
            "distinct_id": cut(distinct_id),
            "uuid": uuid(&[name, &event.id]),
            "timestamp": iso(event.occurred_at),
            "properties": properties,
        });
        let answer = self.http.post(format!("{}/i/v0/e/", self.base)).json(&body).send().await?;
        let taken: Taken = understood(answer)?.parse()?;
        if taken.quota_limited.iter().any(|resource| resource == "events") {
            return Err(Failure::discard("the project is over its quota: PostHog answered well and dropped the event"));
        }
        Ok(())
    }

    /// Asks what the flags are; `asked` says for whom.
    pub async fn flags(&self, mut asked: Value) -> Result<Flags, Failure> {
        asked["api_key"] = json!(self.key);
        asked["geoip_disable"] = json!(true);
        let answer = self.http.post(format!("{}/flags/?v=2", self.base)).json(&asked).send().await?;
        let flags: Flags = understood(answer)?.parse()?;
        if flags.quota_limited.iter().any(|resource| resource == "feature_flags") {
            return Err(Failure::discard("the project is over its quota of flag requests: PostHog evaluated none"));
        }
        Ok(flags)
    }

    /// Proves that PostHog knows the key. Capturing takes any key that looks like one; the flags are asked for none.
    pub async fn prove(&self) -> Outcome {
        let asked = json!({"distinct_id": "tenon", "disable_flags": true});
        self.flags(asked).await.map(|_| Done::new(format!("PostHog knows the key, at {}", self.base)))
    }
}

/// Where a record's url leads: its host, or the one that takes requests for the pages it shows.
fn host(url: &str) -> &str {
    let named = Url::parse(url).ok();
    let named = named.as_ref().and_then(Url::host_str).unwrap_or_default();
    let page = PAGES.iter().find(|(page, _)| *page == named);
    page.map_or(url.trim_end_matches('/'), |(_, host)| host)
}

/// An answer of success, or what another one means. PostHog says why in plain text.
fn understood(answer: Answer) -> Result<Answer, Failure> {
    let text = answer.text();
    let told = match text.trim() {
        "" => "it does not say why".to_owned(),
        page if page.starts_with('<') => "it answers with a page; is the record's url PostHog's host?".to_owned(),
        text => text.chars().take(TOLD).collect(),
    };
    let about_key = ["api_key", "API key", "token"].iter().any(|word| told.contains(word));
    match answer.status() {
        200..=299 => Ok(answer),
        status @ (400 | 401) if status == 401 || about_key => {
            Err(Failure::discard(format!("credentials.api_key was refused by PostHog ({status}): {told}")))
        }
        402 => Err(Failure::discard(format!("the project has reached its billing limit at PostHog (402): {told}"))),
        413 => {
            Err(Failure::discard(format!("the event is too large for PostHog (413): {told}; send a smaller payload")))
        }
        429 if told.contains("billing") => {
            Err(Failure::discard(format!("the project has reached its billing limit at PostHog (429): {told}")))
        }
        status @ (400 | 403..=407 | 409 | 411..=428) => {
            Err(Failure::discard(format!("PostHog refused the request ({status}): {told}")))
        }
        _ => answer.ok().map_err(|failure| failure.map_reason(|line| format!("PostHog answers {line}: {told}"))),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// A UUID (version 8, RFC 9562) that is always the same for these parts and no others, so that PostHog keeps what comes
/// twice once. A part may hold line breaks, so those within it are told from those between two.
fn uuid(parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| part.replace('\\', r"\\").replace('\n', r"\n")).collect::<Vec<_>>();
    let hash = digest(&SHA256, parts.join("\n").as_bytes());
    let mut hex: Vec<char> =
        hash.as_ref()[..16].iter().flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>()).collect();
    (hex[12], hex[16]) = ('8', 'a');
    let part = |range: std::ops::Range<usize>| hex[range].iter().collect::<String>();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_of_a_captured_event_is_always_the_same() {
        let first = uuid(&["sale", "evt_1"]);
        assert_eq!(first, uuid(&["sale", "evt_1"]));
        assert_ne!(first, uuid(&["sale", "evt_2"]));
        assert_ne!(first, uuid(&["$identify", "evt_1"]));
        assert_ne!(uuid(&["a\nb", "c"]), uuid(&["a", "b\nc"]));
        assert_ne!(uuid(&["a\nb"]), uuid(&["a\\nb"]));
        assert_eq!(first.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }

    #[test]
    fn a_page_of_a_cloud_leads_to_where_it_takes_requests() {
        for (url, expected) in [
            ("https://eu.posthog.com/project/12", "https://eu.i.posthog.com"),
            ("https://app.posthog.com", HOST),
            ("https://us.i.posthog.com/", HOST),
            ("https://ph.north.example/ingest/", "https://ph.north.example/ingest"),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
