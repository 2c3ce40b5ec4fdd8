//! The answer to a COMMIT is lost, or the COMMIT itself. The program cannot know which of them, and
//! says so in its answer. The client repeats the request, and its effect happens once.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Fault, Reply, Request, eventually};
use serde_json::json;

use super::{FaultyDatabase, SOON, check_unavailable};
use crate::{
    buyer::Buyer,
    stores::{Stores, Totals},
    test_app::PRICE,
};

/// The part of a COMMIT that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// The server executed it, and its answer was lost.
    AnswerLost,
    /// It never reached the server.
    NeverArrived,
}

impl Commit {
    const ALL: [Self; 2] = [Self::AnswerLost, Self::NeverArrived];

    fn fault(self) -> Fault {
        match self {
            Self::AnswerLost => Fault::LoseAnswersTo("COMMIT"),
            Self::NeverArrived => Fault::ResetAt("COMMIT"),
        }
    }

    /// How often the requested change has been made, 0 or 1.
    fn done(self) -> i64 {
        i64::from(self == Self::AnswerLost)
    }
}

/// Sends `request` while commits fail, and again while they do not.
async fn sent_again(fixture: &FaultyDatabase, commit: Commit, request: Request) -> Result<Reply> {
    fixture.network.set(commit.fault()).await?;
    let unknown = request.clone().await?;
    check_unavailable(&unknown)?;
    let says_so = unknown.text_at("/detail")?.contains("It is not known");
    ensure!(says_so, "{unknown:?}");
    match commit {
        Commit::AnswerLost => fixture.network.answer_lost().await?,
        Commit::NeverArrived => fixture.network.request_stopped().await?,
    }
    fixture.network.set(Fault::Forward).await?;
    request.await
}

async fn payments(fixture: &FaultyDatabase) -> Result<i64> {
    let totals = Stores::MYSQL.totals(&fixture.test_app.app).await?;
    let payments = totals.payments;
    let right = Totals {
        wrong_balances: 0,
        payments,
        paid: payments * PRICE,
        seats_sold: payments,
    };
    assert_eq!(totals, right);
    Ok(payments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_made_once_whether_its_commit_or_only_the_answer_is_lost() -> Result<()> {
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    let mut paid_so_far = 0;
    for (commit, seat) in Commit::ALL.into_iter().zip(["R1-1", "R1-2"]) {
        let buyer = Buyer::at(&fixture.test_app, &format!("{commit:?}"), seat).await?;
        let pay = buyer.payment_by(&buyer.visitor.client, "payment");

        fixture.network.set(commit.fault()).await?;
        check_unavailable(&pay.clone().await?)?;
        // Commits fail, and reads do not.
        assert_eq!(payments(&fixture).await?, paid_so_far + commit.done());
        fixture.network.set(Fault::Forward).await?;

        let paid = pay.clone().await?.expect_status(200)?;
        // The first request did not end the place, because its commit was not answered. The repeat
        // ends it.
        let place = buyer.visitor.client.get("/v1/queue/token").await?;
        assert_eq!(place.status, 410, "{commit:?}: {place:?}");
        assert_eq!(
            (paid.text_at("/state")?, paid.at("/seats/0")?),
            ("confirmed", &json!(seat))
        );
        assert_eq!(pay.await?.expect_status(200)?.json, paid.json);
        assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
        paid_so_far += 1;
        assert_eq!(payments(&fixture).await?, paid_so_far);
    }
    fixture.check_never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_create_things_once_whether_the_commit_or_only_the_answer_is_lost() -> Result<()>
{
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    let operator = fixture.test_app.admin();
    for commit in Commit::ALL {
        let concert = operator.post("/v1/admin/concerts");
        let concert = concert
            .idempotency_key(&format!("{commit:?}"))
            .json(&json!({"title": format!("{commit:?}")}));
        let concert = sent_again(&fixture, commit, concert).await?;
        let concert = concert.expect_status(201)?;
        let replayed = concert.header("idempotent-replayed").is_some();
        assert_eq!(replayed, commit == Commit::AnswerLost);
        let path = format!(
            "/v1/admin/concerts/{}/performances",
            concert.text_at("/id")?
        );
        for (day, key) in [(1, None), (2, Some("key"))] {
            let performance = operator.post(&path).json(&json!({
                "starts_at": format!("2098-01-0{day}T19:30:00Z"),
                "venue": "A hall",
                "sections": [{"name": "Stalls", "price": 1, "rows": [{"name": "A", "seats": 9}]}],
            }));
            let performance = match key {
                Some(key) => performance.idempotency_key(&format!("{key} {commit:?}")),
                None => performance,
            };
            let created = sent_again(&fixture, commit, performance).await?;
            // Without a key, the repeat finds the performance. With a key, it gets the answer to
            // the first request.
            let found = commit == Commit::AnswerLost && key.is_none();
            let created = created.expect_status(if found { 200 } else { 201 })?;
            // A snapshot that is read in a transaction may still wait for the answer to its commit.
            let listed = eventually("the performances are listed", SOON, async || {
                let listed = operator.get(&path).await?;
                Ok((listed.status == 200).then_some(listed))
            });
            let listed = listed.await?;
            let there = listed.at("/items")?.as_array().map(Vec::len);
            assert_eq!(there, Some(day), "{commit:?}: {listed:?} {created:?}");
        }
    }
    fixture.check_never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_is_made_once_whether_its_commit_or_only_the_answer_is_lost() -> Result<()> {
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    for commit in Commit::ALL {
        let user = fixture.test_app.user(&format!("{commit:?}"));
        let charge = user
            .post("/v1/points/charges")
            .idempotency_key("charge")
            .json(&json!({"amount": 7}));
        let charged = sent_again(&fixture, commit, charge.clone()).await?;
        assert_eq!(*charged.expect_status(201)?.at("/balance")?, 7);
        charge.await?.expect_status(201)?;
        let points = user.get("/v1/points").await?.expect_status(200)?;
        assert_eq!(*points.at("/balance")?, 7);
    }
    fixture.check_never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_made_once_whether_its_commit_or_only_the_answer_is_lost() -> Result<()> {
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    for (commit, seat) in Commit::ALL.into_iter().zip(["R1-1", "R1-2"]) {
        let visitor = fixture.test_app.join(&format!("{commit:?}")).await?;
        let hold = visitor.client.post("/v1/reservations").json(&json!({
            "performance_id": fixture.test_app.performance, "seats": [seat],
        }));
        let held = sent_again(&fixture, commit, hold.clone()).await?;
        // The hold exists already if only the answer was lost.
        let status = if commit == Commit::AnswerLost {
            200
        } else {
            201
        };
        let held = held.expect_status(status)?;
        let again = hold.await?.expect_status(200)?;
        assert_eq!(again.json, held.json);
        let mine = visitor.client.get("/v1/reservations").await?;
        assert_eq!(mine.at("/items")?.as_array().map(Vec::len), Some(1));

        let rival = fixture.test_app.join(&format!("{commit:?}-rival")).await?;
        rival
            .hold(&fixture.test_app, &[seat])
            .await?
            .expect_status(409)?;
    }
    fixture.check_never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_frees_its_seat_whether_its_commit_or_only_the_answer_is_lost() -> Result<()> {
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    for (commit, seat) in Commit::ALL.into_iter().zip(["R1-1", "R1-2"]) {
        let buyer = Buyer::without_points(&fixture.test_app, &format!("{commit:?}"), seat).await?;
        let path = format!("/v1/reservations/{}", buyer.reservation);
        let release = buyer.visitor.client.delete(&path);
        sent_again(&fixture, commit, release)
            .await?
            .expect_status(204)?;
        let shown = buyer.visitor.client.get(&path).await?.expect_status(200)?;
        assert_eq!(shown.text_at("/state")?, "cancelled");
        Buyer::without_points(&fixture.test_app, &format!("{commit:?}-rival"), seat).await?;
    }
    fixture.check_never_crashed()
}
