//! Signals: the first one cancels, the second one tells, the third one ends the program.

use std::sync::PoisonError;

use tokio::sync::mpsc;

use super::{Interrupt, Shared};

/// Hears interrupts; returns at the third.
pub(super) async fn third(shared: &Shared, mut interrupts: mpsc::Receiver<Interrupt>) {
    for count in 1_u32.. {
        // Nobody can interrupt any more: the builds decide when to end.
        let Some(signal) = interrupts.recv().await else { return std::future::pending().await };
        match count {
            1 => cancel(shared, signal),
            2 => tell_what_is_left(shared),
            _ => return,
        }
    }
}

fn cancel(shared: &Shared, signal: Interrupt) {
    let signal = match signal {
        Interrupt::Interrupt => "interrupt",
        Interrupt::Terminated => "terminated",
    };
    shared.report.error(format!("Cancelling build after receiving {signal}"));
    shared.cancel.cancel();
}

fn tell_what_is_left(shared: &Shared) {
    let stacks = shared.stacks.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let left: Vec<_> = stacks.iter().flat_map(|stack| stack.remaining("being removed at this moment")).collect();
    let report = &shared.report;
    if left.is_empty() {
        report.error("Still cleaning up; nothing is left in AWS as far as is known. A further interrupt ends the program.");
        return;
    }
    report.error("Still cleaning up. A further interrupt ends the program and leaves what is not removed by then:");
    for leftover in left {
        report.error(format!("  {}: {}", leftover.what, leftover.command));
    }
    if let Some(journal) = shared.journal.path() {
        report.error(format!("The journal of this run is {}", journal.display()));
    }
}
