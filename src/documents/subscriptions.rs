//! Subscribing and unsubscribing, which storefronts do for visitors without a token. Whoever asks learns nothing of who
//! is known: the same is answered to all.
//!
//! A subscription is an address and a store. Each has a document of its own, so that leaving one store, or what a service
//! notes about the subscriber there, is no business of another.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::change::DocumentTransaction;
use super::lifecycle::{self, Change, ContentChange};
use crate::access::{Access, Caller, PublicAccess};
use crate::clock::{Millis, iso};
use crate::content::{self, Reference, Rules, STORE, SUBSCRIBER};
use crate::db::Conn;
use crate::db::documents::{self as rows, Subscriber};
use crate::error::{Error, Result};
use crate::ids;
use crate::links::Link;
use crate::queue::wake::Work;
use crate::state::AppState;

/// Who subscribes to what.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The address.
    pub email: String,
    /// The stores; published ones.
    pub stores: Vec<Reference>,
}

/// What becomes of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It is made, or made active again.
    Subscribe,
    /// It ends. One that is not there is as good as ended.
    Unsubscribe,
}

/// Subscribes or unsubscribes an address. Done again it changes nothing.
///
/// Fails with [`Error::Forbidden`] when the caller may not, with [`Error::Invalid`] when the address is none, and with
/// [`Error::NotFound`] when a store is not there or not published.
pub async fn subscribe(state: &Arc<AppState>, caller: Caller, asked: Subscription, wish: Wish) -> Result<()> {
    caller.access.require_subscribe(&SUBSCRIBER)?;
    let email = address(&asked.email)?;
    let shared = Arc::clone(state);
    let work = move |conn: &mut Conn| {
        let stores = |conn: &mut Conn| -> Result<Vec<i64>> {
            let find = |reference| rows::find_published(conn, &STORE, reference)?.ok_or(Error::NotFound);
            asked.stores.iter().map(find).collect()
        };
        let named = stores(conn)?;
        rows::lock_subscriptions(conn, &email, named)?;
        // Once more: a store may have been unpublished before it was locked.
        for store in stores(conn)? {
            let mut desk = Desk { state: &shared, conn, caller: &caller, email: &email, store };
            match wish {
                Wish::Subscribe => desk.subscribe()?,
                Wish::Unsubscribe => desk.unsubscribe()?,
            }
        }
        Ok(())
    };
    state.db.write(work).await?;
    state.wake_runner(Work::Events);
    Ok(())
}

/// An address as it is kept. Fails with [`Error::Invalid`] when it is none.
pub fn address(email: &str) -> Result<String> {
    let email = email.trim().to_ascii_lowercase();
    content::validate(&SUBSCRIBER, &members(json!({"Email": email})), Rules { publishing: true, creating: true })?;
    Ok(email)
}

/// The documentIds of published stores, each once. Fails with [`Error::NotFound`] when one is not there.
pub async fn find_stores(state: &AppState, stores: Vec<Reference>) -> Result<Vec<String>> {
    let find = move |conn: &mut Conn| {
        let mut found: Vec<String> = Vec::with_capacity(stores.len());
        for reference in &stores {
            let store = rows::find_published_id(conn, &STORE, reference)?.ok_or(Error::NotFound)?;
            if !found.contains(&store) {
                found.push(store);
            }
        }
        Ok(found)
    };
    state.db.read(find).await
}

/// Does what a link of a mail is for: subscribes its address, which is verified by that, or unsubscribes it. Done again it
/// changes nothing.
///
/// Fails with [`Error::NotFound`] when the store is gone, and with [`Error::Application`] when the address was unsubscribed
/// after the link that would subscribe it was made.
pub async fn follow(state: &Arc<AppState>, link: Link, wish: Wish) -> Result<()> {
    let shared = Arc::clone(state);
    let work = move |conn: &mut Conn| {
        let store = |conn: &mut Conn| -> Result<i64> {
            let published = rows::find_published(conn, &STORE, &Reference::Document(link.store.clone()))?;
            let found = match (published, wish) {
                (Some(draft), _) => Some(draft),
                (None, Wish::Subscribe) => None,
                // Whoever leaves a store that is closed leaves it.
                (None, Wish::Unsubscribe) => rows::find_subject(conn, &STORE, &link.store)?.map(|found| found.draft),
            };
            found.ok_or(Error::NotFound)
        };
        let named = store(conn)?;
        rows::lock_subscriptions(conn, &link.email, vec![named])?;
        // Once more: it may have been unpublished before it was locked.
        let store = store(conn)?;
        let access = Access::Public(PublicAccess::Read);
        let caller = Caller { actor: "public".to_owned(), token: None, access, depth: 0 };
        let mut desk = Desk { state: &shared, conn, caller: &caller, email: &link.email, store };
        match wish {
            Wish::Subscribe => desk.confirm(link.issued_at),
            Wish::Unsubscribe => desk.unsubscribe(),
        }
    };
    state.db.write(work).await?;
    state.wake_runner(Work::Events);
    Ok(())
}

/// Where one address subscribes to one store.
struct Desk<'a> {
    state: &'a AppState,
    conn: &'a mut Conn,
    caller: &'a Caller,
    email: &'a str,
    /// The store's draft.
    store: i64,
}

impl Desk<'_> {
    fn subscribe(&mut self) -> Result<()> {
        let known = rows::find_subscribers(self.conn, self.email, self.store)?;
        if known.iter().any(|subscriber| subscriber.is_subscribed) {
            return Ok(());
        }
        match known.first() {
            Some(former) => {
                let data = json!({"active": true, "unsubscribed_at": null, "sync_status": "pending"});
                self.update(&former.document_id, data)
            }
            None => self.create(&members(json!({"Email": self.email, "active": true, "stores": [self.store]}))),
        }
    }

    /// Subscribes an address that was verified by a link of this time.
    fn confirm(&mut self, issued_at: Millis) -> Result<()> {
        let known = rows::find_subscribers(self.conn, self.email, self.store)?;
        let verified = iso(self.state.clock.now());
        let Some(found) = known.iter().find(|found| found.is_subscribed).or(known.first()) else {
            let data = json!({"Email": self.email, "active": true, "EmailVerified": verified, "stores": [self.store]});
            return self.create(&members(data));
        };
        if found.is_subscribed && found.is_verified {
            return Ok(());
        }
        // An old mail, or whatever looks at its links, must not bring back who has left since.
        if !found.is_subscribed && found.unsubscribed_at.is_some_and(|at| at >= issued_at) {
            return Err(Error::Application("the address was unsubscribed after this link was made".to_owned()));
        }
        let mut data = json!({"active": true, "unsubscribed_at": null, "EmailVerified": verified});
        if !found.is_subscribed {
            data["sync_status"] = json!("pending");
        }
        self.update(&found.document_id, data)
    }

    fn create(&mut self, data: &Map<String, Value>) -> Result<()> {
        let input = content::validate(&SUBSCRIBER, data, Rules { publishing: true, creating: true })?;
        let document_id = ids::document_id(&*self.state.random);
        self.transaction(&document_id).create(input, Some(Vec::new()))
    }

    fn unsubscribe(&mut self) -> Result<()> {
        let known = rows::find_subscribers(self.conn, self.email, self.store)?;
        for subscriber in known.iter().filter(|subscriber| subscriber.is_subscribed) {
            if subscriber.is_shared {
                self.leave(subscriber)?;
            } else {
                self.update(&subscriber.document_id, self.departure())?;
            }
        }
        Ok(())
    }

    /// Takes the store from a document that others share. They hear of a change, and it of someone who unsubscribed.
    fn leave(&mut self, subscriber: &Subscriber) -> Result<()> {
        let id = &subscriber.document_id;
        let recipients = rows::event_recipients(self.conn, &STORE, self.store)?;
        let before = self.transaction(id).state_of(true)?;
        let mut after = before.clone();
        if let (Value::Object(after), Value::Object(departure)) = (&mut after, self.departure()) {
            after.extend(departure);
        }
        self.update(id, json!({"stores": {"disconnect": [self.store]}}))?;
        let content_change = ContentChange {
            content_type: &SUBSCRIBER,
            document_id: id,
            change: Change::Updated,
            before: &before,
            after: &after,
            is_in_force: true,
            actor: &self.caller.actor,
            depth: self.caller.depth,
        };
        lifecycle::emit(self.conn, &content_change, &recipients, (self.state.clock.now(), self.state))
    }

    fn departure(&self) -> Value {
        json!({"active": false, "unsubscribed_at": iso(self.state.clock.now()), "sync_status": "unsubscribed"})
    }

    fn update(&mut self, document_id: &str, data: Value) -> Result<()> {
        self.transaction(document_id).update(&members(data), true)
    }

    fn transaction<'b>(&'b mut self, document_id: &'b str) -> DocumentTransaction<'b> {
        DocumentTransaction {
            state: self.state,
            conn: self.conn,
            content_type: &SUBSCRIBER,
            document_id,
            actor: &self.caller.actor,
            access: self.caller.access,
            depth: self.caller.depth,
            now: self.state.clock.now(),
            if_match: None,
            warnings: Vec::new(),
            record_changes: Vec::new(),
        }
    }
}

fn members(data: Value) -> Map<String, Value> {
    match data {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
