//! Documents read by a plan: bounded statements in, JSON out.

mod conditions;
mod joins;
mod json;
mod level;
mod statements;

pub use json::Form;

use crate::content::Shape;
use crate::db::Conn;
use crate::error::Result;
use crate::query::ReadPlan;
use level::Reading;

/// A page of documents.
#[derive(Debug)]
pub struct Found {
    /// The documents as JSON, with commas between them.
    pub documents: Vec<u8>,
    /// How many there are on all pages, if it was counted.
    pub total: Option<i64>,
}

/// Reads the page of `plan`: one statement for its rows, one for each populated path, one for the count if it is asked
/// for, all of one moment.
///
/// Fails when the answer would be larger than 32 MiB.
pub fn page(conn: &mut Conn, plan: &ReadPlan, form: Form) -> Result<Found> {
    in_one_moment(conn, plan, |conn| {
        let documents = rows(conn, plan, form)?.1;
        let total = if plan.page.with_count { conn.first(&statements::count(plan), |row| row.int(0))? } else { None };
        Ok(Found { documents, total })
    })
}

/// Reads the first document that `plan` finds, as JSON. `None` when it finds none.
///
/// Fails as [`page`] does.
pub fn one(conn: &mut Conn, plan: &ReadPlan, form: Form) -> Result<Option<Vec<u8>>> {
    in_one_moment(conn, plan, |conn| {
        let (found, document) = rows(conn, plan, form)?;
        Ok((found > 0).then_some(document))
    })
}

fn rows(conn: &mut Conn, plan: &ReadPlan, form: Form) -> Result<(usize, Vec<u8>)> {
    let reading = Reading { version: plan.version, form };
    let shape = Shape::Document(plan.content_type);
    let level = reading.level(conn, &statements::page(plan), shape, &plan.selection)?;
    let mut written = Vec::new();
    level.write(&mut written)?;
    Ok((level.len(), written))
}

/// A document that is published anew between two statements has new rows: its parts would be missing.
fn in_one_moment<T>(conn: &mut Conn, plan: &ReadPlan, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    if plan.page.with_count || !plan.selection.populated.is_empty() { conn.snapshot(work) } else { work(conn) }
}
