//! The event streams of ten thousand users.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::time::sleep;

use super::{
    in_turns,
    queues::{IS_WAITING, look_ups},
    test_bed::{Environment, RequiredStores, TestBed, expects},
};
use crate::{
    cli::{AppendOnly, Backend, Database, StreamsArguments},
    client::{Pace, ReceivedEvent, Request, Requests, Streams, Workload},
    figures::{exact, grouped, per_second, short},
    report::{Bar, Due, Report, Row},
    users::{Cohort, Series},
    watch,
};

/// The path of an event stream.
const EVENTS: &str = "/v1/queue/token/events";

/// With a lower limit of open files, the figures get no verdict, since each stream is an open file
/// in both processes.
const FILES_MIN: u64 = 12_000;

/// The number of open files of each process that are not streams.
const OTHER_FILES: u64 = 1_500;

/// The bars of the rows.
const KIB_MAX: f64 = 20.0;
const SCRIPT_CALLS_MAX: f64 = 20.0;
const SECONDS_MAX: f64 = 1.5;
const PLAN: Due = Due::Plan(9);

/// The number of times that the line is paused.
const PAUSES: u32 = 5;

/// The time for which each state of the line is observed.
const OBSERVED_FOR: Duration = Duration::from_secs(30);

/// A pause that is longer than an update may take.
const SETTLE_FOR: Duration = Duration::from_secs(5);

/// Measures the rows of the event streams.
pub(crate) async fn measure(arguments: &StreamsArguments, report: &mut Report) -> Result<()> {
    // The program inherits the limits of this process, and raises its own soft limit.
    let files = raise_open_files()?;
    let required = RequiredStores {
        backends: &[Backend::Redis],
        database: Database::Sqlite,
        append_only: AppendOnly::No,
    };
    let mut environment = Environment::prepare(&arguments.settings, required, report).await?;
    let wanted = environment.settings.or_quick(arguments.streams, 500);
    let count = wanted.min(files.saturating_sub(OTHER_FILES));
    let is_judged = files >= FILES_MIN;
    if !is_judged {
        eprintln!("loadtest: only {files} files may be open: {count} streams, no verdict");
    }
    report.fact("open files", grouped(exact(files)));
    let rows = async |environment: &Environment| rows(environment, count, is_judged).await;
    in_turns::measure(&mut environment, report, "streams", rows).await;
    environment.end().await
}

/// Raises the soft limit of open files to the hard one. Returns it.
fn raise_open_files() -> Result<u64> {
    let kind = Resource::RLIMIT_NOFILE;
    let (_, hard) = getrlimit(kind)?;
    setrlimit(kind, hard, hard)?;
    Ok(hard)
}

async fn rows(environment: &Environment, count: u64, is_judged: bool) -> Result<Vec<Row>> {
    let max = [("FRONTROW_SERVER__STREAMS_MAX", count.to_string())];
    let mut test_bed = environment.start_program_with(Backend::Redis, &max).await?;
    let policy = json!({
        "state": "paused",
        "throughput": { "admit": (count / 100).max(1), "interval_s": 3 },
        "claim_ttl_s": 3_600,
        "waiting_ttl_s": 3_600,
    });
    let concert = test_bed.program.concert("Streams", policy).await?;
    let cohort = Cohort {
        series: Series(1),
        first: 0,
        count,
        keep_every: 1,
        state: "waiting",
    };
    let users = test_bed.join(&concert, cohort).await?;
    // Without streams, these users would poll. The memory of an instance's queue cache is not a
    // cost of streams.
    let polls = Workload::once(look_ups(&users).collect());
    let polls = test_bed.load(polls, expects(200, IS_WAITING))?;
    polls.run(Pace::Full, None).await?;
    sleep(SETTLE_FOR).await;
    let requests = users.iter().map(|user| {
        let request = Request::get(EVENTS).queue_token(&user.token);
        let one: Requests = [request].into_iter().collect();
        one.get(0).unwrap_or_default().to_vec()
    });
    let requests: Vec<_> = requests.collect();

    let before = resident_kib(&mut test_bed)?;
    let without_streams = script_call_rate(environment).await?;
    let began = watch::now();
    let streams = Streams::open(test_bed.program.address()?, requests).await?;
    let took = began.elapsed();
    sleep(SETTLE_FOR).await;
    let memory = (resident_kib(&mut test_bed)? - before) / exact(count);
    let while_idle = script_call_rate(environment).await?;
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

    let (admitted, while_moving) = admissions(environment, &test_bed, &concert, &streams).await?;
    let paused = pauses(&test_bed, &concert, &streams).await?;
    let open = streams.open_count();
    let most = while_idle.max(while_moving);
    rows.push(
        Row::new("script calls of Redis while all listen", Some(most))
            .unit("/s")
            .behind(format!(
                "{} without streams, {} while nothing changes, {} while users are admitted",
                per_second(without_streams),
                per_second(while_idle),
                per_second(while_moving)
            )),
    );
    rows.push(latency(
        "from an admission to its event, the longest",
        &admitted,
    )?);
    rows.push(latency("from a pause to its event, the longest", &paused)?);
    let lost = exact(count) - exact(open as u64);
    let fault = (lost > 0.0).then(|| format!("{lost} streams ended"));
    let bars = [KIB_MAX, SCRIPT_CALLS_MAX, SECONDS_MAX, SECONDS_MAX];
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

/// Opens the line. Returns the times from the admission of users to their events, in s, and the
/// script calls per second in that time.
async fn admissions(
    environment: &Environment,
    test_bed: &TestBed,
    concert: &str,
    streams: &Streams,
) -> Result<(Vec<f64>, f64)> {
    let open = json!({ "state": "open" });
    test_bed.program.change_policy(concert, &open).await?;
    streams.take();
    let watched = test_bed.settings.or_quick(OBSERVED_FOR, SETTLE_FOR);
    let rate = script_call_rate_over(environment, watched).await?;
    let events = streams.take();
    let positions = events.iter().filter(|event| event.name == "position");
    eprintln!(
        "loadtest: {} events in {}, {} of them positions",
        grouped(exact(events.len() as u64)),
        short(watched),
        grouped(exact(positions.count() as u64))
    );
    let turns = events.iter().filter(|event| event.name == "turn");
    let seconds = turns.filter_map(|event| Some(seconds_between(event.admitted_us?, event.at_us)));
    Ok((seconds.collect(), rate))
}

/// Pauses the line [`PAUSES`] times. Returns the times from the request to the events of its users,
/// in s.
async fn pauses(test_bed: &TestBed, concert: &str, streams: &Streams) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..PAUSES {
        streams.take();
        let paused_us = watch::unix_micros();
        let pause = json!({ "state": "paused" });
        test_bed.program.change_policy(concert, &pause).await?;
        sleep(SETTLE_FOR).await;
        let events = streams.take();
        let paused: Vec<_> = events
            .iter()
            .filter(|event| event.name == "paused")
            .collect();
        let waiting = paused.len();
        ensure!(waiting > streams.open_count() / 2, "only {waiting} events");
        let after = |event: &&ReceivedEvent| seconds_between(paused_us, event.at_us);
        seconds.extend(paused.iter().map(after));
        let open = json!({ "state": "open" });
        test_bed.program.change_policy(concert, &open).await?;
        sleep(SETTLE_FOR).await;
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

/// Returns the number of script calls per second.
async fn script_call_rate(environment: &Environment) -> Result<f64> {
    let watched = environment.settings.or_quick(OBSERVED_FOR / 2, SETTLE_FOR);
    script_call_rate_over(environment, watched).await
}

async fn script_call_rate_over(environment: &Environment, watched: Duration) -> Result<f64> {
    let redis = environment.stores.redis()?;
    let (before, began) = (redis.script_calls().await?, watch::now());
    sleep(watched).await;
    let calls = redis.script_calls().await? - before;
    Ok(exact(calls) / began.elapsed().as_secs_f64())
}

/// Returns the resident memory of the program, in KiB.
fn resident_kib(test_bed: &mut TestBed) -> Result<f64> {
    let pid = i32::try_from(test_bed.program.pid())?;
    let status = procfs::process::Process::new(pid)?.status()?;
    Ok(exact(status.vmrss.context("no resident memory")?))
}
