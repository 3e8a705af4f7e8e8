//! The registry of open connections. It evicts idle ones, so that idle clients cannot use up all connections.
//!
//! # Design
//! The number of connections is limited by the number of open files. Two rules keep some free. When seven eighths are in
//! use, each new connection evicts an idle one: the longest idle one of the source with the most connections. And one
//! source has at most half of all; beyond that, a new connection evicts an idle one of the same source or is rejected.
//! A connection is idle between two requests, before the first, and while a request head is incomplete.
//!
//! The registry evicts a connection by shutting down a duplicate of its socket, since the connection itself belongs to a
//! worker thread. This costs a second file for each connection. A request costs two atomic stores and takes no lock.

use actix_web::dev::ServiceRequest;
use socket2::Socket;
use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Shutdown};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::network::{self, Network};

/// The value of [`Activity::idle_since`] while a request is in progress.
const BUSY: u64 = u64::MAX;
/// Evictions are logged at most this often.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// All open connections of clients.
#[derive(Debug)]
pub struct Connections {
    started: Instant,
    /// With at least this many connections, a new one evicts an idle one.
    evict_from: usize,
    /// The most connections of one source, unless it is a trusted proxy.
    per_source: usize,
    trusted: Vec<Network>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    entries: HashMap<u64, Entry>,
    of_source: HashMap<IpAddr, usize>,
    next_id: u64,
    logged: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    /// The network of the client; `None` for a trusted proxy, which has many clients.
    source: Option<IpAddr>,
    activity: Arc<Activity>,
    /// A duplicate of the connection's socket.
    socket: Arc<Socket>,
}

/// When a connection was last used.
#[derive(Debug)]
struct Activity {
    started: Instant,
    /// Milliseconds since `started`, or [`BUSY`].
    idle_since: AtomicU64,
}

/// An open connection; removed from the registry when dropped.
#[derive(Debug)]
pub struct ClientConnection {
    id: u64,
    activity: Arc<Activity>,
    socket: Arc<Socket>,
    registry: Arc<Connections>,
}

/// Marks a connection as busy; dropping it marks the connection as idle.
#[derive(Debug)]
pub struct Busy(Arc<Activity>);

impl Connections {
    /// A registry for at most `capacity` connections. `trusted` proxies may have any number of them.
    #[must_use]
    pub fn new(capacity: usize, trusted: Vec<Network>) -> Self {
        Self {
            started: Instant::now(),
            evict_from: (capacity - capacity / 8).max(1),
            per_source: (capacity / 2).max(1),
            trusted,
            open: Mutex::default(),
        }
    }

    /// Registers a new connection from `peer`; `socket` is a duplicate of its socket. `None` if the source has reached
    /// its limit and all of its connections are busy; the caller must then close the connection.
    #[must_use]
    pub fn register(self: &Arc<Self>, peer: IpAddr, socket: Socket) -> Option<ClientConnection> {
        let is_trusted = self.trusted.iter().any(|network| network.contains(peer));
        let source = (!is_trusted).then(|| network::client_prefix(peer));
        let activity = Arc::new(Activity { started: self.started, idle_since: AtomicU64::new(0) });
        activity.set_idle();
        let mut open = self.lock();
        let count = source.and_then(|source| open.of_source.get(&source).copied()).unwrap_or_default();
        if count >= self.per_source {
            if !open.evict(|entry| entry.source == source) {
                return None;
            }
        } else if open.entries.len() >= self.evict_from {
            open.evict(|_| true);
        }
        let id = open.next_id;
        open.next_id = id.wrapping_add(1);
        let socket = Arc::new(socket);
        open.entries.insert(id, Entry { source, activity: Arc::clone(&activity), socket: Arc::clone(&socket) });
        if let Some(source) = source {
            *open.of_source.entry(source).or_default() += 1;
        }
        Some(ClientConnection { id, activity, socket, registry: Arc::clone(self) })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes the longest idle connection of the source with the most connections, among those that `is_candidate`
    /// accepts. Returns `false` if none of them is idle.
    fn evict(&mut self, is_candidate: impl Fn(&Entry) -> bool) -> bool {
        let idle = self.entries.iter().filter(|(_, entry)| is_candidate(entry)).filter_map(|(id, entry)| {
            let since = entry.activity.idle_since.load(Ordering::Relaxed);
            let count = entry.source.and_then(|source| self.of_source.get(&source)).copied().unwrap_or_default();
            (since != BUSY).then_some((count, u64::MAX - since, *id))
        });
        let Some((_, _, id)) = idle.max() else { return false };
        let Some(entry) = self.remove(id) else { return false };
        // The worker then reads the end of the stream and closes it. An error means that the client has closed it.
        drop(entry.socket.shutdown(Shutdown::Both));
        if self.logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL) {
            self.logged = Some(Instant::now());
            let open = self.entries.len();
            log::warn!(open; "connections run short: closing idle ones, {open} are open");
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if let Some(source) = entry.source
            && let Some(count) = self.of_source.get_mut(&source)
        {
            *count -= 1;
            if *count == 0 {
                self.of_source.remove(&source);
            }
        }
        Some(entry)
    }
}

impl Activity {
    fn set_idle(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(BUSY - 1);
        self.idle_since.store(now, Ordering::Relaxed);
    }
}

impl ClientConnection {
    /// Marks the connection of a request as busy until the guard is dropped.
    #[must_use]
    pub fn begin(request: &ServiceRequest) -> Option<Busy> {
        let connection = request.conn_data::<Self>()?;
        connection.activity.idle_since.store(BUSY, Ordering::Relaxed);
        Some(Busy(Arc::clone(&connection.activity)))
    }

    /// Whether the client has closed the connection, or at least will send nothing more.
    #[must_use]
    pub fn is_closed_by_client(&self) -> bool {
        match self.socket.peek(&mut [MaybeUninit::uninit()]) {
            Ok(bytes) => bytes == 0,
            // Without data, the socket, which does not block, has an error of that kind.
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.registry.lock().remove(self.id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set_idle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};
    use std::io::Read;

    /// A registered connection and the client's end of it.
    fn connect(registry: &Arc<Connections>, peer: &str) -> Option<(ClientConnection, Socket)> {
        let (ours, theirs) = Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let connection = registry.register(peer.parse().unwrap(), ours)?;
        // Connections need different idle times.
        std::thread::sleep(Duration::from_millis(2));
        Some((connection, theirs))
    }

    fn is_open((_, client): &(ClientConnection, Socket)) -> bool {
        (&*client).read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    fn set_busy((connection, _): &(ClientConnection, Socket)) -> Busy {
        connection.activity.idle_since.store(BUSY, Ordering::Relaxed);
        Busy(Arc::clone(&connection.activity))
    }

    #[test]
    fn a_new_connection_evicts_the_longest_idle_of_the_largest_source() {
        let registry = Arc::new(Connections::new(8, Vec::new()));
        let other = connect(&registry, "10.0.0.1").unwrap();
        let mut many: Vec<_> = (0..4).map(|_| connect(&registry, "10.0.0.2").unwrap()).collect();
        many.extend((0..2).map(|_| connect(&registry, "10.0.0.3").unwrap()));
        assert!(many.iter().all(is_open));
        let busy = set_busy(&many[0]);
        let new = connect(&registry, "10.0.0.4").unwrap();
        let open: Vec<_> = many.iter().map(is_open).collect();
        assert_eq!(open, [true, false, true, true, true, true]);
        assert!(is_open(&other) && is_open(&new));
        drop(busy);
        drop((many, other, new));
        let open = registry.lock();
        assert!(open.entries.is_empty() && open.of_source.is_empty());
    }

    #[test]
    fn one_source_has_at_most_half_and_a_trusted_proxy_any_number() {
        let registry = Arc::new(Connections::new(8, vec!["10.1.0.0/16".parse().unwrap()]));
        let many: Vec<_> = (0..4).map(|at| connect(&registry, &format!("2001:db8::{at}")).unwrap()).collect();
        let fifth = connect(&registry, "2001:db8::ffff").unwrap();
        assert_eq!(many.iter().map(is_open).collect::<Vec<_>>(), [false, true, true, true]);
        let busy: Vec<_> = many.iter().chain([&fifth]).map(set_busy).collect();
        assert!(connect(&registry, "2001:db8::9").is_none(), "the source has no idle connection");
        drop((busy, many, fifth));
        let proxied: Vec<_> = (0..8).map(|_| connect(&registry, "10.1.0.1").unwrap()).collect();
        let open = proxied.iter().filter(|one| is_open(one)).count();
        assert_eq!(open, 7);
    }
}
