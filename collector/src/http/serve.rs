//! Connections: how many, for how long, and how they end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Subject;
use super::route::{self, Site};

/// Most connections at a time; further ones wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 64;

/// Longest time until the head of a request is here, from when the connection is ready for it: so long may one be idle.
const HEAD: Duration = Duration::from_secs(5);

/// Most bytes of a request's head.
const MOST_HEAD: usize = 16 << 10;

/// Longest life of a connection, so that a client that reads slowly, or not at all, holds none for ever.
const LIFE: Duration = Duration::from_secs(180);

/// How long answers that are being given may still take once they are asked to end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Pause after a connection could not be accepted, as when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// Shortest time between two warnings.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Answers until it is to end, then for as long as [`LAST_ANSWERS`].
pub(super) async fn run(
    listener: TcpListener,
    address: SocketAddr,
    subject: Subject,
    mut end: watch::Receiver<()>,
) {
    let site = Arc::new(Site::new(address, subject));
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut warned: Option<Instant> = None;
    let mut pulse = tokio::time::interval(super::health::LOOK);
    loop {
        // A place first: who finds none waits with the kernel and costs nothing here.
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await.expect("it is never closed");
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        tokio::select! {
            _ = end.changed() => break,
            _ = pulse.tick() => site.health.look(),
            Some(_) = connections.join_next() => {}
            accepted = accepted => match accepted {
                Ok((stream, place)) => {
                    connections.spawn(connection(stream, place, Arc::clone(&site), end.clone()));
                }
                Err(error) => {
                    if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                        tracing::warn!("cannot accept a connection to the page: {error}");
                        warned = Some(Instant::now());
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    // What is not done by then is dropped with the set.
    drop(timeout(LAST_ANSWERS, async { while connections.join_next().await.is_some() {} }).await);
}

/// Serves one connection to its end, which its client decides within these bounds.
async fn connection(
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    site: Arc<Site>,
    mut end: watch::Receiver<()>,
) {
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(route::answer(request, &site).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A client that breaks off, or is cut off, is no concern of anybody else's.
        _ = &mut connection => return,
        _ = end.changed() => {}
        () = sleep(LIFE) => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(timeout(LAST_ANSWERS, connection).await);
}
