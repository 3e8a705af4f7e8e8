//! A proxy between a service and its PostgreSQL that lets a number of statements pass, and holds the reply to the last.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// A proxy that counts statements. Dropping it closes its listener and the connections with held statements, which the
/// server never gets; other connections end with their client.
#[derive(Debug)]
pub struct StatementGate {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counter: Mutex<Counter>,
    changed: Condvar,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Counter {
    /// How many statements pass; `None` for all.
    most: Option<usize>,
    /// The statements that passed since the gate was set.
    passed: Vec<String>,
    /// Whether the last statement has passed.
    is_closed: bool,
    /// Whether the server has executed it.
    is_holding: bool,
    /// Whether held statements are given up.
    is_dropped: bool,
}

impl StatementGate {
    /// An open gate to the server that listens on that socket.
    pub fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::<Shared>::default();
        let (socket, at_work) = (socket.to_owned(), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if at_work.is_closed.load(Ordering::Relaxed) {
                    return;
                }
                connect(&at_work, client, UnixStream::connect(&socket).expect("the server listens"));
            }
        });
        Self { address, shared }
    }

    /// The URL of a database through the gate.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}?sslmode=disable&gssencmode=disable", self.address)
    }

    /// Lets so many statements pass, on all connections together, or those until the next `COMMIT` if they are fewer. The
    /// reply to the last one, and all later statements, are held for good.
    pub fn close_after(&self, most: usize) {
        *self.shared.counter.lock().expect("the counter") = Counter { most: Some(most), ..Counter::default() };
    }

    /// Waits until the server has executed the last statement that passes. Returns those that passed.
    #[track_caller]
    pub fn wait_until_held(&self, longest: Duration) -> Vec<String> {
        let counter = self.shared.counter.lock().expect("the counter");
        let waited = self.shared.changed.wait_timeout_while(counter, longest, |counter| !counter.is_holding);
        let (counter, time) = waited.expect("the counter");
        assert!(!time.timed_out(), "after {:?} no other statement came", counter.passed);
        counter.passed.clone()
    }
}

impl Drop for StatementGate {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
        if let Ok(mut counter) = self.shared.counter.lock() {
            counter.is_dropped = true;
        }
        self.shared.changed.notify_all();
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    /// Counts a statement. Returns whether it is the last that passes; blocks if it may not pass, and returns `None` when
    /// the gate is dropped.
    fn count(&self, text: &str) -> Option<bool> {
        let mut counter = self.counter.lock().expect("the counter");
        let Some(most) = counter.most else { return Some(false) };
        if counter.is_closed {
            drop(self.changed.wait_while(counter, |counter| !counter.is_dropped));
            return None;
        }
        counter.passed.push(text.to_owned());
        counter.is_closed = counter.passed.len() == most || text == "COMMIT";
        Some(counter.is_closed)
    }

    fn report_held(&self) {
        self.counter.lock().expect("the counter").is_holding = true;
        self.changed.notify_all();
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream, server: UnixStream) {
    client.set_nodelay(true).expect("a socket");
    let (back, forth) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    let is_held = Arc::new(AtomicBool::new(false));
    let (requests, replies) = ((Arc::clone(shared), Arc::clone(&is_held)), Arc::clone(shared));
    thread::spawn(move || {
        carry_requests(&requests.0, &requests.1, client, &forth);
        // The session ends as if the network had told the server of the killed client.
        drop(forth.shutdown(Shutdown::Both));
    });
    thread::spawn(move || {
        carry_replies(&replies, &is_held, server, &back);
        drop(back.shutdown(Shutdown::Both));
    });
}

/// A message with its type, length and content.
fn read_message(from: &mut impl Read, has_type: bool) -> Option<(Vec<u8>, usize)> {
    let head = if has_type { 5 } else { 4 };
    let mut message = vec![0; head];
    from.read_exact(&mut message).ok()?;
    let length = u32::from_be_bytes(message[head - 4..].try_into().expect("four bytes"));
    message.resize(head - 4 + length as usize, 0);
    from.read_exact(&mut message[head..]).ok()?;
    Some((message, head))
}

/// Forwards what the client sends. Statements are the messages `Query` and `Execute`.
fn carry_requests(shared: &Shared, is_held: &AtomicBool, mut from: impl Read, mut to: impl Write) -> Option<()> {
    let (startup, _) = read_message(&mut from, false)?;
    to.write_all(&startup).ok()?;
    let (mut prepared, mut bound) = (HashMap::new(), String::new());
    loop {
        let (message, head) = read_message(&mut from, true)?;
        let mut texts = message[head..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        let mut next = || texts.next().unwrap_or_default();
        let statement = match message[0] {
            b'P' => {
                prepared.insert(next(), next());
                None
            }
            b'B' => {
                let (_portal, name) = (next(), next());
                bound = prepared.get(&name).cloned().unwrap_or_default();
                None
            }
            b'E' => Some(bound.clone()),
            b'Q' => Some(next()),
            _ => None,
        };
        if let Some(text) = statement
            && shared.count(&text)?
        {
            is_held.store(true, Ordering::SeqCst);
        }
        to.write_all(&message).ok()?;
    }
}

/// Forwards what the server sends, until the reply that is held. `ReadyForQuery` ends a reply.
fn carry_replies(shared: &Shared, is_held: &AtomicBool, mut from: impl Read, mut to: impl Write) -> Option<()> {
    loop {
        let (message, _) = read_message(&mut from, true)?;
        if !is_held.load(Ordering::SeqCst) {
            to.write_all(&message).ok()?;
        } else if message[0] == b'Z' {
            shared.report_held();
        }
    }
}
