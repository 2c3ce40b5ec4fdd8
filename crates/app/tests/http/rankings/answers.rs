//! The content of answers, how long they may be cached, and answers when nothing changed.

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::Reply;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use serde_json::json;

use super::{a_day_later, ranking, ranking_of, sell};
use crate::{
    buyer::Buyer,
    clock, on_every_store,
    stores::Stores,
    test_app::{self, TestApp},
};

on_every_store!(
    the_best_sold_come_first_and_ties_go_to_the_lower_id,
    a_limit_cuts_the_ranking,
    a_client_that_has_the_answer_gets_304,
    an_answer_may_be_cached_until_the_next_is_due,
    days_turn_in_the_configured_zone,
);

async fn the_best_sold_come_first_and_ties_go_to_the_lower_id(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let one = sell(&mut test_app, 1).await?;
    let two = sell(&mut test_app, 2).await?;
    let two_as_well = sell(&mut test_app, 2).await?;
    only_hold(&test_app).await?;
    a_day_later(stores, &mut test_app).await?;
    let ranking = ranking_of(&test_app.app, 3).await?;
    for (at, (concert, seats_sold)) in [(&two, 2), (&two_as_well, 2), (&one, 1)]
        .into_iter()
        .enumerate()
    {
        let item = ranking.at(&format!("/items/{at}"))?;
        let expected = json!({
            "rank": at + 1,
            "concert_id": concert,
            "title": "A concert",
            "seats_sold": seats_sold,
        });
        assert_eq!(*item, expected);
    }
    assert_eq!(ranking.text_at("/period")?, "daily");
    assert_eq!(ranking.at("/stale")?, false);
    Ok(())
}

/// Holds one seat of the last concert, and holds and releases another one. Neither is sold.
async fn only_hold(test_app: &TestApp) -> Result<()> {
    Buyer::at(test_app, "holder", "R1-9").await?;
    let other = Buyer::at(test_app, "other", "R1-10").await?;
    let path = format!("/v1/reservations/{}", other.reservation);
    let released = other.visitor.client.delete(&path).await?;
    ensure!(released.status < 300, "{released:?}");
    Ok(())
}

async fn a_limit_cuts_the_ranking(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    for seats in [1, 2, 3] {
        sell(&mut test_app, seats).await?;
    }
    a_day_later(stores, &mut test_app).await?;
    let whole = ranking_of(&test_app.app, 3).await?;
    for limit in 1..=20_usize {
        let query = format!("?period=daily&limit={limit}");
        let cut = ranking(&test_app.app, &query).await?.expect_status(200)?;
        let items = cut.at("/items")?.as_array().context("a list")?;
        let all = whole.at("/items")?.as_array().context("a list")?;
        assert_eq!(items.len(), limit.min(3));
        assert_eq!(items[..], all[..limit.min(3)]);
    }
    for limit in ["0", "21", "-1", "x", ""] {
        let refused = ranking(&test_app.app, &format!("?limit={limit}")).await?;
        assert_eq!(refused.status, 422, "{limit}");
    }
    Ok(())
}

async fn a_client_that_has_the_answer_gets_304(stores: Stores) -> Result<()> {
    let app = test_app::start(stores.config().await?).await?;
    let settled = ranking(&app, "?period=weekly").await?.expect_status(200)?;
    let tag = settled.header("etag").context("a tag")?.to_owned();
    assert!(tag.starts_with('"') && tag.len() > 10, "{tag}");
    let ask = async |known: &str| {
        let client = app.client().header("if-none-match", known);
        client.get("/v1/rankings/concerts?period=weekly").await
    };
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let unchanged = ask(&known).await?.expect_status(304)?;
        assert_eq!(unchanged.text, "");
        assert_eq!(unchanged.header("etag"), Some(tag.as_str()));
        assert!(unchanged.header("cache-control").is_some());
    }
    for known in ["\"x\"", "nonsense", ""] {
        let whole = ask(known).await?.expect_status(200)?;
        assert_eq!(whole.json, settled.json);
    }
    Ok(())
}

/// The time for which a reply may be cached, in seconds.
fn age_max_s(reply: &Reply) -> Result<i64> {
    let control = reply.header("cache-control").context("a header")?;
    let age = control.strip_prefix("public, max-age=");
    Ok(age.with_context(|| control.to_owned())?.parse()?)
}

async fn an_answer_may_be_cached_until_the_next_is_due(stores: Stores) -> Result<()> {
    let config = stores.config().await?;
    let app = test_app::start(config.env("FRONTROW_RANKING__TIME_ZONE", "UTC")).await?;
    let realtime = ranking(&app, "?period=realtime").await?;
    assert!((1..=4).contains(&age_max_s(&realtime)?), "{realtime:?}");
    for (period, turns) in [("daily", 1), ("weekly", 7), ("monthly", 31)] {
        let asked = clock::now();
        let answer = ranking(&app, &format!("?period={period}")).await?;
        let to: Timestamp = answer.text_at("/to")?.parse()?;
        let as_of: Timestamp = answer.text_at("/as_of")?.parse()?;
        let age = SignedDuration::from_secs(age_max_s(&answer)?);
        // A ranking that is computed within two minutes after the end of its period, or within an
        // hour, is computed once more.
        let waits = [SignedDuration::from_mins(2), SignedDuration::from_hours(1)];
        let again = waits.into_iter().map(|wait| to + wait);
        let due = again.into_iter().find(|&due| as_of < due);
        let due = due.unwrap_or(to + SignedDuration::from_hours(24 * turns));
        assert!(asked + age <= due || age.as_secs() == 1, "{answer:?}");
        // The shortest month has 28 days, and no answer may be cached for more than an hour.
        let days_less = if period == "monthly" { 3 } else { 0 };
        let least = due - SignedDuration::from_hours(24 * days_less);
        let least = least.min(asked + SignedDuration::from_hours(1)) - SignedDuration::from_secs(9);
        assert!(asked + age >= least || asked >= least, "{answer:?}");
        assert!(age <= SignedDuration::from_hours(1), "{answer:?}");
    }
    Ok(())
}

async fn days_turn_in_the_configured_zone(stores: Stores) -> Result<()> {
    for zone in ["Asia/Kathmandu", "Pacific/Chatham", "America/New_York"] {
        let config = stores.config().await?;
        let app = test_app::start(config.env("FRONTROW_RANKING__TIME_ZONE", zone)).await?;
        let zone = TimeZone::get(zone)?;
        // The day may turn while the test runs.
        let before = clock::now();
        let daily = ranking(&app, "?period=daily").await?.expect_status(200)?;
        let today = |at: Timestamp| at.to_zoned(zone.clone()).start_of_day();
        let expected = async |today: jiff::Zoned| -> Result<_> {
            let yesterday = today.checked_sub(1.day())?.start_of_day()?;
            Ok([yesterday.timestamp(), today.timestamp()])
        };
        let span: [Timestamp; 2] = [
            daily.text_at("/from")?.parse()?,
            daily.text_at("/to")?.parse()?,
        ];
        let may_be = [
            expected(today(before)?).await?,
            expected(today(clock::now())?).await?,
        ];
        assert!(may_be.contains(&span), "{span:?}, not {may_be:?}");
    }
    Ok(())
}
