//! The currency of the amounts.

use frontrow_domain::model::Currency;

use super::{DatabaseFixture, TestSale, at_once};

fn currency(code: &str) -> Currency {
    code.parse().expect("a currency")
}

/// The first currency stays, also after a restart.
pub async fn the_first_currency_stays<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::empty(fixture);
    for asked in ["EUR", "EUR", "KRW"] {
        let stored = sale.ports.currency.adopt(currency(asked)).await;
        assert_eq!(stored.expect("adopt"), currency("EUR"));
    }
    sale.reopen().await;
    let stored = sale.ports.currency.adopt(currency("KRW")).await;
    assert_eq!(stored.expect("adopt"), currency("EUR"));
}

/// If several callers record a currency at once, all get the same one.
pub async fn concurrent_callers_get_the_same_currency<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::empty(fixture);
    let adopt = |code: &str| {
        let (port, asked) = (sale.ports.currency.clone(), currency(code));
        async move { port.adopt(asked).await.expect("adopt") }
    };
    let codes = ["EUR", "KRW", "USD", "JPY", "EUR", "KRW"];
    let stored = at_once(codes.map(adopt)).await;
    assert!(stored.iter().all(|one| *one == stored[0]), "{stored:?}");
}
