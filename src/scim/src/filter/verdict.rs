//! What a filter comes to when some attributes are known beforehand. Knows three-valued logic; does not know which
//! attributes those are.

use serde_json::{Map, Value};

use super::Filter;
use crate::path::AttributeRef;

impl Filter {
    /// Whether every resource matches that agrees with `sample` in the attributes that `is_known` names, or none
    /// does; `None` if that depends on more.
    pub fn verdict(
        &self,
        sample: &Map<String, Value>,
        is_known: &dyn Fn(&AttributeRef) -> bool,
    ) -> Option<bool> {
        match self {
            Self::And(all) => {
                let verdicts: Vec<_> = all.iter().map(|one| one.verdict(sample, is_known)).collect();
                if verdicts.contains(&Some(false)) {
                    return Some(false);
                }
                verdicts.iter().all(|verdict| *verdict == Some(true)).then_some(true)
            }
            Self::Or(any) => {
                let verdicts: Vec<_> = any.iter().map(|one| one.verdict(sample, is_known)).collect();
                if verdicts.contains(&Some(true)) {
                    return Some(true);
                }
                verdicts.iter().all(|verdict| *verdict == Some(false)).then_some(false)
            }
            Self::Not(inner) => inner.verdict(sample, is_known).map(|verdict| !verdict),
            Self::Present(attr) | Self::Compare { attr, .. } | Self::ValuePath { attr, .. } => {
                is_known(attr).then(|| self.matches(sample))
            }
        }
    }
}
