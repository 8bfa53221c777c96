//! Where requests come in.
//!
//! Invariant: so many connections at a time and no more, of them so many of one peer,
//! each for so long and no longer, whatever its other end does.

use super::{Site, answer};
use crate::config::Listen;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Sleep;

/// Limits of whoever comes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; the next ones wait to be taken.
    pub connections_max: usize,
    /// Of them by one peer; its next ones are closed at once. Does not hold behind a
    /// proxy, where all connections come from one address.
    pub connections_a_peer_max: usize,
    /// Longest time from a connection to the whole head of its request.
    pub head_most: Duration,
    /// Longest life of a connection, which brings one request.
    pub connection_most: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 64,
            connections_a_peer_max: 16,
            head_most: Duration::from_secs(5),
            connection_most: Duration::from_secs(20),
        }
    }
}

/// An open place to listen at; a socket's file goes with it.
#[derive(Debug)]
pub enum Door {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// Removed when dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Door {
    /// # Errors
    /// Something listens there already, or nothing may.
    pub async fn open(listen: &Listen) -> io::Result<Door> {
        match listen {
            Listen::Address(address) => TcpListener::bind(address).await.map(Door::Tcp),
            Listen::Socket(path) => {
                remove_left_behind(path).await?;
                let listener = UnixListener::bind(path)?;
                let file = SocketFile(path.clone());
                // Whoever may enter its directory and is of our group: a reverse proxy.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
                Ok(Door::Unix(listener, file))
            }
        }
    }

    /// Where it is, with the port that was free where 0 was asked for.
    pub fn place(&self) -> String {
        match self {
            Door::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| String::new(), |address| format!("http://{address}/"))
            }
            Door::Unix(_, file) => file.0.display().to_string(),
        }
    }
}

/// A socket that nobody answers at is what a killed process left.
async fn remove_left_behind(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match tokio::net::UnixStream::connect(path).await {
        // Any other error says nothing of who listens: it may be busy, or not ours to ask.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Shows the latest of `sites` to whoever comes, until `stop`; what is under way may end.
pub async fn serve(
    door: Door,
    limits: Limits,
    sites: watch::Receiver<Arc<Site>>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let router = Router::new().fallback(answer).with_state(sites.clone());
    let service = router.into_make_service_with_connect_info::<HeadArrived>();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let shares = Shares::default();
    // It serves until it is stopped; axum waits out what keeps it from accepting.
    let _ = match door {
        Door::Tcp(listener) => {
            let peer_of = |address: &std::net::SocketAddr| Some(peer(address.ip()));
            let doorway = Doorway { listener, limits, places, shares, sites, peer_of };
            axum::serve(doorway, service).with_graceful_shutdown(stop).await
        }
        Door::Unix(listener, _file) => {
            let doorway = Doorway { listener, limits, places, shares, sites, peer_of: |_| None };
            axum::serve(doorway, service).with_graceful_shutdown(stop).await
        }
    };
}

/// Set once the whole head of a connection's request is there.
#[derive(Debug, Clone, Default)]
pub struct HeadArrived(Arc<AtomicBool>);

impl HeadArrived {
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<L: Listener> Connected<IncomingStream<'_, Doorway<L>>> for HeadArrived {
    fn connect_info(stream: IncomingStream<'_, Doorway<L>>) -> HeadArrived {
        stream.io().head.clone()
    }
}

/// Lets one in when there is a place, and its peer does not hold too many.
struct Doorway<L: Listener> {
    listener: L,
    limits: Limits,
    places: Arc<Semaphore>,
    shares: Shares,
    sites: watch::Receiver<Arc<Site>>,
    /// None where connections have no address: a Unix socket.
    peer_of: fn(&L::Addr) -> Option<IpAddr>,
}

impl<L: Listener> Doorway<L> {
    /// Whose share a connection counts to. With `public_url` a reverse proxy stands in
    /// front, and its address stands for all readers.
    fn sharing_peer(&self, address: &L::Addr) -> Option<IpAddr> {
        let is_proxied = self.sites.borrow().public_url.is_some();
        (self.peer_of)(address).filter(|_| !is_proxied)
    }
}

/// Who counts as one: an address, or the network that one host of IPv6 chooses its
/// addresses from (RFC 4291, 2.5.4).
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Connections by peer.
#[derive(Clone, Default)]
struct Shares(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Shares {
    /// One more connection of `peer`; nothing where it has `most`.
    fn take(&self, peer: IpAddr, most: usize) -> Option<Share> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(peer).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Share { shares: self.clone(), peer })
    }
}

/// A connection of a peer's, counted until dropped.
struct Share {
    shares: Shares,
    peer: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.peer) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&self.peer)),
        }
    }
}

impl<L: Listener> Listener for Doorway<L> {
    type Io = Visit<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Visit<L::Io>, L::Addr) {
        let place = self.places.clone().acquire_owned().await.expect("the places are never closed");
        loop {
            let (stream, address) = self.listener.accept().await;
            let share = match self.sharing_peer(&address) {
                Some(peer) => match self.shares.take(peer, self.limits.connections_a_peer_max) {
                    Some(share) => Some(share),
                    None => continue,
                },
                None => None,
            };
            let ends = Box::pin(tokio::time::sleep(self.limits.connection_most));
            let head_ends = Box::pin(tokio::time::sleep(self.limits.head_most));
            let head = HeadArrived::default();
            return (Visit { stream, ends, head_ends, head, _place: place, _share: share }, address);
        }
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

/// A connection with an end.
struct Visit<S> {
    stream: S,
    ends: Pin<Box<Sleep>>,
    /// Counts until the head is there.
    head_ends: Pin<Box<Sleep>>,
    head: HeadArrived,
    _place: OwnedSemaphorePermit,
    _share: Option<Share>,
}

impl<S> Visit<S> {
    /// An error once its time is up; wakes whoever waits for that.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let has_no_head = !self.head.is_noted() && self.head_ends.as_mut().poll(context).is_ready();
        match has_no_head || self.ends.as_mut().poll(context).is_ready() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Visit<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Visit<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        let done = ready!(Pin::new(&mut self.stream).poll_shutdown(context));
        Poll::Ready(done)
    }
}
