//! `healthcheck`: probes the local service, for containers without curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::command_error::CommandError;
use crate::config::Config;

/// The longest time for the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The arguments of `healthcheck`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exits 0 if the service at `ADMIN_LISTEN`, or at `LISTEN` without it, answers 200; otherwise 1.

Example:
  user-relationships healthcheck --ready")]
pub struct HealthcheckArgs {
    /// Check readiness (`/readyz`) instead of liveness (`/livez`)
    #[arg(long)]
    ready: bool,
}

/// Sends the request; prints nothing on success.
///
/// # Errors
/// [`CommandError`] for anything except a response of 200 in time.
pub fn run(config: &Config, args: &HealthcheckArgs) -> Result<(), CommandError> {
    let address = reachable(config.admin_listen.unwrap_or(config.listen));
    let path = if args.ready { "/readyz" } else { "/livez" };
    match ask(address, path) {
        Ok(head) if status_of(&head) == Some("200") => Ok(()),
        Ok(head) => {
            let status = status_of(&head).unwrap_or("invalid HTTP");
            Err(CommandError::failed(format!("http://{address}{path} answered {status}")))
        }
        Err(error) => Err(CommandError::failed(format!("http://{address}{path} did not answer: {error}"))),
    }
}

/// The address at which this machine reaches a listener on `address`.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Sends the request and reads the first line of the response.
fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let deadline = Instant::now() + TIMEOUT;
    let left = || match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok::<_, io::Error>(left),
    };
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_write_timeout(Some(left()?))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut head = Vec::new();
    let mut bytes = [0; 64];
    while head.len() < 64 && !head.contains(&b'\n') {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut bytes)? {
            0 => break,
            read => head.extend(bytes.iter().take(read)),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn status_of(head: &str) -> Option<&str> {
    head.strip_prefix("HTTP/1.")?.split_ascii_whitespace().nth(1)
}
