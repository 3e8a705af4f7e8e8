//! Listens, serves, and ends in good order.

use actix_web::dev::Server;
use actix_web::{HttpServer, web};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::forms::catalogue::Catalogue;
use crate::http::state::State;
use crate::store::Store;

/// A client that sends its head more slowly than this is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is kept this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Serves until SIGTERM or SIGINT; `on_listening` is told the address once requests can come.
///
/// Then `/readyz` turns 503, requests go on being served for `DRAIN_DELAY`, the listener closes, and requests in
/// flight get `SHUTDOWN_TIMEOUT` to finish. A second signal ends at once.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    config: &Config,
    store: Store,
    clock: Clock,
    forms: Arc<Catalogue>,
    on_listening: impl FnOnce(SocketAddr),
) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let state = web::Data::new(State::new(config, store, clock, forms));
    let (close, closed) = tokio::sync::oneshot::channel::<()>();
    let (server, address) = start(config, state.clone(), async { drop(closed.await) })?;
    on_listening(address);
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = signals.next() => {}
    }
    log::info!("a signal came: no longer ready, ending after {:?}", config.drain_delay);
    state.drain();
    let ended = async {
        tokio::time::sleep(config.drain_delay).await;
        let _ = close.send(());
        server.await
    };
    tokio::select! {
        ended = ended => ended,
        () = signals.next() => {
            log::warn!("a second signal came: ending at once");
            Ok(())
        }
    }
}

/// Listens and gives the server, which runs when it is polled and closes its listener when `closed` is done.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(
    config: &Config,
    state: web::Data<State>,
    closed: impl Future<Output = ()> + Send + 'static,
) -> io::Result<(Server, SocketAddr)> {
    let origins = config.cors_origins.clone();
    let server = HttpServer::new(move || app::build(state.clone(), origins.clone()))
        .workers(config.workers)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        // Whole seconds, and none is none: a part of one counts as one.
        .shutdown_timeout(config.shutdown_timeout.as_secs() + u64::from(config.shutdown_timeout.subsec_nanos() > 0))
        .shutdown_signal(closed)
        .bind(config.listen)?;
    let address = server.addrs().first().copied().unwrap_or(config.listen);
    Ok((server.run(), address))
}

/// The signals that ask the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                // Not the end that it is by default: it is what people send to have settings read again.
                _ = self.hangup.recv() => log::warn!("SIGHUP changes nothing: settings and forms are read at start"),
            }
        }
    }
}
