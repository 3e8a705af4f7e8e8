//! The network between a service and its PostgreSQL: a proxy that passes bytes on, or does to them what networks do.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// They are passed on.
    Fair,
    /// They are passed on after a while, each time.
    Slow(Duration),
    /// They are passed on one by one.
    Trickle,
    /// They are taken and never passed on, while the connection stays open.
    Silent,
}

/// How often a connection looks whether something has changed.
const GLANCE: Duration = Duration::from_millis(20);

/// A network of one wire; it is cut when dropped.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    weather: Mutex<NetworkFault>,
    connections: Mutex<Vec<Connection>>,
    is_cut: AtomicBool,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    /// Its own from the moment that it is set; else it has that of all.
    weather: Arc<Mutex<Option<NetworkFault>>>,
}

impl Wire {
    /// A wire to the server that listens on that socket.
    pub fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            weather: Mutex::new(NetworkFault::Fair),
            connections: Mutex::default(),
            is_cut: AtomicBool::new(false),
        });
        let (socket, at_work) = (socket.to_owned(), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if at_work.is_cut.load(Ordering::Relaxed) {
                    return;
                }
                // Who cannot be connected is hung up on.
                if let Ok(server) = UnixStream::connect(&socket) {
                    connect(&at_work, client, server);
                }
            }
        });
        Self { address, shared }
    }

    /// The URL of a database at its other end.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}?sslmode=disable&gssencmode=disable", self.address)
    }

    /// Does the same to all bytes from now on.
    pub fn turn(&self, weather: NetworkFault) {
        *self.shared.weather.lock().expect("the weather") = weather;
    }

    /// Lets nothing through on the connections that there are, for good; those to come are not concerned. Tells how
    /// many there were.
    pub fn silence(&self) -> usize {
        let connections = self.shared.connections.lock().expect("connections");
        for connection in &*connections {
            *connection.weather.lock().expect("the weather") = Some(NetworkFault::Silent);
        }
        connections.len()
    }

    /// Breaks the connections that there are, without a farewell.
    pub fn reset(&self) {
        for connection in self.shared.connections.lock().expect("connections").drain(..) {
            // What was not sent yet is thrown away, and the other side is told so by RST.
            drop(socket2::SockRef::from(&connection.client).set_linger(Some(Duration::ZERO)));
            drop(connection.client.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_cut.store(true, Ordering::Relaxed);
        self.reset();
        drop(TcpStream::connect(self.address));
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream, server: UnixStream) {
    let weather = Arc::default();
    client.set_nodelay(true).expect("a socket");
    client.set_read_timeout(Some(GLANCE)).expect("a socket");
    server.set_read_timeout(Some(GLANCE)).expect("a socket");
    let clone = |client: &TcpStream| client.try_clone().expect("a socket");
    let connection = Connection { client: clone(&client), weather: Arc::clone(&weather) };
    shared.connections.lock().expect("connections").push(connection);
    let (back, forth) = (clone(&client), server.try_clone().expect("a socket"));
    for (from, to) in [
        (Box::new(client) as Box<dyn Read + Send>, Box::new(forth) as Box<dyn Write + Send>),
        (Box::new(server), Box::new(back)),
    ] {
        let (shared, weather) = (Arc::clone(shared), Arc::clone(&weather));
        thread::spawn(move || carry(&shared, &weather, from, to));
    }
}

/// Carries bytes until one of the ends hangs up; then the threads of the connection end, and its sockets with them.
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
        let weather = own.lock().expect("the weather").unwrap_or(*shared.weather.lock().expect("the weather"));
        let bytes = &buffer[..read];
        let carried = match weather {
            NetworkFault::Fair => to.write_all(bytes),
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
