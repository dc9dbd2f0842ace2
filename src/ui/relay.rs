//! Carries events from the builds to the screen.

use std::sync::mpsc::{Receiver, TryRecvError};

use crate::event::Event;

use super::screen::Screen;

/// Prints events until all their senders are gone. Output is written in large pieces while events are waiting, and flushed whenever
/// none is: a fast command costs no system call a line, a slow one is seen at once. `see` looks at each event as it comes by.
pub fn relay(events: &Receiver<Event>, screen: &mut Screen, mut see: impl FnMut(&Event)) {
    loop {
        let event = match events.try_recv() {
            Ok(event) => event,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                screen.flush();
                match events.recv() {
                    Ok(event) => event,
                    Err(_) => break,
                }
            }
        };
        see(&event);
        screen.show(&event);
    }
    screen.flush();
}
