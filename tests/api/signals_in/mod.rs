//! What identity providers tell of their people: tokens of theirs, honest, hostile and malformed.

mod events;
mod poll;
mod revocation;
