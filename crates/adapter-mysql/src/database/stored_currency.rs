//! The currency of every amount in the database.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, QueryResult, insert_or_ignore_into};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::Currency,
    ports::{StoreResult, StoredCurrency},
};
use futures_util::FutureExt;

use super::{MySqlDatabase, schema::settings};
use crate::{errors, session::Session, transactions::Verdict};

/// The name of the setting.
const CURRENCY: &str = "currency";

#[async_trait]
impl StoredCurrency for MySqlDatabase {
    async fn adopt(&self, currency: Currency) -> StoreResult<Currency> {
        self.call(currency, |session, currency| {
            adopt(session, *currency).boxed()
        })
        .await
    }
}

async fn adopt(session: &mut Session, currency: Currency) -> QueryResult<Verdict<Currency>> {
    session.begin().await?;
    insert_or_ignore_into(settings::table)
        .values((
            settings::name.eq(CURRENCY),
            settings::value.eq(currency.as_str()),
        ))
        .execute(session.connection())
        .await?;
    let stored: String = settings::table
        .find(CURRENCY)
        .select(settings::value)
        .get_result(session.connection())
        .await?;
    let stored = stored
        .parse()
        .map_err(|_| errors::broken(format!("the stored currency {stored:?} is none")))?;
    Ok(Verdict::Commit(stored))
}
