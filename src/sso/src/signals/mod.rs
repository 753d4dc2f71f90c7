//! Signals: what we sign for others, and what others sign for us. Knows webhooks, security event tokens and revocations; does
//! not know what follows from them.

mod heard;
mod set;
mod subject;
mod transmitter;
mod webhook;

pub use heard::{
    Expected, HeardError, Revocation, SecurityEventToken, SenderKeys, claimed_issuer, judge_revocation,
    judge_set, verify_revocation, verify_set,
};
pub use set::SetKey;
pub use subject::{Name, Subject, SubjectError};
pub use transmitter::{TransmitterError, discover_keys};
pub use webhook::{WebhookSecret, signature};
