//! Marketing contacts and the lists that they are on.
//!
//! SendGrid knows a contact by the address, so that adding one twice changes nothing; but it adds later than it answers: a
//! new contact cannot be found for some seconds up to minutes, and a job tells how far it is.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{ListId, SendGrid};
use crate::handler::Failure;

/// What a person should look at when a call is refused.
const ADVICE: super::Advice = &[
    (403, "The key needs the permission Marketing"),
    (404, "Is one of config.list_ids gone? And the record's url must be SendGrid's API, or empty"),
];

/// The longest names that SendGrid takes, in characters.
const NAME: usize = 50;

/// A contact to be added or changed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Entry {
    /// The address that it is known by.
    pub email: String,
    /// The first name; one that is there stays where none is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
}

/// A contact, as SendGrid knows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Contact {
    /// What SendGrid calls it.
    pub id: String,
    /// The lists that it is on.
    #[serde(default)]
    pub list_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    result: Map<String, Value>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    job_id: Option<String>,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct List {
    name: String,
}

impl SendGrid<'_> {
    /// Adds a contact to `lists`, or changes it. Returns the id of the job that will have done it.
    pub async fn upsert(&self, entry: &Entry, lists: &[ListId]) -> Result<Option<String>, Failure> {
        let cut = |name: &Option<String>| name.as_ref().map(|name| name.chars().take(NAME).collect::<String>());
        let entry =
            Entry { first_name: cut(&entry.first_name), last_name: cut(&entry.last_name), email: entry.email.clone() };
        let body = json!({"list_ids": lists, "contacts": [entry]});
        let answer = self.done(Method::PUT, "/v3/marketing/contacts", Some(&body), ADVICE).await?;
        Ok(answer.parse::<Job>()?.job_id)
    }

    /// The contact with this address, if it can be found already.
    pub async fn find(&self, email: &str) -> Result<Option<Contact>, Failure> {
        let email = email.to_lowercase();
        let path = "/v3/marketing/contacts/search/emails";
        let answer = self.ask(Method::POST, path, Some(&json!({"emails": [email]}))).await?;
        // So it answers when it finds none of those that it is asked for.
        if super::is_unknown(&answer) {
            return Ok(None);
        }
        let found: Found = self.understood(answer, ADVICE)?.parse()?;
        let contact = found.result.get(&email).and_then(|one| one.get("contact"));
        contact
            .map(|contact| {
                Contact::deserialize(contact)
                    .map_err(|error| Failure::retry(format!("SendGrid's contact cannot be read: {error}")))
            })
            .transpose()
    }

    /// Whether a job is still under way. One that SendGrid has forgotten is not.
    pub async fn is_pending(&self, job: &str) -> Result<bool, Failure> {
        let path = format!("/v3/marketing/contacts/imports/{}", super::segment(job));
        let answer = self.ask(Method::GET, &path, None).await?;
        if super::is_unknown(&answer) {
            return Ok(false);
        }
        Ok(self.understood(answer, ADVICE)?.parse::<State>()?.status == "pending")
    }

    /// Takes a contact from a list. That it is on none is believed of a list that is there; one that is gone is told of by
    /// its place in the config.
    pub async fn remove(&self, contact: &Contact, place: usize, list: &ListId) -> Result<(), Failure> {
        let (segment, id) = (super::segment(list.as_str()), super::segment(&contact.id));
        let path = format!("/v3/marketing/lists/{segment}/contacts?contact_ids={id}");
        let answer = self.ask(Method::DELETE, &path, None).await?;
        if super::is_unknown(&answer) {
            return self.list_name(place, list).await.map(drop);
        }
        self.understood(answer, ADVICE).map(drop)
    }

    /// The name of a list; a list that is gone is told of by its place in the config.
    pub async fn list_name(&self, place: usize, list: &ListId) -> Result<String, Failure> {
        let path = format!("/v3/marketing/lists/{}", super::segment(list.as_str()));
        let answer = self.ask(Method::GET, &path, None).await?;
        if super::is_unknown(&answer) {
            let reason = format!("config.list_ids[{place}]: SendGrid has no list {} (404)", list.as_str());
            return Err(Failure::discard(reason));
        }
        Ok(self.understood(answer, ADVICE)?.parse::<List>()?.name)
    }
}
