//! The tables of `migrations/sqlite`, whose comments say what the columns mean.

diesel::table! {
    concerts (id) {
        id -> Binary,
        title -> Text,
        policy_version -> BigInt,
        policy_state -> Text,
        opens_at -> Nullable<BigInt>,
        throughput_admit -> Nullable<BigInt>,
        throughput_interval_us -> Nullable<BigInt>,
        capacity_max_active -> Nullable<BigInt>,
        waiting_ttl_us -> BigInt,
        claim_ttl_us -> BigInt,
        active_ttl_us -> BigInt,
        max_waiting -> Nullable<BigInt>,
        seeded -> Bool,
    }
}

diesel::table! {
    performances (id) {
        id -> Binary,
        concert_id -> Binary,
        starts_at -> BigInt,
        venue -> Text,
        seats_total -> BigInt,
        seats_sold -> BigInt,
    }
}

diesel::table! {
    reservations (id) {
        id -> Binary,
        user_id -> Text,
        concert_id -> Binary,
        performance_id -> Binary,
        state -> Text,
        held_until -> Nullable<BigInt>,
        confirmed_at -> Nullable<BigInt>,
        total -> BigInt,
        seat_count -> BigInt,
    }
}

diesel::table! {
    seats (performance_id, label) {
        performance_id -> Binary,
        label -> Text,
        ordinal -> BigInt,
        section -> Text,
        price -> BigInt,
        reservation_id -> Nullable<Binary>,
        held_until -> Nullable<BigInt>,
        user_id -> Nullable<Text>,
        user_slot -> Nullable<BigInt>,
    }
}

diesel::table! {
    reservation_seats (reservation_id, label) {
        reservation_id -> Binary,
        label -> Text,
        price -> BigInt,
    }
}

diesel::table! {
    balances (user_id) {
        user_id -> Text,
        balance -> BigInt,
    }
}

diesel::table! {
    ledger (id) {
        id -> Binary,
        user_id -> Text,
        reason -> Text,
        amount -> BigInt,
        balance_after -> BigInt,
        reservation_id -> Nullable<Binary>,
        at -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> Text,
        key -> Text,
        digest -> Binary,
        ledger_entry_id -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        subject -> Text,
        detail -> Text,
    }
}

diesel::joinable!(idempotency_keys -> ledger (ledger_entry_id));
diesel::allow_tables_to_appear_in_same_query!(idempotency_keys, ledger);
diesel::allow_tables_to_appear_in_same_query!(seats, reservation_seats);
