//! A connection pooler in front of PostgreSQL, reduced to what a client notices: it refuses `options`.

use std::io::{Read, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

/// What a client requests before its startup message: TLS, or GSSAPI.
const REQUESTS: [u32; 2] = [80_877_103, 80_877_104];

/// Starts a pooler that lives as long as the test process.
pub fn start(socket: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let socket = socket.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let socket = socket.clone();
            thread::spawn(move || drop(serve(client, &socket)));
        }
    });
    address
}

fn serve(mut client: TcpStream, socket: &Path) -> std::io::Result<()> {
    let startup = loop {
        let mut length = [0; 4];
        client.read_exact(&mut length)?;
        let mut message = length.to_vec();
        message.resize(u32::from_be_bytes(length) as usize, 0);
        client.read_exact(&mut message[4..])?;
        let code = u32::from_be_bytes(message[4..8].try_into().expect("four bytes"));
        if !REQUESTS.contains(&code) {
            break message;
        }
        client.write_all(b"N")?;
    };
    if startup[8..].split(|byte| *byte == 0).step_by(2).any(|name| name == b"options") {
        let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        let length = u32::try_from(fields.len() + 4).expect("short").to_be_bytes();
        return client.write_all(&[b"E".as_slice(), &length, fields].concat());
    }
    let mut server = UnixStream::connect(socket)?;
    server.write_all(&startup)?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        drop(copy(&mut from_server, &mut to_client));
        drop(to_client.shutdown(Shutdown::Both));
    });
    copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Both)
}
