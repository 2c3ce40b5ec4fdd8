//! The periods of a ranking change at the exact microsecond.

use frontrow_port_contracts::database::turns::a_turn_divides_the_sales_around_it;

use crate::one_file::OneFile;

#[tokio::test]
async fn a_change_of_period_divides_confirmed_seats() {
    let start = "2026-09-01T00:00:00Z".parse().unwrap();
    a_turn_divides_the_sales_around_it(OneFile::at(start).await).await;
}
