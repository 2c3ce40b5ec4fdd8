//! The program is killed again and again while it sells, and no user is harmed.

pub(crate) mod customer;
pub(crate) mod lives;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use self::{
    customer::{Customer, Ended, Show},
    lives::{Lives, nobody_overtook},
};
use crate::{
    on_every_store,
    random::Random,
    reconcile::reconciled,
    sale::{CHARGE, ROWS, SEATS_A_ROW, USERS, books_of, every_seat_went_to_somebody_else},
    stores::Stores,
    test_app::{PRICE, TestApp, on_sale},
};

on_every_store!(twenty_crashes_cost_nobody_a_place_a_seat_or_a_point);

const KILLS: usize = 20;
/// The range of the length of a life, in milliseconds. While a queue recovers, for a second, no
/// user is admitted. Some lives end before that, in others users are holding and paying at the end.
const LIFE_MS: (u64, u64) = (150, 2_000);
/// So slow that one sale lasts through most of the lives.
const ADMIT: usize = 15;
const WINDOW_S: f64 = 0.25;

/// A sale that is over.
struct Sale {
    concert: String,
    /// The results of users, by name.
    customers: BTreeMap<String, Ended>,
}

async fn twenty_crashes_cost_nobody_a_place_a_seat_or_a_point(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": {"admit": ADMIT, "interval_s": WINDOW_S}});
    let mut random = Random::seeded();
    let mut test_app = TestApp::open(stores, ROWS, SEATS_A_ROW, policy.clone()).await?;
    let mut on_sale_now = (test_app.concert.clone(), test_app.performance.clone());
    let mut sales = Vec::new();
    let mut kills = 0;
    loop {
        let (concert, performance) = on_sale_now;
        let show = Arc::new(Show {
            concert,
            performance,
            lives: Lives::default(),
            stays_up: false,
            repeats: AtomicUsize::new(0),
        });
        let mut people = open(&test_app, &show, sales.len(), &mut random);
        let mut customers = BTreeMap::new();
        while customers.len() < USERS {
            let life = Duration::from_millis(random.between(LIFE_MS.0, LIFE_MS.1));
            let end = sleep(life);
            tokio::pin!(end);
            loop {
                tokio::select! {
                    () = &mut end, if kills < KILLS => {
                        kills += 1;
                        kill(&mut test_app, &show).await.with_context(|| format!("kill {kills}"))?;
                        break;
                    }
                    Some(ended) = people.join_next() => {
                        let (user, ended) = ended??;
                        customers.insert(user, ended);
                        if customers.len() == USERS {
                            break;
                        }
                    }
                }
            }
        }
        sales.push(Sale {
            concert: show.concert.clone(),
            customers,
        });
        if kills == KILLS {
            break;
        }
        on_sale_now = on_sale(&test_app.app, ROWS, SEATS_A_ROW, policy.clone()).await?;
    }
    for sale in &sales {
        check(&test_app, sale).await?;
    }
    every_ledger_is_right(stores, &test_app, &sales).await
}

/// Lets all users come at once.
fn open(
    test_app: &TestApp,
    show: &Arc<Show>,
    sale: usize,
    random: &mut Random,
) -> JoinSet<Result<(String, Ended)>> {
    let mut people = JoinSet::new();
    for number in 0..USERS {
        let user = format!("user-{sale}-{number}");
        let client = test_app.user(&user);
        let customer = Customer::new(number, Arc::clone(show), client, random.branch());
        people.spawn(async move {
            let ended = customer.evening().await;
            let ended = ended.with_context(|| user.clone())?;
            Ok((user, ended))
        });
    }
    people
}

async fn kill(test_app: &mut TestApp, show: &Show) -> Result<()> {
    test_app.app.sigkill()?;
    show.lives.end();
    test_app.app.restart().await
}

async fn check(test_app: &TestApp, sale: &Sale) -> Result<()> {
    let all = sale.customers.values();
    let seat = |ended: &Ended| ended.paid.as_ref()?["seats"][0].as_str().map(str::to_owned);
    let seats: Vec<_> = all.clone().map(seat).collect();
    let sales = test_app.sales_of(&sale.concert).await?;
    every_seat_went_to_somebody_else(seats.iter().map(Option::as_ref), &sales);

    // What was answered is so.
    for (user, ended) in &sale.customers {
        let Some(paid) = &ended.paid else { continue };
        let found = sales.iter().find(|sale| sale["id"] == paid["id"]);
        let found = found.with_context(|| format!("{user} paid {paid}"))?;
        assert_eq!(found["user_id"], user.as_str());
        for field in ["state", "seats", "total", "confirmed_at", "performance_id"] {
            assert_eq!(found[field], paid[field], "{user}: {field}");
        }
    }

    let sum = |count: fn(&Ended) -> usize| all.clone().map(count).sum::<usize>();
    let admissions = nobody_overtook(all.clone().map(|ended| &ended.diary));
    let waited_through = all.clone().filter(|ended| ended.diary.lives_in_line() > 1);
    let waited_through = waited_through.count();
    println!(
        "{} requests were sent again, {} times a place came back, {waited_through} people were in \
         line through a crash, {admissions} admissions were in order",
        sum(|ended| ended.repeats),
        sum(|ended| ended.came_back),
    );
    assert!(admissions > 0);
    Ok(())
}

async fn every_ledger_is_right(stores: Stores, test_app: &TestApp, sales: &[Sale]) -> Result<()> {
    assert_eq!(stores.books(&test_app.app).await?, books_of(sales.len())?);
    reconciled(&test_app.app).await?;
    let ledgers = stores.ledgers(&test_app.app).await?;
    assert_eq!(ledgers.len(), USERS * sales.len());
    for ledger in ledgers {
        let mut ended = sales
            .iter()
            .filter_map(|sale| sale.customers.get(&ledger.user_id));
        let ended = ended
            .next()
            .with_context(|| format!("{ledger:?} is nobody's"))?;
        let payments = i64::from(ended.paid.is_some());
        assert_eq!(
            (ledger.charges, ledger.payments),
            (1, payments),
            "{ledger:?}"
        );
        assert_eq!(ledger.sum, CHARGE - payments * PRICE, "{ledger:?}");
        assert_eq!(ledger.sum, ended.balance, "{ledger:?}");
    }
    Ok(())
}
