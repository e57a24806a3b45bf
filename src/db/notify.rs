//! What other processes have committed, on PostgreSQL: every transaction that changes documents sends a notification,
//! which arrives if and only if it is committed, and every server listens. Another tells runners that there is work for
//! them; it is sent after the commit, beside the writes, since notifications make transactions wait for each other.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::Settings;
use super::type_versions::TypeVersions;
use super::{Conn, Sql};
use crate::content::TypeSet;
use crate::error::{Error, Result};

/// How often the connection must answer: nothing that was kept is used for more than twice as long after it died.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long work for runners is collected before more of it is told of.
const TOLD_TOGETHER: Duration = Duration::from_millis(5);
/// How long to wait before connecting anew.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a caller waits at most until its own notification has come around.
const ECHO: Duration = Duration::from_millis(100);

/// Sends and hears notifications.
pub(super) struct Watch {
    type_versions: Arc<TypeVersions>,
    /// Wakes whoever tells other processes that there is work for runners.
    work: Arc<Notify>,
    /// Wakes this process's runner when another tells of work.
    heard: Notify,
    /// Wakes the heartbeat when its own notification has come.
    beat: Notify,
    /// Who waits for the notification of which transaction.
    waiting: Mutex<HashMap<i64, oneshot::Sender<()>>>,
}

/// A notification that is sent when its transaction is committed.
pub(super) struct Notice {
    watch: Arc<Watch>,
    transaction: i64,
    came: oneshot::Receiver<()>,
}

impl Watch {
    pub fn new(type_versions: Arc<TypeVersions>) -> Arc<Self> {
        Arc::new(Self {
            type_versions,
            work: Arc::default(),
            heard: Notify::new(),
            beat: Notify::new(),
            waiting: Mutex::default(),
        })
    }

    /// Listens on a connection of its own until this is dropped. Must be called within a runtime.
    ///
    /// Fails as [`Settings::of`] does.
    pub fn listen(self: &Arc<Self>, url: &str) -> Result<(), String> {
        tokio::spawn(keep_listening(Arc::downgrade(self), Settings::of(url)?));
        Ok(())
    }

    /// Tells the runners of other processes soon that there is work for them. Those who call while it is being told are
    /// told of together.
    pub fn notify_of_work(&self) {
        self.work.notify_one();
    }

    /// Waits until another process tells of work for runners.
    pub async fn work(&self) {
        self.heard.notified().await;
    }

    /// Tells every server, once the transaction that is open is committed, that documents of these types were changed.
    pub fn notify(self: &Arc<Self>, conn: &mut Conn, types: &TypeSet) -> Result<Notice> {
        let numbers: Vec<_> = types.numbers().map(|number| number.to_string()).collect();
        let mut sql = Sql::new("SELECT txid_current(), pg_notify('tenon_documents', txid_current() || ' ' || ");
        sql.str(numbers.join(" ")).text(")");
        let transaction = conn.first(&sql, |row| row.int(0))?;
        let transaction = transaction.ok_or_else(|| Error::internal("a transaction without a number"))?;
        let (tell, came) = oneshot::channel();
        self.waiting().insert(transaction, tell);
        Ok(Notice { watch: Arc::clone(self), transaction, came })
    }

    fn hear(&self, payload: &str) {
        let mut words = payload.split(' ');
        let transaction = words.next().and_then(|number| number.parse().ok());
        match numbers(words).filter(|types| types.numbers().all(|number| self.type_versions.knows(number))) {
            Some(types) => self.type_versions.advance(&types),
            // From a server of another version, with types that are not known here.
            None => self.type_versions.advance_all(),
        }
        if let Some(waiting) = transaction.and_then(|number| self.waiting().remove(&number)) {
            // Who waited may have given up.
            let _ = waiting.send(());
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<i64, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content types of which a notification tells; `None` when that cannot be read.
fn numbers<'a>(words: impl Iterator<Item = &'a str>) -> Option<TypeSet> {
    let mut types = TypeSet::default();
    for word in words {
        types.insert_number(word.parse().ok()?);
    }
    Some(types)
}

impl Notice {
    /// Waits until it has come around, and so to the other servers too: who is answered now finds what he wrote wherever
    /// he asks next. A database that is slow to notify holds nobody up for long.
    pub async fn has_come(mut self) {
        if self.watch.type_versions.is_complete() && timeout(ECHO, &mut self.came).await.is_err() {
            log::debug!("a notification did not come around within {} ms", ECHO.as_millis());
        }
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        self.watch.waiting().remove(&self.transaction);
    }
}

async fn keep_listening(watch: Weak<Watch>, settings: Settings) {
    let mut told = false;
    loop {
        let lost = match listen(&watch, &settings).await {
            Ok(()) => return,
            Err(error) => error,
        };
        let Some(watch) = watch.upgrade() else { return };
        let was_complete = watch.type_versions.is_complete();
        watch.type_versions.set_complete(false);
        if was_complete || !told {
            log::warn!("answers are read anew each time until the database can be listened to again: {lost}");
            told = true;
        }
        drop(watch);
        sleep(AGAIN).await;
    }
}

/// Listens until nobody is left to tell, or the connection ends.
async fn listen(watch: &Weak<Watch>, settings: &Settings) -> Result<(), Failed> {
    let connecting = settings.config.connect(settings.tls.clone());
    let (client, connection) = timeout(HEARTBEAT * 5, connecting).await??;
    tokio::select! {
        ended = beat(&client, watch) => ended,
        ended = hear_all(connection, watch) => ended,
    }
}

type Failed = Box<dyn StdError + Send + Sync>;

async fn beat(client: &Client, watch: &Weak<Watch>) -> Result<(), Failed> {
    // What it tells needs no flush of the disk: it is of no use after a crash.
    client.batch_execute("SET synchronous_commit = off; LISTEN tenon_documents; LISTEN tenon_runs").await?;
    // Heard by this connection alone. A proxy that shares connections may answer every statement and yet pass on no
    // notification: only one's own that comes back shows that those of others do.
    let own = client.query_one("SELECT txid_current()", &[]).await?.try_get::<_, i64>(0)?;
    client.batch_execute(&format!("LISTEN tenon_beat_{own}")).await?;
    prove(client, watch, own).await?;

    let work = match watch.upgrade() {
        Some(watch) => {
            watch.type_versions.set_complete(true);
            Arc::clone(&watch.work)
        }
        None => return Ok(()),
    };
    while watch.strong_count() > 0 {
        if timeout(HEARTBEAT, work.notified()).await.is_ok() {
            timeout(HEARTBEAT, client.batch_execute("NOTIFY tenon_runs")).await??;
            sleep(TOLD_TOGETHER).await;
        } else {
            prove(client, watch, own).await?;
        }
    }
    Ok(())
}

/// Sends a notification to this connection and waits until it has come.
async fn prove(client: &Client, watch: &Weak<Watch>, own: i64) -> Result<(), Failed> {
    let Some(watch) = watch.upgrade() else { return Ok(()) };
    timeout(HEARTBEAT, client.batch_execute(&format!("NOTIFY tenon_beat_{own}"))).await??;
    timeout(HEARTBEAT, watch.beat.notified()).await.map_err(|_| "its notifications do not come")?;
    Ok(())
}

async fn hear_all(
    mut connection: Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>,
    watch: &Weak<Watch>,
) -> Result<(), Failed> {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        let Some(watch) = watch.upgrade() else { return Ok(()) };
        if let AsyncMessage::Notification(notification) = message? {
            match notification.channel() {
                "tenon_runs" => watch.heard.notify_one(),
                channel if channel.starts_with("tenon_beat_") => watch.beat.notify_one(),
                _ => watch.hear(notification.payload()),
            }
        }
    }
    Err("the connection was closed".into())
}
