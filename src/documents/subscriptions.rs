//! Subscribing and unsubscribing, which storefronts do for visitors without a token. Whoever asks learns nothing of who
//! is known: the same is answered to all.
//!
//! A subscription is an address and a store. Each has a document of its own, so that leaving one store, or what a service
//! notes about the subscriber there, is no business of another.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::change::Changing;
use super::lifecycle::{self, Change, Story};
use crate::access::Caller;
use crate::clock::iso;
use crate::content::{self, Reference, Rules, STORE, SUBSCRIBER};
use crate::db::Conn;
use crate::db::documents::{self as rows, Subscriber};
use crate::error::{Error, Result};
use crate::ids;
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
    caller.access.require_subscribe()?;
    let email = asked.email.trim().to_ascii_lowercase();
    content::validate(&SUBSCRIBER, &members(json!({"Email": email})), Rules { publishing: true, creating: true })?;
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
    state.wake_for_events();
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
            None => {
                let data = members(json!({"Email": self.email, "active": true, "stores": [self.store]}));
                let input = content::validate(&SUBSCRIBER, &data, Rules { publishing: true, creating: true })?;
                let document_id = ids::document_id(&*self.state.random);
                self.changing(&document_id).create(input, true)
            }
        }
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
        let reach = rows::reach_of(self.conn, &STORE, self.store)?;
        let before = self.changing(id).state_of(true)?;
        let mut after = before.clone();
        if let (Value::Object(after), Value::Object(departure)) = (&mut after, self.departure()) {
            after.extend(departure);
        }
        self.update(id, json!({"stores": {"disconnect": [self.store]}}))?;
        let story = Story {
            content_type: &SUBSCRIBER,
            document_id: id,
            change: Change::Updated,
            before: &before,
            after: &after,
            is_in_force: true,
            actor: &self.caller.actor,
            depth: self.caller.depth,
        };
        lifecycle::emit(self.conn, &story, &reach, (self.state.clock.now(), self.state))
    }

    fn departure(&self) -> Value {
        json!({"active": false, "unsubscribed_at": iso(self.state.clock.now()), "sync_status": "unsubscribed"})
    }

    fn update(&mut self, document_id: &str, data: Value) -> Result<()> {
        self.changing(document_id).update(&members(data), Rules { publishing: true, creating: false })
    }

    fn changing<'b>(&'b mut self, document_id: &'b str) -> Changing<'b> {
        Changing {
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
