//! Macros that make one test of each contract, for the tests of an adapter.
//!
//! Each macro takes a function without arguments that returns a future of a fresh
//! [`Fixture`](crate::Fixture): an async function, or a closure with an async block. The generated
//! tests create their own runtime. Put each macro call into its own module:
//!
//! ```text
//! mod queue {
//!     use super::QueueFixture;
//!
//!     frontrow_port_contracts::queue_contracts!(QueueFixture::new);
//! }
//! ```

mod queue;
mod ranking_cache;

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
