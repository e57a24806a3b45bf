//! The sample shop: `shop.json`, created through the service that serves requests.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::receiver::SECRET;
use crate::access::{Access, Caller};
use crate::content::{ContentType, PRODUCT, STORE, SUBSCRIBER};
use crate::db::Sql;
use crate::documents;
use crate::error::{Error, Result};
use crate::state::AppState;

const SHOP: &str = include_str!("shop.json");
/// The store that the demo's lines name.
const FIRST_STORE: &str = "kettle-and-leaf";

/// The file. Documents name extension records and stores; [`Names::put`] puts these in their place.
#[derive(Deserialize)]
struct Shop {
    extensions: Names,
    stores: Vec<Map<String, Value>>,
    products: Vec<Map<String, Value>>,
    subscribers: Vec<Map<String, Value>>,
}

/// What stands for a name.
#[derive(Deserialize, Default)]
#[serde(transparent)]
struct Names(HashMap<String, Value>);

/// Creates the documents of the shop that are not there, and returns the documentId of its first store.
///
/// Fails when the database has stores of its own.
pub(super) async fn load(state: &Arc<AppState>, receiver: SocketAddr) -> Result<String> {
    let text = SHOP.replace("{receiver}", &format!("http://{receiver}")).replace("{secret}", SECRET);
    let shop: Shop = serde_json::from_str(&text)?;
    let stores = find_all(state, &STORE, "slug").await?;
    if !stores.0.is_empty() && !stores.0.contains_key(FIRST_STORE) {
        return Err(Error::Conflict(format!("{} has content of its own", state.config.database_url)));
    }
    let loading = Loading { state, records: shop.extensions };
    loading.create_missing(&STORE, ("slug", "slug"), shop.stores).await?;
    loading.create_missing(&PRODUCT, ("slug", "slug"), shop.products).await?;
    loading.create_missing(&SUBSCRIBER, ("Email", "email"), shop.subscribers).await?;
    let first = find_all(state, &STORE, "slug").await?.0.remove(FIRST_STORE);
    first.as_ref().and_then(Value::as_str).map(str::to_owned).ok_or_else(|| Error::internal("the demo has no store"))
}

/// Where the records of a shop that was loaded before send to.
pub(super) async fn find_receiver(state: &AppState) -> Result<Option<SocketAddr>> {
    let sql = Sql::new("SELECT url FROM extensions WHERE url LIKE 'http://%/warehouse' AND removed_at IS NULL LIMIT 1");
    let url = state.db.read(move |conn| conn.first(&sql, |row| row.text(0))).await?;
    let address = url.as_deref().and_then(|url| url.strip_prefix("http://")?.strip_suffix("/warehouse")?.parse().ok());
    Ok(address)
}

/// The documentId of every document, by its value in `column`.
async fn find_all(state: &AppState, content_type: &'static ContentType, column: &'static str) -> Result<Names> {
    let mut sql = Sql::new("SELECT ");
    sql.name(column).text(", document_id FROM ").name(content_type.table);
    sql.text(" WHERE draft_id IS NULL AND ").name(column).text(" IS NOT NULL");
    let found = state.db.read(move |conn| conn.list(&sql, |row| Ok((row.text(0)?, Value::from(row.text(1)?)))));
    Ok(Names(found.await?.into_iter().collect()))
}

struct Loading<'a> {
    state: &'a Arc<AppState>,
    records: Names,
}

impl Loading<'_> {
    /// Creates those of `documents` whose value of `field` no document has in `column`.
    async fn create_missing(
        &self,
        content_type: &'static ContentType,
        (field, column): (&str, &'static str),
        documents: Vec<Map<String, Value>>,
    ) -> Result<()> {
        let there = find_all(self.state, content_type, column).await?;
        let stores = find_all(self.state, &STORE, "slug").await?;
        for mut document in documents {
            let name = document.get(field).and_then(Value::as_str).unwrap_or_default();
            if there.0.contains_key(name) {
                continue;
            }
            self.resolve(&mut document, &stores)?;
            let caller = Caller { actor: "demo".to_owned(), token: None, access: Access::Full, depth: 0 };
            let request = documents::Request {
                content_type,
                caller,
                query: String::new(),
                form: Default::default(),
                if_match: None,
                once: None,
                ignored: Vec::new(),
            };
            documents::create(self.state, request, document).await?;
        }
        Ok(())
    }

    /// Puts the records and stores that `document` and its prices name in the place of their names.
    fn resolve(&self, document: &mut Map<String, Value>, stores: &Names) -> Result<()> {
        for (field, value) in document {
            match (field.as_str(), value) {
                ("extensions", Value::Array(names)) => self.records.put(names)?,
                ("stores", Value::Array(names)) => stores.put(names)?,
                ("PRICES", Value::Array(prices)) => {
                    for price in prices.iter_mut().filter_map(Value::as_object_mut) {
                        self.resolve(price, stores)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Names {
    /// Replaces each of `names` by what stands for it.
    fn put(&self, names: &mut [Value]) -> Result<()> {
        for name in names {
            let found = name.as_str().and_then(|name| self.0.get(name)).cloned();
            *name = found.ok_or_else(|| Error::internal(format!("shop.json names {name}, which is not there")))?;
        }
        Ok(())
    }
}
