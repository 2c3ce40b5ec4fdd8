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

on_every_store!(every_other_route_accepts_only_the_clients_that_its_access_names);

const NO_TOKEN: (u16, &str) = (401, "queue-token-required");
const NO_ADMIN: (u16, &str) = (401, "admin-key-required");

async fn every_other_route_accepts_only_the_clients_that_its_access_names(
    stores: Stores,
) -> Result<()> {
    let walk = Walk::begin(stores, json!({})).await?;
    let walker = Buyer::at(&walk.test_app, "walker", "R1-1").await?;
    let about = walk.about(&walker);
    let anonymous = walk.test_app.app.client();
    let before = walk.state().await?;
    let mut public = 0;
    for route in Route::all(&anonymous).await? {
        public += usize::from(route.access == "public");
        if route.access == "protected" {
            continue; // the other walks
        }
        let clients = Clients::of(&route, &anonymous, &walker)?;
        for (client, (status, slug)) in clients.refused {
            let reply = route.request(&client, &about)?.await?;
            problem(&reply, status, slug).with_context(|| route.to_string())?;
        }
        if route.method == Method::GET {
            // A stream of events has no end that could be waited for.
            let answer = route.request(&clients.allowed, &about)?.open().await?;
            ensure!(answer.status() == 200, "{route}: {answer:?}");
        }
    }
    assert!(public >= 4, "concerts, rankings and health are for all");
    assert_eq!(walk.state().await?, before, "something changed");
    assert_eq!(walker.visitor.balance().await?, 3 * PRICE);
    Ok(())
}

/// The clients that may use a route, and those that may not, with the reason.
struct Clients {
    allowed: Client,
    refused: Vec<(Client, (u16, &'static str))>,
}

impl Clients {
    fn of(route: &Route, anonymous: &Client, walker: &Buyer) -> Result<Self> {
        let identity = tokens::identity("walker")?;
        let user = anonymous.bearer(&identity);
        let token = walker.token();
        let (allowed, refused) = match route.access.as_str() {
            "public" => (anonymous.clone(), Vec::new()),
            "identity" => (
                user,
                vec![
                    (anonymous.clone(), NO_IDENTITY),
                    (anonymous.queue_token(token), NO_IDENTITY),
                    (anonymous.bearer(ADMIN_KEY), INVALID_IDENTITY),
                    (anonymous.bearer(&identity[1..]), INVALID_IDENTITY),
                ],
            ),
            "queue-token" => (
                anonymous.queue_token(token),
                vec![
                    (anonymous.clone(), NO_TOKEN),
                    (user, NO_TOKEN),
                    (anonymous.bearer(token), NO_TOKEN),
                    (anonymous.queue_token(&format!("{token}A")), INVALID_TOKEN),
                ],
            ),
            "admin" => {
                let refused = [
                    anonymous.clone(),
                    user,
                    walker.visitor.client.clone(),
                    anonymous.user("ops"),
                    anonymous.bearer(""),
                    anonymous.bearer("a-key-that-no-operator-has"),
                    anonymous.bearer(&ADMIN_KEY[1..]),
                    anonymous.header("authorization", &format!("Basic {ADMIN_KEY}")),
                ];
                let refused = refused.map(|client| (client, NO_ADMIN));
                (anonymous.bearer(ADMIN_KEY), refused.into())
            }
            other => bail!("{route}: the gate walk does not know the access {other}"),
        };
        Ok(Self { allowed, refused })
    }
}
