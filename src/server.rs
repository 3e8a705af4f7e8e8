//! Listens, serves and shuts down gracefully.

mod change_upkeep;

use actix_web::dev::{Extensions, Server};
use actix_web::rt::net::TcpStream;
use actix_web::{HttpServer, web};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use std::any::Any;
use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::read::show_duration;
use crate::http::connections::Connections;
use crate::http::forms::config::catalogue::Catalogue;
use crate::http::state::AppState;
use crate::store::Store;

/// How long a client may take to send a request head before its connection is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The shortest time that a client may stop reading before its connection is closed: networks have short outages.
const MIN_WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// Files that the process needs besides client connections.
const SPARE_FILES: usize = 64;
/// Files of a connection to SQLite: the database, the write-ahead log and its index.
const FILES_OF_SQLITE: usize = 3;
/// Files of a client connection: the socket and the duplicate that evicts it.
const FILES_OF_CONNECTION: usize = 2;
/// The most connections of each worker if open files do not limit them.
const MOST_CONNECTIONS: usize = 25_000;

/// Why the server stopped or could not start.
#[derive(Debug)]
pub enum ServerError {
    /// The server cannot listen on an address.
    Listen {
        /// The setting.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The cause.
        error: io::Error,
    },
    /// Any other I/O error.
    Io(io::Error),
}

/// Serves until SIGTERM or SIGINT. Calls `on_listening` with the address once the server accepts connections.
///
/// After the signal, `/readyz` returns 503 and requests are still served for `DRAIN_DELAY`. Then the listener closes, and
/// requests in flight get `SHUTDOWN_TIMEOUT` to finish. `ADMIN_LISTEN` is served until the process ends. A second signal
/// ends the process immediately.
///
/// # Errors
/// [`ServerError`].
pub async fn serve(
    config: &Config,
    store: Store,
    clock: Clock,
    forms: Arc<Catalogue>,
    on_listening: impl FnOnce(SocketAddr),
) -> Result<(), ServerError> {
    let mut signals = Signals::new().map_err(ServerError::Io)?;
    raise_file_limit();
    // Before the first request, whose changes must be logged.
    let is_switched = change_upkeep::switch(&store, config.changes_retention).await.is_ok();
    let upkeep = change_upkeep::run(store.clone(), config.changes_retention, clock.clone(), is_switched);
    drop(actix_web::rt::spawn(upkeep));
    let state = web::Data::new(app::build_state(config, store, clock, forms));
    drop(actix_web::rt::spawn(state.imports.clone().keep()));
    if let Some(address) = config.admin_listen {
        let (server, address) = start_admin(address, state.clone())?;
        log::info!(admin_address:% = address; "probes and metrics on http://{address}");
        // It serves until the process ends: orchestrators probe during shutdown.
        drop(actix_web::rt::spawn(server));
    }
    let (close, closed) = tokio::sync::oneshot::channel::<()>();
    let (server, address) = start(config, state.clone(), async { drop(closed.await) })?;
    on_listening(address);
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => return ended.map_err(ServerError::Io),
        () = signals.next() => {}
    }
    log::info!("received a signal: no longer ready, shutting down after {}", show_duration(config.drain_delay));
    state.drain();
    let ended = async {
        tokio::time::sleep(config.drain_delay).await;
        let _ = close.send(());
        // Imports stop between two transactions, and another instance goes on.
        let (ended, ()) = tokio::join!(server, state.imports.stop(config.shutdown_timeout));
        ended
    };
    tokio::select! {
        ended = ended => ended.map_err(ServerError::Io),
        () = signals.next() => {
            log::warn!("received a second signal: ending immediately");
            Ok(())
        }
    }
}

/// Listens on `LISTEN` and returns the server, which runs when it is polled and closes its listener when `closed` is done.
///
/// # Errors
/// If the server cannot listen on the address.
pub fn start(
    config: &Config,
    state: web::Data<AppState>,
    closed: impl Future<Output = ()> + Send + 'static,
) -> Result<(Server, SocketAddr), ServerError> {
    let origins = config.cors_origins.clone();
    let write_timeout = config.request_timeout.max(MIN_WRITE_TIMEOUT);
    let capacity = connections_per_worker(config);
    let connections = Connections::new(capacity.saturating_mul(config.workers), config.trusted_proxies.clone());
    let connections = Arc::new(connections);
    let server = HttpServer::new(move || app::build(state.clone(), origins.clone()))
        .workers(config.workers)
        .max_connections(capacity)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .on_connect(move |connection, extensions| {
            set_write_timeout(connection, write_timeout);
            register(connection, &connections, extensions);
        })
        // Actix takes whole seconds; they are rounded up, so that only zero is zero.
        .shutdown_timeout(config.shutdown_timeout.as_secs() + u64::from(config.shutdown_timeout.subsec_nanos() > 0))
        .shutdown_signal(closed)
        .bind(config.listen)
        .map_err(cannot_listen("LISTEN", config.listen))?;
    let address = server.addrs().first().copied().unwrap_or(config.listen);
    Ok((server.run(), address))
}

/// Listens on `ADMIN_LISTEN` and returns the server of probes and metrics. It has its own thread, which neither API
/// requests nor database jobs block, and ends with the process.
///
/// # Errors
/// If the server cannot listen on the address.
pub fn start_admin(address: SocketAddr, state: web::Data<AppState>) -> Result<(Server, SocketAddr), ServerError> {
    let server = HttpServer::new(move || app::build_admin(state.clone()))
        .workers(1)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .on_connect(|connection, _| set_write_timeout(connection, HEAD_TIMEOUT))
        .shutdown_timeout(0)
        .disable_signals()
        .bind(address)
        .map_err(cannot_listen("ADMIN_LISTEN", address))?;
    let address = server.addrs().first().copied().unwrap_or(address);
    Ok((server.run(), address))
}

fn cannot_listen(setting: &'static str, address: SocketAddr) -> impl FnOnce(io::Error) -> ServerError {
    move |error| ServerError::Listen { setting, address, error }
}

/// Lets the kernel close a connection whose client reads nothing for `timeout`, so that no response stays in memory
/// forever. Does nothing on systems without the socket option.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "only Linux has the option"))]
fn set_write_timeout(connection: &dyn Any, timeout: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(timeout))
    {
        log::debug!("cannot set the write timeout of a connection: {error}");
    }
}

/// Adds a new connection to the registry, or closes it if its source has reached its limit or no file is left.
fn register(connection: &dyn Any, connections: &Arc<Connections>, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let try_register = || connections.register(stream.peer_addr().ok()?.ip(), socket.try_clone().ok()?);
    match try_register() {
        Some(registered) => drop(extensions.insert(registered)),
        // An error means that the client has closed it.
        None => drop(socket.shutdown(Shutdown::Both)),
    }
}

/// Raises the soft limit of open files to the hard limit: each connection needs a file, and the usual 1,024 are few.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let text = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let (old, new) = (text(limit.current), text(limit.maximum));
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        Ok(()) => log::info!("raised the limit of open files from {old} to {new}"),
        Err(error) => log::warn!("cannot raise the limit of open files from {old} to {new}: {error}"),
    }
}

/// The most connections of a worker that leave enough files for the database.
fn connections_per_worker(config: &Config) -> usize {
    let files = getrlimit(Resource::Nofile).current.map(|files| usize::try_from(files).unwrap_or(usize::MAX));
    let pool = usize::try_from(config.database_pool_size).unwrap_or(usize::MAX);
    let spare = SPARE_FILES + pool.max(FILES_OF_SQLITE * (config.workers + SPARE_FILES / 4)) + 4 * config.workers;
    let per_worker = FILES_OF_CONNECTION * config.workers.max(1);
    let fitting = files.map_or(MOST_CONNECTIONS, |files| files.saturating_sub(spare) / per_worker);
    fitting.clamp(8, MOST_CONNECTIONS)
}

/// The signals that shut the process down.
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
                // By default SIGHUP ends a process; operators send it to reload the configuration.
                _ = self.hangup.recv() => log::warn!("SIGHUP is ignored: settings and forms are read at start only"),
            }
        }
    }
}
