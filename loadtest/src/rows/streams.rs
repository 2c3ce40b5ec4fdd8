//! Ten thousand users who read the event streams of their places.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::time::sleep;

use super::{
    in_turns,
    queues::{IS_WAITING, look_ups},
    stage::{Stage, Stages, Wanted, expects},
};
use crate::{
    cli::{AppendOnly, Backend, Database, StreamsArguments},
    client::{Arrival, Feed, Pace, Request, Requests, Streams},
    figures::{exact, grouped, per_second, short},
    people::{Crowd, Series},
    report::{Bar, Due, Report, Row},
    watch,
};

/// The path of an event stream.
const EVENTS: &str = "/v1/queue/token/events";

/// With a lower limit of open files, the figures get no verdict: each stream is an open file in
/// both processes.
const FILES_MIN: u64 = 12_000;

/// Open files of each process that are not streams.
const OTHER_FILES: u64 = 1_500;

/// The bars of the rows.
const KIB_MAX: f64 = 20.0;
const COMMANDS_MAX: f64 = 20.0;
const SECONDS_MAX: f64 = 1.5;
const PLAN: Due = Due::Plan(9);

/// How often the line is paused.
const PAUSES: u32 = 5;

/// For how long each state of the line is observed.
const WATCHED: Duration = Duration::from_secs(30);

/// Longer than an update may take.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures the rows of the event streams.
pub(crate) async fn measure(arguments: &StreamsArguments, report: &mut Report) -> Result<()> {
    // The program inherits the limits of this process, and raises its own soft limit.
    let files = raise_open_files()?;
    let wanted = Wanted {
        backends: &[Backend::Redis],
        database: Database::Sqlite,
        append_only: AppendOnly::No,
    };
    let mut stages = Stages::open(&arguments.settings, wanted, report).await?;
    let usual = stages.settings.or_quick(arguments.streams, 500);
    let count = usual.min(files.saturating_sub(OTHER_FILES));
    let is_judged = files >= FILES_MIN;
    if !is_judged {
        eprintln!("loadtest: only {files} files may be open: {count} streams, no verdict");
    }
    report.fact("open files", grouped(exact(files)));
    let rows = async |stages: &Stages| rows(stages, count, is_judged).await;
    in_turns::measure(&mut stages, report, "streams", rows).await;
    stages.end().await
}

/// Raises the soft limit of open files to the hard one. Returns it.
fn raise_open_files() -> Result<u64> {
    let kind = Resource::RLIMIT_NOFILE;
    let (_, hard) = getrlimit(kind)?;
    setrlimit(kind, hard, hard)?;
    Ok(hard)
}

async fn rows(stages: &Stages, count: u64, is_judged: bool) -> Result<Vec<Row>> {
    let max = [("FRONTROW_SERVER__STREAMS_MAX", count.to_string())];
    let mut stage = stages.set_with(Backend::Redis, &max).await?;
    let policy = json!({
        "state": "paused",
        "throughput": { "admit": (count / 100).max(1), "interval_s": 3 },
        "claim_ttl_s": 3_600,
        "waiting_ttl_s": 3_600,
    });
    let concert = stage.program.concert("Streams", policy).await?;
    let crowd = Crowd {
        series: Series(1),
        first: 0,
        count,
        keep_every: 1,
        state: "waiting",
    };
    let people = stage.join(&concert, crowd).await?;
    // Without streams, these users would poll. The memory that an instance needs to remember users
    // is not a cost of streams.
    let polls = Feed::once(look_ups(&people).collect());
    let polled = stage.load(polls, expects(200, IS_WAITING))?;
    polled.run(Pace::Full, None).await?;
    sleep(SETTLE).await;
    let requests = people.iter().map(|person| {
        let asked = Request::get(EVENTS).queue_token(&person.token);
        let one: Requests = [asked].into_iter().collect();
        one.get(0).unwrap_or_default().to_vec()
    });
    let requests: Vec<_> = requests.collect();

    let before = resident_kib(&mut stage)?;
    let quiet = commands(stages).await?;
    let began = watch::now();
    let streams = Streams::open(stage.program.address()?, requests).await?;
    let took = began.elapsed();
    sleep(SETTLE).await;
    let memory = (resident_kib(&mut stage)? - before) / exact(count);
    let idle = commands(stages).await?;
    let mut rows = vec![
        Row::new(
            format!("memory of each of {} streams", grouped(exact(count))),
            Some(memory),
        )
        .unit("KiB")
        .behind(format!(
            "resident memory of the program: {:.1} MiB with {} users in line, {:.1} MiB more \
                 with the streams, which were opened in {}",
            before / 1_024.0,
            grouped(exact(count)),
            memory * exact(count) / 1_024.0,
            short(took)
        )),
    ];

    let (admitted, moving) = admissions(stages, &stage, &concert, &streams).await?;
    let paused = pauses(&stage, &concert, &streams).await?;
    let open = streams.open_count();
    let most = idle.max(moving);
    rows.push(
        Row::new("script calls of Redis while all listen", Some(most))
            .unit("/s")
            .behind(format!(
                "{} without streams, {} while nothing changes, {} while users are admitted",
                per_second(quiet),
                per_second(idle),
                per_second(moving)
            )),
    );
    rows.push(latency(
        "from an admission to its event, the longest",
        &admitted,
    )?);
    rows.push(latency("from a pause to its event, the longest", &paused)?);
    let lost = exact(count) - exact(open as u64);
    let fault = (lost > 0.0).then(|| format!("{lost} streams ended"));
    let bars = [KIB_MAX, COMMANDS_MAX, SECONDS_MAX, SECONDS_MAX];
    let judged = rows.into_iter().zip(bars).map(|(row, most)| {
        let row = if is_judged {
            row.bar(Bar::AtMost(most), PLAN)
        } else {
            row.less_is_better()
        };
        row.fault(fault.clone())
    });
    Ok(judged.collect())
}

/// Returns the times from the admission of users to their events, in s, while the line moves, and
/// the script calls per second in that time.
async fn admissions(
    stages: &Stages,
    stage: &Stage,
    concert: &str,
    streams: &Streams,
) -> Result<(Vec<f64>, f64)> {
    let open = json!({ "state": "open" });
    stage.program.change_policy(concert, &open).await?;
    streams.take();
    let watched = stage.settings.or_quick(WATCHED, SETTLE);
    let rate = commands_for(stages, watched).await?;
    let told = streams.take();
    let positions = told.iter().filter(|event| event.name == "position");
    eprintln!(
        "loadtest: {} events in {}, {} of them positions",
        grouped(exact(told.len() as u64)),
        short(watched),
        grouped(exact(positions.count() as u64))
    );
    let turns = told.iter().filter(|event| event.name == "turn");
    let seconds = turns.filter_map(|event| Some(seconds_between(event.admitted_us?, event.at_us)));
    Ok((seconds.collect(), rate))
}

/// Returns the times from the request that paused the line to the events of its users, in s.
async fn pauses(stage: &Stage, concert: &str, streams: &Streams) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..PAUSES {
        streams.take();
        let paused_us = watch::unix_micros();
        let pause = json!({ "state": "paused" });
        stage.program.change_policy(concert, &pause).await?;
        sleep(SETTLE).await;
        let told = streams.take();
        let told: Vec<_> = told.iter().filter(|event| event.name == "paused").collect();
        let waiting = told.len();
        ensure!(waiting > streams.open_count() / 2, "only {waiting} events");
        let after = |event: &&Arrival| seconds_between(paused_us, event.at_us);
        seconds.extend(told.iter().map(after));
        let open = json!({ "state": "open" });
        stage.program.change_policy(concert, &open).await?;
        sleep(SETTLE).await;
    }
    Ok(seconds)
}

fn seconds_between(from_us: i64, to_us: i64) -> f64 {
    let micros = u64::try_from(to_us - from_us).unwrap_or_default();
    Duration::from_micros(micros).as_secs_f64()
}

fn latency(what: &str, seconds: &[f64]) -> Result<Row> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: usize| sorted.get((sorted.len() * part / 1_000).min(sorted.len() - 1));
    let last = *sorted.last().with_context(|| format!("no event: {what}"))?;
    let short_at = |part| {
        short(Duration::from_secs_f64(
            at(part).copied().unwrap_or_default(),
        ))
    };
    Ok(Row::new(what, Some(last)).unit("s").behind(format!(
        "{} events: p50 {}, p99 {}, longest {}",
        grouped(exact(sorted.len() as u64)),
        short_at(500),
        short_at(990),
        short(Duration::from_secs_f64(last))
    )))
}

/// Script calls per second.
async fn commands(stages: &Stages) -> Result<f64> {
    let watched = stages.settings.or_quick(WATCHED / 2, SETTLE);
    commands_for(stages, watched).await
}

async fn commands_for(stages: &Stages, watched: Duration) -> Result<f64> {
    let redis = stages.stores.redis()?;
    let (before, began) = (redis.script_calls().await?, watch::now());
    sleep(watched).await;
    let calls = redis.script_calls().await? - before;
    Ok(exact(calls) / began.elapsed().as_secs_f64())
}

/// The resident memory of the program, in KiB.
fn resident_kib(stage: &mut Stage) -> Result<f64> {
    let pid = i32::try_from(stage.program.pid())?;
    let status = procfs::process::Process::new(pid)?.status()?;
    Ok(exact(status.vmrss.context("no resident memory")?))
}
