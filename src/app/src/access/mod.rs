//! What people may do: computed in the transaction that changes a person, and after a change of the policy for everybody; shown with its
//! reasons.

mod alike;
mod decide;
mod everybody;
mod offer;
mod policy;
mod product;
mod reevaluate;
mod show_access;
mod watch;

pub(crate) use decide::Asked;
pub use decide::{
    AskDecision, AskDecisions, AskHolders, AskOwnDecision, AskOwnDecisions, DecisionView, HolderPage,
    HolderView, MOST_QUESTIONS, ObligationView, ReasonView,
};
pub use everybody::ReevaluationView;
pub(crate) use everybody::enact;
pub use offer::{OfferView, SetOffer};
pub(crate) use policy::{PolicyCache, load as load_policy, parse as parse_blueprint};
pub use product::BlueprintView;
pub(crate) use reevaluate::{
    AT_ONCE, concerns, evaluate_new, reevaluate, reevaluate_decided, reevaluate_one, seems_to_concern,
};
pub(crate) use watch::{Watch, look_on};
