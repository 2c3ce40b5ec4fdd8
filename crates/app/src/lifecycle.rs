//! Starting and stopping.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    process,
    sync::Arc,
    time::Duration,
};

use actix_web::dev::ServerHandle;
use anyhow::Context;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    commands::demo,
    config::Config,
    http::{self, ServerSettings, Services},
    jobs::Jobs,
    wiring::{self, Keys, Lock, Wired},
};

/// Serves until a signal says to stop. Requests in flight are answered first, then the jobs end, then
/// the queues are saved and the stores are closed; a second signal ends the process at once.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let signals = Signals::new()?;
    let listener = listen(config.server.bind)?;
    let keys = Keys::of(&config)?;
    let mut lock = wiring::lock(&config).await?;
    let Wired {
        services,
        jobs,
        closing,
        first_start,
    } = wiring::wire(&config).await?;
    let with_demo = first_start && config.demo_on_first_start();
    let outcome = async {
        if with_demo {
            let loaded = demo::load(&services.edit).await;
            loaded.context("cannot load the demo on-sale")?;
        }
        run(&config, &keys, services, jobs, listener, signals, &mut lock).await
    }
    .await;
    let is_alone = match &mut lock {
        Some(lock) => lock.is_held().await,
        None => true,
    };
    closing.run(is_alone).await;
    // Not before: the next process must not find the queues half saved.
    drop(lock);
    tracing::info!("stopped");
    outcome
}

/// Runs the server and the jobs until a signal comes, or one of them ends by itself.
async fn run(
    config: &Config,
    keys: &Keys,
    services: Arc<Services>,
    jobs: Jobs,
    listener: TcpListener,
    mut signals: Signals,
    lock: &mut Option<Lock>,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot listen")?;
    let settings = ServerSettings {
        workers: config.server.workers,
        grace: Duration::from_secs(config.server.grace_s),
        longest_poll: config.queue.poll_range().longest,
    };
    let streams = Arc::clone(&services.streams);
    let server =
        http::start(services, listener, settings).context("cannot start the HTTP server")?;
    let stop = CancellationToken::new();
    let mut jobs = jobs.start(&stop);
    jobs.spawn_local(Arc::clone(&streams).run(stop.clone()));
    announce(config, keys, address);

    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        ended = &mut serving => ended.map_err(Into::into).and_then(|served| {
            served.context("the HTTP server failed")
        }),
        // Two processes with a queue each would admit too many. The people of this one's show their
        // tokens to the other and get their places there.
        lost = lost(lock) => Err(lost),
        Some(ended) = jobs.join_next() => {
            ended.context("a job panicked").and(Err(anyhow::anyhow!("a job ended before its time")))
        }
    };
    tracing::info!("stopping: requests in flight are answered first");
    actix_web::rt::spawn(async move {
        signals.next().await;
        tracing::warn!("a second signal: stopping at once");
        process::exit(130);
    });
    // They would last as long as the stop waits for requests in flight.
    streams.stop();
    wind_down(&handle, &stop, jobs).await;
    outcome
}

/// Waits until the lock, if there is one, is another process's.
async fn lost(lock: &mut Option<Lock>) -> anyhow::Error {
    match lock {
        Some(lock) => lock.lost().await,
        None => std::future::pending().await,
    }
}

async fn wind_down(server: &ServerHandle, stop: &CancellationToken, mut jobs: JoinSet<()>) {
    server.stop(true).await;
    stop.cancel();
    while jobs.join_next().await.is_some() {}
}

fn listen(bind: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(bind).with_context(|| {
        format!("cannot listen on {bind} (another address: FRONTROW_SERVER__BIND=127.0.0.1:9000)")
    })?;
    give_up_silent_peers(&listener);
    listener
        .set_nonblocking(true)
        .with_context(|| format!("cannot listen on {bind}"))?;
    Ok(listener)
}

/// For how long a peer may acknowledge nothing of what was sent, or leave no room for it.
const SILENT_PEER: Duration = Duration::from_secs(20);

/// Has the system end connections whose peers are gone or do not read: an event stream is written
/// to for ever. The connections of a listener inherit its options.
fn give_up_silent_peers(listener: &TcpListener) {
    let limit_ms = u32::try_from(SILENT_PEER.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = setsockopt(listener, sockopt::TcpUserTimeout, &limit_ms) {
        tracing::warn!(%error, "connections to peers that are gone last longer than they should");
    }
}

/// Says on standard output where the server is, and what to try first.
fn announce(config: &Config, keys: &Keys, address: SocketAddr) {
    let text = format!(
        "frontrow is listening on http://{address}\n\
         \x20 try    curl -s http://{address}/v1/concerts\n\
         \x20 data   {}\n\
         \x20 admin  {}\n",
        wiring::database_name(config),
        keys.admin_hint(config),
    );
    let mut out = std::io::stdout().lock();
    // Who started it may not be reading; that is no reason not to serve.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal to stop.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
