//! The real program over real HTTP, on every combination of stores that it can be configured with.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that finds something missing is to fail"
)]

mod admin;
mod backup;
mod bad_input;
mod buyer;
mod cli;
mod clock;
mod contention;
mod crash;
mod currency;
mod database_failures;
mod disk_full;
mod duplicates;
mod first_come;
mod hold_ends;
mod idempotency;
mod idle;
mod instances;
mod journey;
mod lifetimes;
mod limits;
mod line;
mod line_module;
mod metrics;
mod place_lifetimes;
mod problems;
mod protected_routes;
mod queue_failures;
mod random;
mod rankings;
mod rate_across_instances;
mod reconcile;
mod sale;
mod start_and_stop;
mod statements;
mod stores;
mod streams;
mod test_app;

/// Makes one test for each configuration of stores out of each function: `async fn name(stores:
/// Stores)`.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_store!(@embedded EMBEDDED: $($name),*);
        $crate::on_every_store!(@mysql MYSQL: $($name),*);
        $crate::on_every_store!(@redis REDIS: $($name),*);
        $crate::on_every_store!(@mysql_and_redis MYSQL_AND_REDIS: $($name),*);
        $crate::on_every_store!(@mysql_queue MYSQL_QUEUE: $($name),*);
    };
    (@$module:ident $stores:ident: $($name:ident),*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() -> anyhow::Result<()> {
                    super::$name(crate::stores::Stores::$stores).await
                }
            )*
        }
    };
}
pub(crate) use on_every_store;
