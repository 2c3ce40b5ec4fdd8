//! How many people do something at the same time.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::box_office::BoxOffice;

/// How many requests are on their way at once: more than the processes have connections to the database,
/// and fewer than files that a test may open.
const AT_ONCE: usize = 400;

/// Does everything, as much as possible of it at once; gives what came of each, in their order.
pub(super) async fn in_step<T>(
    everything: impl IntoIterator<Item = impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    let done = stream::iter(everything).buffered(AT_ONCE);
    done.try_collect().await
}

/// The same, where nobody writes before everybody has looked, or as many as there are connections for. The
/// first request of each, which writes, goes to the desks in turn.
pub(super) async fn all_look_first<T>(
    office: &BoxOffice,
    everything: Vec<impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    let held_up = office.hold_up_writes().await?;
    let count = everything.len();
    let (done, ()) = tokio::try_join!(in_step(everything), async {
        office.all_have_looked(count).await?;
        drop(held_up);
        Ok(())
    })?;
    Ok(done)
}
