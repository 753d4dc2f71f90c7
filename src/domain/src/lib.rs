//! The business words of Usher. Knows people, units, roles, flags, seats and the reasons for them; does not
//! know SCIM JSON, SQL, HTTP, the clock or the machine it runs on.
//!
//! Everything here is a value or a pure function. The one function the whole house leans on is
//! [`access::evaluate`]: what a person may do, and why, as a function of a [`access::Policy`] and the
//! [`access::Facts`] about that person.

pub mod access;
pub mod audit;
pub mod blueprint;
pub mod clock;
pub mod deed;
pub mod email_domain;
pub mod gate;
pub mod handover;
pub mod id;
pub mod invariant;
pub mod lifecycle;
pub mod mapping;
pub mod network;
pub mod oauth;
pub mod org_tree;
pub mod seat;
pub mod seat_months;
pub mod signal;
pub mod slug;
pub mod token;

#[cfg(test)]
mod fixture;
mod fold;
