//! The table that is written to see whether the database can be written.

use diesel::prelude::*;

use super::schema::readiness;
use super::{Conn, Db, Kind, Sql, off_thread, open};
use crate::clock::Millis;
use crate::error::{Error, Result};

impl Db {
    /// Commits a write of `now` that takes as much room as a usual change (64 KiB), and on SQLite reads it back through a connection opened for it, which does not find what
    /// goes into a file that was removed, replaced or overwritten.
    ///
    /// Fails when the database cannot be written or read, and waits as long as it does: the caller sets the deadline.
    pub async fn write_and_read_back(&self, now: Millis) -> Result<()> {
        self.write(move |conn| write(conn, now)).await?;
        if self.kind() == Kind::Postgres {
            return Ok(());
        }

        let (url, catalog) = (self.url.clone(), self.catalog);
        let found =
            off_thread(move || read(&mut open::connect_reader(&url, catalog).map_err(Error::internal)?)).await?;
        // Another check may have written since.
        match found {
            Some(found) if found >= now => Ok(()),
            _ => Err(Error::internal("the database file was replaced while it is served")),
        }
    }
}

fn write(conn: &mut Conn, now: Millis) -> Result<()> {
    let mut sql = Sql::new("UPDATE readiness SET written_at = ");
    // SQLite writes no page whose bytes stay the same, hence other ones each time; the size stays the same, so that no
    // other page is touched. PostgreSQL makes the files of its log in advance and stops by itself when it cannot.
    sql.int(now).either(", filler = randomblob(65536)", "");
    match conn.execute(&sql)? {
        1 => Ok(()),
        _ => Err(Error::internal("the table readiness has lost its row")),
    }
}

fn read(conn: &mut Conn) -> Result<Option<Millis>> {
    conn.load_first(readiness::table.select(readiness::written_at))
}
