//! The tables of `migrations/mysql`, whose comments explain the columns.

diesel::table! {
    concerts (id) {
        id -> Binary,
        title -> Text,
        policy_version -> BigInt,
        policy_state -> Text,
        opens_at -> Nullable<Datetime>,
        throughput_admit -> Nullable<BigInt>,
        throughput_interval_us -> Nullable<BigInt>,
        capacity_max_active -> Nullable<BigInt>,
        waiting_ttl_us -> BigInt,
        claim_ttl_us -> BigInt,
        active_ttl_us -> BigInt,
        max_waiting -> Nullable<BigInt>,
        absent_after_us -> Nullable<BigInt>,
        seeded -> Bool,
        seed_generation -> Nullable<BigInt>,
    }
}

diesel::table! {
    served_arrivals (concert_id, slot) {
        concert_id -> Binary,
        slot -> BigInt,
        at_us -> BigInt,
        arrival -> BigInt,
        serving_since_us -> BigInt,
        life_us -> BigInt,
    }
}

diesel::table! {
    performances (id) {
        id -> Binary,
        concert_id -> Binary,
        starts_at -> Datetime,
        venue -> Text,
        seats_total -> BigInt,
        occupies_slot -> Nullable<Bool>,
    }
}

diesel::table! {
    performance_sales (performance_id, shard) {
        performance_id -> Binary,
        shard -> TinyInt,
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
        held_until -> Nullable<Datetime>,
        confirmed_at -> Nullable<Datetime>,
        total -> BigInt,
        seat_count -> TinyInt,
        seats -> Text,
        counted_at -> Nullable<Datetime>,
        place_arrival -> Nullable<BigInt>,
        place_generation -> Nullable<BigInt>,
    }
}

diesel::table! {
    concert_sales (grain, starts_at, concert_id) {
        grain -> TinyInt,
        starts_at -> Datetime,
        concert_id -> Binary,
        seats -> BigInt,
    }
}

diesel::table! {
    seats (performance_id, label) {
        performance_id -> Binary,
        label -> Text,
        ordinal -> Integer,
        section -> Text,
        price -> BigInt,
        reservation_id -> Nullable<Binary>,
        held_until -> Nullable<Datetime>,
        user_id -> Nullable<Text>,
        user_slot -> Nullable<TinyInt>,
        held_performance_id -> Nullable<Binary>,
    }
}

diesel::table! {
    balances (user_id) {
        user_id -> Text,
        balance -> BigInt,
        last_seq -> BigInt,
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
        at -> Datetime,
        seq -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_records (sender_kind, sender, idempotency_key) {
        sender_kind -> Text,
        sender -> Binary,
        idempotency_key -> Binary,
        operation -> Text,
        digest -> Binary,
        effect_id -> Binary,
        created_at -> Datetime,
        expires_at -> Nullable<Datetime>,
    }
}

diesel::table! {
    former_idempotency_keys (user_id, idempotency_key) {
        user_id -> Text,
        idempotency_key -> Binary,
        digest -> Binary,
        ledger_entry_id -> Binary,
        created_at -> Datetime,
    }
}

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> Datetime,
        actor -> Text,
        action -> Text,
        subject -> Text,
        detail -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(concerts, performances);
diesel::allow_tables_to_appear_in_same_query!(reservations, balances);
