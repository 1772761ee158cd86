//! Accepts connections, in TLS or not, and gives each request to the router. A slow or endless caller is let go.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::layers::{Front, Peer};

/// Connections at a time; the next one waits in the system's queue.
const CONNECTIONS: usize = 4096;

/// For a TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// For requests under way when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(30);

/// The first byte of a TLS record that carries a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a caller gets whose request did not arrive in time.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 17\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nRequest too slow\n";

/// Serves until `stop` turns true, then finishes the requests under way.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, front: Front, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &places) => accepted,
            () = stopped(&mut stop) => break,
        };
        let Ok((place, (stream, address))) = accepted else {
            // Out of file descriptors, most likely: give some back before the next try.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tls, front, stop) = (tls.clone(), front.clone(), stop.clone());
        tokio::spawn(async move {
            connection(stream, address, tls, front, stop).await;
            drop(place);
        });
    }
    drop(listener);
    let everybody = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    let _ = timeout(FAREWELL, places.acquire_many(everybody)).await;
}

/// A place, then a connection for it: a full house leaves callers in the system's queue.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(OwnedSemaphorePermit, (TcpStream, SocketAddr))> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    Ok((place, listener.accept().await?))
}

/// Ends when the server is told to stop, or when whoever would tell it is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    front: Front,
    stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = tls else {
        return http1(stream, Peer { address, over_tls: false }, front, stop).await;
    };
    let mut first = [0];
    // A plain request on the TLS port is told where to go; anything else gets nothing.
    match timeout(PATIENCE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == TLS_HANDSHAKE => {}
        Ok(Ok(1)) => return http1(stream, Peer { address, over_tls: false }, front, stop).await,
        Ok(_) | Err(_) => return,
    }
    let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let peer = Peer { address, over_tls: true };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2(stream, peer, front, stop).await;
    } else {
        http1(stream, peer, front, stop).await;
    }
}

async fn answer(
    front: Front,
    peer: Peer,
    request: hyper::Request<Incoming>,
) -> Result<axum::response::Response, std::convert::Infallible> {
    Ok(front.answer(peer, request.map(axum::body::Body::new)).await)
}

async fn http1<S>(stream: S, peer: Peer, front: Front, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(front.clone(), peer, request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped(&mut stop) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            match timeout(FAREWELL, &mut connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if ended.is_err_and(|error| error.is_timeout()) {
        let parts = connection.into_parts();
        // Nothing of a request has come: a quiet connection is closed quietly.
        if parts.read_buf.is_empty() {
            return;
        }
        let mut stream = parts.io.into_inner();
        let _ = timeout(PATIENCE, async {
            stream.write_all(TOO_SLOW).await?;
            stream.shutdown().await
        })
        .await;
    }
}

async fn http2<S>(stream: S, peer: Peer, front: Front, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(front.clone(), peer, request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(64 * 1024)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(FAREWELL, connection).await;
        }
    }
}
