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
use level::{Level, Reading};

/// A document.
#[derive(Debug)]
pub struct One {
    /// The document as JSON.
    pub document: Vec<u8>,
    /// How often it was changed, in either version.
    pub revision: i64,
}

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
        let mut documents = Vec::new();
        rows(conn, plan, form)?.write(&mut documents)?;
        let total = match plan.page.known_total {
            None if plan.page.with_count => conn.first(&statements::count(plan), |row| row.int(0))?,
            known => known,
        };
        Ok(Found { documents, total })
    })
}

/// Reads the first document that `plan` finds. `None` when it finds none.
///
/// Fails as [`page`] does.
pub fn one(conn: &mut Conn, plan: &ReadPlan, form: Form) -> Result<Option<One>> {
    in_one_moment(conn, plan, |conn| {
        let level = rows(conn, plan, form)?;
        let Some(revision) = level.first_owner() else { return Ok(None) };
        let mut document = Vec::new();
        level.write(&mut document)?;
        Ok(Some(One { document, revision }))
    })
}

fn rows(conn: &mut Conn, plan: &ReadPlan, form: Form) -> Result<Level> {
    let reading = Reading { version: plan.version, form };
    let shape = Shape::Document(plan.content_type);
    reading.level(conn, &statements::page(plan), shape, &plan.selection)
}

/// A document that is published anew between two statements has new rows: its parts would be missing.
fn in_one_moment<T>(conn: &mut Conn, plan: &ReadPlan, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    let is_long = plan.page.with_count || !plan.selection.populated.is_empty() || !plan.is_led();
    if is_long { conn.snapshot(work) } else { work(conn) }
}
