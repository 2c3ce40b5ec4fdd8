//! The tables of `migrations/sqlite`, whose comments explain the columns.

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
        starts_at -> BigInt,
        venue -> Text,
        seats_total -> BigInt,
        seats_sold -> BigInt,
        occupies_slot -> Nullable<Bool>,
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
        place_arrival -> Nullable<BigInt>,
        place_generation -> Nullable<BigInt>,
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
        at -> BigInt,
        seq -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_records (sender_kind, sender, key) {
        sender_kind -> Text,
        sender -> Text,
        key -> Text,
        operation -> Text,
        digest -> Binary,
        effect_id -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    former_idempotency_keys (user_id, key) {
        user_id -> Text,
        key -> Text,
        digest -> Binary,
        ledger_entry_id -> Binary,
        created_at -> BigInt,
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
        at -> BigInt,
        actor -> Text,
        action -> Text,
        subject -> Text,
        detail -> Text,
    }
}

diesel::joinable!(ledger -> reservations (reservation_id));
diesel::allow_tables_to_appear_in_same_query!(concerts, performances);
diesel::allow_tables_to_appear_in_same_query!(ledger, reservations);
diesel::allow_tables_to_appear_in_same_query!(reservations, seats);
diesel::allow_tables_to_appear_in_same_query!(reservations, reservation_seats);
diesel::allow_tables_to_appear_in_same_query!(seats, reservation_seats);
