//! The table that is written to see whether the database can be written.

use super::{Conn, Db, Kind, Sql, off_thread, open};
use crate::clock::Millis;
use crate::error::{Error, Result};

impl Db {
    /// Commits a write of `now`, and on SQLite reads it back through a connection opened for it, which does not find what
    /// goes into a file that was removed, replaced or overwritten.
    ///
    /// Fails when the database cannot be written or read, and waits as long as it does: the caller sets the deadline.
    pub async fn write_and_read_back(&self, now: Millis) -> Result<()> {
        self.write(move |conn| write(conn, now)).await?;
        if self.kind() == Kind::Postgres {
            return Ok(());
        }

        let url = self.url.clone();
        let found = off_thread(move || read(&mut open::connect_reader(&url).map_err(Error::internal)?)).await?;
        // Another check may have written since.
        match found {
            Some(found) if found >= now => Ok(()),
            _ => Err(Error::internal("the database file was replaced while it is served")),
        }
    }
}

fn write(conn: &mut Conn, now: Millis) -> Result<()> {
    let mut sql = Sql::new("INSERT INTO readiness (id, written_at) VALUES (1, ");
    sql.int(now).text(") ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at");
    conn.execute(&sql).map(drop)
}

fn read(conn: &mut Conn) -> Result<Option<Millis>> {
    conn.first(&Sql::new("SELECT written_at FROM readiness"), |row| row.int(0))
}
