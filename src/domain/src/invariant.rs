//! What must stay true of a tenant. Knows when a change would break it; does not know who makes the change.

use std::collections::BTreeMap;

use crate::access::EffectiveAccess;
use crate::blueprint::{Blueprint, OnDemotion};

/// An invariant that a change would break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The invariant.
    pub invariant: String,
    /// The role that too few would hold.
    pub role: String,
    /// How many must hold it.
    pub minimum: u32,
    /// How many would.
    pub remaining: u32,
    /// How the role would be lost.
    pub loss: Loss,
    on_idp_demotion: OnDemotion,
}

/// How somebody would lose a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// They stay, without the role: the flag or the group was taken away, or they were moved.
    Demoted,
    /// They are shut out, deleted or unseated.
    Gone,
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person, through the API, the console or the command line.
    Manual,
    /// An identity provider.
    IdentityProvider,
}

/// What to do with a change that would break an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// Refuse it.
    Reject,
    /// Keep the role, hold the change for somebody to decide, alert.
    Hold,
    /// Let it happen and alert: a leaver always leaves.
    ProceedAndAlert,
}

impl Broken {
    /// What to do, by who asks.
    pub fn response(&self, origin: Origin) -> Response {
        match (origin, self.loss, self.on_idp_demotion) {
            (Origin::Manual, _, _) | (Origin::IdentityProvider, Loss::Demoted, OnDemotion::Reject) => {
                Response::Reject
            }
            (Origin::IdentityProvider, Loss::Demoted, OnDemotion::Hold) => Response::Hold,
            (Origin::IdentityProvider, Loss::Gone, _) => Response::ProceedAndAlert,
        }
    }
}

/// The invariants that would break if one person's access went from `before` to `after`.
///
/// `holders` says how many people hold each role now, this person included if `before` says so, read under
/// the lock that serialises such changes. `None` stands for a person who is not there. A change that makes
/// nothing worse breaks nothing, so a tenant can be set up and repaired.
pub fn broken_by(
    blueprint: &Blueprint,
    holders: &BTreeMap<String, u32>,
    before: Option<&EffectiveAccess>,
    after: Option<&EffectiveAccess>,
) -> Vec<Broken> {
    let holds = |access: Option<&EffectiveAccess>, role: &str| {
        access.is_some_and(|access| access.roles.iter().any(|held| held.role == role))
    };
    let stays = after.is_some_and(|after| !after.roles.is_empty());
    blueprint
        .invariants()
        .iter()
        .filter(|it| holds(before, it.role()) && !holds(after, it.role()))
        .filter_map(|it| {
            let remaining = holders.get(it.role()).copied().unwrap_or(0).saturating_sub(1);
            (remaining < it.minimum()).then(|| Broken {
                invariant: it.id().to_owned(),
                role: it.role().to_owned(),
                minimum: it.minimum(),
                remaining,
                loss: if stays { Loss::Demoted } else { Loss::Gone },
                on_idp_demotion: it.on_idp_demotion(),
            })
        })
        .collect()
}
