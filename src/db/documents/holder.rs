//! The document that holds an extension record, from the facts about what can hold records.

use crate::content::{Catalog, ContentType, Holding, Shape};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// The document that an extension record belongs to, and which of its prices if it is a price's.
#[derive(Debug, Clone)]
pub struct OwnerDocument {
    /// What the document is.
    pub content_type: &'static ContentType,
    /// The document's id.
    pub document_id: String,
    /// The price.
    pub price_id: Option<i64>,
}

/// The document of the owner `(owner_field, owner_id)`; `None` when it is gone.
pub fn find_owner_document(conn: &mut Conn, owner_field: &str, owner_id: i64) -> Result<Option<OwnerDocument>> {
    for holding in conn.catalog().holdings_of(owner_field) {
        let mut sql = Sql::default();
        document_of(&mut sql, holding, &|sql| {
            sql.int(owner_id);
        });
        if let Some(document_id) = conn.first(&sql, |row| row.text(0))? {
            let price_id = holding.is_of_prices().then_some(owner_id);
            return Ok(Some(OwnerDocument { content_type: holding.content_type, document_id, price_id }));
        }
    }
    Ok(None)
}

/// Writes the documentId of what the columns `owner_field` and `owner_id` of `table` name: null when it is gone, or of a kind
/// that holds no records.
pub fn document_id(sql: &mut Sql, catalog: &Catalog, table: &'static str) {
    sql.text("CASE ").text(table).text(".owner_field");
    for group in catalog.holdings().chunk_by(|one, other| one.owner_field == other.owner_field) {
        for (place, holding) in group.iter().enumerate() {
            match place {
                0 => sql.text(" WHEN ").str(holding.owner_field.as_str()).text(" THEN COALESCE(("),
                _ => sql.text(", ("),
            };
            document_of(sql, holding, &|sql| {
                sql.text(table).text(".owner_id");
            });
            sql.text(")");
        }
        sql.text(", NULL)");
    }
    sql.text(" END");
}

/// Writes a query for the documentId of the document in which `id` holds records.
fn document_of(sql: &mut Sql, holding: &Holding, id: &dyn Fn(&mut Sql)) {
    sql.text("SELECT v.document_id FROM ").name(holding.content_type.table).text(" v");
    let (mut shape, mut last) = (Shape::Document(holding.content_type), None);
    for (place, field) in holding.path.iter().enumerate() {
        let Some(of) = field.held() else { continue };
        sql.text(" JOIN ").name(of.table).text(" AS ").alias("p", place).text(" ON ");
        sql.column("p", place, "owner_id").text(" = v.id AND ");
        sql.column("p", place, "owner_field").text(" = ").str(shape.owner_field(field));
        if let Some(above) = last {
            sql.text(" AND ").column("p", place, "parent_id").text(" = ").column("p", above, "id");
        }
        (shape, last) = (Shape::Component(of), Some(place));
    }
    match last {
        Some(place) => sql.text(" WHERE ").column("p", place, "id"),
        None => sql.text(" WHERE v.id"),
    };
    sql.text(" = ");
    id(sql);
    sql.text(" LIMIT 1");
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
        let found = find_owner_document(conn, field, id).expect("an answer");
        let found = found.as_ref().map(|holder| (holder.document_id.as_str(), holder.price_id));
        assert_eq!(found, held_by, "{field} {id}");
        let owner = (field.to_owned(), id);
        let reached = extensions::find_candidates_with_setup(conn, vec![owner]).expect("an answer");
        let told: Vec<_> = reached.into_iter().filter(|one| one.candidate.id == number).collect();
        assert!(matches!(&told[..], [one] if one.document_id == document), "{field} {id}: {told:?}");
        let filter = RunFilter { extension: Some(number), ..RunFilter::default() };
        let runs = runs::find_page(conn, &filter, 0, 10).expect("an answer");
        assert!(matches!(&runs[..], [one] if one.owner.2 == document), "{field} {id}: {runs:?}");
    }
}
