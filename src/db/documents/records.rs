//! The items of documents that may own extension records.

use super::Versions;
use super::lists::lists;
use crate::content::{ContentType, Shape};
use crate::db::events::Owner;
use crate::db::{Conn, Sql};
use crate::error::Result;

/// An item of a component that may own extension records, such as a price.
pub type ItemOwner = Owner;

/// The items of a document's versions that may own extension records.
pub fn item_owners(conn: &mut Conn, content_type: &'static ContentType, versions: Versions) -> Result<Vec<ItemOwner>> {
    let mut found = Vec::new();
    let rows: Vec<i64> = versions.published.into_iter().chain([versions.draft]).collect();
    for list in lists(content_type) {
        let Some(of) = list.of().filter(|of| of.records().is_some()) else { continue };
        let mut sql = Sql::new("SELECT DISTINCT id FROM ");
        list.rows(&mut sql, &|sql| {
            sql.in_ints(rows.clone());
        });
        let owner_field = Shape::Component(of).records_owner_field();
        found.extend(conn.list(&sql, |row| Ok((owner_field.clone(), row.int(0)?)))?);
    }
    Ok(found)
}
