//! Sends requests of many users at the same time.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::sale_instances::SaleInstances;

/// The number of requests in flight: more than the instances have connections to the database, and
/// fewer than the files that a test may open.
const AT_ONCE: usize = 400;

/// Runs all futures, as many as possible at once. Returns their results, in order.
pub(super) async fn in_step<T>(
    everything: impl IntoIterator<Item = impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    let done = stream::iter(everything).buffered(AT_ONCE);
    done.try_collect().await
}

/// Like [`in_step`], but no request writes before all have read, or as many as there are
/// connections. The first requests of the futures go to the instances in turn, and write.
pub(super) async fn all_read_first<T>(
    instances: &SaleInstances,
    everything: Vec<impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    let held_up = instances.hold_up_writes().await?;
    let count = everything.len();
    let (done, ()) = tokio::try_join!(in_step(everything), async {
        instances.all_have_read(count).await?;
        drop(held_up);
        Ok(())
    })?;
    Ok(done)
}
