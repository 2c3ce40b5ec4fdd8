//! Starts and stops the server.

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

/// Serves until SIGTERM or SIGINT. Then requests in flight are answered, the jobs end, the queues
/// are saved, and the stores are closed. A second signal ends the process at once.
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
    // Released last: the next process must not find partly saved queues.
    drop(lock);
    tracing::info!("stopped");
    outcome
}

/// Runs the server and the jobs until a signal arrives, or one of them ends unexpectedly.
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
        // Two processes with a queue each would admit too many users. The users of this process
        // re-enter in the other one with their tokens.
        lost = lost(lock) => Err(lost),
        Some(ended) = jobs.join_next() => {
            ended.context("a job panicked").and(Err(anyhow::anyhow!("a job ended unexpectedly")))
        }
    };
    tracing::info!("stopping: requests in flight are answered first");
    actix_web::rt::spawn(async move {
        signals.next().await;
        tracing::warn!("received a second signal; exiting at once without finishing the stop");
        process::exit(130);
    });
    // Open streams count as requests in flight, and would delay the stop for the whole grace time.
    streams.stop();
    wind_down(&handle, &stop, jobs).await;
    outcome
}

/// Waits until another process has taken the lock. Waits forever without a lock.
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

/// The time for which a peer may leave sent data unacknowledged, or accept no more data.
const SILENT_PEER: Duration = Duration::from_secs(20);

/// Lets the system close connections whose peers are gone or do not read, since an event stream has
/// no end. Accepted connections inherit the options of their listener.
fn give_up_silent_peers(listener: &TcpListener) {
    let limit_ms = u32::try_from(SILENT_PEER.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = setsockopt(listener, sockopt::TcpUserTimeout, &limit_ms) {
        tracing::warn!(%error,
            "failed to set TCP_USER_TIMEOUT; connections to dead peers are closed late");
    }
}

/// Prints the address of the server, and the first steps of a user, on standard output.
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
    // A closed standard output is no reason not to serve.
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

    /// Waits for the next SIGTERM or SIGINT.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
