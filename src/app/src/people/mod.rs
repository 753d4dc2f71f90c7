//! People, whoever manages them: listed for administrators; those whom no identity provider manages are also written
//! here. Knows who may change whom; does not know HTTP.

mod adoption;
mod freeze;
mod grants;
mod leaving;
mod list_people;
mod local_people;
mod presence;
mod sheet;
mod tombstones;

pub use adoption::{AdoptionDecision, AdoptionView, DecideAdoption};
pub use freeze::{Freeze, FreezeRow, FreezeSeveral};
pub use grants::{GrantView, NewGrant};
pub(crate) use grants::{Placed, give_from_the_start, given, giver, place, taken};
pub(crate) use leaving::{remove, shut_out};
pub(crate) use list_people::place_of;
pub use list_people::{Frozen, HeldRole, ListedPerson, ManagedBy, PeopleQuery, PersonPage, PersonView};
pub(crate) use local_people::check_address;
pub use local_people::{ChangePerson, Edit, NewPerson};
pub use presence::{ArePresent, NotedPresence, Present};
pub use sheet::{Sheet, SheetForm};
pub use tombstones::TombstoneView;
