//! The document that holds an extension record.

use crate::content::{Catalog, ContentType, PRODUCT};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// The document that an extension record belongs to, and which of its prices if it is a price's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The document's id.
    pub document_id: String,
    /// The price.
    pub price_id: Option<i64>,
}

/// The type of the documents that hold records with this `owner_field`: `store.extensions`, `price.extensions`.
pub fn holder_type(catalog: &Catalog, owner_field: &str) -> Option<&'static ContentType> {
    match owner_field.split('.').next() {
        Some("price") => Some(&PRODUCT),
        Some(key) => catalog.find_by_key(key),
        None => None,
    }
}

/// The document of the owner `(owner_field, owner_id)`; `None` when it is gone.
pub fn find_holder(conn: &mut Conn, owner_field: &str, owner_id: i64) -> Result<Option<Holder>> {
    let Some(content_type) = holder_type(conn.catalog(), owner_field) else { return Ok(None) };
    let is_price = owner_field.starts_with("price.");
    let mut sql = Sql::new("SELECT v.document_id FROM ");
    sql.name(content_type.table).text(" v");
    if is_price {
        sql.text(" JOIN prices p ON p.owner_id = v.id AND p.owner_field = 'product.PRICES'");
    }
    sql.text(if is_price { " WHERE p.id = " } else { " WHERE v.id = " }).int(owner_id).text(" LIMIT 1");
    let found = conn.first(&sql, |row| row.text(0))?;
    Ok(found.map(|document_id| Holder { document_id, price_id: is_price.then_some(owner_id) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::test_catalog;
    use crate::db::extensions;
    use crate::db::runs::{self, RunFilter};
    use crate::db::testing::TestDatabase;
    use crate::db::{Kind, open};

    /// A product in row 3 whose price is in row 5, and for each owner a record and a run with the number of the owner. Rows of
    /// stores and subscribers have no other numbers, so that whoever looks in a wrong table finds something.
    const ROWS: [&str; 5] = [
        "INSERT INTO stores (id, document_id, created_at, updated_at, slug) VALUES (3, 'store3', 0, 0, 'a'), \
         (5, 'store5', 0, 0, 'b')",
        "INSERT INTO products (id, document_id, created_at, updated_at) VALUES (3, 'product3', 0, 0)",
        "INSERT INTO subscribers (id, document_id, created_at, updated_at) VALUES (3, 'subscriber3', 0, 0), \
         (5, 'subscriber5', 0, 0)",
        "INSERT INTO prices (id, owner_field, owner_id, position) VALUES (5, 'product.PRICES', 3, 0)",
        "INSERT INTO events (id, uid, trigger, occurred_at, target, target_document_id, owners, actor) \
         VALUES (1, 'evt_1', 'trigger:x', 0, '{\"type\": \"store\", \"documentId\": \"x\"}', 'x', '[]', 'x')",
    ];

    #[test]
    fn what_holds_a_record_is_of_a_known_type_or_nothing() {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let database = TestDatabase::fresh(kind);
            let mut conn = open::connect(&database.parsed(), test_catalog()).expect("a connection");
            for statement in ROWS {
                conn.execute(&Sql::new(statement)).unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
            for (number, (field, id, held_by)) in (1..).zip([
                ("store.extensions", 3, Some(("store3", None))),
                ("product.extensions", 3, Some(("product3", None))),
                ("subscriber.extensions", 3, Some(("subscriber3", None))),
                ("price.extensions", 5, Some(("product3", Some(5)))),
                ("product.extensions", 5, None),
                // What no content type is called is no price, although there is one in row 5.
                ("event.extensions", 5, None),
                ("nothing.extensions", 3, None),
                ("nothing.extensions", 5, None),
                ("prices.extensions", 5, None),
                ("", 5, None),
                ("extensions", 5, None),
            ]) {
                check(&mut conn, number, (field, id), held_by);
            }
        }
    }

    /// Asserts that all who look for the document of a record find this one: a change of its owner, an event about it, an
    /// explanation, and a list of runs.
    fn check(conn: &mut Conn, number: i64, (field, id): (&str, i64), held_by: Option<(&str, Option<i64>)>) {
        let mut record =
            Sql::new("INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, active) VALUES (");
        record.int(number).text(", ").str(field).text(", ").int(id).text(", 0, 'x:y', '[]', TRUE)");
        conn.execute(&record).expect("a record");
        let mut run = Sql::new(
            "INSERT INTO runs (uid, event_id, extension_id, key, owner_field, owner_id, state, replay, attempt, \
             max_attempts, due_at, created_at, destination) VALUES (",
        );
        run.str(format!("run_{number}")).text(", 1, ").int(number).text(", 'x:y', ").str(field).text(", ").int(id);
        conn.execute(run.text(", 'dead', 0, 0, 1, 0, 0, '')")).expect("a run");

        let document = held_by.map(|(document, _)| document.to_owned());
        let found = find_holder(conn, field, id).expect("an answer");
        let expected = held_by.map(|(document, price_id)| Holder { document_id: document.to_owned(), price_id });
        assert_eq!(found, expected, "{field} {id}");
        let owner = (field.to_owned(), id);
        let reached = extensions::find_reached(conn, vec![owner]).expect("an answer");
        let told: Vec<_> = reached.into_iter().filter(|one| one.listener.id == number).collect();
        assert!(matches!(&told[..], [one] if one.document_id == document), "{field} {id}: {told:?}");
        let filter = RunFilter { extension: Some(number), ..RunFilter::default() };
        let runs = runs::find_page(conn, &filter, 0, 10).expect("an answer");
        assert!(matches!(&runs[..], [one] if one.owner.2 == document), "{field} {id}: {runs:?}");
    }
}
