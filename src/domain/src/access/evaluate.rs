//! The evaluation. Knows the order of the steps; does not know where its input comes from.

use super::{AccessStatus, EffectiveAccess, Facts, Policy, Reason};

/// What a person may do, and why.
pub fn evaluate(_policy: &Policy, _facts: &Facts) -> EffectiveAccess {
    EffectiveAccess {
        status: AccessStatus::Inactive,
        home: None,
        flags: Vec::new(),
        roles: Vec::new(),
        permissions: Vec::new(),
        dropped: Vec::new(),
        reasons: vec![Reason::Inactive],
    }
}
