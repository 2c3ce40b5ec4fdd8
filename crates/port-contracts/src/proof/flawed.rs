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
        active_ends, aside, between, capacity, heartbeats, leavers, line, loss, one_place, order,
        peeks, rate, reentry, served, service, states, waiting_ends, windows,
    },
};

/// Returns true if the contract fails. All its tasks take turns on one thread, so that what happens
/// between two steps of a torn operation does not depend on luck.
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
    sends_who_joins_again_to_the_back: one_place::joining_again_returns_the_waiting_place;
    takes_any_ticket: one_place::a_ticket_from_before_leaving_the_line_is_gone;
    serves_by_name: order::the_first_to_come_is_the_first_served;
    believes_a_clock_that_steps_back: order::a_clock_that_steps_back_reorders_nobody;
    admits_one_too_many: rate::a_window_lets_in_its_number_and_no_more;
    banks_idle_credit: rate::a_long_pause_banks_no_credit;
    does_not_count_who_walks_in: rate::instant_admissions_count;
    grants_a_window_for_a_step_back: windows::a_step_back_restarts_the_window_with_its_count;
    starts_windows_when_somebody_comes: windows::windows_follow_each_other_without_a_gap;
    ignores_the_capacity: capacity::no_more_are_active_than_may_be;
    keeps_who_is_silent: waiting_ends::a_silent_user_is_gone;
    claims_by_looking_up: active_ends::a_new_place_ends_at_its_claim_deadline;
    extends_for_no_hold: active_ends::a_hold_extends_its_place;
    counts_time_without_service: service::a_wait_outlives_a_break_of_service;
    does_not_wait_for_the_lost: loss::nobody_is_admitted_while_a_queue_recovers;
    gives_places_back_for_ever: loss::nobody_comes_back_later;
    believes_older_counts: states::an_older_count_of_the_seats_changes_nothing;
    forgets_who_has_ended: reentry::who_came_back_and_left_is_remembered;
    gives_back_who_was_served: served::who_was_served_does_not_come_back;
    forgets_who_walked_in: served::who_was_admitted_is_served;
}

caught! { aside_flaws:
    admits_absent_users: aside::absent_users_take_no_room;
    keeps_users_aside: aside::who_returns_is_next;
    sends_who_returns_to_the_back: aside::who_returns_is_next;
    keeps_places_aside_for_ever: aside::a_place_aside_ends_in_time;
    lets_nobody_in_past_users_aside: aside::users_who_stand_aside_are_no_line;
    has_one_absence_for_all: aside::a_policy_says_who_is_absent;
    leaves_users_aside_in_bypass: aside::bypass_admits_absent_users;
}

caught! { line_flaws:
    forgets_to_note_a_leaver: leavers::the_next_look_tells_who_left;
    remembers_few_leavers: leavers::forgotten_leavers_may_be_anybody;
    notes_who_leaves_an_active_place: leavers::who_leaves_elsewhere_has_not_left_the_line;
    counts_who_walks_in_as_admitted: line::who_walks_in_is_not_admitted_from_the_line;
    counts_heads_that_gave_up_as_admitted: line::who_gave_up_was_not_admitted;
    counts_admissions_one_tick_late: line::a_turn_stays_while_the_line_moves;
    keeps_who_is_looked_at: line::a_look_keeps_no_place;
    serves_when_looked_at: line::looks_serve_no_queue;
    believes_older_signs: heartbeats::an_older_heartbeat_takes_nothing_back;
    revives_the_dead: heartbeats::a_late_heartbeat_revives_no_place;
    believes_signs_from_the_future: heartbeats::a_heartbeat_from_the_future_counts_from_now;
    hears_of_users_and_not_of_places: heartbeats::a_heartbeat_of_another_place_changes_nothing;
    counts_signs_from_when_they_are_told: heartbeats::a_heartbeat_counts_from_its_own_instant;
    keeps_who_is_peeked_at: peeks::a_peek_brings_nobody_back_into_the_line;
    brings_back_who_is_peeked_at: peeks::a_peek_brings_no_lost_place_back;
    serves_when_told_of_signs: heartbeats::recording_heartbeats_serves_no_queue;
}

#[test]
fn an_admission_that_removes_first_is_seen() {
    let fixture = StoreFixture::with(Flaw::torn(Torn::RemovesFirst));
    assert!(fails(between::a_watcher_never_finds_an_admitted_user_gone(
        fixture
    )));
}

#[test]
fn an_admission_that_looks_first_admits_twice() {
    let fixture = StoreFixture::with(Flaw::torn(Torn::LooksFirst));
    assert!(fails(between::many_ticks_at_once_admit_everybody_once(
        fixture
    )));
}

/// Random sequences also find such flaws, and are shortened to the necessary steps. The rarest flaw
/// shows in one of some hundred sequences.
#[test]
fn random_sequences_find_flaws() {
    for flaw in [
        flaws::admits_one_too_many,
        flaws::ignores_the_capacity,
        flaws::claims_by_looking_up,
        flaws::counts_time_without_service,
        flaws::sends_who_joins_again_to_the_back,
        line_flaws::forgets_to_note_a_leaver,
        line_flaws::counts_who_walks_in_as_admitted,
        line_flaws::believes_older_signs,
    ] {
        let make = async || StoreFixture::with(flaw());
        let found = try_queue_model(make, Positions::Exact, 2_000).expect_err("a flaw");
        let steps = found.lines().filter(|line| line.contains(". ")).count();
        assert!(steps <= 12, "that could be shorter:\n{found}");
    }
}
