//! A small HTTP/1.1 client on plain sockets: it can set its source address, count bytes and close by RST.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::Stop;

/// How long a read blocks before it checks the deadline and the end of the run.
const TICK: Duration = Duration::from_millis(200);
/// Bytes of a body that are stored for the caller; the rest is only counted.
const KEPT_BODY: usize = 64 * 1024;

/// The media type of documents.
pub const JSON_API: &str = "application/vnd.api+json";

/// One request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Self {
        Self { head: format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n"), body: Vec::new() }
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.head.push_str(part);
        }
        self
    }

    /// Adds the credential of an API token.
    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sets the body and its media type.
    pub fn body(self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let mut request = self.header("Content-Type", media_type).header("Content-Length", &body.len().to_string());
        request.body = body;
        request
    }

    /// The bytes of the whole request.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone().into_bytes();
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The first bytes of the body.
    pub body: Vec<u8>,
    /// Bytes of the whole body.
    pub length: u64,
    closes: bool,
}

impl Answer {
    /// The value of the first `"name":"…"` or `"name":123` in the body.
    pub fn member(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let (_, rest) = text.split_once(&format!("\"{name}\":"))?;
        let rest = rest.trim_start_matches('"');
        let end = rest.find(['"', ',', '}'])?;
        rest.get(..end).map(str::to_owned)
    }
}

/// A client with at most one persistent connection.
pub struct Client<'r> {
    address: SocketAddr,
    source: Ipv4Addr,
    stop: &'r Stop,
    kept: Option<BufReader<Patient<'r>>>,
}

impl<'r> Client<'r> {
    /// A client whose connections come from `source`.
    pub fn new(address: SocketAddr, source: Ipv4Addr, stop: &'r Stop) -> Self {
        Self { address, source, stop, kept: None }
    }

    /// Sends a request on the persistent connection or a new one, and reads the response. Like other HTTP clients, it
    /// retries on a new connection if the persistent one was closed before the first byte of the response.
    pub fn send(&mut self, request: &Request, patience: Duration) -> io::Result<Answer> {
        let bytes = request.bytes();
        let deadline = Instant::now() + patience;
        if let Some(kept) = self.kept.take()
            && let Some(answer) = self.exchange(kept, &bytes, deadline, true)?
        {
            return Ok(answer);
        }
        let fresh = BufReader::with_capacity(64 * 1024, Patient::new(self.connect(patience)?, self.stop));
        let answer = self.exchange(fresh, &bytes, deadline, false)?;
        answer.ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, "closed without a response"))
    }

    /// Sends a request on a new connection and closes it.
    pub fn connect(&self, patience: Duration) -> io::Result<TcpStream> {
        connect(self.address, self.source, patience)
    }

    fn exchange(
        &mut self,
        mut stream: BufReader<Patient<'r>>,
        bytes: &[u8],
        deadline: Instant,
        may_be_closed: bool,
    ) -> io::Result<Option<Answer>> {
        stream.get_mut().deadline = deadline;
        // A server may respond and close before it has read the whole request.
        let sent = stream.get_mut().stream.write_all(bytes);
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(0) if may_be_closed => return Ok(None),
            Ok(0) => return sent.map(|()| None),
            Err(error) if may_be_closed && error.kind() == ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let answer = read_answer(&line, &mut stream)?;
        if !answer.closes && sent.is_ok() {
            self.kept = Some(stream);
        }
        Ok(Some(answer))
    }
}

/// Connects from a source address.
pub fn connect(address: SocketAddr, source: Ipv4Addr, patience: Duration) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
    socket.connect_timeout(&SockAddr::from(address), patience)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    Ok(stream)
}

/// Closes a connection by RST.
pub fn reset(stream: &TcpStream) {
    drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
}

fn read_answer(status_line: &str, stream: &mut impl BufRead) -> io::Result<Answer> {
    let malformed = |what: &str| io::Error::new(ErrorKind::InvalidData, format!("{what}: {status_line}"));
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status: u16 = status.ok_or_else(|| malformed("status line"))?;
    let (mut length, mut is_chunked, mut closes) = (None, false, false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(malformed("head"));
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => length = value.parse::<u64>().ok(),
            Some(("transfer-encoding", value)) => is_chunked = value.ends_with("chunked"),
            Some(("connection", value)) => closes = value == "close",
            _ => {}
        }
    }
    let mut body = Body { kept: Vec::new(), length: 0 };
    if is_chunked {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(|_| malformed("chunk"))?;
            body.read(stream, size)?;
            stream.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = length {
        body.read(stream, length)?;
    } else if status != 204 && status != 304 {
        closes = true;
        body.read(stream, u64::MAX).or_else(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(Answer { status, body: body.kept, length: body.length, closes })
}

struct Body {
    kept: Vec<u8>,
    length: u64,
}

impl Body {
    fn read(&mut self, stream: &mut impl BufRead, mut left: u64) -> io::Result<()> {
        while left > 0 {
            let come = stream.fill_buf()?;
            if come.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let size = usize::try_from(left).unwrap_or(usize::MAX).min(come.len());
            let room = KEPT_BODY.saturating_sub(self.kept.len()).min(size);
            self.kept.extend_from_slice(&come[..room]);
            stream.consume(size);
            left -= size as u64;
            self.length += size as u64;
        }
        Ok(())
    }
}

/// Reads until a deadline or the end of the run.
pub struct Patient<'r> {
    stream: TcpStream,
    stop: &'r Stop,
    deadline: Instant,
}

impl<'r> Patient<'r> {
    fn new(stream: TcpStream, stop: &'r Stop) -> Self {
        Self { stream, stop, deadline: Instant::now() }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.stop.is_set() {
                        return Err(io::Error::other("the run ended"));
                    }
                    if Instant::now() > self.deadline {
                        return Err(ErrorKind::TimedOut.into());
                    }
                }
                done => return done,
            }
        }
    }
}
