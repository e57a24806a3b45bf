//! Serving: what has to be there before the first request, and how it ends.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, Parts, block_on, say};
use crate::clock::{OsRandom, SystemClock};
use crate::config::Config;
use crate::db::ServerLock;
use crate::demo::{self, Demo};
use crate::http;
use crate::runner::Runner;
use crate::state::AppState;

#[derive(Args, Default)]
pub(super) struct Options {
    /// Load a sample shop, receive what its handlers send, and print what to try
    #[arg(long)]
    demo: bool,
    /// Where the demo's receiver listens: where the sample shop's records send to, else 127.0.0.1:1338, or any free port
    /// when that is taken
    #[arg(long, value_name = "ADDRESS")]
    demo_receiver: Option<SocketAddr>,
}

pub(super) fn serve(mut config: Config, parts: Parts, options: &Options) -> Result<(), Failure> {
    if options.demo {
        demo::configure(&mut config, options.demo_receiver.unwrap_or(demo::RECEIVER).ip()).map_err(Failure::Usage)?;
    }
    // Before anything is written: a server that cannot start leaves the database as it was, and makes none. The lock comes
    // before the port, since a server that is started twice should hear of the other server and not of the port.
    let lock = ServerLock::take_existing(&config.database_url)?;
    let listener = bind(&config)?;
    let _lock = match lock {
        Some(lock) => lock,
        None => ServerLock::take(&config.database_url)?,
    };
    block_on(run(config, parts, listener, options))
}

fn bind(config: &Config) -> Result<TcpListener, Failure> {
    TcpListener::bind(config.listen).map_err(|error| {
        Failure::Failed(format!("cannot listen on {}: {error} (another address: TENON_LISTEN)", config.listen))
    })
}

async fn run(config: Config, parts: Parts, listener: TcpListener, options: &Options) -> Result<(), Failure> {
    let mut signals =
        Signals::listen().map_err(|error| Failure::Failed(format!("cannot wait for signals: {error}")))?;
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot serve: {error}"));
    let address = listener.local_addr().map_err(failed)?;
    let state =
        AppState::build(config, (parts.handlers, parts.catalog), Arc::new(SystemClock), Arc::new(OsRandom::new()))
            .await?;
    let server = http::serve(Arc::clone(&state), listener).map_err(failed)?;
    let runner = Runner::start(Arc::clone(&state));
    let handle = server.handle();
    let mut serving = tokio::spawn(server);
    log::info!("Tenon {} serves http://{address} from {}", env!("CARGO_PKG_VERSION"), state.config.database_url);
    if options.demo {
        let Demo { receiver, greeting } = Demo::open(&state, address, options.demo_receiver).await?;
        tokio::spawn(receiver);
        // The shop is there, whether or not its greeting is read.
        if let Err(Failure::Failed(text)) = say(greeting) {
            log::warn!("{text}");
        }
    }
    tokio::select! {
        () = signals.next() => {}
        ended = &mut serving => return Err(Failure::Failed(format!("the server ended by itself: {ended:?}"))),
    }
    log::info!("stopping: requests and attempts under way may finish; a second signal stops at once");
    let stopped = async {
        tokio::join!(handle.stop(true), runner.stop());
        serving.await
    };
    tokio::select! {
        ended = stopped => match ended {
            Ok(ended) => ended.map_err(failed)?,
            Err(error) => return Err(Failure::Failed(format!("the server ended badly: {error}"))),
        },
        () = signals.next() => return Err(Failure::Failed("stopped at once".to_owned())),
    }

    match state.db.checkpoint().await {
        Ok(true) => {}
        Ok(false) => log::warn!("another program reads the database: what was written last is in its -wal file"),
        Err(error) => log::warn!("what was written last is in the database's -wal file: {error}"),
    }
    Ok(())
}

/// The two signals that ask for an end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
