//! What people may do: computed in the transaction that changes any input, and shown with its reasons.

mod policy;
mod reevaluate;
mod show_access;

pub(crate) use policy::{PolicyCache, load as load_policy};
pub(crate) use reevaluate::{AT_ONCE, concerns, reevaluate, reevaluate_everybody, seems_to_concern};
