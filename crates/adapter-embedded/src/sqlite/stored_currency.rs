//! The currency of every amount in the file.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, insert_or_ignore_into};
use frontrow_domain::{
    model::Currency,
    ports::{StoreResult, StoredCurrency},
};

use super::{SqliteDatabase, errors, schema::settings};

/// The name of the setting.
const CURRENCY: &str = "currency";

#[async_trait]
impl StoredCurrency for SqliteDatabase {
    async fn adopt(&self, currency: Currency) -> StoreResult<Currency> {
        self.write(move |connection, _| {
            insert_or_ignore_into(settings::table)
                .values((
                    settings::name.eq(CURRENCY),
                    settings::value.eq(currency.as_str()),
                ))
                .execute(connection)?;
            let stored: String = settings::table
                .find(CURRENCY)
                .select(settings::value)
                .get_result(connection)?;
            stored
                .parse()
                .map_err(|_| errors::broken(format!("the stored currency {stored:?} is none")))
        })
        .await
    }
}
