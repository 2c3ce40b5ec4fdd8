//! The routes that are not protected by a queue.

use anyhow::{Context, Result, bail, ensure};
use frontrow_test_harness::{Client, Method};
use serde_json::json;

use super::{
    INVALID_IDENTITY, INVALID_TOKEN, NO_IDENTITY,
    routes::Route,
    tokens,
    walk::{Walk, problem},
};
use crate::{
    buyer::Buyer,
    on_every_store,
    stores::Stores,
    test_app::{ADMIN_KEY, PRICE},
};

on_every_store!(every_other_route_lets_in_only_whom_its_access_names);

const NO_TOKEN: (u16, &str) = (401, "queue-token-required");
const NO_ADMIN: (u16, &str) = (401, "admin-key-required");

async fn every_other_route_lets_in_only_whom_its_access_names(stores: Stores) -> Result<()> {
    let walk = Walk::begin(stores, json!({})).await?;
    let walker = Buyer::at(&walk.test_app, "walker", "R1-1").await?;
    let about = walk.about(&walker);
    let nobody = walk.test_app.app.client();
    let before = walk.state().await?;
    let mut public = 0;
    for route in Route::all(&nobody).await? {
        public += usize::from(route.access == "public");
        if route.access == "protected" {
            continue; // the other walks
        }
        let who = Who::may_use(&route, &nobody, &walker)?;
        for (client, (status, slug)) in who.may_not {
            let reply = route.request(&client, &about)?.await?;
            problem(&reply, status, slug).with_context(|| route.to_string())?;
        }
        if route.method == Method::GET {
            // A stream of events has no end that could be waited for.
            let answer = route.request(&who.may, &about)?.open().await?;
            ensure!(answer.status() == 200, "{route}: {answer:?}");
        }
    }
    assert!(public >= 4, "concerts, rankings and health are for all");
    assert_eq!(walk.state().await?, before, "something changed");
    assert_eq!(walker.visitor.balance().await?, 3 * PRICE);
    Ok(())
}

/// The clients that may use a route, and those that may not, with the reason.
struct Who {
    may: Client,
    may_not: Vec<(Client, (u16, &'static str))>,
}

impl Who {
    fn may_use(route: &Route, nobody: &Client, walker: &Buyer) -> Result<Self> {
        let identity = tokens::identity("walker")?;
        let user = nobody.bearer(&identity);
        let token = walker.token();
        let (may, may_not) = match route.access.as_str() {
            "public" => (nobody.clone(), Vec::new()),
            "identity" => (
                user,
                vec![
                    (nobody.clone(), NO_IDENTITY),
                    (nobody.queue_token(token), NO_IDENTITY),
                    (nobody.bearer(ADMIN_KEY), INVALID_IDENTITY),
                    (nobody.bearer(&identity[1..]), INVALID_IDENTITY),
                ],
            ),
            "queue-token" => (
                nobody.queue_token(token),
                vec![
                    (nobody.clone(), NO_TOKEN),
                    (user, NO_TOKEN),
                    (nobody.bearer(token), NO_TOKEN),
                    (nobody.queue_token(&format!("{token}A")), INVALID_TOKEN),
                ],
            ),
            "admin" => {
                let may_not = [
                    nobody.clone(),
                    user,
                    walker.visitor.client.clone(),
                    nobody.user("ops"),
                    nobody.bearer(""),
                    nobody.bearer("a-key-that-no-operator-has"),
                    nobody.bearer(&ADMIN_KEY[1..]),
                    nobody.header("authorization", &format!("Basic {ADMIN_KEY}")),
                ];
                let may_not = may_not.map(|client| (client, NO_ADMIN));
                (nobody.bearer(ADMIN_KEY), may_not.into())
            }
            other => bail!("{route}: the gate walk does not know the access {other}"),
        };
        Ok(Self { may, may_not })
    }
}
