//! The tests of the contracts of a queue.

/// Makes a test of each contract of a queue, and one that tries random sequences of calls.
///
/// With `positions = exact` before the fixture, positions must be exact, too. Without it, they may
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
        fn random_calls_get_the_answers_of_the_model() {
            $crate::model::queue_model($make, $crate::model::Positions::$positions);
        }

        $crate::contract_tests! {
            $make,
            queue,
            one_place {
                a_ticket_names_user_concert_arrival_and_generation
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
                users_are_admitted_in_the_order_of_arrival
                positions_follow_the_order_of_arrival
                arrivals_never_tie
                a_clock_that_steps_back_changes_no_order
                arrivals_grow_after_a_step_back_with_an_empty_line
                admission_never_passes_over_the_head
                users_who_join_at_once_are_admitted_in_the_order_of_arrival
            }
            between {
                a_look_up_during_admission_always_finds_the_place
                concurrent_ticks_admit_every_user_once
                concurrent_ticks_keep_to_the_rate
                concurrent_ticks_keep_to_the_capacity
                concurrent_joins_keep_to_the_rate
                concurrent_joins_keep_to_the_capacity
                concurrent_joins_departures_and_ticks_lose_no_user
            }
            rate {
                a_window_admits_its_number_of_users_and_no_more
                a_window_counts_over_several_ticks
                immediate_admissions_count_in_the_window
                leaving_frees_no_admission_in_the_window
                an_idle_queue_saves_up_no_admissions
                a_long_pause_saves_up_no_admissions
                ticks_of_an_empty_queue_save_up_no_admissions
                a_lowered_rate_applies_at_once
                a_raised_rate_applies_at_once
            }
            windows {
                windows_follow_each_other_without_a_gap
                a_step_back_restarts_the_window_and_keeps_its_count
                a_restarted_window_admits_only_its_unused_part
                immediate_admissions_count_in_a_restarted_window
                a_clock_that_steps_back_and_forth_admits_no_more_users
                a_shorter_interval_applies_at_once
                a_window_older_than_its_new_interval_is_over
                a_longer_interval_applies_at_once
                a_longer_interval_after_idle_time_counts_from_the_last_window
                a_throughput_that_is_set_again_continues_its_window
                twenty_changes_in_a_window_admit_no_more_than_their_limits
                admissions_in_bypass_count_in_no_window
                admissions_without_a_throughput_count_in_no_window
            }
            capacity {
                active_users_never_exceed_the_capacity
                a_tick_fills_the_free_places
                a_user_who_leaves_makes_room
                an_expired_place_makes_room_without_a_tick
                an_expired_unclaimed_place_makes_room
                an_expired_place_that_made_room_stays_gone
                a_lowered_capacity_evicts_no_user
                a_raised_capacity_applies_at_once
                a_rate_and_a_capacity_both_limit_admission
            }
            at_once {
                a_user_who_finds_no_line_is_active_at_once
                a_user_who_joins_behind_a_line_waits
                a_user_who_finds_no_room_waits
                there_is_no_line_after_the_last_waiting_user_left
                expired_waiting_places_are_no_line
                a_paused_queue_makes_every_user_wait
            }
            waiting_ends {
                a_user_without_heartbeats_is_gone
                an_expired_place_is_gone_before_any_tick
                an_expired_place_counts_at_most_until_a_tick_removes_it
                a_removed_place_does_not_count_towards_the_limit
                a_user_whose_place_expired_gets_a_new_place
                a_look_up_keeps_a_waiting_place
                every_look_up_counts_as_a_heartbeat
                a_request_at_the_gate_keeps_a_waiting_place
                joining_again_keeps_a_waiting_place
                an_expired_head_does_not_hold_up_the_line
                an_expired_place_that_admission_passed_stays_gone
            }
            aside {
                absent_users_take_no_room
                absent_users_do_not_hold_up_the_users_behind_them
                a_user_who_returns_is_next_in_line
                a_user_who_returned_may_stand_aside_again
                users_who_stand_aside_count_as_waiting
                users_who_stand_aside_are_no_line
                the_place_of_a_user_who_stands_aside_expires
                a_user_who_stands_aside_may_leave
                bypass_admits_absent_users
                a_queue_whose_users_all_stand_aside_is_not_empty
                a_user_who_returns_after_a_step_back_is_next_in_line
                time_without_service_makes_no_user_absent
                a_heartbeat_recorded_late_keeps_a_user_present
                the_policy_decides_when_a_user_is_absent
            }
            active_ends {
                a_new_place_ends_at_its_claim_deadline
                an_admitted_place_ends_at_its_claim_deadline
                the_first_passage_of_the_gate_claims_a_place
                later_passages_of_the_gate_keep_the_deadline
                a_claimed_place_ends_with_its_active_lifetime
                a_hold_within_the_lifetime_extends_no_place
                a_hold_near_the_deadline_extends_the_place
                holds_extend_a_place_only_to_a_limit
                a_shorter_hold_does_not_shorten_the_place
                a_first_passage_with_a_hold_claims_and_extends_the_place
                leaving_ends_an_active_place_at_once
                the_gate_refuses_a_waiting_user
            }
            service {
                a_waiting_place_outlives_an_outage
                the_waiting_lifetime_starts_again_after_an_outage
                admission_ticks_count_as_service
                service_starts_with_the_join_that_takes_an_expired_place
                a_claim_deadline_counts_from_the_end_of_an_outage
                an_outage_does_not_extend_a_claimed_place
                requests_do_not_count_as_service
                the_first_tick_after_an_outage_admits
            }
            position {
                a_position_shrinks_with_every_admission
                a_position_never_grows
                users_who_left_are_not_ahead_of_later_users
                users_whose_places_expired_are_not_ahead
                users_who_left_do_not_hold_up_the_line
                a_position_never_grows_during_admissions
            }
            line {
                a_snapshot_shows_the_waiting_users
                a_snapshot_shows_every_change
                immediate_admissions_do_not_count_as_passed
                a_snapshot_shows_how_far_admission_has_come
                admissions_in_bypass_count_as_passed
                expired_heads_do_not_count_as_passed
                every_answer_with_a_position_has_the_number_of_passed_users
                an_ordinal_stays_the_same_while_the_line_moves
                a_snapshot_is_consistent_while_the_line_moves
                a_snapshot_shows_how_long_users_may_re_enter
                a_snapshot_keeps_no_place
                snapshots_do_not_count_as_service
            }
            last_writes {
                lost_places_re_enter_in_the_order_of_arrival
                a_tick_records_the_loss
                a_lost_admission_is_made_again
                a_user_admitted_at_once_re_enters_at_the_head
                tickets_that_were_not_lost_do_not_re_enter
                a_lost_place_later_than_an_ended_one_re_enters
                a_user_can_leave_with_a_lost_ticket
                a_lost_ticket_proves_the_loss
                a_lost_ticket_re_enters_after_a_silence
                a_lost_ticket_re_enters_after_a_join_that_ends_a_silence
                a_lost_ticket_re_enters_after_the_silence_of_an_empty_queue
                lost_places_re_enter_only_within_the_waiting_lifetime
                eight_losses_are_remembered
            }
            departures {
                the_next_snapshot_has_the_departures
                every_caller_gets_all_departures
                a_user_who_left_twice_is_two_departures
                leaving_an_active_place_is_no_departure
                an_expired_place_is_no_departure
                a_snapshot_without_a_valid_cursor_has_unknown_departures
                a_snapshot_reports_forgotten_departures_as_unknown
                consecutive_snapshots_miss_no_departure
            }
            heartbeats {
                a_recorded_heartbeat_keeps_a_place
                recording_a_heartbeat_returns_its_place
                a_heartbeat_counts_from_its_own_instant
                an_older_heartbeat_does_not_shorten_a_place
                the_latest_of_several_heartbeats_counts
                a_heartbeat_from_the_future_counts_from_now
                a_late_heartbeat_revives_no_place
                a_heartbeat_of_another_place_changes_nothing
                a_heartbeat_of_an_active_place_changes_nothing
                the_largest_batch_of_heartbeats_is_recorded
                recorded_heartbeats_do_not_count_as_service
            }
            peeks {
                a_peek_returns_the_same_place_as_a_look_up
                a_peek_with_an_old_ticket_finds_no_place
                a_peek_keeps_no_place
                a_peek_leaves_users_aside
                a_peek_restores_no_lost_place
                the_largest_peek_is_answered_in_full
                peeks_do_not_count_as_service
            }
            states {
                a_paused_queue_takes_joins_and_admits_no_user
                a_closed_queue_refuses_joins_and_admits_no_user
                a_sold_out_queue_refuses_joins_until_a_seat_is_free
                an_ended_queue_refuses_joins_until_there_is_a_performance
                ended_wins_over_all_but_closed
                a_queue_without_a_performance_is_paused
                sold_out_outlives_a_change_of_policy
                an_older_count_of_the_seats_changes_nothing
                bypass_admits_every_user_in_chunks
                a_queue_admits_no_user_before_its_opening
                a_queue_is_open_after_its_opening
                closed_wins_over_all_other_states
                recovering_wins_over_sold_out_and_bypass
                paused_wins_over_sold_out
                a_queue_may_open_at_the_latest_instant_that_can_be_planned
                an_opening_at_the_end_of_time_keeps_a_queue_in_service
                every_answer_has_the_view_of_the_queue
                the_policy_limits_the_number_of_waiting_users
                a_limit_of_no_waiting_users_allows_immediate_admissions
            }
            control {
                a_newer_policy_is_in_force_at_once
                an_older_policy_is_refused
                the_newest_of_many_policies_wins
                a_seed_does_not_recover_a_queue_that_the_store_has
                changed_lifetimes_apply_at_once
                a_queue_is_empty_when_no_user_has_a_place
                a_queue_is_empty_when_every_waiting_place_has_expired
                a_queue_is_not_empty_while_users_may_re_enter
                an_operator_can_open_and_pause_a_queue_repeatedly
                a_closed_empty_queue_is_removed
                a_queue_in_use_is_not_removed
                expired_places_do_not_prevent_the_removal_of_a_queue
                a_removed_queue_can_be_seeded_again
            }
            ticks {
                an_admission_tick_stops_at_its_limit
                a_tick_that_finished_reports_no_more_work
                users_who_may_not_be_admitted_are_no_remaining_work
                an_expiry_tick_stops_at_its_limit
                an_expiry_tick_removes_expired_active_places
                an_expiry_tick_admits_no_user
                a_tick_counts_every_user_who_stopped_waiting
                a_tick_reports_throughput_and_window
                a_tick_reports_the_number_of_passed_users
                a_queue_is_busy_while_any_user_has_a_place
                a_queue_that_all_users_left_stops_being_busy
            }
            unknown {
                a_queue_that_was_never_seeded_is_unknown
                a_seeded_queue_makes_no_other_queue_known
                a_lost_queue_is_unknown
                a_sale_count_before_the_seed_is_ignored
            }
            loss {
                a_new_queue_does_not_recover
                a_recovered_queue_has_a_new_generation
                a_recovering_queue_admits_no_user
                users_re_enter_in_the_order_of_arrival
                users_who_were_active_re_enter_first
                new_joins_come_after_every_arrival_seen
                users_who_re_enter_go_before_new_users
                users_may_re_enter_after_the_recovery
                no_user_re_enters_after_the_period_of_re_entry
                limits_on_joining_do_not_apply_to_re_entry
                a_ticket_of_the_lost_generation_is_valid_while_its_place_exists
                users_keep_their_places_through_losses_in_a_row
                a_reopened_store_has_or_recovers_its_users
            }
            reentry {
                a_place_re_enters_when_looked_up
                a_place_re_enters_at_the_gate
                a_place_re_enters_when_joining_with_its_ticket
                a_user_who_leaves_with_a_lost_ticket_has_no_place
                a_user_who_joins_without_the_ticket_gets_a_new_place
                a_place_that_re_entered_and_was_left_is_remembered
                a_place_that_re_entered_and_expired_is_remembered
                an_expired_place_is_remembered_before_any_tick
                a_place_that_re_entered_and_was_admitted_is_remembered
                an_ended_place_of_this_generation_does_not_re_enter
                a_place_re_enters_once
            }
            served {
                an_unused_queue_has_served_no_user
                admitted_users_are_served
                the_answer_has_the_start_of_service
                a_user_who_stands_aside_is_not_served
                a_user_who_has_returned_is_not_served
                a_served_user_does_not_re_enter
                users_who_were_active_re_enter_at_the_head
                a_user_who_stood_aside_re_enters
                a_change_of_the_policy_lets_no_served_user_re_enter
                users_who_may_re_enter_are_not_served
                lost_arrivals_are_not_served
            }
        }
    };
    ($make:expr) => {
        $crate::queue_contracts!(@all OverStated, $make);
    };
}
