//! Guards against what cannot be undone by saying sorry: a tenant without an administrator, a directory that shuts
//! everybody out. Knows when to refuse, hold or alarm; does not know how people are changed.
//!
//! A leaver always leaves: what a directory does to one person is never refused here. That they leave is held only if the tenant
//! wants it so and many went before; what they lose, only if the tenant would run out of it.

mod grant_rules;
mod held_departures;
mod last_holder;
mod mass_departure;
mod overview;

pub(crate) use grant_rules::{Acting, hold_people, may_delete, may_edit, nobody_acts, sight_of, subject};
pub use held_departures::{DepartureDecision, DepartureKind, HeldDepartureView};
pub(crate) use last_holder::{Judged, Lost, before_deletion, gained, holds_guarded, judge, origin};
pub use mass_departure::{MassGuardMode, SetMassGuard};
pub(crate) use mass_departure::{PeopleCounts, depart, lock_leaver};
pub use overview::{DirectoryGuard, GuardsView, RoleGuard};
