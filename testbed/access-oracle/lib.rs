//! Nothing by itself: `tests/oracle.rs` is all there is.
