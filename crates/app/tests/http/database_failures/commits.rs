//! The answer to a COMMIT is lost, or the COMMIT itself. The program cannot know which. It reports
//! that to the client, the client repeats the request, and its effect happens once.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Fault, Reply, Request, eventually};
use serde_json::json;

use super::{SOON, ShakyStage, is_told_to_come_back};
use crate::{
    buyer::Buyer,
    stores::{Books, Stores},
    test_app::PRICE,
};

/// What happened to a COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// The server executed it, and its answer was lost.
    Unheard,
    /// It never reached the server.
    Stopped,
}

impl Commit {
    const ALL: [Self; 2] = [Self::Unheard, Self::Stopped];

    fn fault(self) -> Fault {
        match self {
            Self::Unheard => Fault::LoseAnswersTo("COMMIT"),
            Self::Stopped => Fault::ResetAt("COMMIT"),
        }
    }

    /// How often the requested change has been made.
    fn done(self) -> i64 {
        i64::from(self == Self::Unheard)
    }
}

/// Sends `request` while commits fail, and again while they do not.
async fn asked_again(shaky: &ShakyStage, commit: Commit, request: Request) -> Result<Reply> {
    shaky.network.set(commit.fault()).await?;
    let unknown = request.clone().await?;
    is_told_to_come_back(&unknown)?;
    let says_so = unknown.text_at("/detail")?.contains("It is not known");
    ensure!(says_so, "{unknown:?}");
    match commit {
        Commit::Unheard => shaky.network.answer_lost().await?,
        Commit::Stopped => shaky.network.request_stopped().await?,
    }
    shaky.network.set(Fault::Forward).await?;
    request.await
}

async fn payments(shaky: &ShakyStage) -> Result<i64> {
    let books = Stores::MYSQL.books(&shaky.test_app.app).await?;
    let payments = books.payments;
    let right = Books {
        wrong_balances: 0,
        payments,
        paid: payments * PRICE,
        seats_sold: payments,
    };
    assert_eq!(books, right);
    Ok(payments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_made_once_whatever_became_of_its_commit() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    let mut paid_so_far = 0;
    for (commit, seat) in Commit::ALL.into_iter().zip(["R1-1", "R1-2"]) {
        let buyer = Buyer::at(&shaky.test_app, &format!("{commit:?}"), seat).await?;
        let pay = buyer.payment_by(&buyer.visitor.client, "payment");

        shaky.network.set(commit.fault()).await?;
        is_told_to_come_back(&pay.clone().await?)?;
        // Commits fail, and looking does not.
        assert_eq!(payments(&shaky).await?, paid_so_far + commit.done());
        shaky.network.set(Fault::Forward).await?;

        let paid = pay.clone().await?.expect_status(200)?;
        // The place was not ended where the first answer was lost; the repeat ends it.
        let place = buyer.visitor.client.get("/v1/queue/token").await?;
        assert_eq!(place.status, 410, "{commit:?}: {place:?}");
        assert_eq!(
            (paid.text_at("/state")?, paid.at("/seats/0")?),
            ("confirmed", &json!(seat))
        );
        assert_eq!(pay.await?.expect_status(200)?.json, paid.json);
        assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
        paid_so_far += 1;
        assert_eq!(payments(&shaky).await?, paid_so_far);
    }
    shaky.never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_create_is_created_once_whatever_became_of_its_commit() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    let operator = shaky.test_app.admin();
    for commit in Commit::ALL {
        let concert = operator.post("/v1/admin/concerts");
        let concert = concert
            .idempotency_key(&format!("{commit:?}"))
            .json(&json!({"title": format!("{commit:?}")}));
        let concert = asked_again(&shaky, commit, concert).await?;
        let concert = concert.expect_status(201)?;
        let replayed = concert.header("idempotent-replayed").is_some();
        assert_eq!(replayed, commit == Commit::Unheard);
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
            let created = asked_again(&shaky, commit, performance).await?;
            // Without a key it is found there; with one the answer is that of the first request.
            let found = commit == Commit::Unheard && key.is_none();
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
    shaky.never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_is_made_once_whatever_became_of_its_commit() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    for commit in Commit::ALL {
        let user = shaky.test_app.user(&format!("{commit:?}"));
        let charge = user
            .post("/v1/points/charges")
            .idempotency_key("charge")
            .json(&json!({"amount": 7}));
        let charged = asked_again(&shaky, commit, charge.clone()).await?;
        assert_eq!(*charged.expect_status(201)?.at("/balance")?, 7);
        charge.await?.expect_status(201)?;
        let points = user.get("/v1/points").await?.expect_status(200)?;
        assert_eq!(*points.at("/balance")?, 7);
    }
    shaky.never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_made_once_whatever_became_of_its_commit() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    for (commit, seat) in Commit::ALL.into_iter().zip(["R1-1", "R1-2"]) {
        let visitor = shaky.test_app.join(&format!("{commit:?}")).await?;
        let hold = visitor.client.post("/v1/reservations").json(&json!({
            "performance_id": shaky.test_app.performance, "seats": [seat],
        }));
        let held = asked_again(&shaky, commit, hold.clone()).await?;
        // The very same hold again, or the first.
        let status = if commit == Commit::Unheard { 200 } else { 201 };
        let held = held.expect_status(status)?;
        let again = hold.await?.expect_status(200)?;
        assert_eq!(again.json, held.json);
        let mine = visitor.client.get("/v1/reservations").await?;
        assert_eq!(mine.at("/items")?.as_array().map(Vec::len), Some(1));

        let rival = shaky.test_app.join(&format!("{commit:?}-rival")).await?;
        rival
            .hold(&shaky.test_app, &[seat])
            .await?
            .expect_status(409)?;
    }
    shaky.never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_frees_its_seat_whatever_became_of_its_commit() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    for (commit, seat) in Commit::ALL.into_iter().zip(["R1-1", "R1-2"]) {
        let buyer = Buyer::without_points(&shaky.test_app, &format!("{commit:?}"), seat).await?;
        let path = format!("/v1/reservations/{}", buyer.reservation);
        let release = buyer.visitor.client.delete(&path);
        asked_again(&shaky, commit, release)
            .await?
            .expect_status(204)?;
        let shown = buyer.visitor.client.get(&path).await?.expect_status(200)?;
        assert_eq!(shown.text_at("/state")?, "cancelled");
        Buyer::without_points(&shaky.test_app, &format!("{commit:?}-rival"), seat).await?;
    }
    shaky.never_crashed()
}
