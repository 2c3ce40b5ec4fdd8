//! Each flaw is caught by the contract of the promise that it breaks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    StoreFixture, aside_flaws,
    flaws::{self, Flaw},
    line_flaws,
    torn::Torn,
};
use crate::{
    model::{Positions, try_queue_model},
    queue::{
        active_ends, aside, between, capacity, departures, heartbeats, line, loss, one_place,
        order, peeks, rate, reentry, served, service, states, waiting_ends, windows,
    },
};

/// Returns true if the contract fails. All its tasks take turns on one thread, so that the order of
/// the steps of a torn operation does not depend on chance.
fn fails(contract: impl Future<Output = ()>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(contract))).is_err()
}

/// Tests that each flaw makes its contract fail.
macro_rules! caught {
    ($flaws:ident: $($flaw:ident: $($contract:ident)::+;)*) => {
        $(
            #[test]
            fn $flaw() {
                assert!(fails($($contract)::+(StoreFixture::with($flaws::$flaw()))));
            }
        )*
    };
}

caught! { flaws:
    sends_users_who_join_again_to_the_back: one_place::joining_again_returns_the_waiting_place;
    accepts_any_ticket: one_place::a_ticket_from_before_leaving_the_line_is_gone;
    admits_by_name: order::users_are_admitted_in_the_order_of_arrival;
    gives_out_earlier_arrivals_after_a_step_back: order::a_clock_that_steps_back_changes_no_order;
    admits_one_user_too_many: rate::a_window_admits_its_number_of_users_and_no_more;
    saves_up_admissions_of_idle_windows: rate::a_long_pause_saves_up_no_admissions;
    does_not_count_immediate_admissions: rate::immediate_admissions_count_in_the_window;
    starts_a_window_after_a_step_back: windows::a_step_back_restarts_the_window_and_keeps_its_count;
    starts_windows_when_a_user_comes: windows::windows_follow_each_other_without_a_gap;
    ignores_the_capacity: capacity::active_users_never_exceed_the_capacity;
    keeps_users_without_heartbeats: waiting_ends::a_user_without_heartbeats_is_gone;
    claims_places_by_look_ups: active_ends::a_new_place_ends_at_its_claim_deadline;
    extends_no_place_for_a_hold: active_ends::a_hold_near_the_deadline_extends_the_place;
    counts_time_without_service: service::a_waiting_place_outlives_an_outage;
    admits_users_during_a_recovery: loss::a_recovering_queue_admits_no_user;
    takes_re_entries_for_ever: loss::no_user_re_enters_after_the_period_of_re_entry;
    accepts_older_counts: states::an_older_count_of_the_seats_changes_nothing;
    forgets_ended_places: reentry::a_place_that_re_entered_and_was_left_is_remembered;
    lets_served_users_re_enter: served::a_served_user_does_not_re_enter;
    forgets_immediate_admissions: served::admitted_users_are_served;
}

caught! { aside_flaws:
    admits_absent_users: aside::absent_users_take_no_room;
    keeps_users_aside: aside::a_user_who_returns_is_next_in_line;
    sends_users_who_return_to_the_back: aside::a_user_who_returns_is_next_in_line;
    keeps_places_aside_for_ever: aside::the_place_of_a_user_who_stands_aside_expires;
    counts_users_aside_as_a_line: aside::users_who_stand_aside_are_no_line;
    ignores_the_absence_of_the_policy: aside::the_policy_decides_when_a_user_is_absent;
    leaves_users_aside_in_bypass: aside::bypass_admits_absent_users;
}

caught! { line_flaws:
    records_no_departure: departures::the_next_snapshot_has_the_departures;
    remembers_few_departures: departures::a_snapshot_reports_forgotten_departures_as_unknown;
    records_left_active_places_as_departures: departures::leaving_an_active_place_is_no_departure;
    counts_immediate_admissions_as_passed: line::immediate_admissions_do_not_count_as_passed;
    counts_expired_heads_as_passed: line::expired_heads_do_not_count_as_passed;
    counts_admissions_one_tick_late: line::an_ordinal_stays_the_same_while_the_line_moves;
    counts_snapshots_as_heartbeats: line::a_snapshot_keeps_no_place;
    counts_snapshots_as_service: line::snapshots_do_not_count_as_service;
    accepts_older_heartbeats: heartbeats::an_older_heartbeat_does_not_shorten_a_place;
    revives_expired_places: heartbeats::a_late_heartbeat_revives_no_place;
    accepts_heartbeats_from_the_future: heartbeats::a_heartbeat_from_the_future_counts_from_now;
    accepts_heartbeats_of_other_places: heartbeats::a_heartbeat_of_another_place_changes_nothing;
    counts_heartbeats_from_their_recording: heartbeats::a_heartbeat_counts_from_its_own_instant;
    counts_peeks_as_heartbeats: peeks::a_peek_leaves_users_aside;
    restores_lost_places_by_peeks: peeks::a_peek_restores_no_lost_place;
    counts_recorded_heartbeats_as_service: heartbeats::recorded_heartbeats_do_not_count_as_service;
}

#[test]
fn an_admission_that_removes_users_first_is_caught() {
    let fixture = StoreFixture::with(Flaw::torn(Torn::RemovesFirst));
    assert!(fails(
        between::a_look_up_during_admission_always_finds_the_place(fixture)
    ));
}

#[test]
fn an_admission_that_reads_users_first_is_caught() {
    let fixture = StoreFixture::with(Flaw::torn(Torn::ReadsFirst));
    assert!(fails(between::concurrent_ticks_admit_every_user_once(
        fixture
    )));
}

/// Random sequences also find such flaws, and are shortened to the necessary steps. The rarest flaw
/// shows in one of some hundred sequences.
#[test]
fn random_sequences_find_flaws() {
    for flaw in [
        flaws::admits_one_user_too_many,
        flaws::ignores_the_capacity,
        flaws::claims_places_by_look_ups,
        flaws::counts_time_without_service,
        flaws::sends_users_who_join_again_to_the_back,
        line_flaws::records_no_departure,
        line_flaws::counts_immediate_admissions_as_passed,
        line_flaws::accepts_older_heartbeats,
    ] {
        let make = async || StoreFixture::with(flaw());
        let found = try_queue_model(make, Positions::Exact, 2_000).expect_err("a flaw");
        let steps = found.lines().filter(|line| line.contains(". ")).count();
        assert!(steps <= 12, "that could be shorter:\n{found}");
    }
}
