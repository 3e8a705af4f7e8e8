//! A minimal load balancer in front of several instances: it polls `/readyz` and forwards connections.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The interval of polls.
const PERIOD: Duration = Duration::from_millis(50);

/// A balancer; it ends with the test that started it.
#[derive(Debug)]
pub struct Balancer {
    /// The address for clients.
    pub address: SocketAddr,
    known: Arc<Mutex<Vec<SocketAddr>>>,
    ready: Arc<Mutex<Vec<SocketAddr>>>,
    is_over: Arc<AtomicBool>,
    /// Connections that no instance accepted.
    pub refused: Arc<AtomicUsize>,
}

impl Balancer {
    /// A balancer without instances.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let new = Self {
            address,
            known: Arc::default(),
            ready: Arc::default(),
            is_over: Arc::default(),
            refused: Arc::default(),
        };
        let (known, ready, is_over) = (Arc::clone(&new.known), Arc::clone(&new.ready), Arc::clone(&new.is_over));
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let all = known.lock().expect("a list").clone();
                *ready.lock().expect("a list") = all.into_iter().filter(|it| is_ready(*it)).collect();
                thread::sleep(PERIOD);
            }
        });
        let (ready, refused) = (Arc::clone(&new.ready), Arc::clone(&new.refused));
        thread::spawn(move || {
            for (turn, client) in listener.incoming().map_while(Result::ok).enumerate() {
                let all = ready.lock().expect("a list").clone();
                // Round robin; if an instance refuses, the next one.
                let mut order = all.iter().cycle().skip(turn % all.len().max(1)).take(all.len());
                match order.find_map(|it| TcpStream::connect(it).ok()) {
                    Some(instance) => join(&client, &instance),
                    None => drop(refused.fetch_add(1, Ordering::Relaxed)),
                }
            }
        });
        new
    }

    /// Adds an instance, which gets connections while it is ready.
    pub fn add(&self, instance: SocketAddr) {
        self.known.lock().expect("a list").push(instance);
    }

    /// Whether it sends connections to that instance.
    pub fn sends_to(&self, instance: SocketAddr) -> bool {
        self.ready.lock().expect("a list").contains(&instance)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn is_ready(instance: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(instance).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).ok()?;
        Some(head.ends_with(b"200"))
    };
    ask().unwrap_or_default()
}

/// Forwards bytes in both directions until both sides have ended.
fn join(client: &TcpStream, instance: &TcpStream) {
    let one_way = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
        thread::spawn(move || {
            drop(std::io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
    };
    one_way(client, instance);
    one_way(instance, client);
}
