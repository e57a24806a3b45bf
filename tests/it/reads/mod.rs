//! Reading documents: the whole way from a query string to JSON, on both databases.

mod catalogue;
mod filters;
mod plans;
mod populate;
mod runs;
mod statements;

use serde_json::Value;
use tenon::access::{Access, PublicAccess};
use tenon::db::documents::read::Form;
use tenon::db::{Backend, Conn, Db, Kind};
use tenon::documents::{find_many, find_one};
use tenon::error::Result;

use crate::support::database::TestDatabase;
use crate::support::database::catalog;

const PUBLIC: Access = Access::Public(PublicAccess::Read);

/// Runs `test` on a database of each kind with the content of `seed.sql`.
fn on_every_backend(mut test: impl FnMut(&mut Conn)) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::fresh(kind);
        let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
        execute(&db, include_str!("seed.sql").to_owned());
        test(&mut db.connect_reader().expect("a connection"));
    }
}

/// Runs statements that both databases understand.
fn execute(db: &Db, statements: String) {
    use diesel::connection::SimpleConnection as _;
    let work = db.write(move |conn| match &mut conn.backend {
        Backend::Sqlite(conn) => Ok(conn.batch_execute(&statements)?),
        Backend::Postgres(conn) => Ok(conn.batch_execute(&statements)?),
    });
    actix_web::rt::System::new().block_on(work).expect("the statements run");
}

/// `/products?fields=Name` for this caller.
fn try_get(conn: &mut Conn, target: &str, access: Access) -> Result<Value> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parts = path.trim_start_matches('/').split('/');
    let content_type = conn.catalog().find_by_plural(parts.next().expect("a type")).expect("a known type");
    let find = match parts.next() {
        Some(document_id) => find_one(content_type, document_id, query, access, Form::Flat)?,
        None => find_many(content_type, query, access, Form::Flat)?,
    };
    let body = find.run(conn)?;
    Ok(serde_json::from_slice(&body.body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&body.body))))
}

fn get(conn: &mut Conn, target: &str) -> Value {
    try_get(conn, target, Access::Full).unwrap_or_else(|error| panic!("{target}: {error}"))
}

fn refusal(conn: &mut Conn, target: &str, access: Access) -> String {
    match try_get(conn, target, access) {
        Ok(body) => panic!("{target} is refused, not {body}"),
        Err(error) => error.to_string(),
    }
}

/// The `slug`s, or whatever names them, of the documents that are found.
fn slugs(conn: &mut Conn, target: &str) -> Vec<String> {
    let found = get(conn, target);
    let documents = found["data"].as_array().expect("a list").iter();
    documents.map(|document| document["slug"].as_str().unwrap_or("-").to_owned()).collect()
}
