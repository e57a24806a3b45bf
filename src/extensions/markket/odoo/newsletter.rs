//! `markket:odoo:newsletter`: subscribers are on a mailing list of Odoo, as long as they want to be.

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::described;
use crate::clock::iso;
use crate::commerce::{Customer, former_address, is_subscribed};
use crate::handler::{Context, Descriptor, Done, Event, Failure, Handler, Ordering, Outcome, SetupCheck};
use crate::services::form::filled;
use crate::services::odoo::{Credentials, Odoo, Protocol, Row, Search, Versions, differing};

const CONTACT: &str = "mailing.contact";
const SUBSCRIPTION: &str = "mailing.subscription";

/// The handler.
pub struct Newsletter(pub Versions);

/// Which list.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct Config {
    /// The name of the mailing list in Odoo.
    #[schema(example = "Newsletter")]
    list: Option<String>,
    /// The list's id in Odoo, in place of its name.
    #[schema(minimum = 1)]
    list_id: Option<i64>,
    /// Which language Odoo speaks: `auto` asks it for its version.
    #[schema(inline)]
    protocol: Protocol,
}

/// What the subscriber wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// To be on the list, whatever was before.
    Join,
    /// To be on the list, unless they left it there.
    Stay,
    /// To be off it.
    Leave,
}

impl Handler for Newsletter {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:odoo:newsletter",
            name: "Odoo newsletter",
            description: "Adds subscribers to a mailing list in Odoo, and opts out who unsubscribes.",
            default_triggers: &[
                "trigger:new_subscriber",
                "trigger:subscriber_updated",
                "trigger:subscriber_unsubscribed",
                "trigger:subscriber_deleted",
            ],
            icon: ICON,
            ordering: Ordering::Target,
            ..described()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(config.protocol, check);
        if let Err(failure) = asked(config) {
            check.config("list", failure.reason());
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let (event, own) = (&*context.event, &*context.event.target.document_id);
        let mut wish = wish(event)?;
        if is_own_note(event) {
            return Ok(Done::new("only how it stands elsewhere was noted: nothing for the list"));
        }
        if context.is_overtaken(own) {
            return Ok(Done::new("nothing for the list: it knows of a later change of this subscriber"));
        }
        // Replayed: whoever left by a mail's link since then does not come back by it.
        if wish == Wish::Join && context.as_of(own) == Some(event.occurred_at) {
            wish = Wish::Stay;
        }
        let customer = Customer::of(event);
        let email = customer.email.as_deref();
        let email = email.ok_or_else(|| Failure::discard("the subscriber has no Email to put on the list"))?;
        let odoo = Odoo::open(&context, context.config.protocol, &self.0).await?;
        let list = find_list(&odoo, &context.config).await?;
        if event.test {
            return Ok(Done::new(format!("Odoo has the list {list}; a sample changes nobody's subscription")));
        }
        let known = context.external_id("contact", own).and_then(Value::as_i64);
        // One attempt at a time is at an address: what another one made while this one waited is taken.
        let lock = odoo.lock(CONTACT, &email.to_lowercase()).await?;
        let contacts = find_contacts(&odoo, email, former_address(event, email), known).await?;
        if wish == Wish::Leave {
            leave(&odoo, &contacts, list).await?;
            lock.release(None).await;
            let done = Done::new(format!("{email} is off the list")).with_as_of(&context.meta, own, event);
            return Ok(told(&context, done, "unsubscribed"));
        }
        let (contact, outcome) = match contacts.first() {
            None => (join(&odoo, email, customer.name.as_deref(), list).await?, "is new on the list"),
            Some(found) => {
                keep(&odoo, found, email, customer.name.as_deref()).await?;
                (found.id, stay(&odoo, found, list, wish).await?)
            }
        };
        lock.release(None).await;
        let status = if outcome == LEFT { "unsubscribed" } else { "synced" };
        let done = Done::new(format!("{email} {outcome}")).with_data(json!({"contactId": contact, "listId": list}));
        let done = done.with_external_id(&context.meta, "contact", own, contact).with_as_of(&context.meta, own, event);
        Ok(told(&context, done, status))
    }

    /// Whether the list is there is a part of it.
    async fn test(&self, context: Context<Self>) -> Outcome {
        let odoo = Odoo::open(&context, context.config.protocol, &self.0).await?;
        let line = odoo.prove().await?;
        let list = find_list(&odoo, &context.config).await?;
        Ok(Done::new(format!("{line}; the list {list} is there")))
    }
}

const LEFT: &str = "left the list in Odoo, and stays off it";

/// What the event says that the subscriber wants. Only who subscribes anew is taken off an opt-out: whoever left by a
/// mail's link must not come back because something else was changed.
fn wish(event: &Event) -> Result<Wish, Failure> {
    let short = event.trigger.trim_start_matches("trigger:");
    if event.target.type_name != "subscriber" {
        return Err(Failure::discard(format!(
            "{short} is about no subscriber: this is for new_subscriber, subscriber_updated, subscriber_verified, subscriber_unsubscribed and subscriber_deleted"
        )));
    }
    Ok(match short {
        _ if !is_subscribed(event) => Wish::Leave,
        "new_subscriber" | "subscriber_verified" => Wish::Join,
        // Subscribed again: the shop tells it as a change.
        _ if came_back(event) => Wish::Join,
        _ => Wish::Stay,
    })
}

fn came_back(event: &Event) -> bool {
    let Some(changes) = &event.changes else { return false };
    let went =
        |field: &str| changes.get(field).is_some_and(|change| !change["from"].is_null() && change["to"].is_null());
    let preferences = &changes["newsletter_preferences"];
    went("unsubscribed_at")
        || (changes["active"]["from"] == false && changes["active"]["to"] == true)
        || (preferences["from"]["subscribed"] == false && preferences["to"]["subscribed"] != false)
}

/// Whether nothing changed but what handlers note in a subscriber. They would answer each other's notes for ever.
fn is_own_note(event: &Event) -> bool {
    const NOTES: [&str; 5] = ["sync_status", "last_synced_at", "sendgrid_contact_id", "sendgrid_list_ids", "updatedAt"];
    let changed = event.changes.as_ref().and_then(|changes| changes.as_object());
    changed.is_some_and(|fields| !fields.is_empty() && fields.keys().all(|field| NOTES.contains(&field.as_str())))
}

/// Notes in the subscriber how it stands, as long as there is one, and where it is news.
fn told(context: &Context<Newsletter>, done: Done, status: &str) -> Done {
    let is_gone = context.trigger() == "trigger:subscriber_deleted";
    if is_gone || context.entity()["sync_status"] == status {
        return done;
    }
    done.with_change("sync_status", status).with_change("last_synced_at", iso(context.clock.now()))
}

/// Which list is asked for: Odoo's domain, and the same for people.
fn asked(config: &Config) -> Result<(Value, String), Failure> {
    match (config.list_id, filled(config.list.as_deref())) {
        (Some(id), _) => Ok((json!([["id", "=", id]]), format!("with the id {id}: correct config.list_id"))),
        (None, Some(name)) => Ok((json!([["name", "=", name]]), format!("called {name:?}: correct config.list"))),
        (None, None) => Err(Failure::discard("config.list or config.list_id must say which mailing list")),
    }
}

async fn find_list(odoo: &Odoo, config: &Config) -> Result<i64, Failure> {
    let (domain, asked) = asked(config)?;
    let search = Search { model: "mailing.list", domain, fields: &["name"], order: "id", limit: Some(1) };
    let found = odoo.search(search).await?.into_iter().next();
    let missing = || {
        Failure::discard(format!("Odoo has no mailing list {asked}, or make it there (Email Marketing, Mailing Lists)"))
    };
    found.map(|list| list.id).ok_or_else(missing)
}

/// The contacts with this address or the `former` one: Odoo allows for several. The remembered one comes first, then those
/// with the address of now.
async fn find_contacts(
    odoo: &Odoo,
    email: &str,
    former: Option<&str>,
    known: Option<i64>,
) -> Result<Vec<Row>, Failure> {
    let emails: Vec<_> = std::iter::once(email).chain(former).map(str::to_lowercase).collect();
    let by_email = json!(["email_normalized", "in", emails]);
    let domain = match known {
        Some(id) => json!(["|", ["id", "=", id], by_email]),
        None => json!([by_email]),
    };
    let search = Search { model: CONTACT, domain, fields: &["name", "email"], order: "id", limit: None };
    let mut found = odoo.search(search).await?;
    found.sort_by_key(|row| (Some(row.id) != known, !has_address(row, email)));
    Ok(found)
}

fn has_address(contact: &Row, email: &str) -> bool {
    contact.text("email").is_some_and(|told| told.trim().eq_ignore_ascii_case(email))
}

/// Writes into a contact that is there where mails go to now, and what the subscriber is called, if it stands there
/// otherwise.
async fn keep(odoo: &Odoo, contact: &Row, email: &str, name: Option<&str>) -> Result<(), Failure> {
    let email = Some(email).filter(|email| !has_address(contact, email));
    let wanted = [("email", email), ("name", name)];
    let wanted = wanted.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value?)))).collect();
    let changed = differing(contact, wanted);
    if changed.is_empty() { Ok(()) } else { odoo.write(CONTACT, &[contact.id], changed).await }
}

async fn join(odoo: &Odoo, email: &str, name: Option<&str>, list: i64) -> Result<i64, Failure> {
    let mut record = json!({"email": email, "list_ids": [[4, list]]});
    if let Some(name) = name {
        record["name"] = json!(name);
    }
    odoo.create(CONTACT, record).await
}

/// Puts a contact that is there on the list, if they want to be.
async fn stay(odoo: &Odoo, contact: &Row, list: i64, wish: Wish) -> Result<&'static str, Failure> {
    match subscriptions(odoo, std::slice::from_ref(contact), list).await?.first() {
        None => {
            odoo.create(SUBSCRIPTION, json!({"contact_id": contact.id, "list_id": list})).await?;
            Ok("was added to the list")
        }
        Some(subscription) if subscription.is("opt_out") && wish == Wish::Stay => Ok(LEFT),
        Some(subscription) if subscription.is("opt_out") => {
            odoo.write(SUBSCRIPTION, &[subscription.id], json!({"opt_out": false})).await?;
            Ok("is on the list again")
        }
        Some(_) => Ok("is on the list already"),
    }
}

/// Opts out; a contact that was never on the list is left alone.
async fn leave(odoo: &Odoo, contacts: &[Row], list: i64) -> Result<(), Failure> {
    if contacts.is_empty() {
        return Ok(());
    }
    let found = subscriptions(odoo, contacts, list).await?;
    let open: Vec<_> = found.iter().filter(|one| !one.is("opt_out")).map(|one| one.id).collect();
    if open.is_empty() { Ok(()) } else { odoo.write(SUBSCRIPTION, &open, json!({"opt_out": true})).await }
}

async fn subscriptions(odoo: &Odoo, contacts: &[Row], list: i64) -> Result<Vec<Row>, Failure> {
    let contacts: Vec<_> = contacts.iter().map(|row| row.id).collect();
    let domain = json!([["contact_id", "in", contacts], ["list_id", "=", list]]);
    odoo.search(Search { model: SUBSCRIPTION, domain, fields: &["opt_out"], order: "id", limit: None }).await
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M3 6h18v12H3zM3 7l9 6 9-6M7 21h10"/></svg>"#;
