//! Reading the database from a request.

use std::cell::RefCell;
use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::state::state;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::query::Cost;
use crate::state::AppState;

/// The read connection of one worker thread (SQLite), opened when it is first needed.
#[derive(Clone, Default)]
pub(super) struct OwnConnection(Rc<RefCell<Option<Conn>>>);

/// Reads the database: on SQLite what is quick on the worker's own connection without leaving the thread, else off it.
pub struct Reader {
    state: web::Data<AppState>,
    own: OwnConnection,
}

impl Reader {
    /// Runs `work` on a connection that reads. It may read no more than an answer may have.
    pub async fn read<T, F>(&self, cost: Cost, work: F) -> Result<T>
    where
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let work = move |conn: &mut Conn| conn.for_answer(work);
        match cost {
            Cost::Search => return self.state.db.search(work).await,
            Cost::Expensive => return self.state.db.read(work).await,
            Cost::Cheap if !self.state.db.reads_in_place() => return self.state.db.read(work).await,
            Cost::Cheap => {}
        }

        let mut own = self.own.0.borrow_mut();
        match &mut *own {
            Some(conn) => work(conn),
            none => work(none.insert(self.state.db.connect_reader().map_err(Error::internal)?)),
        }
    }
}

impl FromRequest for Reader {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl Reader {
    /// The reader of the worker that `request` came to.
    pub(super) fn of(request: &HttpRequest) -> Result<Self> {
        let own = request.app_data::<OwnConnection>().cloned();
        let own = own.ok_or_else(|| Error::internal("the worker has no connection"))?;
        Ok(Self { state: state(request)?, own })
    }
}
