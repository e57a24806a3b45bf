//! What storefronts ask of a store beside its documents: its public face by slug, and what there is to show.

use serde_json::Value;

use super::read::{Find, Wanted};
use crate::access::Access;
use crate::content::{PRODUCT, STORE};
use crate::db::Conn;
use crate::db::documents::read::{self, Form};
use crate::error::{Error, Result};
use crate::nesting;
use crate::query::{self, QueryValue};

/// What a storefront decides by which of its sections it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    /// The store's settings, or null.
    pub settings: Value,
    /// How many published products the store has.
    pub products: i64,
}

/// Asks for the published store with this slug, in a list of one, with what every page of a storefront needs.
///
/// Fails when the caller may not read it; to run it fails with [`Error::NotFound`] when there is none.
pub fn info(slug: &str, access: Access, form: Form) -> Result<Find> {
    let shown = ["SEO.socialImage", "Logo", "URLS", "Favicon", "Cover"];
    let asked = object([
        ("filters", object([("slug", text(slug))])),
        ("populate", QueryValue::List(shown.into_iter().map(text).collect())),
    ]);
    Ok(Find { plan: query::plan(&STORE, &asked, access)?, form, wanted: Wanted::Some })
}

/// The signals of the published store that `name` names, by documentId or by slug.
///
/// Fails with [`Error::NotFound`] when there is none, and with [`Error::Forbidden`] when the caller may not read it or
/// its products.
pub fn signals(conn: &mut Conn, access: Access, name: &str) -> Result<Signals> {
    let either = ["documentId", "slug"].into_iter().map(|field| object([(field, text(name))]));
    let asked = object([
        ("filters", object([("$or", QueryValue::List(either.collect()))])),
        ("fields", QueryValue::List(["slug", "settings"].into_iter().map(text).collect())),
    ]);
    let found = read::page(conn, &query::plan(&STORE, &asked, access)?, Form::Flat)?;
    let mut stores = nesting::read([b"[", found.documents.as_slice(), b"]"].concat())?;
    // A slug may look like the documentId of another store: the documentId comes first.
    let is_named = |store: &Value| store["documentId"] == name;
    let place = stores.as_array().and_then(|stores| stores.iter().position(is_named)).unwrap_or_default();
    let store = stores.get_mut(place).ok_or(Error::NotFound)?;
    let asked = object([
        ("filters", object([("stores", object([("documentId", QueryValue::Text(string(&store["documentId"])))]))])),
        ("fields", text("slug")),
        ("pagination", object([("limit", text("1"))])),
    ]);
    let products = read::page(conn, &query::plan(&PRODUCT, &asked, access)?, Form::Flat)?.total.unwrap_or_default();
    Ok(Signals { settings: store["settings"].take(), products })
}

fn object<const N: usize>(members: [(&str, QueryValue); N]) -> QueryValue {
    QueryValue::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(text: &str) -> QueryValue {
    QueryValue::Text(text.to_owned())
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
