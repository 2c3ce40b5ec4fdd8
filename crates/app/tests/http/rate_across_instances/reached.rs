//! The rate is not only kept but also reached, even while all users poll, after an outage of some
//! seconds, and while the store hangs on another queue.
//!
//! Nothing here is measured more finely than a window: no window may be left out or half empty
//! while users wait.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use frontrow_test_harness::{App, eventually};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::{
    disturbance::Disturbance,
    guest::Guest,
    history::{History, Seen},
    house::House,
    violations::{Limits, Throughput, windows},
};
use crate::{
    on_every_store,
    stores::{QueueReader, Stores},
    test_app::on_sale,
};

/// The number of users who are admitted in each window, and the number of windows for which there
/// are users.
const ADMIT: usize = 50;
const WINDOWS: usize = 12;
const RATE: Throughput = Throughput {
    admit: ADMIT,
    interval_us: 1_000_000,
};
const AT_ONCE: usize = 24;
/// Longer than the time without ticks that counts as an outage.
const OUT_OF_SERVICE: Duration = Duration::from_secs(6);
/// The limit on a slow machine.
const WITHIN: Duration = Duration::from_mins(1);

on_every_store!(
    @mysql_queue MYSQL_QUEUE:
    a_paused_line_opens_while_everybody_polls,
    a_line_goes_on_after_seconds_without_service
);
on_every_store!(
    @redis MYSQL_AND_REDIS:
    a_paused_line_opens_while_everybody_polls,
    a_line_goes_on_after_seconds_without_service
);

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_on_which_the_store_hangs_takes_no_window_from_another() -> Result<()> {
    let mut line = Line::wait(Stores::MYSQL_QUEUE).await?;
    let app = line.apps.first().context("no instance")?;
    let (other, _) = on_sale(app, 1, 1, json!({"state": "paused"})).await?;
    // A queue without places would hardly be ticked.
    let joining = app.client().user("somebody").post("/v1/queue/tokens");
    let joined = joining.json(&json!({"concert_id": other})).await?;
    joined.expect_status(201)?;
    let hangs = lock_queue(app, &other).await?;
    line.house.admit().await?;
    let history = line.poll_to_the_end().await?;
    drop(hangs);
    reaches_rate(&history, 0)
}

async fn a_paused_line_opens_while_everybody_polls(stores: Stores) -> Result<()> {
    let mut line = Line::wait(stores).await?;
    line.house.admit().await?;
    let history = line.poll_to_the_end().await?;
    reaches_rate(&history, 0)
}

async fn a_line_goes_on_after_seconds_without_service(stores: Stores) -> Result<()> {
    let mut line = Line::wait(stores).await?;
    line.house.admit().await?;
    let admitted = eventually("the first are admitted", WITHIN, async || {
        let record = line.reader.read().await?;
        Ok((record.moved > 0).then_some(record.now))
    });
    let since = admitted.await?;
    for app in &mut line.apps {
        app.pause()?;
    }
    let quiet = i64::try_from(OUT_OF_SERVICE.as_micros())?;
    let passes = eventually("nobody serves the queue", WITHIN, async || {
        Ok((line.reader.read().await?.now > since + quiet).then_some(()))
    });
    passes.await?;
    for app in &mut line.apps {
        app.resume()?;
    }
    let history = line.poll_to_the_end().await?;
    // The windows without a tick, the one in which the outage began, and the one in which it ended.
    reaches_rate(&history, usize::try_from(OUT_OF_SERVICE.as_secs())? + 2)
}

/// Users who wait in a queue that admits no user yet.
struct Line {
    house: House,
    apps: Vec<App>,
    reader: QueueReader,
    guests: Vec<Guest>,
}

impl Line {
    async fn wait(stores: Stores) -> Result<Self> {
        let names: Vec<_> = (0..ADMIT * WINDOWS).map(Guest::name).collect();
        let limits = Limits {
            throughput: Some(RATE),
            max_active: None,
        };
        let opened = House::open(stores, &limits, Disturbance::None, names.iter(), 1);
        let (house, apps, reader) = opened.await?;
        let joining = (0..names.len()).map(|number| Guest::join(&house, number));
        let joining = stream::iter(joining).buffer_unordered(AT_ONCE);
        let joined: Vec<(Guest, Vec<Seen>)> = joining.try_collect().await?;
        let guests = joined.into_iter().map(|(guest, _)| guest).collect();
        Ok(Self {
            house,
            apps,
            reader,
            guests,
        })
    }

    /// All users look up their places again and again, until no user waits any more. Returns the
    /// final record of the store.
    async fn poll_to_the_end(&mut self) -> Result<History> {
        let Self {
            house,
            guests,
            reader,
            ..
        } = self;
        let looks = guests.iter().cycle().map(|guest| guest.look_up(house));
        let polling = stream::iter(looks)
            .buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) });
        let ends = eventually("nobody waits any more", WITHIN, async || {
            let record = reader.read().await?;
            Ok(record.waiting.is_empty().then_some(record))
        });
        let last = tokio::select! {
            last = ends => last?,
            polled = polling => return Err(polled.err().context("polling ended")?),
        };
        let mut history = History::default();
        history.note_record(&last);
        Ok(history)
    }
}

/// Checks that every window was full, from the first to the last. At most `missing_max` windows may
/// be missing between them.
fn reaches_rate(history: &History, missing_max: usize) -> Result<()> {
    let windows = windows(history, RATE);
    println!("admitted in each window: {windows:?}");
    let (first, last) = (windows.keys().min(), windows.keys().max());
    let span = last.context("nobody was admitted")? - first.context("nobody was admitted")?;
    let all = usize::try_from(span / RATE.interval_us)? + 1;
    ensure!(
        all <= WINDOWS + missing_max,
        "{all} windows for {WINDOWS} windows of users: {windows:?}"
    );
    Ok(())
}

/// Locks the row of a queue for as long as the result lives.
async fn lock_queue(app: &App, concert: &str) -> Result<AsyncMysqlConnection> {
    let url = app.config().value("FRONTROW_DATABASE__URL");
    let url = url.and_then(|url| url.to_str()).context("no database")?;
    let mut connection = AsyncMysqlConnection::establish(url).await?;
    let lock = format!(
        "BEGIN; SELECT 1 FROM queues WHERE concert_id = UNHEX(REPLACE('{concert}', '-', '')) FOR UPDATE"
    );
    connection.batch_execute(&lock).await?;
    Ok(connection)
}
