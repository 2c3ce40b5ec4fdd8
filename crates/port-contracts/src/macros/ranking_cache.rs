//! The tests of the contracts of a ranking cache.

/// Makes a test of each contract of a ranking cache.
#[macro_export]
macro_rules! ranking_cache_contracts {
    ($make:expr) => {
        $crate::contract_tests! {
            $make,
            ranking_cache {
                an_empty_cache_has_no_ranking
                a_cached_ranking_is_returned_unchanged
                an_empty_ranking_is_cached_too
                each_period_has_its_own_ranking
                a_put_replaces_the_ranking_and_its_end
                a_ranking_is_gone_at_its_end
                a_lost_cache_is_empty
                a_reopened_cache_has_all_or_nothing
                a_reader_gets_a_whole_ranking_during_concurrent_puts
                a_lease_is_granted_once
                a_lease_ends
                a_released_lease_is_granted_again
                leases_and_rankings_are_separate
            }
        }
    };
}
