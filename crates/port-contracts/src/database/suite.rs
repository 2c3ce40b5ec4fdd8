//! A macro that makes one test for each contract of a database.

/// Makes a `#[tokio::test]` of every contract of a database. Each gets a fixture of its own from
/// `$make`, which may `.await`. The names of the tests begin with the file of the contract.
///
/// The tests need tokio with the features `macros` and `rt-multi-thread`, because concurrent calls
/// should run on several threads.
#[macro_export]
macro_rules! database_contracts {
    (@file $make:expr, $file:ident: $($contract:ident)+) => {
        mod $file {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $contract() {
                    $crate::database::$file::$contract($make).await;
                }
            )+
        }
    };
    ($make:expr) => {
        $crate::database_contracts!(@file $make, catalogue:
            an_empty_store_has_an_empty_catalogue
            a_catalogue_tells_when_it_was_counted
            concerts_are_listed_in_the_order_they_were_made
            a_concert_without_performances_has_no_seats
            a_concert_counts_its_performances_to_come
            held_and_sold_seats_are_not_left
            seats_of_a_hold_that_is_over_are_left
            a_concert_is_sold_out_when_every_seat_is_sold
            performances_are_listed_earliest_first
            the_unknown_has_no_performances_and_no_seats
            a_seat_map_is_in_the_order_of_its_plan
            a_seat_map_shows_what_is_held_and_what_is_sold
            performances_do_not_share_seats
            a_concert_is_shown_alone_as_in_the_catalogue
        );
        $crate::database_contracts!(@file $make, editing:
            a_concert_can_be_retitled
            an_unknown_concert_cannot_be_retitled
            a_concert_is_not_made_twice
            a_performance_of_an_unknown_concert_is_not_made
            a_performance_is_not_made_twice
            a_performance_can_move
            what_an_edit_does_not_name_stays
            only_a_concerts_own_performance_can_move
            a_large_hall_comes_into_being_whole
        );
        $crate::database_contracts!(@file $make, planning_anew:
            free_seats_may_go_come_and_change
            seats_follow_the_order_of_the_new_plan
            a_seat_in_use_cannot_be_edited_away
            a_refused_plan_changes_nothing_else
            seats_in_use_stay_with_whom_they_are
            a_hold_that_is_over_is_no_use
            a_dropped_seat_is_remembered_by_its_reservation
            a_seat_that_comes_back_is_free
            a_large_hall_is_planned_anew
            a_hold_and_a_new_plan_agree
        );
        $crate::database_contracts!(@file $make, policies:
            a_policy_is_kept_whole
            a_concert_begins_with_its_policy
            only_a_newer_policy_is_taken
            a_change_of_an_old_copy_is_refused
            an_unknown_concert_has_no_policy
            all_policies_are_listed
            policies_of_concerts_that_are_over_are_not_listed
            a_seeded_queue_stays_noted
            a_reserved_generation_stays
            a_seeded_queue_reserves_no_generation
            all_at_once_reserve_one_generation
            an_unknown_concert_is_not_seeded
            the_note_of_a_seeded_queue_can_be_taken_back
        );
        $crate::database_contracts!(@file $make, served:
            a_concert_without_entries_has_served_nobody
            users_of_entries_older_than_a_life_were_served
            an_entry_that_is_recorded_late_counts_by_its_instant
            users_who_waited_again_were_not_served
            a_longer_life_counts_until_it_is_over
            time_without_service_does_not_count
            a_series_keeps_what_counts
            a_clock_that_steps_back_serves_nobody
            concerts_have_series_of_their_own
            a_deleted_concert_has_no_series
            many_at_once_record_one_slot
        );
        $crate::database_contracts!(@file $make, holds:
            free_seats_are_set_aside
            a_hold_lasts_as_long_as_was_asked
            the_very_same_hold_again_is_the_first_one
            a_repeated_call_is_the_first_one
            a_user_may_hold_seats_in_two_concerts
            four_seats_of_each_performance_may_be_had
            four_seats_may_be_bought_one_by_one
        );
        $crate::database_contracts!(@file $make, hold_refusals:
            taken_seats_are_named_and_nothing_is_held
            a_seat_that_one_has_bought_is_taken
            seats_that_do_not_exist_are_named
            a_user_has_one_hold_in_a_concert
            more_than_four_seats_are_refused
            a_performance_must_be_on_sale
            a_performance_sells_until_it_starts
            the_first_reason_is_given
        );
        $crate::database_contracts!(@file $make, ends:
            a_hold_is_live_until_its_end
            a_hold_is_over_at_its_end
            a_hold_for_no_time_is_over_at_once
            a_late_payment_is_refused_and_costs_nothing
            seats_of_a_hold_that_is_over_are_taken_over
            the_sweep_leaves_seats_that_were_taken_over
            a_clock_that_is_set_back_revives_no_hold
            ones_own_hold_that_is_over_is_no_obstacle
            it_is_no_obstacle_in_another_performance
            the_sweep_takes_only_what_is_over
        );
        $crate::database_contracts!(@file $make, releases:
            released_seats_are_free
            releasing_again_changes_nothing
            released_seats_may_be_held_again
            a_released_reservation_cannot_be_paid
            a_paid_reservation_cannot_be_released
            a_hold_that_is_over_cannot_be_released
            only_ones_own_reservation_can_be_released
        );
        $crate::database_contracts!(@file $make, payments:
            paying_takes_the_total_and_sells_the_seats
            a_paid_reservation_never_ends
            seats_for_nothing_are_paid_with_nothing
            the_last_point_may_be_spent
            a_payment_under_the_same_key_is_answered_again
            two_users_may_use_the_same_key
            a_payment_tells_the_place_that_made_the_hold
            a_hold_can_be_paid_after_the_start
        );
        $crate::database_contracts!(@file $make, payment_refusals:
            too_few_points_do_not_pay
            a_refused_payment_may_be_made_again
            only_ones_own_reservation_can_be_paid
            a_payment_is_for_the_concert_one_was_let_in_to
            nothing_is_paid_twice
            a_key_pays_one_reservation
            the_key_of_a_charge_pays_nothing
        );
        $crate::database_contracts!(@file $make, charges:
            a_new_user_has_no_points
            charges_add_up
            a_charge_under_the_same_key_is_answered_again
            a_key_charges_one_amount
            two_users_may_charge_under_the_same_key
            a_balance_has_a_largest_amount
            an_operator_may_charge_a_user
            the_effects_add_up_to_the_balance
        );
        $crate::database_contracts!(@file $make, keys:
            a_key_stands_for_its_effect
            keys_are_told_apart_by_every_character
            a_refusal_leaves_no_key
            a_repeat_after_a_month_takes_no_effect
            every_operator_has_keys_of_their_own
            an_operators_key_charges_one_user
            a_key_of_a_creation_is_purged_after_thirty_days
            a_purge_has_a_limit
        );
        $crate::database_contracts!(@file $make, creating:
            one_key_creates_one_concert
            one_key_creates_one_performance
            the_same_performance_again_is_the_first_one
            a_slot_has_one_performance
            a_performance_is_not_moved_onto_another
            created_at_once_it_is_created_once
        );
        $crate::database_contracts!(@file $make, deleting:
            an_unused_performance_is_deleted
            a_performance_in_use_stays
            only_a_concerts_own_performance_is_deleted
            a_deleted_performance_leaves_its_slot
            a_closed_concert_is_deleted_with_its_performances
            a_hold_and_a_deletion_agree
        );
        $crate::database_contracts!(@file $make, books:
            the_books_agree
            entries_are_numbered_in_their_order
            entries_made_at_once_follow_from_each_other
        );
        $crate::database_contracts!(@file $make, currency:
            the_first_currency_stays
            many_at_once_agree_on_one
        );
        $crate::database_contracts!(@file $make, stops:
            a_stop_is_found_once
            a_database_keeps_its_id
            only_the_last_run_records_a_stop
            of_runs_at_once_one_gets_the_stop
        );
        $crate::database_contracts!(@file $make, lists:
            a_users_list_has_the_newest_first
            a_concerts_list_has_the_oldest_first
            pages_make_up_the_list
            only_its_user_finds_a_reservation
        );
        $crate::database_contracts!(@file $make, crowds:
            one_of_a_hundred_gets_the_seat
            one_of_a_crowd_takes_a_seat_over
            overlapping_holds_are_whole_or_nothing
            one_user_gets_one_hold
            the_same_hold_at_once_is_one_hold
            sweeping_takes_nothing_from_those_who_hold
        );
        $crate::database_contracts!(@file $make, paying_at_once:
            one_key_pays_once
            many_keys_pay_once
            points_are_spent_once
            a_reservation_is_paid_or_released
            one_key_charges_once
            many_keys_charge_many_times
        );
        $crate::database_contracts!(@file $make, rankings:
            the_most_sold_comes_first_and_ties_go_to_the_lower_id
            seats_are_counted_not_reservations
            only_confirmed_seats_count
            a_span_is_half_open
            every_seat_counts_in_one_span
            a_ranking_has_the_concerts_title
        );
        $crate::database_contracts!(@file $make, counting:
            adding_up_changes_no_ranking
            only_what_is_confirmed_is_added_up
            many_who_add_up_at_once_count_each_seat_once
            a_ranking_is_whole_while_others_sell_and_add_up
            forgetting_keeps_days_and_what_is_younger
        );
        $crate::database_contracts!(@file $make, reopening:
            a_restart_keeps_the_catalogue
            a_restart_keeps_reservations_points_and_keys
            a_hold_runs_out_while_the_service_is_down
        );
    };
}
