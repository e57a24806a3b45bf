//! Mail by SendGrid: a dynamic template with data, or a plain letter where the record names no template.
//!
//! SendGrid has no idempotency key. This is what keeps people from getting a mail twice:
//! - What was accepted is remembered in the record's `meta` under what it is about, an order or a subscriber. A replay, or
//!   a second event about the same, sends nothing. Runs that can be about the same wait for each other.
//! - An answer that refuses (4xx, 5xx) means that nothing was accepted: trying again doubles nothing.
//! - A lost answer leaves it open. It is tried again, since a confirmation that never comes does more harm than one that
//!   comes twice; but all mails about the same carry the same `Message-ID`, by which mailboxes know them for one message.
//!   The run's id is in `custom_args`, by which the event webhook's events can be told apart.
//!
//! A `batch_id` would not help: it cancels only what is scheduled for later, and the second attempt does not know it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::{Credentials, Email, PlainEmail, SendGrid};
use crate::clock::iso;
use crate::commerce::{Customer, Shop};
use crate::handler::{Done, Event, ExtensionContext, Failure, Outcome};
use crate::triggers::MANUAL;

/// What a person should look at when mail is refused.
const ADVICE: super::Advice = &[
    (403, "The key needs the permission Mail Send, and config.from_email must be a sender that is verified there"),
    (404, "The record's url must be SendGrid's API, such as https://api.eu.sendgrid.com, or empty"),
    (413, "SendGrid takes mail of up to 30 MB, all data of the template included"),
];

/// What `meta` remembers of a mail.
const MEMORY: &str = "mail";

/// Makes the config of a handler that sends mail: its own fields, and those that all have. `mail` gives the latter.
macro_rules! mail_config {
    ($(#[$about:meta])* pub struct Config { $($(#[$described:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(serde::Deserialize, utoipa::ToSchema)]
        pub struct Config {
            $($(#[$described])* $field: $type,)*
            /// Whom mail comes from: a sender that is verified at SendGrid.
            #[schema(value_type = String, format = Email, example = "hello@north.example")]
            from_email: $crate::services::sendgrid::Email,
            /// The name that mail comes under; the store's if not set.
            from_name: Option<String>,
            /// Where answers go; to the sender if not set.
            #[serde(default, deserialize_with = "crate::services::form::optional")]
            #[schema(value_type = Option<String>, format = Email)]
            reply_to: Option<$crate::services::sendgrid::Email>,
            /// The dynamic template to fill, such as d-f43daeeaef504760851f727007e0b5d0. Without one, a plain letter is sent.
            template_id: Option<String>,
            /// The subject of a plain letter in place of its own; templates find it as subject.
            subject: Option<String>,
            /// What the store is called in mail; its title if not set.
            store_name: Option<String>,
            /// The store's page; the first of its URLS if not set.
            store_url: Option<String>,
            /// The categories that SendGrid counts mail under; the handler's own if empty.
            #[serde(default)]
            #[schema(max_items = 10)]
            categories: Vec<String>,
            /// The unsubscribe group that mail belongs to, by its number.
            #[schema(minimum = 1)]
            unsubscribe_group: Option<u64>,
            /// Whether SendGrid only checks mail and delivers none.
            #[serde(default)]
            sandbox: bool,
            /// Who gets the mail of test events. If not set, SendGrid only checks it and nobody gets it.
            #[serde(default, deserialize_with = "crate::services::form::optional")]
            #[schema(value_type = Option<String>, format = Email)]
            test_to: Option<$crate::services::sendgrid::Email>,
        }

        impl Config {
            fn mail(&self) -> $crate::services::sendgrid::Settings<'_> {
                let told = |text| $crate::services::form::filled(Option::as_deref(text));
                $crate::services::sendgrid::Settings {
                    from: &self.from_email,
                    from_name: told(&self.from_name),
                    reply_to: self.reply_to.as_ref(),
                    template_id: told(&self.template_id),
                    subject: told(&self.subject),
                    store: (told(&self.store_name), told(&self.store_url)),
                    categories: &self.categories,
                    unsubscribe_group: self.unsubscribe_group,
                    sandbox: self.sandbox,
                    test_to: self.test_to.as_ref(),
                }
            }
        }
    };
}
pub(crate) use mail_config;

/// What a record's config says of its mail; see `mail_config!`.
pub struct Settings<'a> {
    /// The sender.
    pub from: &'a Email,
    /// The sender's name.
    pub from_name: Option<&'a str>,
    /// Where answers go.
    pub reply_to: Option<&'a Email>,
    /// The dynamic template.
    pub template_id: Option<&'a str>,
    /// The subject, in place of the letter's own.
    pub subject: Option<&'a str>,
    /// The store's name and page, in place of what the event tells.
    pub store: (Option<&'a str>, Option<&'a str>),
    /// What mail is counted under.
    pub categories: &'a [String],
    /// The unsubscribe group.
    pub unsubscribe_group: Option<u64>,
    /// Whether nothing is delivered.
    pub sandbox: bool,
    /// Who gets the mail of test events.
    pub test_to: Option<&'a Email>,
}

/// A mail, ready to be sent.
pub struct Mail {
    /// Who gets it, each by themselves, with a name where one is known.
    pub to: Vec<(Email, Option<String>)>,
    /// What a template is filled with.
    pub data: Map<String, Value>,
    /// What is sent where there is no template.
    pub plain_email: PlainEmail,
    /// What it is about: about the same, a record sends one mail.
    pub about: String,
    /// What it is counted under if the config does not say.
    pub category: &'static str,
    /// The link by which who gets it gets no more of its kind; mailboxes show it as a button (RFC 8058).
    pub unsubscribe_url: Option<String>,
}

impl Settings<'_> {
    /// The store of `event`, as mail names it.
    pub fn shop(&self, event: &Event) -> Shop {
        let told = Shop::of(event);
        let (name, url) = (self.store.0.map(str::to_owned), self.store.1.map(str::to_owned));
        let title = name.or(told.title).or_else(|| self.from_name.map(str::to_owned)).or_else(|| told.slug.clone());
        Shop { title: title.or_else(|| Some(self.from.domain().to_owned())), url: url.or(told.url), ..told }
    }
}

/// What every template finds: who is written to, which store writes, and what happened.
pub fn data(event: &Event, shop: &Shop, person: &Customer) -> Map<String, Value> {
    let data = json!({
        "first_name": person.first_name().unwrap_or_default(),
        "last_name": person.last_name().unwrap_or_default(),
        "name": person.name.as_deref().unwrap_or_default(),
        "email": person.email.as_deref().unwrap_or_default(),
        "store": shop,
        "event": {"id": event.id, "trigger": event.trigger, "occurredAt": iso(event.occurred_at)},
        "payload": event.payload,
        "test": event.test,
    });
    match data {
        Value::Object(data) => data,
        _ => Map::new(),
    }
}

/// The person's address and name; someone without an address, or with one that cannot be, is discarded with a reason.
pub fn recipient(person: &Customer) -> Result<(Email, Option<String>), Failure> {
    let email = Email::try_from(person.email()?.to_owned()).map_err(Failure::discard)?;
    Ok((email, person.name.as_deref().map(in_one_line)))
}

/// Sends `mail`, unless the record has sent one about the same before. The mail of a test event goes to
/// `settings.test_to`, or is only checked.
pub async fn send<C>(context: &ExtensionContext<C, Credentials>, settings: &Settings<'_>, mail: Mail) -> Outcome {
    let event = &*context.event;
    if let Some(before) = context.external_id(MEMORY, &mail.about).filter(|_| !is_by_hand(event)) {
        let message = format!("nothing sent: SendGrid has accepted a mail about {} before", mail.about);
        return Ok(Done::new(message).with_data(json!({"messageId": before})));
    }
    let sendgrid = SendGrid::of(context)?;
    let to = match settings.test_to {
        Some(tester) if event.test => vec![(tester.clone(), None)],
        _ => mail.to.clone(),
    };
    let sandbox = settings.sandbox || (event.test && settings.test_to.is_none());
    let body = body(context, settings, (&mail, &to), sandbox);
    let answer = sendgrid.done(Method::POST, "/v3/mail/send", Some(&body), ADVICE).await?;
    let id = answer.header("x-message-id").unwrap_or_default().to_owned();
    let sent_to: Vec<_> = to.iter().map(|(email, _)| email.as_str()).collect();
    let told = json!({"messageId": id, "to": sent_to, "sandbox": sandbox});
    match answer.status() {
        200 | 202 if sandbox => {
            Ok(Done::new("SendGrid finds the mail right; nobody gets it, since it went to the sandbox").with_data(told))
        }
        202 => {
            let known = if id.is_empty() { json!(context.run.id) } else { json!(id) };
            let done = Done::new(format!("mail to {} accepted", sent_to.join(", "))).with_data(told);
            Ok(if event.test { done } else { done.with_external_id(&context.meta, MEMORY, &mail.about, known) })
        }
        _ => Err(Failure::retry(format!(
            "{} came from something else than SendGrid, which accepts mail with 202; is the record's url right?",
            answer.line()
        ))),
    }
}

/// Whether a person wants this mail, sent before or not.
fn is_by_hand(event: &Event) -> bool {
    event.test || event.trigger == MANUAL
}

/// What mailboxes know the mail by: the same for whatever the store sends in the same way about the same, unless a person
/// wants it once more.
fn message_id<C>(context: &ExtensionContext<C, Credentials>, settings: &Settings<'_>, mail: &Mail) -> String {
    let event = &*context.event;
    let store = event.store.as_ref().map_or(&event.target.document_id, |store| &store.document_id);
    let way = (mail.category, settings.from, settings.template_id, settings.subject);
    let run = is_by_hand(event).then(|| context.run.idempotency_key());
    let hash = digest(&SHA256, json!([store, mail.about, way, run]).to_string().as_bytes());
    format!("<{}@{}>", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]), settings.from.domain())
}

fn body<C>(
    context: &ExtensionContext<C, Credentials>,
    settings: &Settings<'_>,
    (mail, to): (&Mail, &[(Email, Option<String>)]),
    sandbox: bool,
) -> Value {
    let event = &*context.event;
    let subject = in_one_line(settings.subject.unwrap_or(mail.plain_email.subject()));
    let subject = if event.test { format!("Test: {subject}") } else { subject };
    let mut data = mail.data.clone();
    data.insert("subject".into(), json!(subject));
    data.insert("unsubscribe_url".into(), json!(mail.unsubscribe_url));
    let to_each = to.iter().map(|(email, name)| {
        let mut one = json!({"to": [person(email, name.as_deref())]});
        if settings.template_id.is_some() {
            one["dynamic_template_data"] = json!(data);
        }
        one
    });
    let title = mail.data.get("store").and_then(|store| store["title"].as_str());
    let own = [mail.category.to_owned()];
    let mut body = json!({
        "personalizations": to_each.collect::<Vec<_>>(),
        "from": person(settings.from, settings.from_name.or(title)),
        "headers": {"Message-ID": message_id(context, settings, mail)},
        "categories": if settings.categories.is_empty() { &own } else { settings.categories },
        "custom_args": custom_args(event, &context.run.id),
    });
    match settings.template_id {
        Some(template) => body["template_id"] = json!(template),
        None => {
            body["subject"] = json!(subject);
            let (plain, html) = (mail.plain_email.plain(), mail.plain_email.html());
            // In this order, or SendGrid refuses it.
            body["content"] = json!([{"type": "text/plain", "value": plain}, {"type": "text/html", "value": html}]);
        }
    }
    if let Some(url) = &mail.unsubscribe_url {
        body["headers"]["List-Unsubscribe"] = json!(format!("<{url}>"));
        body["headers"]["List-Unsubscribe-Post"] = json!("List-Unsubscribe=One-Click");
    }
    if let Some(email) = settings.reply_to {
        body["reply_to"] = person(email, None);
    }
    if let Some(group) = settings.unsubscribe_group {
        body["asm"] = json!({"group_id": group});
    }
    if sandbox {
        body["mail_settings"] = json!({"sandbox_mode": {"enable": true}});
    }
    body
}

/// What SendGrid's event webhook brings back with each event about the mail. They must all be texts.
fn custom_args(event: &Event, run: &str) -> Value {
    let mut args = json!({"event_id": event.id, "run_id": run, "trigger": event.trigger});
    if let Some(store) = &event.store {
        args["store"] = json!(store.document_id);
    }
    if event.test {
        args["test"] = json!("true");
    }
    args
}

fn person(email: &Email, name: Option<&str>) -> Value {
    match name.map(in_one_line).filter(|name| !name.is_empty()) {
        Some(name) => json!({"email": email, "name": name}),
        None => json!({"email": email}),
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
