//! What a policy would do, person by person, if it were in force. Knows how to count and page; writes nothing, keeps nobody waiting,
//! and does not know how the policy came about.

use std::collections::{BTreeMap, HashMap};

use domain::access::{Difference, EffectiveAccess, Fingerprint, Policy, evaluate};
use domain::id::UserId;
use serde_json::Value;
use store::access::{PersonFacts, Stored};
use store::{Scope, access, users};

use super::alike::{facts, shuts_out, summary};
use super::reevaluate::{keeping, loss};
use crate::App;
use crate::error::AppError;
use crate::guards::gained;

/// How many people are read at a time.
const AT_A_TIME: i64 = 200;

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

/// What was seen of everybody, without regard to seats.
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
    /// Those who would be blocked and are not.
    pub(crate) blocked: Vec<UserId>,
    /// Those who would need another seat than now: of a class, of any, or none.
    pub(crate) reseated: HashMap<UserId, Option<String>>,
    /// Those who would have a protected role that they have not.
    pub(crate) protected: Vec<UserId>,
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

    /// A person's access was computed. People come in the order of their ids.
    fn note(
        &mut self,
        policy: &Policy,
        person: &PersonFacts,
        was: Option<&EffectiveAccess>,
        is: &EffectiveAccess,
    ) -> Result<(), AppError> {
        self.everybody = self.everybody.saturating_add(1);
        if shuts_out(was, is) {
            self.blocked.push(person.user);
        }
        if person.active && was.is_some_and(|was| was.seat_class() != is.seat_class()) {
            self.reseated.insert(person.user, is.seat_class().map(str::to_owned));
        }
        if gained(&policy.blueprint, was, is) {
            self.protected.push(person.user);
        }
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
        let user_name = person.document.resource()?.user_name().unwrap_or_default().to_owned();
        self.page.push(Seen { user: person.user, user_name, before, after, difference });
        Ok(())
    }
}

/// Computes everybody by a policy that is not in force, and looks on. Of those in `instead`, their facts are these. Each is seen as they
/// are at that moment.
pub(crate) async fn look_on(
    app: &App,
    scope: &Scope,
    policy: &Policy,
    instead: &mut BTreeMap<UserId, PersonFacts>,
    watch: &mut Watch,
) -> Result<(), AppError> {
    let paths = policy.attribute_paths();
    let mut after = None;
    loop {
        let mut tx = app.db.read(scope).await?;
        let some = users::ids_after(&mut tx, after, AT_A_TIME).await?;
        let people = access::facts(&mut tx, &some).await?;
        tx.finish().await?;
        let Some(last) = some.last() else { return Ok(()) };
        after = Some(*last);
        for person in people {
            let person = instead.remove(&person.user).unwrap_or(person);
            let mut of_person = facts(&person, &paths)?;
            let mut is = evaluate(policy, &of_person);
            if let Some(lost) = loss(policy, &person, &is)? {
                is = keeping(policy, &lost, &mut of_person);
            }
            let was = person.stored.as_ref().map(Stored::access).transpose()?;
            watch.note(policy, &person, was.as_deref(), &is)?;
        }
    }
}
