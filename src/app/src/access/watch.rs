//! What a change of the policy would do, person by person, seen while it is computed. Knows how to count and page; does not know
//! what is changed.

use domain::access::{Difference, EffectiveAccess, Fingerprint, Policy};
use domain::id::UserId;
use serde_json::Value;
use store::access::PersonFacts;

use super::reevaluate::summary;
use crate::error::AppError;

/// Somebody who may do something else than before.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Who.
    pub(crate) user: UserId,
    /// What they are called.
    pub(crate) user_name: String,
    /// What they held where, without reasons.
    pub(crate) before: Option<Value>,
    /// What they hold where, without reasons.
    pub(crate) after: Value,
    /// What they may do more and less.
    pub(crate) difference: Difference,
}

/// Looks on while everybody's access is computed, without regard to seats.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The page begins after this person.
    after: Option<UserId>,
    /// So many are on it at most.
    most: usize,
    /// Those on the page, by id.
    pub(crate) page: Vec<Seen>,
    /// Whether more follow.
    pub(crate) more: bool,
    /// How many people there are.
    pub(crate) everybody: usize,
    /// How many would hold something else.
    pub(crate) changed: usize,
    /// How many of them may do more.
    pub(crate) gaining: usize,
    /// How many of them may do less.
    pub(crate) losing: usize,
    fingerprint: Fingerprint,
}

impl Watch {
    /// One that keeps this page.
    pub(crate) fn of_page(after: Option<UserId>, most: usize) -> Self {
        Self { after, most, ..Self::default() }
    }

    /// Adds what else decides whether two changes are the same.
    pub(crate) fn about(&mut self, text: &str) {
        self.fingerprint.add(text);
    }

    /// What stands for everything that was seen.
    pub(crate) fn fingerprint(&self) -> String {
        self.fingerprint.finish()
    }

    /// A person's access was computed anew. People come in the order of their ids.
    pub(super) fn note(
        &mut self,
        policy: &Policy,
        person: &PersonFacts,
        was: Option<&EffectiveAccess>,
        is: &EffectiveAccess,
    ) -> Result<(), AppError> {
        let difference = Difference::between(&policy.blueprint, was, is);
        let (before, after) = (was.map(summary), summary(is));
        let nothing = difference.gains.is_empty() && difference.losses.is_empty();
        if nothing && before.as_ref() == Some(&after) {
            return Ok(());
        }
        let told = serde_json::to_string(&(person.user, &before, &after, &difference));
        self.fingerprint.add(&told.map_err(|error| AppError::Internal(error.to_string()))?);
        self.changed = self.changed.saturating_add(1);
        self.gaining = self.gaining.saturating_add(usize::from(!difference.gains.is_empty()));
        self.losing = self.losing.saturating_add(usize::from(!difference.losses.is_empty()));
        if self.after.is_some_and(|after| person.user <= after) {
            return Ok(());
        }
        if self.page.len() >= self.most {
            self.more = true;
            return Ok(());
        }
        let user_name = person.resource.user_name().unwrap_or_default().to_owned();
        self.page.push(Seen { user: person.user, user_name, before, after, difference });
        Ok(())
    }
}
