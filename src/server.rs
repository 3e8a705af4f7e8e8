//! Listens, serves, and ends in good order.

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
use crate::http::state::State;
use crate::store::Store;

/// A client that sends its head more slowly than this is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is kept this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A client takes nothing of its answer for at least this long before it is cut off: networks pause too.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);
/// Files that the process needs besides connections of clients.
const SPARE_FILES: usize = 64;
/// Files of a connection to SQLite: the database, its log of changes, the index of that.
const FILES_OF_SQLITE: usize = 3;
/// Files of a connection of a client: its socket, and the duplicate by which it can be evicted.
const FILES_OF_CONNECTION: usize = 2;
/// Connections that each worker keeps at most where nothing else limits them.
const MOST_CONNECTIONS: usize = 25_000;

/// Why the service ended, or never began.
#[derive(Debug)]
pub enum Failed {
    /// An address cannot be listened on.
    Listen {
        /// The setting.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The server broke.
    Broke(io::Error),
}

/// Serves until SIGTERM or SIGINT; `on_listening` is told the address once requests can come.
///
/// Then `/readyz` turns 503, requests go on being served for `DRAIN_DELAY`, the listener closes, and requests in
/// flight get `SHUTDOWN_TIMEOUT` to finish; probes and metrics at an address of their own are answered until the end.
/// A second signal ends at once.
///
/// # Errors
/// [`Failed`].
pub async fn serve(
    config: &Config,
    store: Store,
    clock: Clock,
    forms: Arc<Catalogue>,
    on_listening: impl FnOnce(SocketAddr),
) -> Result<(), Failed> {
    let mut signals = Signals::new().map_err(Failed::Broke)?;
    raise_file_limit();
    let state = web::Data::new(State::new(config, store, clock, forms));
    if let Some(address) = config.admin_listen {
        let (server, address) = start_admin(address, state.clone())?;
        log::info!(admin_address:% = address; "probes and metrics on http://{address}");
        // It ends with the process: whoever drains asks until the very end.
        drop(actix_web::rt::spawn(server));
    }
    let (close, closed) = tokio::sync::oneshot::channel::<()>();
    let (server, address) = start(config, state.clone(), async { drop(closed.await) })?;
    on_listening(address);
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => return ended.map_err(Failed::Broke),
        () = signals.next() => {}
    }
    log::info!("a signal came: no longer ready, ending after {}", show_duration(config.drain_delay));
    state.drain();
    let ended = async {
        tokio::time::sleep(config.drain_delay).await;
        let _ = close.send(());
        server.await
    };
    tokio::select! {
        ended = ended => ended.map_err(Failed::Broke),
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
) -> Result<(Server, SocketAddr), Failed> {
    let origins = config.cors_origins.clone();
    let patience = config.request_timeout.max(SHORTEST_PATIENCE);
    let capacity = connections_of_a_worker(config);
    let connections = Connections::new(capacity.saturating_mul(config.workers), config.trusted_proxies.clone());
    let connections = Arc::new(connections);
    let server = HttpServer::new(move || app::build(state.clone(), origins.clone()))
        .workers(config.workers)
        .max_connections(capacity)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .on_connect(move |connection, extensions| {
            cut_off_after(connection, patience);
            register(connection, &connections, extensions);
        })
        // Whole seconds, and none is none: a part of one counts as one.
        .shutdown_timeout(config.shutdown_timeout.as_secs() + u64::from(config.shutdown_timeout.subsec_nanos() > 0))
        .shutdown_signal(closed)
        .bind(config.listen)
        .map_err(cannot_listen("LISTEN", config.listen))?;
    let address = server.addrs().first().copied().unwrap_or(config.listen);
    Ok((server.run(), address))
}

/// The same for probes and metrics alone: one thread of its own, which no request of the API and no job of the store
/// can hold up. It ends with the process.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start_admin(address: SocketAddr, state: web::Data<State>) -> Result<(Server, SocketAddr), Failed> {
    let server = HttpServer::new(move || app::build_admin(state.clone()))
        .workers(1)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .on_connect(|connection, _| cut_off_after(connection, HEAD_TIMEOUT))
        .shutdown_timeout(0)
        .disable_signals()
        .bind(address)
        .map_err(cannot_listen("ADMIN_LISTEN", address))?;
    let address = server.addrs().first().copied().unwrap_or(address);
    Ok((server.run(), address))
}

fn cannot_listen(setting: &'static str, address: SocketAddr) -> impl FnOnce(io::Error) -> Failed {
    move |error| Failed::Listen { setting, address, error }
}

/// Lets the kernel close a connection whose client takes nothing of what it was sent for so long: no answer waits for
/// ever in memory. Where the option is not known it stays as it is.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "only Linux has the option"))]
fn cut_off_after(connection: &dyn Any, patience: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(patience))
    {
        log::debug!("a connection cannot be given a time limit: {error}");
    }
}

/// Adds a new connection to the registry, or closes it where its source has its share or no file is left.
fn register(connection: &dyn Any, connections: &Arc<Connections>, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let registered = || connections.register(stream.peer_addr().ok()?.ip(), socket.try_clone().ok()?);
    match registered() {
        Some(registered) => drop(extensions.insert(registered)),
        // It fails only where the client has closed it already.
        None => drop(socket.shutdown(Shutdown::Both)),
    }
}

/// Raises the soft limit of open files to the hard limit: the usual 1,024 are few, and connections are what runs out.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let text = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let (old, new) = (text(limit.current), text(limit.maximum));
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        Ok(()) => log::info!("raised the limit of open files from {old} to {new}"),
        Err(error) => log::warn!("the limit of open files stays {old}, since {new} was refused: {error}"),
    }
}

/// The most connections of a worker that leave enough files for the database.
fn connections_of_a_worker(config: &Config) -> usize {
    let files = getrlimit(Resource::Nofile).current.map(|files| usize::try_from(files).unwrap_or(usize::MAX));
    let pool = usize::try_from(config.database_pool_size).unwrap_or(usize::MAX);
    let spare = SPARE_FILES + pool.max(FILES_OF_SQLITE * (config.workers + SPARE_FILES / 4)) + 4 * config.workers;
    let per_worker = FILES_OF_CONNECTION * config.workers.max(1);
    let fitting = files.map_or(MOST_CONNECTIONS, |files| files.saturating_sub(spare) / per_worker);
    fitting.clamp(8, MOST_CONNECTIONS)
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
