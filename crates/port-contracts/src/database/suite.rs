//! A macro that makes one test for each contract of a database.

/// Makes a `#[tokio::test]` of every contract of a database. Each test gets its own fixture from
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
            a_catalogue_has_the_instant_of_its_counts
            concerts_are_listed_in_the_order_of_creation
            a_concert_without_performances_has_no_seats
            a_concert_counts_its_future_performances
            held_and_sold_seats_are_not_free
            seats_of_an_expired_hold_are_free
            a_concert_is_sold_out_when_every_seat_is_sold
            performances_are_listed_earliest_first
            an_unknown_concert_or_performance_is_not_found
            a_seat_map_is_in_the_order_of_its_plan
            a_seat_map_shows_held_and_sold_seats
            performances_do_not_share_seats
            a_single_concert_is_the_same_as_in_the_catalogue
        );
        $crate::database_contracts!(@file $make, editing:
            a_concert_can_be_retitled
            an_unknown_concert_cannot_be_retitled
            a_concert_is_not_created_twice
            a_performance_of_an_unknown_concert_is_not_created
            a_performance_is_not_created_twice
            a_performance_can_move
            fields_that_an_edit_does_not_name_stay
            only_a_concerts_own_performance_can_move
            a_performance_with_thousands_of_seats_is_created_in_full
        );
        $crate::database_contracts!(@file $make, seat_plan_edits:
            free_seats_may_be_removed_added_and_changed
            seats_follow_the_order_of_the_new_plan
            a_seat_in_use_cannot_be_removed_or_changed
            a_refused_plan_changes_nothing_else
            seats_in_use_stay_with_their_users
            an_expired_hold_keeps_no_seat
            an_ended_reservation_shows_its_removed_seats
            a_removed_seat_may_be_added_again_and_sold
            thousands_of_seats_change_in_one_edit
            concurrent_holds_and_a_new_plan_are_consistent
        );
        $crate::database_contracts!(@file $make, policies:
            a_policy_is_stored_completely
            a_new_concert_has_the_policy_of_its_creation
            only_a_newer_policy_is_taken
            a_change_of_an_old_version_is_refused
            an_unknown_concert_has_no_policy
            all_policies_are_listed
            policies_of_concerts_that_are_over_are_not_listed
            the_record_of_a_seeded_queue_outlives_policy_changes
            the_first_reserved_generation_stays
            a_seeded_queue_reserves_no_generation
            concurrent_callers_reserve_one_generation
            nothing_is_recorded_for_an_unknown_concert
            the_record_of_a_seeded_queue_can_be_removed
        );
        $crate::database_contracts!(@file $make, served:
            a_concert_without_entries_has_served_no_user
            users_up_to_an_entry_older_than_a_lifetime_were_served
            an_entry_recorded_late_counts_by_its_instant
            users_who_waited_again_were_not_served
            a_longer_lifetime_counts_until_it_is_over
            time_without_service_does_not_count
            a_series_keeps_the_entries_that_count
            a_clock_that_steps_back_marks_no_user_as_served
            each_concert_has_its_own_series
            a_deleted_concert_has_no_series
            concurrent_entries_of_one_slot_keep_the_latest
        );
        $crate::database_contracts!(@file $make, holds:
            free_seats_are_held_at_their_prices
            a_hold_lasts_as_long_as_requested
            a_repeat_of_a_hold_returns_the_first_hold
            a_repeat_under_the_same_id_returns_the_first_hold
            a_user_may_hold_seats_in_two_concerts
            the_seat_limit_is_per_performance
            four_seats_may_be_bought_one_by_one
        );
        $crate::database_contracts!(@file $make, hold_refusals:
            a_refusal_names_the_taken_seats_and_holds_none
            a_seat_that_the_user_has_bought_is_taken
            a_refusal_names_the_seats_that_do_not_exist
            a_user_has_one_hold_in_a_concert
            more_than_four_seats_are_refused
            a_performance_must_be_on_sale
            a_performance_sells_until_it_starts
            a_refusal_has_the_first_reason
        );
        $crate::database_contracts!(@file $make, ends:
            a_hold_is_live_until_its_deadline
            a_hold_has_expired_at_its_deadline
            a_hold_of_zero_length_has_expired_at_once
            a_late_payment_is_refused_and_costs_nothing
            another_user_takes_over_the_seats_of_an_expired_hold
            the_sweep_leaves_seats_that_were_taken_over
            a_clock_that_is_set_back_revives_no_hold
            an_expired_hold_does_not_prevent_another_hold_of_its_user
            an_expired_hold_does_not_prevent_one_in_another_performance
            the_sweep_marks_only_expired_holds
        );
        $crate::database_contracts!(@file $make, releases:
            released_seats_are_free
            a_repeated_release_changes_nothing
            released_seats_may_be_held_again
            a_released_reservation_cannot_be_paid
            a_paid_reservation_cannot_be_released
            an_expired_hold_cannot_be_released
            a_user_releases_only_their_own_reservation
        );
        $crate::database_contracts!(@file $make, payments:
            a_payment_takes_the_total_and_sells_the_seats
            a_paid_reservation_never_expires
            seats_without_a_price_are_paid_without_points
            the_last_point_may_be_spent
            a_repeated_payment_returns_the_first_answer
            two_users_may_use_the_same_key
            a_payment_has_the_ticket_that_made_the_hold
            a_live_hold_can_be_paid_after_the_start
        );
        $crate::database_contracts!(@file $make, payment_refusals:
            a_payment_without_enough_points_is_refused
            a_refused_payment_may_be_repeated
            a_user_pays_only_their_own_reservation
            a_user_pays_only_in_the_concert_that_admitted_them
            a_paid_reservation_cannot_be_paid_again
            a_key_pays_one_reservation
            the_key_of_a_charge_pays_no_reservation
        );
        $crate::database_contracts!(@file $make, charges:
            a_new_user_has_no_points
            charges_add_up
            a_repeated_charge_returns_the_first_answer
            a_key_charges_one_amount
            two_users_may_charge_under_the_same_key
            a_balance_cannot_exceed_the_largest_amount
            an_operator_may_charge_a_user
            the_effects_add_up_to_the_balance
        );
        $crate::database_contracts!(@file $make, keys:
            a_key_stands_for_its_effect
            keys_differ_by_every_character
            a_refused_request_does_not_use_its_key
            a_repeat_after_a_month_takes_no_effect
            the_keys_of_each_operator_are_separate
            an_operators_key_charges_one_user
            a_key_of_a_creation_is_purged_after_thirty_days
            a_purge_has_a_limit
        );
        $crate::database_contracts!(@file $make, creating:
            one_key_creates_one_concert
            one_key_creates_one_performance
            a_repeat_of_a_performance_returns_the_first_one
            a_slot_has_one_performance
            a_performance_cannot_move_to_a_taken_slot
            concurrent_creations_create_one_performance
        );
        $crate::database_contracts!(@file $make, deleting:
            an_unused_performance_is_deleted
            a_performance_in_use_is_not_deleted
            only_a_concerts_own_performance_is_deleted
            a_deleted_performance_frees_its_slot
            a_closed_concert_is_deleted_with_its_performances
            a_concurrent_hold_and_deletion_are_consistent
        );
        $crate::database_contracts!(@file $make, books:
            all_rows_agree_after_every_operation
            entries_are_numbered_in_the_order_of_their_balances
            concurrent_entries_follow_from_each_other
        );
        $crate::database_contracts!(@file $make, currency:
            the_first_currency_stays
            concurrent_callers_get_the_same_currency
        );
        $crate::database_contracts!(@file $make, stops:
            a_stop_is_found_once
            a_database_keeps_its_id
            only_the_last_run_records_a_stop
            one_of_several_concurrent_runs_gets_the_stop
        );
        $crate::database_contracts!(@file $make, lists:
            a_users_list_has_the_newest_first
            a_concerts_list_has_the_oldest_first
            pages_make_up_the_list
            only_its_user_finds_a_reservation
        );
        $crate::database_contracts!(@file $make, concurrent_holds:
            one_of_a_hundred_users_gets_the_seat
            one_of_many_users_takes_over_an_expired_seat
            overlapping_holds_get_all_their_seats_or_none
            one_user_gets_one_hold
            concurrent_repeats_make_one_hold
            a_concurrent_sweep_frees_no_held_seat
        );
        $crate::database_contracts!(@file $make, concurrent_payments:
            one_key_pays_once
            many_keys_pay_a_reservation_once
            points_are_spent_once
            a_reservation_is_paid_or_released
            one_key_charges_once
            many_keys_charge_many_times
        );
        $crate::database_contracts!(@file $make, rankings:
            concerts_are_ranked_by_sold_seats_and_then_by_id
            seats_are_counted_not_reservations
            only_confirmed_seats_count
            a_span_is_half_open
            every_seat_counts_in_one_span
            a_ranking_has_the_concerts_title
        );
        $crate::database_contracts!(@file $make, counting:
            adding_up_changes_no_ranking
            only_confirmed_seats_are_added_up
            concurrent_callers_add_up_each_seat_once
            a_ranking_never_falls_during_sales_and_adding_up
            forgetting_keeps_days_and_younger_counters
        );
        $crate::database_contracts!(@file $make, reopening:
            a_restart_keeps_the_catalogue
            a_restart_keeps_reservations_points_and_keys
            a_hold_expires_while_the_service_is_down
        );
    };
}
