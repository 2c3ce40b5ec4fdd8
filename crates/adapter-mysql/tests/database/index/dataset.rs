//! A large data set: as many reservations as seats, ledger rows and keys, in every state, of many
//! users, performances and concerts.
//!
//! The rows with number `n` belong together: reservation `n` is for seat `n`, ledger row `n` and
//! key `n`. The last digits of `n` decide its state. Balances do not add up here.

use diesel_async::AsyncMysqlConnection;
use uuid::Uuid;

use crate::program::{execute, texts};

/// Number of concerts. Each has five performances. Those of the last ten concerts are upcoming.
pub(super) const CONCERTS: u64 = 100;
const PERFORMANCES: u64 = 500;
pub(super) const UPCOMING_PERFORMANCES: u64 = 50;
const PAST_PERFORMANCES: u64 = PERFORMANCES - UPCOMING_PERFORMANCES;

/// A user who has every fiftieth reservation.
pub(super) const REGULAR: &str = "regular";

/// The statements that insert a data set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dataset {
    /// Number of rows of each large table.
    rows: u64,
}

impl Dataset {
    /// Returns a data set with `rows` rows in each large table. Each performance has a whole number
    /// of hundreds of them.
    pub(super) fn with_rows(rows: u64) -> Self {
        assert!(
            rows > 0 && rows.is_multiple_of(PERFORMANCES * 100),
            "{rows}"
        );
        Self { rows }
    }

    /// Returns the number of seats of a performance.
    pub(super) fn seats_per_performance(self) -> u64 {
        self.rows / PERFORMANCES
    }

    /// Returns the number of a reservation of [`REGULAR`], in the middle of those of this user and
    /// of its concert.
    pub(super) fn middle(self) -> u64 {
        self.rows / 2 - 51
    }

    /// Returns the number of the concert of that reservation.
    pub(super) fn concert_of_middle(self) -> u64 {
        self.middle() / self.seats_per_performance() / 5
    }

    /// Returns the number of held seats of an upcoming performance. About a tenth of these holds
    /// are expired.
    pub(super) fn held_per_performance(self) -> u64 {
        self.seats_per_performance() / 10 + self.seats_per_performance() / 100
    }

    /// Fills an empty database.
    pub(super) async fn load(self, raw: &mut AsyncMysqlConnection) {
        self.create_numbers(raw).await;
        // These checks take long and are not needed here. Without them, MariaDB builds the indexes
        // of an empty table at once.
        let faster = "SET foreign_key_checks = 0, unique_checks = 0, sql_log_bin = 0";
        execute(raw, faster).await.unwrap();
        for sql in [
            concerts(),
            self.performances(),
            self.reservations(),
            self.seats(),
            "INSERT INTO performance_sales
             SELECT performance_id, ASCII(RIGHT(id, 1)) MOD 16, COUNT(*) FROM reservations
             WHERE state = 'confirmed' GROUP BY 1, 2"
                .to_owned(),
            "INSERT INTO balances SELECT DISTINCT user_id, 1000, 0 FROM reservations".to_owned(),
            ledger(),
        ]
        .into_iter()
        .chain(keys())
        {
            execute(raw, &sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        // Only the statistics matter, not the result of the statement.
        let tables =
            "concerts, performances, performance_sales, balances, reservations, seats, ledger,
                      idempotency_records, former_idempotency_keys";
        let _ = execute(raw, &format!("ANALYZE TABLE {tables}")).await;
    }

    /// Creates the table `numbers`, with the numbers of all rows, from 0.
    async fn create_numbers(self, raw: &mut AsyncMysqlConnection) {
        let table = "CREATE TABLE numbers (n BIGINT NOT NULL PRIMARY KEY)";
        execute(raw, table).await.unwrap();
        execute(raw, "INSERT INTO numbers VALUES (0)")
            .await
            .unwrap();
        let mut count = 1;
        while count < self.rows {
            let more = (self.rows - count).min(count);
            let double =
                format!("INSERT INTO numbers SELECT n + {count} FROM numbers WHERE n < {more}");
            execute(raw, &double).await.unwrap();
            count += more;
        }
    }

    fn performances(self) -> String {
        format!(
            "INSERT INTO performances
             SELECT {}, {},
                    IF(n < {PAST_PERFORMANCES}, '2024-01-01', '2150-01-01') + INTERVAL n DAY,
                    'Hall', {}, TRUE
             FROM numbers WHERE n < {PERFORMANCES}",
            id(Kind::Performance, "n"),
            id(Kind::Concert, "n DIV 5"),
            self.seats_per_performance(),
        )
    }

    fn reservations(self) -> String {
        let performance = format!("n DIV {}", self.seats_per_performance());
        // This is no multiple of ten, so that no user only buys or only cancels.
        let users = self.rows / 5 + 3;
        format!(
            "INSERT INTO reservations (id, user_id, concert_id, performance_id, state, held_until,
                                       confirmed_at, total, seat_count, seats)
             SELECT {}, IF(n MOD 50 = 49, '{REGULAR}', CONCAT('user-', n MOD {users})),
                    {}, {}, state,
                    CASE WHEN state <> 'held' THEN NULL
                         WHEN n MOD 10 = 5 THEN '2149-01-01'
                         ELSE UTC_TIMESTAMP(6) - INTERVAL 1 DAY + INTERVAL n MICROSECOND END,
                    IF(state = 'confirmed',
                       '2025-01-01' + INTERVAL n * 31536000 DIV {} SECOND, NULL),
                    100, 1, CONCAT('[[\"', {}, '\", 100]]')
             FROM (SELECT n, CASE WHEN n MOD 10 < 5 THEN 'confirmed'
                                  WHEN n MOD 10 = 5 AND {performance} >= {PAST_PERFORMANCES}
                                  THEN 'held'
                                  WHEN n MOD 100 = 6 THEN 'held'
                                  WHEN n MOD 10 < 8 THEN 'cancelled'
                                  ELSE 'expired' END AS state
                   FROM numbers) fates",
            id(Kind::Reservation, "n"),
            id(Kind::Concert, &format!("{performance} DIV 5")),
            id(Kind::Performance, &performance),
            self.rows,
            self.label(),
        )
    }

    fn seats(self) -> String {
        format!(
            "INSERT INTO seats (performance_id, label, ordinal, section, price, reservation_id,
                                held_until, user_id, user_slot)
             SELECT {}, {}, n MOD {}, 'Stalls', 100, r.id, r.held_until, r.user_id,
                    IF(r.id IS NULL, NULL, 1)
             FROM numbers LEFT JOIN reservations r
                  ON r.id = {} AND r.state IN ('confirmed', 'held')",
            id(
                Kind::Performance,
                &format!("n DIV {}", self.seats_per_performance())
            ),
            self.label(),
            self.seats_per_performance(),
            id(Kind::Reservation, "n"),
        )
    }

    /// Returns the label of seat `n`. Rows have ten seats: `R0-1` to `R0-10` and so on.
    fn label(self) -> String {
        let seat = format!("n MOD {}", self.seats_per_performance());
        format!("CONCAT('R', ({seat}) DIV 10, '-', n MOD 10 + 1)")
    }
}

fn concerts() -> String {
    format!(
        "INSERT INTO concerts (id, title, policy_version, policy_state, throughput_admit,
                               throughput_interval_us, waiting_ttl_us, claim_ttl_us, active_ttl_us)
         SELECT {}, CONCAT('Concert ', n), 1, 'open', 500, 3000000, 300000000, 120000000, 600000000
         FROM numbers WHERE n < {CONCERTS}",
        id(Kind::Concert, "n"),
    )
}

fn ledger() -> String {
    format!(
        "INSERT INTO ledger
         SELECT {}, r.user_id, IF(state = 'confirmed', 'payment', 'charge'), 100, 1000,
                IF(state = 'confirmed', r.id, NULL), '2025-01-01' + INTERVAL n SECOND, n + 1
         FROM numbers JOIN reservations r ON r.id = {}",
        id(Kind::Entry, "n"),
        id(Kind::Reservation, "n"),
    )
}

/// Inserts the keys of two editions, each with one key for every row of the ledger. A tenth of
/// those of the second edition are keys of created concerts.
fn keys() -> [String; 2] {
    let former = format!(
        "INSERT INTO former_idempotency_keys
         SELECT r.user_id, CONCAT('key-', n), UNHEX(SHA2(n, 256)), {},
                '2025-01-01' + INTERVAL n SECOND
         FROM numbers JOIN reservations r ON r.id = {}",
        id(Kind::Entry, "n"),
        id(Kind::Reservation, "n"),
    );
    let records = format!(
        "INSERT INTO idempotency_records
         SELECT IF(n MOD 10 = 0, 'operator', 'user'), r.user_id, CONCAT('record-', n),
                IF(n MOD 10 = 0, 'create-concert', 'charge'), UNHEX(SHA2(n, 256)), {},
                '2025-01-01' + INTERVAL n SECOND,
                IF(n MOD 10 = 0, '2025-01-31' + INTERVAL n SECOND, NULL)
         FROM numbers JOIN reservations r ON r.id = {}",
        id(Kind::Entry, "n"),
        id(Kind::Reservation, "n"),
    );
    [former, records]
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Concert,
    Performance,
    Reservation,
    Entry,
}

/// Returns the id of the row whose number is the expression `n`: a UUID of version 7, whose instant
/// is `n` seconds after the first one's.
fn id(kind: Kind, n: &str) -> String {
    let kind = kind as u8 + 0xa;
    format!(
        "UNHEX(CONCAT(LPAD(HEX(1700000000000 + ({n}) * 1000), 12, '0'), '7{kind:x}00', '8000',
                      LPAD(HEX(({n}) * 2654435761 % 281474976710656), 12, '0')))"
    )
}

/// Returns the id of row `n`.
pub(super) async fn id_of(raw: &mut AsyncMysqlConnection, kind: Kind, n: u64) -> Uuid {
    let sql = format!("SELECT LOWER(HEX({})) AS text", id(kind, &n.to_string()));
    texts(raw, &sql).await.remove(0).parse().unwrap()
}
