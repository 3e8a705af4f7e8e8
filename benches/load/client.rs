//! The clients: one thread with many persistent connections. Each sends the next request when its response is complete.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

/// Builds the request with a number: its kind, 0 or 1, and its bytes.
pub type Make<'a> = dyn Fn(u64) -> (usize, Vec<u8>) + 'a;

/// The results of a round.
pub struct Round {
    seconds: f64,
    /// Microseconds from each request to its complete response, by kind.
    pub latencies: [Vec<u32>; 2],
    /// Bytes of all bodies.
    pub bytes: u64,
}

impl Round {
    /// The number of responses.
    pub fn answers(&self) -> usize {
        self.latencies.iter().map(Vec::len).sum()
    }

    /// Responses per second.
    pub fn rate(&self) -> f64 {
        self.answers() as f64 / self.seconds
    }
}

/// One connection and its request in flight.
struct Connection {
    stream: TcpStream,
    kind: usize,
    sent: Instant,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    fn send(&mut self, (kind, request): (usize, Vec<u8>)) {
        (self.kind, self.filled, self.sent) = (kind, 0, Instant::now());
        self.stream.write_all(&request).expect("a request fits into an idle connection");
    }

    /// Reads the available bytes. Returns the size of the body if the response is complete; it must be a success.
    fn receive(&mut self) -> Option<usize> {
        loop {
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.filled * 2, 0);
            }
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(0) => panic!("the server closed the connection"),
                Ok(more) => self.filled += more,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
                Err(error) => panic!("{error}"),
            }
            let come = &self.buffer[..self.filled];
            let Some(head) = come.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let length = length_of(&come[..head]);
            if self.filled == head + 4 + length {
                assert!(come.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(come));
                return Some(length);
            }
        }
    }
}

fn length_of(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    // It has no body and no length.
    if head.starts_with(b"HTTP/1.1 204") {
        return 0;
    }
    let lines = head.split(|byte| *byte == b'\n');
    let mut lengths = lines.filter(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME));
    let length = lengths.next().and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok());
    length.expect("a response has a length")
}

/// Sends requests until the time is over. Numbers continue from round to round, so that no request occurs twice.
pub fn run(address: SocketAddr, connections: usize, seconds: f64, counter: &AtomicU64, make: &Make) -> Round {
    let next = || make(counter.fetch_add(1, Ordering::Relaxed));
    let mut poll = Poll::new().expect("a poll");
    let mut events = Events::with_capacity(connections);
    let connect = |number| {
        // One source may have half of the connections.
        let source = SocketAddr::from(([127, 0, 0, 1 + (number / 2_000) as u8], 0));
        let stream = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        stream.bind(&source.into()).expect("an address of this machine");
        stream.connect(&address.into()).expect("the server listens");
        let stream = std::net::TcpStream::from(stream);
        stream.set_nodelay(true).expect("a TCP option");
        stream.set_nonblocking(true).expect("a socket option");
        let mut stream = TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, Token(number), Interest::READABLE)
            .expect("registering with the poll succeeds");
        let mut connection = Connection { stream, kind: 0, sent: Instant::now(), buffer: vec![0; 8 * 1024], filled: 0 };
        // Now, because the server does not wait long for the first request.
        connection.send(next());
        connection
    };
    let mut all: Vec<_> = (0..connections).map(connect).collect();
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(seconds);
    let mut round = Round { seconds: 0.0, latencies: [Vec::new(), Vec::new()], bytes: 0 };
    let mut busy = connections;
    while busy > 0 {
        poll.poll(&mut events, Some(Duration::from_secs(30))).expect("a poll");
        assert!(!events.is_empty(), "the server does not answer");
        for event in &events {
            let connection = &mut all[event.token().0];
            let Some(length) = connection.receive() else { continue };
            if connection.sent >= started {
                round.latencies[connection.kind].push(connection.sent.elapsed().as_micros() as u32);
                round.bytes += length as u64;
            }
            if Instant::now() < end {
                connection.send(next());
            } else {
                // A server may close it while others still wait.
                poll.registry().deregister(&mut connection.stream).expect("deregistering with the poll succeeds");
                busy -= 1;
            }
        }
    }
    round.seconds = started.elapsed().as_secs_f64();
    round
}
