//! People, whoever manages them: listed for administrators; those whom no identity provider manages are also written
//! here. Knows who may change whom; does not know HTTP.

mod adoption;
mod list_people;
mod local_people;
mod tombstones;

pub use adoption::{AdoptionDecision, AdoptionView, DecideAdoption};
pub use list_people::{ManagedBy, PersonView};
pub use local_people::{ChangePerson, Edit, NewPerson};
pub use store::people::Whom;
pub use tombstones::TombstoneView;
