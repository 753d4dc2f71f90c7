//! Limits on requests. Knows rates, credentials' hashes and addresses; does not know what a door says.
//!
//! A request with a credential counts against that credential alone, once the credential has been answered with
//! success in this process: an identity provider that serves many tenants from one address cannot use up one
//! tenant's rate with another's, so every directory has its guaranteed rate. A request without a credential, or
//! with one that nothing vouches for (unknown, revoked, guessed), counts against its address as well.
//!
//! Where identity providers' answers arrive, those of each connection have a rate besides, whoever brings them: what one
//! costs to verify is more than what it costs to send.
//!
//! Memory is bounded by the traffic of the last seconds: a bucket that has filled up again says nothing and is
//! thrown away, the credentials vouched for are capped. Raw credentials are hashed with a secret of the process
//! before anything remembers them.

mod address;
mod buckets;
mod guard;

pub(super) use address::{client as client_address, exact as exact_address};
pub use buckets::{Limited, LimitedBy, Limits};
pub use guard::{authorization, guard, guard_answers, guard_proxy};
