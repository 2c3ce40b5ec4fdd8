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
    history::{History, Seen},
    instance_group::InstanceGroup,
    polling_user::PollingUser,
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
    a_queue_that_opens_reaches_the_rate_while_all_users_poll,
    a_queue_reaches_the_rate_again_after_seconds_without_service
);
on_every_store!(
    @redis MYSQL_AND_REDIS:
    a_queue_that_opens_reaches_the_rate_while_all_users_poll,
    a_queue_reaches_the_rate_again_after_seconds_without_service
);

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_on_which_the_store_hangs_takes_no_window_from_another() -> Result<()> {
    let mut queue = PausedQueue::with_users(Stores::MYSQL_QUEUE).await?;
    let app = queue.apps.first().context("no instance")?;
    let (other, _) = on_sale(app, 1, 1, json!({"state": "paused"})).await?;
    // A queue without places is ticked only rarely.
    let joining = app.client().user("other").post("/v1/queue/tokens");
    let joined = joining.json(&json!({"concert_id": other})).await?;
    joined.expect_status(201)?;
    let hangs = lock_queue(app, &other).await?;
    queue.group.open_queue().await?;
    let history = queue.poll_to_the_end().await?;
    drop(hangs);
    reaches_rate(&history, 0)
}

async fn a_queue_that_opens_reaches_the_rate_while_all_users_poll(stores: Stores) -> Result<()> {
    let mut queue = PausedQueue::with_users(stores).await?;
    queue.group.open_queue().await?;
    let history = queue.poll_to_the_end().await?;
    reaches_rate(&history, 0)
}

async fn a_queue_reaches_the_rate_again_after_seconds_without_service(
    stores: Stores,
) -> Result<()> {
    let mut queue = PausedQueue::with_users(stores).await?;
    queue.group.open_queue().await?;
    let admitted = eventually("the first are admitted", WITHIN, async || {
        let record = queue.reader.read().await?;
        Ok((record.moved > 0).then_some(record.now))
    });
    let since = admitted.await?;
    for app in &mut queue.apps {
        app.pause()?;
    }
    let quiet = i64::try_from(OUT_OF_SERVICE.as_micros())?;
    let passes = eventually("no instance serves the queue", WITHIN, async || {
        Ok((queue.reader.read().await?.now > since + quiet).then_some(()))
    });
    passes.await?;
    for app in &mut queue.apps {
        app.resume()?;
    }
    let history = queue.poll_to_the_end().await?;
    // The windows without a tick, and the windows in which the outage began and ended.
    reaches_rate(&history, usize::try_from(OUT_OF_SERVICE.as_secs())? + 2)
}

/// Users who wait in a queue that admits no user yet.
struct PausedQueue {
    group: InstanceGroup,
    apps: Vec<App>,
    reader: QueueReader,
    users: Vec<PollingUser>,
}

impl PausedQueue {
    async fn with_users(stores: Stores) -> Result<Self> {
        let names: Vec<_> = (0..ADMIT * WINDOWS).map(PollingUser::name).collect();
        let limits = Limits {
            throughput: Some(RATE),
            max_active: None,
        };
        let opened = InstanceGroup::open(stores, &limits, Disturbance::None, names.iter(), 1);
        let (group, apps, reader) = opened.await?;
        let joining = (0..names.len()).map(|number| PollingUser::join(&group, number));
        let joining = stream::iter(joining).buffer_unordered(AT_ONCE);
        let joined: Vec<(PollingUser, Vec<Seen>)> = joining.try_collect().await?;
        let users = joined.into_iter().map(|(user, _)| user).collect();
        Ok(Self {
            group,
            apps,
            reader,
            users,
        })
    }

    /// Lets all users look up their places again and again, until no user waits any more. Returns
    /// the final record of the store.
    async fn poll_to_the_end(&mut self) -> Result<History> {
        let Self {
            group,
            users,
            reader,
            ..
        } = self;
        let looks = users.iter().cycle().map(|user| user.look_up(group));
        let polling = stream::iter(looks)
            .buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) });
        let ends = eventually("no user waits any more", WITHIN, async || {
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
    let span = last.context("no user was admitted")? - first.context("no user was admitted")?;
    let all = usize::try_from(span / RATE.interval_us)? + 1;
    ensure!(
        all <= WINDOWS + missing_max,
        "{all} windows for {WINDOWS} windows of users: {windows:?}"
    );
    Ok(())
}

/// Locks the row of a queue until the result is dropped.
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
