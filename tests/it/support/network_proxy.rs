//! A proxy between a service and its PostgreSQL that can delay, drop or break its traffic.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// They are forwarded.
    None,
    /// They are forwarded after a delay each time.
    Slow(Duration),
    /// They are forwarded one by one.
    Trickle,
    /// They are received and never forwarded, while the connection stays open.
    Silent,
}

/// How often a connection checks whether the proxy is closed.
const GLANCE: Duration = Duration::from_millis(20);

/// A proxy; dropping it breaks all connections.
#[derive(Debug)]
pub struct NetworkProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fault: Mutex<NetworkFault>,
    connections: Mutex<Vec<Connection>>,
    is_cut: AtomicBool,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    /// The fault of this connection, if set; otherwise that of the proxy.
    fault: Arc<Mutex<Option<NetworkFault>>>,
}

impl NetworkProxy {
    /// A proxy to the server that listens on that socket.
    pub fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            fault: Mutex::new(NetworkFault::None),
            connections: Mutex::default(),
            is_cut: AtomicBool::new(false),
        });
        let (socket, at_work) = (socket.to_owned(), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if at_work.is_cut.load(Ordering::Relaxed) {
                    return;
                }
                // Without a connection to the server, the client's is closed.
                if let Ok(server) = UnixStream::connect(&socket) {
                    connect(&at_work, client, server);
                }
            }
        });
        Self { address, shared }
    }

    /// The URL of a database through the proxy.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}?sslmode=disable&gssencmode=disable", self.address)
    }

    /// Sets the fault of all connections.
    pub fn set_fault(&self, fault: NetworkFault) {
        *self.shared.fault.lock().expect("the fault") = fault;
    }

    /// Drops all traffic on the existing connections for good, but not on new ones. Returns their number.
    pub fn silence(&self) -> usize {
        let connections = self.shared.connections.lock().expect("connections");
        for connection in &*connections {
            *connection.fault.lock().expect("the fault") = Some(NetworkFault::Silent);
        }
        connections.len()
    }

    /// Resets the existing connections.
    pub fn reset(&self) {
        for connection in self.shared.connections.lock().expect("connections").drain(..) {
            // Unsent data is discarded, and the other side gets an RST.
            drop(socket2::SockRef::from(&connection.client).set_linger(Some(Duration::ZERO)));
            drop(connection.client.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for NetworkProxy {
    fn drop(&mut self) {
        self.shared.is_cut.store(true, Ordering::Relaxed);
        self.reset();
        drop(TcpStream::connect(self.address));
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream, server: UnixStream) {
    let fault = Arc::default();
    client.set_nodelay(true).expect("a socket");
    client.set_read_timeout(Some(GLANCE)).expect("a socket");
    server.set_read_timeout(Some(GLANCE)).expect("a socket");
    let clone = |client: &TcpStream| client.try_clone().expect("a socket");
    let connection = Connection { client: clone(&client), fault: Arc::clone(&fault) };
    shared.connections.lock().expect("connections").push(connection);
    let (back, forth) = (clone(&client), server.try_clone().expect("a socket"));
    for (from, to) in [
        (Box::new(client) as Box<dyn Read + Send>, Box::new(forth) as Box<dyn Write + Send>),
        (Box::new(server), Box::new(back)),
    ] {
        let (shared, fault) = (Arc::clone(shared), Arc::clone(&fault));
        thread::spawn(move || carry(&shared, &fault, from, to));
    }
}

/// Forwards bytes until one of the ends closes; then the threads and sockets of the connection end.
fn carry(shared: &Shared, own: &Mutex<Option<NetworkFault>>, mut from: impl Read, mut to: impl Write) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if shared.is_cut.load(Ordering::Relaxed) {
                    return;
                }
                continue;
            }
            Err(_) => return,
        };
        let fault = own.lock().expect("the fault").unwrap_or(*shared.fault.lock().expect("the fault"));
        let bytes = &buffer[..read];
        let carried = match fault {
            NetworkFault::None => to.write_all(bytes),
            NetworkFault::Slow(time) => {
                thread::sleep(time);
                to.write_all(bytes)
            }
            NetworkFault::Trickle => bytes.iter().try_for_each(|byte| to.write_all(&[*byte])),
            NetworkFault::Silent => Ok(()),
        };
        if carried.is_err() {
            return;
        }
    }
}
