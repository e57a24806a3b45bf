//! What services send to the addresses of extension records: stored with the events that it becomes, in one transaction,
//! and answered after that. Sent again, it is answered the same and makes nothing new.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::owner_event::owner_event;
use crate::access::{Caller, Right};
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{self, NewEvent};
use crate::db::inbound::{self, Address, InboundExtension, NewDelivery, NewNotice};
use crate::documents;
use crate::error::{Error, Result};
use crate::handler::{DEPTH_HEADER, Delivery, Entry, Notice, Received, Refusal, signature};
use crate::ids;
use crate::nesting;
use crate::queue::wake::Work;
use crate::secrets::token_hash;
use crate::state::AppState;
use crate::triggers::Name;

/// The most bytes of a service's own id that are kept as they are; longer ones are kept as their hash.
const LONGEST_ID: usize = 255;

/// What was sent to an address.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The extension record that the address names.
    pub extension_id: i64,
    /// Names, in lower case, and values of the headers.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Bytes,
}

impl Sent {
    /// How many events led to it, as the delivery of one of them says that led here.
    fn depth(&self) -> u32 {
        let depth = self.headers.iter().find(|(name, _)| name == DEPTH_HEADER);
        depth.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is stored, as far as it was new.
    Stored {
        /// What it tells of.
        received: usize,
        /// How much of that was not told before.
        new: usize,
        /// How many events were made of it.
        events: usize,
    },
    /// The service wants this text back.
    Challenge(String),
}

/// An address, for those who may know it.
#[derive(Debug, Clone)]
pub struct OpenAddress {
    /// The path to send to: `/hooks/17/…`.
    pub path: String,
    /// The record's key.
    pub key: String,
    /// What was refused there.
    pub address: Address,
}

/// An address that takes deliveries.
pub struct Open {
    found: InboundExtension,
    entry: Arc<Entry>,
}

/// Finds the address of the extension record `id` with this secret part: what is sent is read only then.
///
/// Fails with [`Error::NotFound`] when there is no such address, whatever of it is wrong, and with [`Error::Conflict`] when
/// its record is switched off, so that the service sends again later.
pub async fn find_open(state: &AppState, id: i64, token: &str) -> Result<Open> {
    let found = state.db.read(move |conn| inbound::find_extension(conn, id)).await?.ok_or(Error::NotFound)?;
    let entry = entry(state, &found.key).ok_or(Error::NotFound)?;
    let expected = open_token(state, id, found.address.as_ref())?.ok_or(Error::NotFound)?;
    // Hashes are compared, so the time that takes tells nothing about the token.
    if token_hash(&expected) != token_hash(token) {
        return Err(Error::NotFound);
    }
    if !found.active {
        return Err(Error::Conflict("the extension record is switched off".into()));
    }
    Ok(Open { found, entry })
}

/// Takes what was sent to an address.
///
/// Fails with [`Error::Unauthorized`] when it may not be the service's own. Nothing is stored then.
pub async fn take(state: &Arc<AppState>, Open { found, entry }: Open, sent: Sent) -> Result<Taken> {
    let (id, entry) = (sent.extension_id, &*entry);
    let now = state.clock.now();
    match receive(state, entry, &found, &sent, now)? {
        Err(refusal) => {
            note(state, &found.key, id, refusal).await;
            Err(Error::Unauthorized { message: refusal.0, hint: None })
        }
        Ok(Received::Challenge(text)) => Ok(Taken::Challenge(text)),
        Ok(Received::Notices(notices)) => {
            let delivery = delivery(entry, &sent, now)?;
            store(state, (found.owner_field, found.owner_id), sent.depth(), (delivery, notices)).await
        }
    }
}

/// The address of an extension record; it is made when it is first asked for, and made `anew` on demand: the old one leads
/// nowhere from then on.
///
/// Fails with [`Error::Forbidden`] unless the caller may change what holds the record, with [`Error::NotFound`] when there
/// is none, and with [`Error::Application`] when its handler takes nothing.
pub async fn address(state: &Arc<AppState>, caller: &Caller, id: i64, anew: bool) -> Result<OpenAddress> {
    let found = find_for(state, caller, id).await?;
    if entry(state, &found.key).is_none() {
        return Err(Error::Application(format!("{} takes nothing from outside", found.key)));
    }
    let address = match found.address {
        Some(address) if !anew => address,
        _ => {
            let token = state.sealer.seal(&ids::secret(&*state.random), &inbound::token_place(id), &*state.random)?;
            let keep = move |conn: &mut Conn| {
                inbound::keep_token(conn, id, &token, anew)?;
                inbound::find_extension(conn, id)
            };
            state.db.write(keep).await?.and_then(|found| found.address).ok_or(Error::NotFound)?
        }
    };
    let token = open_token(state, id, Some(&address))?.ok_or(Error::NotFound)?;
    Ok(OpenAddress { path: format!("/hooks/{id}/{token}"), key: found.key, address })
}

/// The extension record with this id, for a caller who may change what holds it.
///
/// Fails with [`Error::Forbidden`] when the caller may not, and with [`Error::NotFound`] when there is none.
pub async fn find_for(state: &AppState, caller: &Caller, id: i64) -> Result<InboundExtension> {
    caller.access.require_somewhere(Right::Extensions, state.catalog)?;
    let found = state.db.read(move |conn| inbound::find_extension(conn, id)).await?.ok_or(Error::NotFound)?;
    caller.access.require_at(Right::Extensions, state.catalog, &found.owner_field)?;
    Ok(found)
}

fn entry(state: &AppState, key: &str) -> Option<Arc<Entry>> {
    state.handlers.find(key).filter(|entry| entry.is_inbound()).map(Arc::clone)
}

fn open_token(state: &AppState, id: i64, address: Option<&Address>) -> Result<Option<String>> {
    address.map(|address| state.sealer.open(&address.token, &inbound::token_place(id))).transpose()
}

/// What the record's handler makes of what was sent.
fn receive(
    state: &AppState,
    entry: &Entry,
    extension: &InboundExtension,
    sent: &Sent,
    now: Millis,
) -> Result<Result<Received, Refusal>> {
    let record = (sent.extension_id, &*extension.key);
    let found = documents::verifying_credentials(state, entry, record, extension.credentials.as_deref());
    let Ok(credentials) = found else {
        return Ok(Err(Refusal("the extension record's credentials cannot be used as they are")));
    };
    let config = extension.config.as_deref().map_or(Ok(Value::Null), nesting::read)?;
    let delivery = Delivery { headers: &sent.headers, body: &sent.body, now };
    Ok(entry.receive(&delivery, config, credentials))
}

/// Counts a refusal; once a minute the log and the record's address tell of them.
async fn note(state: &AppState, key: &str, id: i64, Refusal(reason): Refusal) {
    let now = state.clock.now();
    let Some(count) = state.queue.refusals.add(id, now) else { return };
    log::warn!("deliveries to extension record {id} ({key}) were refused: {count}, the last because {reason}");
    let noted = state.db.write(move |conn| inbound::note_refusals(conn, id, count, (now, reason))).await;
    if let Err(error) = noted {
        log::error!("refused deliveries to extension record {id} could not be noted: {error}");
    }
}

fn delivery(entry: &Entry, sent: &Sent, received_at: Millis) -> Result<NewDelivery> {
    let kept = |name: &str| name == "content-type" || entry.kept_headers().contains(&name);
    let headers = sent.headers.iter().filter(|(name, _)| kept(name));
    let headers: Map<String, Value> = headers.map(|(name, value)| (name.clone(), json!(value))).collect();
    let text = std::str::from_utf8(&sent.body).ok().filter(|text| !text.contains('\0'));
    Ok(NewDelivery {
        extension_id: sent.extension_id,
        received_at,
        headers: serde_json::to_string(&headers)?,
        body: text.map_or_else(|| STANDARD.encode(&sent.body), str::to_owned),
        is_base64: text.is_none(),
    })
}

async fn store(
    state: &Arc<AppState>,
    owner: (String, i64),
    depth: u32,
    (delivery, mut notices): (NewDelivery, Vec<Notice>),
) -> Result<Taken> {
    notices.iter_mut().filter(|notice| notice.id.len() > LONGEST_ID).for_each(shorten);
    let (received, id, now) = (notices.len(), delivery.extension_id, delivery.received_at);
    let ids: Vec<_> = notices.iter().map(|notice| notice.id.clone()).collect();
    let look = move |conn: &mut Conn| {
        let known: HashSet<_> = inbound::find_known(conn, id, ids)?.into_iter().collect();
        Ok((known, owner_event(conn, &owner, id)?.ok_or(Error::NotFound)?))
    };
    let (known, about) = state.db.read(look).await?;
    let about = NewEvent { occurred_at: now, depth, ..about };
    let fresh = (0..).zip(notices).filter(|(_, notice)| !known.contains(&notice.id));
    let (mut rows, mut told) = (Vec::new(), Vec::new());
    for (place, Notice { id, kind, trigger, payload }) in fresh {
        let uid = ids::sortable("evt", now, &*state.random);
        rows.push(NewNotice { id, place, kind, event_uid: trigger.is_some().then(|| uid.clone()) });
        let event = |trigger: Name| {
            let (trigger, payload) = (trigger.as_str().to_owned(), Some(payload));
            (place, NewEvent { uid, trigger, payload, ..about.clone() })
        };
        told.extend(trigger.map(event));
    }
    if rows.is_empty() {
        return Ok(Taken::Stored { received, new: 0, events: 0 });
    }
    let insert = move |conn: &mut Conn| {
        let new: HashSet<i64> = inbound::insert(conn, &delivery, rows.clone())?.into_iter().collect();
        let told = told.iter().filter(|(place, _)| new.contains(place));
        let told: Vec<NewEvent> = told.map(|(_, event)| event.clone()).collect();
        events::insert(conn, &told)?;
        Ok(Taken::Stored { received, new: new.len(), events: told.len() })
    };
    let taken = state.db.write(insert).await?;
    state.wake_runner(Work::Events);
    Ok(taken)
}

fn shorten(notice: &mut Notice) {
    notice.id = format!("sha256:{}", signature::to_hex(digest(&SHA256, notice.id.as_bytes()).as_ref()));
}
