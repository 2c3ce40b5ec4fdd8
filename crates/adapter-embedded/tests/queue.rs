//! The in-process queue passes the contracts of a queue.

mod one_process;

use one_process::OneProcess;

frontrow_port_contracts::queue_contracts!(positions = exact, || async { OneProcess::start() });
