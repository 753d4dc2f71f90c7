//! The web door. Knows actix-web and the use cases; does not know SQL or how an identity is proven.

pub mod door;
pub mod health;
pub mod limits;
pub mod metrics;
pub mod problem;
pub mod request_log;
