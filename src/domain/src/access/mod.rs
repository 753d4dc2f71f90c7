//! What a person may do, and why. Knows how rules, home, roles and seats combine; does not know where any of
//! them is stored.
//!
//! [`evaluate()`] is one pure, total function: the same [`Policy`] and the same [`Facts`] give the same
//! [`EffectiveAccess`], in whatever order rules, groups and grants were listed, and everything in the result
//! carries its [`Reason`]s. The order of its steps:
//!
//! 1. home: what a rule finds, else what was set by hand, else a rule's fallback, else none;
//! 2. status gate: somebody who is not active gets nothing;
//! 3. what rules and grants give: flags are united, of levels the highest counts, of roles at one place one (a grant by hand
//!    before rules, then priority, then rank, then rule id; in some products the rank alone); restrictions are those of the
//!    rule that won and those given for themselves;
//! 4. derived roles, from flags and home; the default role for those who have none;
//! 5. permissions of the roles, and flags and levels that a role allows;
//! 6. plan and features: what the tenant does not have falls; what nobody said is left to the product as an obligation;
//! 7. restrictions subtract from what is held at their place;
//! 8. dependencies: what lacks something it requires falls. They come after whatever takes something away, so that nothing
//!    is held without what it rests on;
//! 9. which seat is needed: of the class that was given, else of the first that a role needs;
//! 10. block list: somebody who is blocked gets nothing, whatever else gives something;
//! 11. seat gate: somebody without a seat holds nothing until they have one.
//!
//! Nobody is an administrator by accident: without a home, the flag of an administrator makes none.

mod difference;
mod effective;
mod evaluate;
mod facts;
mod fingerprint;
mod gather;
mod home;
mod reason;
mod seat_gate;
mod seat_need;
mod subtract;

#[cfg(test)]
pub(crate) mod matrices;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tests;

pub use crate::blueprint::AdminLevel;
pub use crate::org_tree::Workspace;
pub use crate::seat::SeatState;
pub use difference::{Difference, HeldRight};
pub use effective::{
    AccessStatus, Decision, Dropped, EffectiveAccess, FlagAccess, HomeAccess, PermissionAccess, Place,
    Question, RestrictionAccess, RoleAccess, Scope, What, reaches,
};
pub use evaluate::evaluate;
pub use facts::{Facts, GroupFact, HeldRole, LocalGrant, Offer, Policy};
pub use fingerprint::Fingerprint;
pub use reason::Reason;
pub use seat_need::SeatAccess;
