//! The items of documents that may own extension records.

use crate::content::{Component, ContentType, Kind, Shape};
use crate::db::events::Owner;
use crate::db::{Conn, Sql};
use crate::error::Result;

use super::Versions;

/// An item of a component that may own extension records, such as a price.
pub type ItemOwner = Owner;

/// The items of a document's versions that may own extension records.
pub fn item_owners(conn: &mut Conn, content_type: &'static ContentType, versions: Versions) -> Result<Vec<ItemOwner>> {
    let mut found = Vec::new();
    let rows: Vec<i64> = versions.published.into_iter().chain([versions.draft]).collect();
    for field in content_type.fields {
        let Kind::Component { of, .. } = field.kind else { continue };
        for records in record_fields(of) {
            let mut sql = Sql::new("SELECT DISTINCT id FROM ");
            sql.name(of.table).text(" WHERE owner_field = ").str(Shape::Document(content_type).owner_field(field));
            sql.text(" AND owner_id").in_ints(rows.clone());
            found.extend(conn.list(&sql, |row| Ok((records.clone(), row.int(0)?)))?);
        }
    }
    Ok(found)
}

/// The `owner_field`s of the records that hang on items of `component`.
fn record_fields(component: &'static Component) -> Vec<String> {
    let is_records = |kind: Kind| matches!(kind, Kind::Component { of, .. } if !of.versioned);
    let fields = component.fields.iter().filter(|field| component.versioned && is_records(field.kind));
    fields.map(|field| Shape::Component(component).owner_field(field)).collect()
}
