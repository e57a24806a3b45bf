//! The inventory of a price: counted in both versions of its product at once, in one guarded statement.

use crate::db::{Conn, Sql};
use crate::error::Result;

/// The largest inventory that is counted: beyond it, JSON's readers begin to lose digits.
pub const LARGEST_INVENTORY: i64 = (1 << 53) - 1;

/// A price in the versions of its product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRows {
    /// The price's id.
    pub price: i64,
    /// The row of the product's version whose inventory is in force.
    pub in_force: i64,
    /// The row of the other version, which the price need not be in.
    pub other: Option<i64>,
}

/// What is done to an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InventoryChange {
    /// Taken off, where there is as much.
    Take(i64),
    /// Put on what is counted already.
    Add(i64),
    /// Counted from now on, where it is not counted yet.
    Start(i64),
    /// Counted anew.
    Set(i64),
}

/// Changes the inventory of a price and returns what is then in force; `None` when the guard held it back: more would be
/// taken than there is, or more put on than can be counted. The transaction must be rolled back then, since the other
/// version has a guard of its own.
///
/// Where an edit of the draft waits to be published with another inventory, that is moved by as much, so that what was
/// sold meanwhile stays sold when it is.
pub fn change_inventory(conn: &mut Conn, rows: PriceRows, change: InventoryChange) -> Result<Option<i64>> {
    let mut sql = Sql::new("UPDATE prices SET inventory = ");
    match change {
        InventoryChange::Take(taken) => {
            sql.text("CASE WHEN inventory > ").int(taken).text(" THEN inventory - ").int(taken).text(" ELSE 0 END")
        }
        InventoryChange::Add(added) => sql.text("inventory + ").int(added),
        InventoryChange::Start(counted) | InventoryChange::Set(counted) => sql.int(counted),
    };
    sql.text(" WHERE owner_field = 'product.PRICES' AND id = ").int(rows.price);
    sql.text(" AND owner_id").in_ints(rows.other.into_iter().chain([rows.in_force]).collect());
    match change {
        InventoryChange::Take(taken) => {
            sql.text(" AND inventory >= CASE owner_id WHEN ").int(rows.in_force).text(" THEN ").int(taken);
            sql.text(" ELSE 0 END");
        }
        InventoryChange::Add(added) => {
            sql.text(" AND inventory BETWEEN 0 AND ").int(LARGEST_INVENTORY - added);
        }
        InventoryChange::Start(_) => {
            sql.text(" AND (inventory IS NULL OR inventory < 0)");
        }
        InventoryChange::Set(_) => {}
    }
    sql.text(" RETURNING owner_id, inventory");
    let changed = conn.list(&sql, |row| Ok((row.int(0)?, row.int(1)?)))?;
    Ok(changed.into_iter().find_map(|(version, inventory)| (version == rows.in_force).then_some(inventory)))
}
