//! Where requests come in.
//!
//! Invariant: so many connections at a time and no more, each for so long and no
//! longer, whatever its other end does.

use super::{Site, answer};
use crate::config::Listen;
use axum::Router;
use axum::serve::Listener;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
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
    /// Longest life of a connection, which brings one request.
    pub connection_most: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connections_max: 64, connection_most: Duration::from_secs(20) }
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
    let router = Router::new().fallback(answer).with_state(sites);
    let places = Arc::new(Semaphore::new(limits.connections_max));
    // It serves until it is stopped; axum waits out what keeps it from accepting.
    let _ = match door {
        Door::Tcp(listener) => {
            axum::serve(Doorway { listener, limits, places }, router).with_graceful_shutdown(stop).await
        }
        Door::Unix(listener, _file) => {
            axum::serve(Doorway { listener, limits, places }, router).with_graceful_shutdown(stop).await
        }
    };
}

/// Lets one in when there is a place.
struct Doorway<L> {
    listener: L,
    limits: Limits,
    places: Arc<Semaphore>,
}

impl<L: Listener> Listener for Doorway<L> {
    type Io = Visit<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Visit<L::Io>, L::Addr) {
        let place = self.places.clone().acquire_owned().await.expect("the places are never closed");
        let (stream, address) = self.listener.accept().await;
        (
            Visit { stream, ends: Box::pin(tokio::time::sleep(self.limits.connection_most)), _place: place },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

/// A connection with an end.
struct Visit<S> {
    stream: S,
    ends: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Visit<S> {
    /// An error once its time is up; wakes whoever waits for that.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.ends.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
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
