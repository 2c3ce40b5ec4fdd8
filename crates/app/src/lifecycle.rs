//! Starting and stopping.

use std::{
    fs::{File, TryLockError},
    io::Write,
    net::{SocketAddr, TcpListener},
    process,
    sync::Arc,
    time::Duration,
};

use actix_web::dev::ServerHandle;
use anyhow::{Context, bail};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    commands::demo,
    config::{Backend, Config},
    http::{self, ServerSettings},
    wiring::{self, Keys},
};

/// Serves until a signal says to stop. Requests in flight are answered first, then the jobs end, then
/// the stores are closed; a second signal ends the process at once.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let listener = listen(config.server.bind)?;
    let keys = Keys::of(&config)?;
    let _lock = lock_data_folder(&config)?;
    let wired = wiring::wire(&config).await?;
    if wired.first_start && config.demo.on_first_start {
        demo::load(&wired.services.edit)
            .await
            .context("cannot load the demo on-sale")?;
    }
    let address = listener.local_addr().context("cannot listen")?;
    let settings = ServerSettings {
        workers: config.server.workers,
        grace: Duration::from_secs(config.server.grace_s),
    };
    let server = http::start(Arc::clone(&wired.services), listener, settings)
        .context("cannot start the HTTP server")?;
    let stop = CancellationToken::new();
    let mut jobs = wired.jobs.start(&stop);
    announce(&config, &keys, address);

    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        ended = &mut serving => ended.map_err(Into::into).and_then(|served| {
            served.context("the HTTP server failed")
        }),
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
    wind_down(&handle, &stop, jobs).await;
    wired.closing.run().await;
    tracing::info!("stopped");
    outcome
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
    listener
        .set_nonblocking(true)
        .with_context(|| format!("cannot listen on {bind}"))?;
    Ok(listener)
}

/// Two processes with a queue each would admit twice as many people as the policy says.
fn lock_data_folder(config: &Config) -> anyhow::Result<Option<File>> {
    if config.queue.backend != Backend::Embedded {
        return Ok(None);
    }
    let path = config.data_dir.join("lock");
    let what = || format!("cannot lock the data folder {}", config.data_dir.display());
    let file = File::create(&path).with_context(what)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => bail!(
            "another frontrow serves from the data folder {}, and keeps its queues in its memory",
            config.data_dir.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(what),
    }
}

/// Says on standard output where the server is, and what to try first.
fn announce(config: &Config, keys: &Keys, address: SocketAddr) {
    let text = format!(
        "frontrow is listening on http://{address}\n\
         \x20 try    curl -s http://{address}/v1/concerts\n\
         \x20 data   {}\n\
         \x20 admin  {}\n",
        config.data_dir.display(),
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
