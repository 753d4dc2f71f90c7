//! Gates: proxies in front of things that know nothing of us, which ask for each request whether it may pass. Knows what a gate may
//! ask about, who gets through, and how a browser gets its pass; does not know headers or cookies.
//!
//! A pass is a row that refers to the session and is good at one gate, for one host. Whatever ends the session takes the row
//! along, in the same transaction.

mod answer;
mod pass;
mod registry;
mod rules;
mod views;

pub use answer::{GateAnswer, GateQuestion, LetThrough, Person, is_ours};
pub use registry::SetGate;
pub use rules::{GatePermission, GateRule};
pub(crate) use views::names_role;
pub use views::{CreatedGate, GateSecretView, GateView, RotatedGateSecret};
