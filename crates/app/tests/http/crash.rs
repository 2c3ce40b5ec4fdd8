//! The program is killed again and again during a sale, and no user loses a place, a seat or
//! points.

pub(crate) mod observations;
pub(crate) mod retrying_user;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use self::{
    observations::{RunCounter, check_admission_order},
    retrying_user::{RetryingUser, SharedSale, UserResult},
};
use crate::{
    on_every_store,
    random::Random,
    reconcile::reconciled,
    sale::{CHARGE, ROWS, SEATS_A_ROW, USERS, assert_every_seat_has_its_own_buyer, totals_of},
    stores::Stores,
    test_app::{PRICE, TestApp, on_sale},
};

on_every_store!(twenty_crashes_cost_no_user_a_place_a_seat_or_a_point);

const KILLS: usize = 20;
/// The range of the length of a run between two kills, in milliseconds. A queue recovers for a
/// second, in which no user is admitted. Some runs end before that. At the end of others, users
/// hold and pay.
const RUN_MS: (u64, u64) = (150, 2_000);
/// Admission is so slow that one sale lasts through most of the runs.
const ADMIT: usize = 15;
const WINDOW_S: f64 = 0.25;

/// A sale that is over.
struct FinishedSale {
    concert: String,
    /// The results of users, by name.
    results: BTreeMap<String, UserResult>,
}

async fn twenty_crashes_cost_no_user_a_place_a_seat_or_a_point(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": {"admit": ADMIT, "interval_s": WINDOW_S}});
    let mut random = Random::seeded();
    let mut test_app = TestApp::open(stores, ROWS, SEATS_A_ROW, policy.clone()).await?;
    let mut on_sale_now = (test_app.concert.clone(), test_app.performance.clone());
    let mut sales = Vec::new();
    let mut kills = 0;
    loop {
        let (concert, performance) = on_sale_now;
        let shared = Arc::new(SharedSale {
            concert,
            performance,
            runs: RunCounter::default(),
            is_never_killed: false,
            repeats: AtomicUsize::new(0),
        });
        let mut tasks = start_users(&test_app, &shared, sales.len(), &mut random);
        let mut results = BTreeMap::new();
        while results.len() < USERS {
            let run_length = Duration::from_millis(random.between(RUN_MS.0, RUN_MS.1));
            let end = sleep(run_length);
            tokio::pin!(end);
            loop {
                tokio::select! {
                    () = &mut end, if kills < KILLS => {
                        kills += 1;
                        let killed = kill(&mut test_app, &shared).await;
                        killed.with_context(|| format!("kill {kills}"))?;
                        break;
                    }
                    Some(result) = tasks.join_next() => {
                        let (user, result) = result??;
                        results.insert(user, result);
                        if results.len() == USERS {
                            break;
                        }
                    }
                }
            }
        }
        sales.push(FinishedSale {
            concert: shared.concert.clone(),
            results,
        });
        if kills == KILLS {
            break;
        }
        on_sale_now = on_sale(&test_app.app, ROWS, SEATS_A_ROW, policy.clone()).await?;
    }
    for sale in &sales {
        check(&test_app, sale).await?;
    }
    check_ledgers(stores, &test_app, &sales).await
}

/// Starts all users at once.
fn start_users(
    test_app: &TestApp,
    shared: &Arc<SharedSale>,
    sale: usize,
    random: &mut Random,
) -> JoinSet<Result<(String, UserResult)>> {
    let mut tasks = JoinSet::new();
    for number in 0..USERS {
        let user = format!("user-{sale}-{number}");
        let client = test_app.user(&user);
        let retrying_user = RetryingUser::new(number, Arc::clone(shared), client, random.branch());
        tasks.spawn(async move {
            let result = retrying_user.run().await;
            let result = result.with_context(|| user.clone())?;
            Ok((user, result))
        });
    }
    tasks
}

async fn kill(test_app: &mut TestApp, shared: &SharedSale) -> Result<()> {
    test_app.app.sigkill()?;
    shared.runs.record_kill();
    test_app.app.restart().await
}

async fn check(test_app: &TestApp, sale: &FinishedSale) -> Result<()> {
    let all = sale.results.values();
    let seat = |result: &UserResult| {
        result.paid.as_ref()?["seats"][0]
            .as_str()
            .map(str::to_owned)
    };
    let seats: Vec<_> = all.clone().map(seat).collect();
    let sales = test_app.sales_of(&sale.concert).await?;
    assert_every_seat_has_its_own_buyer(seats.iter().map(Option::as_ref), &sales);

    // Each paid reservation must be as in the answer to its payment.
    for (user, result) in &sale.results {
        let Some(paid) = &result.paid else { continue };
        let found = sales.iter().find(|sale| sale["id"] == paid["id"]);
        let found = found.with_context(|| format!("{user} paid {paid}"))?;
        assert_eq!(found["user_id"], user.as_str());
        for field in ["state", "seats", "total", "confirmed_at", "performance_id"] {
            assert_eq!(found[field], paid[field], "{user}: {field}");
        }
    }

    let sum = |count: fn(&UserResult) -> usize| all.clone().map(count).sum::<usize>();
    let admissions = check_admission_order(all.clone().map(|result| &result.log));
    let waited_through = all.clone().filter(|result| result.log.runs_in_line() > 1);
    let waited_through = waited_through.count();
    println!(
        "{} requests were sent again, {} times a place came back, {waited_through} users were in \
         line through a crash, {admissions} admissions were in order",
        sum(|result| result.repeats),
        sum(|result| result.came_back),
    );
    assert!(admissions > 0);
    Ok(())
}

async fn check_ledgers(stores: Stores, test_app: &TestApp, sales: &[FinishedSale]) -> Result<()> {
    assert_eq!(stores.totals(&test_app.app).await?, totals_of(sales.len())?);
    reconciled(&test_app.app).await?;
    let ledgers = stores.ledgers(&test_app.app).await?;
    assert_eq!(ledgers.len(), USERS * sales.len());
    for ledger in ledgers {
        let mut result = sales
            .iter()
            .filter_map(|sale| sale.results.get(&ledger.user_id));
        let result = result
            .next()
            .with_context(|| format!("{ledger:?} is of no user"))?;
        let payments = i64::from(result.paid.is_some());
        assert_eq!(
            (ledger.charges, ledger.payments),
            (1, payments),
            "{ledger:?}"
        );
        assert_eq!(ledger.sum, CHARGE - payments * PRICE, "{ledger:?}");
        assert_eq!(ledger.sum, result.balance, "{ledger:?}");
    }
    Ok(())
}
