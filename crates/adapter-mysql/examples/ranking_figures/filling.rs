//! Statements that fill a database with sales, past the adapter.

/// Returns a query of all numbers of up to `digits` decimal digits, as `numbers.n`.
fn numbers(digits: usize) -> String {
    let digit = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
                  UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7
                  UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let (mut sum, mut tables) = (Vec::new(), Vec::new());
    for place in 0..digits {
        sum.push(format!(
            "d{place}.d * {}",
            10_u64.pow(place.try_into().unwrap())
        ));
        tables.push(format!("{digit} d{place}"));
    }
    format!(
        "(SELECT {} n FROM {}) numbers",
        sum.join(" + "),
        tables.join(" CROSS JOIN ")
    )
}

/// Returns the id of row `n` of a kind.
pub(crate) fn id(kind: u8, n: &str) -> String {
    format!("UNHEX(CONCAT('0{kind}', LPAD(HEX({n}), 30, '0')))")
}

pub(crate) const CONCERT: u8 = 1;
pub(crate) const PERFORMANCE: u8 = 2;
pub(crate) const RESERVATION: u8 = 3;

/// Inserts `count` concerts with one performance each.
pub(crate) fn concerts(count: u32) -> String {
    let n = numbers(4);
    let (concert, performance) = (id(CONCERT, "n"), id(PERFORMANCE, "n"));
    format!(
        "INSERT INTO concerts (id, title, policy_version, policy_state, waiting_ttl_us,
                               claim_ttl_us, active_ttl_us)
         SELECT {concert}, CONCAT('Concert ', n), 1, 'open', 1, 1, 1 FROM {n} WHERE n < {count};
         INSERT INTO performances (id, concert_id, starts_at, venue, seats_total)
         SELECT {performance}, {concert}, '2099-01-01', 'Hall', 100000 FROM {n} WHERE n < {count}"
    )
}

/// Inserts 100,000 free seats in `concerts` concerts, and as many users with the points for one
/// seat.
pub(crate) fn seats(concerts: u32) -> String {
    let n = numbers(5);
    let performance = id(PERFORMANCE, &format!("(n % {concerts})"));
    format!(
        "INSERT INTO balances (user_id, balance) SELECT CONCAT('user-', n), 100 FROM {n};
         INSERT INTO seats (performance_id, label, ordinal, section, price)
         SELECT {performance}, CONCAT('A-', n), n, 'Stalls', 100 FROM {n}"
    )
}

/// Inserts a million confirmed reservations of one seat, spread evenly over the concerts and over
/// the `days` days before 1 November 2026 in Seoul.
pub(crate) fn sales(concerts: u32, days: u32) -> String {
    let n = numbers(6);
    // The step has no common factor with the number of concerts, so that consecutive sales are of
    // different concerts.
    let of = format!("((n * 7919) % {concerts})");
    let (concert, performance) = (id(CONCERT, &of), id(PERFORMANCE, &of));
    let reservation = id(RESERVATION, "n");
    let step_us = u64::from(days) * 86_400;
    format!(
        "INSERT INTO reservations (id, user_id, concert_id, performance_id, state, confirmed_at,
                                   total, seat_count, seats)
         SELECT {reservation}, CONCAT('user-', n), {concert}, {performance}, 'confirmed',
                TIMESTAMP('2026-10-31 15:00:00') - INTERVAL {days} DAY
                    + INTERVAL n * {step_us} MICROSECOND,
                100, 1, '[[\"A-1\",100]]' FROM {n}"
    )
}
