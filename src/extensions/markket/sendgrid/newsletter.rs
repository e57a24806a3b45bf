//! `markket:sendgrid:newsletter`: keeps subscribers on SendGrid's marketing lists.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::clock::{Millis, iso};
use crate::commerce::{Customer, former_address, is_subscribed};
use crate::handler::{Context, Descriptor, Done, Event, Failure, Handler, Ordering, Outcome, SetupCheck};
use crate::services::sendgrid::{Contact, Credentials, Email, Entry, ListId, SendGrid, at_least_one};

/// What `meta` remembers of a subscriber.
const MEMORY: &str = "sync";
/// The fields of a subscriber that this handler sets. A change of these alone is its own, and no news.
const OWN: [&str; 4] = ["sendgrid_contact_id", "sendgrid_list_ids", "sync_status", "last_synced_at"];
/// How long a job of SendGrid's is given before it is asked after again, after the first attempt and the second. It may
/// take hours: from then on the usual schedule says, so that the attempts last for a day.
const JOB: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(5 * 60)];

/// The handler.
pub struct Newsletter;

/// Where subscribers are kept.
#[derive(Deserialize, ToSchema)]
pub struct Config {
    /// The ids of the lists that subscribers are on. They leave these, and no others, when they unsubscribe.
    #[serde(deserialize_with = "at_least_one")]
    #[schema(value_type = Vec<String>, min_items = 1, example = json!(["199abb98-0af3-4a8d-b371-6811ff85d062"]))]
    list_ids: Vec<ListId>,
    /// Whether only those are added whose address was verified (EmailVerified).
    #[serde(default)]
    verified_only: bool,
}

/// What was last done for a subscriber.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    /// When what was done had happened: an event that is older comes too late.
    at: Millis,
    /// The job that adds the contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

impl Handler for Newsletter {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:sendgrid:newsletter",
            name: "SendGrid newsletter",
            description: "Keeps subscribers on SendGrid's marketing lists; the url is SendGrid's API, https://api.sendgrid.com if empty.",
            category: "email",
            icon: ICON,
            default_triggers: &["trigger:new_subscriber", "trigger:subscriber_*"],
            has_test: true,
            // What is remembered of a subscriber is the latest only if one run after the other tells of them.
            ordering: Ordering::Target,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let event = &*context.event;
        if event.target.type_name != "subscriber" {
            return Err(Failure::discard(format!(
                "a {} is on no list: trigger:new_subscriber and trigger:subscriber_* make sense here",
                event.target.type_name
            )));
        }
        if is_own(event) {
            return Ok(Done::new("nothing to tell SendGrid: only what it said was noted"));
        }
        let memory = memory(&context);
        if memory.at > event.occurred_at {
            return Ok(Done::new("nothing to tell SendGrid: it knows of a later change of this subscriber"));
        }
        let email = Customer::of(event).email()?.to_owned();
        Email::try_from(email.clone()).map_err(Failure::discard)?;
        if event.test {
            let names = list_names(&context).await?;
            return Ok(Done::new(format!("SendGrid has {names}; a test changes nobody's subscription")));
        }
        match is_subscribed(event) && !(context.config.verified_only && context.entity()["EmailVerified"].is_null()) {
            true => add(&context, &email).await,
            false => remove(&context, &email, memory).await,
        }
    }

    /// Asks for the lists, which changes nothing.
    async fn test(&self, context: Context<Self>) -> Outcome {
        Ok(Done::new(format!("SendGrid knows the key, and has {}", list_names(&context).await?)))
    }
}

/// Adds the subscriber to the lists, and takes from them the address that it had before.
async fn add(context: &Context<Newsletter>, email: &str) -> Outcome {
    let (event, lists) = (&*context.event, &context.config.list_ids);
    let sendgrid = SendGrid::of(context)?;
    let person = Customer::of(event);
    let entry = Entry {
        email: email.to_owned(),
        first_name: person.first_name().map(str::to_owned),
        last_name: person.last_name().map(str::to_owned),
    };
    let job = sendgrid.upsert(&entry, lists).await?;
    if let Some(former) = former_address(event, email)
        && let Some(contact) = sendgrid.find(former).await?
    {
        take_from_lists(&sendgrid, &contact, lists).await?;
    }
    let contact = sendgrid.find(email).await?;
    let known =
        contact.as_ref().map_or_else(|| texts(&context.entity()["sendgrid_list_ids"]), |it| it.list_ids.clone());
    let missing = lists.iter().map(|list| list.as_str().to_owned()).filter(|list| !known.contains(list));
    let on: Vec<String> = known.iter().cloned().chain(missing).collect();
    let message = match &contact {
        Some(contact) => format!("{email} is contact {} of SendGrid", contact.id),
        None => format!("{email} is being added; SendGrid names the contact later"),
    };
    let done = Done::new(message).with_data(json!({"jobId": job}));
    let done = synced(done, context, "synced", on);
    let done = match contact {
        Some(contact) => done.with_change("sendgrid_contact_id", contact.id),
        None => done,
    };
    Ok(remember(done, context, job))
}

/// Takes the subscriber from the lists. While SendGrid is still adding the contact, that would be undone.
async fn remove(context: &Context<Newsletter>, email: &str, memory: Memory) -> Outcome {
    let (event, lists) = (&*context.event, &context.config.list_ids);
    let sendgrid = SendGrid::of(context)?;
    if let Some(job) = &memory.job
        && sendgrid.is_pending(job).await?
    {
        let reason = format!("SendGrid is still adding {email} (job {job}): it can be taken from the lists after that");
        let tries = usize::try_from(context.run.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        return Err(Failure::Retry { reason, after: JOB.get(tries).copied() });
    }
    let mut left = texts(&context.entity()["sendgrid_list_ids"]);
    for address in [Some(email), former_address(event, email)].into_iter().flatten() {
        let Some(contact) = sendgrid.find(address).await? else { continue };
        take_from_lists(&sendgrid, &contact, lists).await?;
        if address == email {
            left = contact.list_ids;
        }
    }
    left.retain(|list| lists.iter().all(|ours| ours.as_str() != list));
    let done = Done::new(format!("{email} is on none of the lists"));
    if event.trigger == "trigger:subscriber_deleted" {
        return Ok(remember(done, context, None));
    }
    // Whoever only has to verify the address is still to come.
    let status = match is_subscribed(event) {
        true => "pending",
        false if left.is_empty() => "unsubscribed",
        false => "synced",
    };
    Ok(remember(synced(done, context, status, left), context, None))
}

async fn take_from_lists(sendgrid: &SendGrid<'_>, contact: &Contact, lists: &[ListId]) -> Result<(), Failure> {
    let is_on = |list: &ListId| contact.list_ids.iter().any(|on| on == list.as_str());
    for (place, list) in lists.iter().enumerate().filter(|(_, list)| is_on(list)) {
        sendgrid.remove(contact, place, list).await?;
    }
    Ok(())
}

/// What the subscriber's document shall show.
fn synced(done: Done, context: &Context<Newsletter>, status: &str, lists: Vec<String>) -> Done {
    done.with_change("sync_status", status)
        .with_change("sendgrid_list_ids", lists)
        .with_change("last_synced_at", iso(context.clock.now()))
}

fn remember(done: Done, context: &Context<Newsletter>, job: Option<String>) -> Done {
    let memory = Memory { at: context.event.occurred_at, job };
    done.with_external_id(&context.meta, MEMORY, &context.event.target.document_id, json!(memory))
}

fn memory(context: &Context<Newsletter>) -> Memory {
    let found = context.external_id(MEMORY, &context.event.target.document_id);
    found.and_then(|found| Memory::deserialize(found).ok()).unwrap_or_default()
}

async fn list_names(context: &Context<Newsletter>) -> Result<String, Failure> {
    let sendgrid = SendGrid::of(context)?;
    let mut names = Vec::new();
    for (place, list) in context.config.list_ids.iter().enumerate() {
        names.push(sendgrid.list_name(place, list).await?);
    }
    Ok(format!("the lists {}", names.join(", ")))
}

/// Whether an extension record caused the event, and nothing changed but what this handler sets: to answer it with another
/// such change would go on for ever. An editor who changes these asks for it.
fn is_own(event: &Event) -> bool {
    let changes = event.changes.as_ref().and_then(|changes| changes.as_object());
    let is_own = |path: &String| OWN.contains(&path.split(['.', '[']).next().unwrap_or_default());
    event.actor.starts_with("extension:") && changes.is_some_and(|changes| changes.keys().all(is_own))
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M4 4h12v16H6a2 2 0 0 1-2-2zM16 9h4v9a2 2 0 0 1-2 2h-2"/><path d="M7 8h6M7 12h6M7 16h4"/></svg>"#;
