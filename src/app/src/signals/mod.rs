//! Signals out: those who follow a tenant are told what happened. Knows receivers, lanes and retries; does not know who
//! changes what.
//!
//! A use case writes facts into the outbox, in its own transaction, and is done. Behind it, in every process, the courier
//! (`courier`) takes facts and puts them into lanes, one for each receiver and person (`fan_out`), takes lanes that are due
//! and sends what waits in them, one after the other (`send`). What an event says is in `render`; which fact is which event
//! is in `domain::signal`, and for readers in `EVENTS.md`. A stream that is polled is answered from the same lanes
//! (`streams`, `poll`). Who would rather ask than be told reads the same facts from a cursor on (`changes`).

mod changes;
mod courier;
mod deliveries;
mod fan_out;
mod keys;
mod poll;
mod receivers;
mod render;
mod send;
mod streams;
mod views;

use std::time::Duration;

pub use changes::{After, ChangeView, Changes, ChangesQuery};
pub(crate) use courier::Courier;
pub use deliveries::{DeliveryQuery, DeliveryState, DeliveryView, ReplayDeliveries, Replayed};
pub use views::{
    ChangeReceiver, CreatedReceiver, NewReceiver, ReceiverDetails, ReceiverKind, ReceiverStatus,
    ReceiverView, RotateReceiver, RotatedReceiver,
};

pub use poll::{Poll, Polled, SetError};
pub use store::receivers::ShownStream;
pub use streams::{Extent, POLL, PUSH, StreamDelivery, StreamRequest, StreamStatus, VerifyStream};

/// How signals are sent.
#[derive(Debug, Clone, Copy)]
pub struct SignalPolicy {
    /// For how many days facts are kept for a replay, and the log of deliveries with them.
    pub keep_days: i64,
    /// After so long a delivery that was refused is tried again; each further time after twice as long.
    pub first_retry: Duration,
    /// But never later than this.
    pub longest_retry: Duration,
    /// So many refusals make a dead letter: in all about a day.
    pub attempts: i32,
    /// A receiver that cannot be reached is tried again after this; each further time after twice as long.
    pub first_probe: Duration,
    /// But never later than this: when it is back, it gets everything.
    pub longest_probe: Duration,
    /// A receiver that could not be reached for so long is disabled.
    pub patience: chrono::Duration,
}

impl Default for SignalPolicy {
    fn default() -> Self {
        Self {
            keep_days: 7,
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_hours(4),
            attempts: 16,
            first_probe: Duration::from_secs(1),
            longest_probe: Duration::from_mins(1),
            patience: chrono::Duration::hours(72),
        }
    }
}
