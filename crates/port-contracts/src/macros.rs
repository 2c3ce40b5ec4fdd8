//! Macros that make one test of each contract, for the tests of an adapter.
//!
//! Both macros take something that is called without arguments and returns a future of a fresh
//! [`Fixture`](crate::Fixture): an async function, or a closure with an async block. The generated
//! tests need no runtime of their own. Put each macro call into its own module:
//!
//! ```text
//! mod queue {
//!     use super::QueueFixture;
//!
//!     frontrow_port_contracts::queue_contracts!(QueueFixture::new);
//! }
//! ```

/// Makes a test of each contract of a queue, and one that tries random sequences of calls.
///
/// With `positions = exact` before the fixture, positions must be exact, too. Without it they may
/// be overstated by the users ahead who left.
#[macro_export]
macro_rules! queue_contracts {
    (positions = exact, $make:expr) => {
        $crate::queue_contracts!(@all Exact, $make);

        mod exact_position {
            #[allow(unused_imports, reason = "the fixture may be named by its whole path")]
            use super::*;

            #[test]
            fn positions_are_exact() {
                $crate::run(async {
                    $crate::queue::position::positions_are_exact(($make)().await).await;
                });
            }
        }
    };
    (@all $positions:ident, $make:expr) => {
        #[test]
        fn whatever_happens_the_queue_answers_as_the_model_does() {
            $crate::model::queue_model($make, $crate::model::Positions::$positions);
        }

        $crate::contract_tests! {
            $make,
            queue,
            one_place {
                a_place_tells_its_ticket
                joining_again_returns_the_waiting_place
                joining_again_returns_the_active_place
                joining_many_times_at_once_gives_one_waiting_place
                joining_many_times_at_once_gives_one_active_place
                a_ticket_from_before_leaving_the_line_is_gone
                a_ticket_from_before_leaving_an_active_place_is_gone
                a_ticket_without_a_place_is_gone
                queues_are_separate
                admission_does_not_change_the_ticket
            }
            order {
                the_first_to_come_is_the_first_served
                positions_follow_the_order_of_arrival
                arrivals_never_tie
                a_clock_that_steps_back_reorders_nobody
                arrivals_grow_though_the_line_is_empty
                admission_never_goes_around_the_head
                a_crowd_is_served_in_the_order_of_its_arrivals
            }
            between {
                a_watcher_never_finds_an_admitted_user_gone
                many_ticks_at_once_admit_everybody_once
                many_ticks_at_once_keep_to_the_rate
                many_ticks_at_once_keep_to_the_capacity
                many_joins_at_once_keep_to_the_rate
                many_joins_at_once_keep_to_the_capacity
                joining_leaving_and_admitting_at_once_loses_nobody
            }
            rate {
                a_window_lets_in_its_number_and_no_more
                a_window_counts_over_several_ticks
                instant_admissions_count
                leaving_gives_nothing_back_to_the_window
                an_idle_queue_banks_no_credit
                a_long_pause_banks_no_credit
                ticks_without_anybody_bank_no_credit
                a_lowered_number_holds_at_once
                a_raised_number_holds_at_once
            }
            windows {
                windows_follow_each_other_without_a_gap
                a_step_back_restarts_the_window_with_its_count
                a_step_back_leaves_what_was_left
                a_step_back_gives_joins_nothing_either
                a_stepping_clock_lets_in_no_more
                a_shorter_interval_applies_at_once
                a_window_that_is_over_by_its_new_length_is_over
                a_longer_interval_applies_at_once
                a_longer_interval_after_idle_time_counts_from_the_last_window
                a_rate_that_is_set_again_finds_its_window
                twenty_changes_in_a_window_admit_no_more_than_their_limits
                bypass_counts_in_no_window
                without_a_rate_nothing_counts_in_a_window
            }
            capacity {
                no_more_are_active_than_may_be
                a_tick_fills_the_free_places
                leaving_makes_room
                an_ended_place_makes_room_without_a_tick
                an_unclaimed_place_makes_room
                a_place_that_made_room_does_not_come_back
                a_lowered_capacity_evicts_nobody
                a_raised_capacity_holds_at_once
                a_rate_and_a_capacity_both_bind
            }
            at_once {
                who_finds_no_line_is_active_at_once
                nobody_overtakes_the_line
                who_finds_no_room_waits
                a_line_that_left_is_no_line
                a_line_past_its_end_is_no_line
                a_paused_queue_makes_everybody_wait
            }
            waiting_ends {
                a_silent_user_is_gone
                an_ended_place_is_gone_before_any_tick
                an_ended_place_counts_at_most_until_it_is_removed
                a_removed_place_does_not_fill_the_queue
                who_was_gone_joins_anew
                looking_up_keeps_a_place
                each_look_up_counts
                the_gate_keeps_a_waiting_place
                joining_again_keeps_a_waiting_place
                an_ended_head_does_not_hold_up_the_line
                a_passed_place_does_not_come_back
            }
            aside {
                absent_users_take_no_room
                a_long_silent_line_holds_up_nobody
                who_returns_is_next
                who_returned_may_stand_aside_again
                standing_aside_is_waiting
                users_who_stand_aside_are_no_line
                a_place_aside_ends_in_time
                who_stands_aside_may_leave
                bypass_admits_absent_users
                a_queue_with_users_aside_is_not_empty
                who_returns_after_a_step_back_is_next
                time_without_service_makes_nobody_absent
                a_heartbeat_told_late_keeps_a_user_present
                a_policy_says_who_is_absent
            }
            active_ends {
                a_new_place_ends_at_its_claim_deadline
                an_admitted_place_ends_at_its_claim_deadline
                the_gate_claims_a_place
                only_the_first_use_claims
                a_claimed_place_ends_with_its_active_life
                a_short_hold_extends_nothing
                a_hold_extends_its_place
                holds_do_not_extend_a_place_for_ever
                a_shorter_hold_takes_nothing_back
                a_first_use_that_holds_claims_and_extends
                leaving_ends_an_active_place_at_once
                the_gate_stops_who_waits
            }
            service {
                a_wait_outlives_a_break_of_service
                a_wait_starts_anew_when_service_does
                admission_ticks_serve_too
                who_takes_the_room_of_an_ended_place_is_the_first
                a_claim_deadline_outlives_a_break
                a_claimed_place_does_not_outlive_a_break
                asking_is_no_sign_of_service
                the_first_tick_after_a_break_admits
            }
            position {
                a_position_shrinks_with_every_admission
                a_position_never_grows
                who_left_is_not_ahead_of_later_joiners
                who_gave_up_is_not_ahead
                leavers_do_not_hold_up_the_line
                a_position_never_grows_while_others_move
            }
            line {
                a_look_tells_how_the_line_stands
                a_look_tells_of_every_change
                who_walks_in_is_not_admitted_from_the_line
                a_look_tells_how_far_admission_has_come
                bypass_admits_from_the_line
                who_gave_up_was_not_admitted
                every_answer_to_who_waits_tells_the_count
                a_turn_stays_while_the_line_moves
                a_look_is_consistent_while_the_line_moves
                a_look_tells_whether_people_may_come_back
                a_look_keeps_no_place
                looks_serve_no_queue
            }
            last_writes {
                lost_places_come_back_in_their_order
                a_tick_finds_the_loss
                a_lost_admission_is_made_again
                who_was_admitted_at_once_comes_back_first
                what_was_not_lost_does_not_come_back
                a_later_place_than_the_one_that_ended_comes_back
                a_lost_place_can_be_left
                a_lost_ticket_proves_the_loss
                a_silence_may_hide_a_loss
                a_join_may_end_a_silence
                a_join_may_end_the_silence_of_an_empty_queue
                lost_places_come_back_for_the_waiting_time_to_live
                eight_losses_are_remembered
            }
            leavers {
                the_next_look_tells_who_left
                every_caller_is_told_who_left
                who_left_twice_is_told_of_twice
                who_leaves_elsewhere_has_not_left_the_line
                who_gave_up_has_not_left
                a_look_from_nowhere_may_have_missed_anybody
                forgotten_leavers_may_be_anybody
                looks_in_a_row_miss_nobody
            }
            heartbeats {
                a_recorded_heartbeat_keeps_a_place
                a_recorded_heartbeat_is_answered_with_its_place
                a_heartbeat_counts_from_its_own_instant
                an_older_heartbeat_takes_nothing_back
                the_latest_of_several_heartbeats_counts
                a_heartbeat_from_the_future_counts_from_now
                a_late_heartbeat_revives_no_place
                a_heartbeat_of_another_place_changes_nothing
                a_heartbeat_of_an_active_place_changes_nothing
                many_heartbeats_are_recorded_at_once
                recording_heartbeats_serves_no_queue
            }
            peeks {
                a_peek_tells_what_a_look_up_tells
                a_peek_with_an_old_ticket_finds_nothing
                a_peek_keeps_no_place
                a_peek_brings_nobody_back_into_the_line
                a_peek_brings_no_lost_place_back
                many_places_are_peeked_at_at_once
                peeks_serve_no_queue
            }
            states {
                paused_takes_joins_and_admits_nobody
                closed_refuses_joins_and_admits_nobody
                sold_out_refuses_joins_until_it_is_not
                ended_refuses_joins_until_there_is_a_performance
                ended_wins_over_all_but_closed
                without_a_performance_a_queue_is_paused
                sold_out_outlives_a_change_of_policy
                an_older_count_of_the_seats_changes_nothing
                bypass_admits_everybody_in_chunks
                before_its_opening_a_queue_admits_nobody
                after_its_opening_a_queue_is_open
                closed_wins_over_all
                recovering_wins_over_sold_out_and_bypass
                paused_wins_over_sold_out
                a_queue_may_open_at_the_latest_plan
                an_opening_at_the_end_of_time_keeps_a_queue_in_service
                everybody_is_told_what_the_queue_is_like
                no_more_wait_than_may
                where_nobody_may_wait_one_may_still_walk_in
            }
            control {
                a_newer_policy_is_in_force_at_once
                an_older_policy_is_refused
                the_newest_of_many_policies_wins
                a_seed_does_not_recover_what_was_not_lost
                changed_lives_count_at_once
                a_queue_is_empty_when_nobody_has_a_place
                a_queue_is_empty_when_every_wait_is_over
                a_queue_is_not_empty_while_people_may_come_back
                a_queue_can_be_switched_back_and_forth
                a_closed_empty_queue_is_removed
                a_queue_in_use_is_not_removed
                ended_places_keep_no_queue
                a_removed_queue_can_be_given_again
            }
            ticks {
                an_admission_tick_stops_at_its_limit
                a_tick_without_work_left_says_so
                who_may_not_be_admitted_is_no_work_left
                an_expiry_tick_stops_at_its_limit
                an_expiry_tick_removes_active_places
                an_expiry_tick_admits_nobody
                everybody_who_stopped_waiting_has_departed
                a_tick_reports_throughput_and_window
                a_tick_reports_how_many_were_admitted_from_the_line
                a_queue_is_busy_while_anybody_has_a_place
                a_queue_that_all_have_left_is_not_busy_for_ever
            }
            unknown {
                a_queue_never_given_is_unknown
                another_queue_is_still_unknown
                a_lost_queue_is_unknown
                a_queue_starts_with_seats
            }
            loss {
                a_new_queue_recovers_nothing
                a_recovered_queue_has_a_new_generation
                nobody_is_admitted_while_a_queue_recovers
                people_come_back_in_the_order_of_arrival
                who_was_active_comes_first
                new_joins_come_after_every_arrival_seen
                who_comes_back_goes_before_new_joiners
                late_comers_get_their_place_back
                nobody_comes_back_later
                coming_back_is_not_joining
                an_old_ticket_is_good_while_its_place_is_there
                a_queue_survives_losses_in_a_row
                a_reopened_store_has_or_recovers_its_people
            }
            reentry {
                a_place_comes_back_when_looked_up
                a_place_comes_back_at_the_gate
                a_place_comes_back_when_joining_with_its_ticket
                who_leaves_with_a_lost_place_has_left
                who_joins_without_the_ticket_starts_anew
                who_came_back_and_left_is_remembered
                who_came_back_and_gave_up_is_remembered
                who_gave_up_is_remembered_before_any_tick
                who_came_back_and_was_served_is_remembered
                tickets_of_this_generation_bring_nothing_back
                a_place_comes_back_once
            }
            served {
                an_unused_queue_has_served_nobody
                who_was_admitted_is_served
                a_break_of_service_is_told
                who_stands_aside_is_not_served
                who_has_returned_is_not_served
                who_was_served_does_not_come_back
                who_was_inside_comes_back_first
                who_stood_aside_comes_back
                a_new_policy_serves_nobody
                while_users_come_back_nobody_is_served
                what_was_lost_is_not_served
            }
        }
    };
    ($make:expr) => {
        $crate::queue_contracts!(@all OverStated, $make);
    };
}

/// Makes a test of each contract of a ranking cache.
#[macro_export]
macro_rules! ranking_cache_contracts {
    ($make:expr) => {
        $crate::contract_tests! {
            $make,
            ranking_cache {
                an_empty_cache_has_nothing
                what_was_put_comes_back_whole
                an_empty_ranking_is_cached_too
                periods_do_not_mix
                a_put_replaces_ranking_and_end
                a_ranking_is_gone_at_its_end
                a_lost_cache_is_empty
                a_reopened_cache_has_all_or_nothing
                readers_get_one_ranking_or_the_other
                a_claim_is_granted_once
                a_claim_ends
                a_released_claim_is_granted_again
                claims_and_rankings_do_not_mix
            }
        }
    };
}

/// Makes a module of tests for each module of contracts.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($make:expr, queue, $($module:ident { $($contract:ident)* })*) => {
        $(
            mod $module {
                #[allow(unused_imports, reason = "the fixture may be named by its whole path")]
                use super::*;

                $(
                    #[test]
                    fn $contract() {
                        $crate::run(async {
                            $crate::queue::$module::$contract(($make)().await).await;
                        });
                    }
                )*
            }
        )*
    };
    ($make:expr, $module:ident { $($contract:ident)* }) => {
        $(
            #[test]
            fn $contract() {
                $crate::run(async {
                    $crate::$module::$contract(($make)().await).await;
                });
            }
        )*
    };
}
