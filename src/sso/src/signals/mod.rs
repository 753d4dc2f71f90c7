//! What we sign for others. Knows webhooks and security event tokens; does not know what they tell.

mod set;
mod webhook;

pub use set::SetKey;
pub use webhook::{WebhookSecret, signature};
