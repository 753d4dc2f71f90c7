//! Changes of what access is computed from, several at once: shown with everything that would follow from them, and made if that is
//! still what follows.
//!
//! This is no second engine. The changes are made in a transaction that is rolled back, as far as those on whom it rests whether they
//! can be; by the policy that it came to, everybody is computed as they would be, outside of any transaction that others could wait for.
//! The changes are made only if that comes to the same once more, and if the policy has not changed since.

mod carry_out;
mod kept;
mod turned;

use std::collections::{BTreeMap, HashMap};

use domain::access::Policy;
use domain::id::{ChangeSetId, GroupId, MappingRuleId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::access::PersonFacts;
use store::{AdminScope, WriteTx, access, rules, seat_pools, sessions};
use utoipa::ToSchema;

pub use self::kept::{ChangeSetView, UndoChanges};

use self::turned::Turned;
use super::organisation::ChangeOrgUnit;
use super::{ChangeMappingRule, ChangeRole, NewMappingRule, NewRole};
use crate::App;
use crate::access::{Watch, enact, load_policy, look_on};
use crate::error::AppError;
use crate::provision::rehearse_seats;

/// The most changes that are made at once.
const MOST_CHANGES: usize = 100;
/// So many may lose something without anybody saying the number.
const FEW: usize = 10;
/// Or so many of a hundred.
const PERCENT: usize = 5;

/// Something to be changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ProposedChange {
    /// A mapping rule comes.
    AddRule(NewMappingRule),
    /// A mapping rule changes.
    ChangeRule {
        /// Which.
        #[schema(value_type = String, format = Uuid)]
        id: MappingRuleId,
        /// How.
        change: ChangeMappingRule,
    },
    /// A mapping rule goes.
    RemoveRule {
        /// Which.
        #[schema(value_type = String, format = Uuid)]
        id: MappingRuleId,
    },
    /// All mapping rules are put into this order, the first winning.
    OrderRules {
        /// Every rule, once.
        #[schema(value_type = Vec<String>)]
        ids: Vec<MappingRuleId>,
    },
    /// An org unit is renamed or moved, with everything below it.
    ChangeOrgUnit(ChangeOrgUnit),
    /// A role comes.
    CreateRole(NewRole),
    /// A role changes.
    ChangeRole {
        /// Which.
        id: String,
        /// How.
        change: ChangeRole,
    },
    /// A role goes.
    DeleteRole {
        /// Which.
        id: String,
        /// The role that takes its place wherever it is given.
        replacement: Option<String>,
    },
    /// The tenant goes over to another version of its blueprint.
    MoveToBlueprint {
        /// Which.
        #[schema(example = "1.1.0")]
        version: String,
    },
    /// Somebody is in a group no more. Can be asked about, not done: who is in its groups, a directory says.
    LeaveGroup {
        /// Who.
        #[schema(value_type = String, format = Uuid)]
        user: UserId,
        /// Which group.
        #[schema(value_type = String, format = Uuid)]
        group: GroupId,
    },
}

/// Changes to be shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProposeChanges {
    /// The changes, one after the other.
    #[schema(min_items = 1, max_items = 100)]
    pub changes: Vec<ProposedChange>,
}

/// Changes to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyChanges {
    /// The changes that were shown.
    #[schema(min_items = 1, max_items = 100)]
    pub changes: Vec<ProposedChange>,
    /// What the preview called its outcome by. Another outcome is refused.
    pub fingerprint: String,
    /// The numbers of the preview, where it asked for them.
    pub confirm: Option<Confirmation>,
}

/// How many people a change is about, said by whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confirmation {
    /// How many people would hold something else.
    pub changed: usize,
    /// How many of them may do less.
    pub losing: usize,
}

/// What changes do to people, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeView {
    /// What the outcome is called by: another outcome, or the same of other changes or of another policy, is called otherwise.
    pub fingerprint: String,
    /// How many people hold something else.
    pub changed: usize,
    /// How many of them may do more.
    pub gaining: usize,
    /// How many of them may do less.
    pub losing: usize,
    /// How many sessions end.
    pub sessions_ending: usize,
    /// The seats that are used before and after, if the tenant counts them.
    pub seats: Option<SeatsView>,
}

/// Seats before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatsView {
    /// Used before.
    pub before: i32,
    /// Used after.
    pub after: i32,
}

/// What changes have done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeView {
    /// In numbers.
    #[serde(flatten)]
    pub outcome: OutcomeView,
    /// The change set as it is kept, by which they are taken back; absent if there was nothing to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub change_set: Option<ChangeSetId>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    /// These changes, one after the other.
    Changes(&'a [ProposedChange]),
    /// What a change set turned is turned back.
    Back(ChangeSetId, &'a [Turned]),
}

impl Wanted<'_> {
    /// What stands for it in a fingerprint.
    fn told(self) -> Result<String, AppError> {
        match self {
            Self::Changes(changes) => {
                serde_json::to_string(changes).map_err(|error| AppError::Internal(error.to_string()))
            }
            Self::Back(id, _) => Ok(format!("undo {id}")),
        }
    }
}

/// What would follow from changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewView {
    /// In numbers.
    #[serde(flatten)]
    pub outcome: OutcomeView,
    /// The invariants of the product that would be broken: then the changes are refused.
    pub violations: Vec<String>,
    /// The numbers to be said with the changes, where many would lose something.
    pub confirm: Option<Confirmation>,
    /// Those who would hold something else, by id, without regard to seats.
    pub items: Vec<PersonOutcome>,
    /// Where the next page begins: the value of `after`. Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub next: Option<UserId>,
}

/// What would follow for one person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonOutcome {
    /// Who.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// What they are called.
    pub user_name: String,
    /// Status, home, roles and flags now.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The same afterwards.
    #[schema(value_type = Object)]
    pub after: Value,
    /// Flags and permissions that they would have, or have more of.
    #[schema(value_type = Vec<Object>)]
    pub gains: Value,
    /// Flags and permissions that they would not have any more, or less of.
    #[schema(value_type = Vec<Object>)]
    pub losses: Value,
}

/// What changes would come to.
struct Tried {
    /// The version of the policy that they are changes of.
    version: i64,
    watch: Watch,
    outcome: OutcomeView,
    violation: Option<AppError>,
}

impl Tried {
    /// The numbers that must be said, where many lose something.
    fn to_confirm(&self) -> Option<Confirmation> {
        let Watch { changed, losing, everybody, .. } = self.watch;
        let few = FEW.max(everybody.saturating_mul(PERCENT) / 100);
        (losing > few).then_some(Confirmation { changed, losing })
    }
}

/// What a transaction that was rolled back had come to.
struct Rehearsed {
    version: i64,
    policy: Policy,
    /// Those who would be in other groups.
    moved: BTreeMap<UserId, PersonFacts>,
    violation: Option<AppError>,
}

impl App {
    /// Says what would follow from changes, and changes nothing.
    pub async fn preview_changes(
        &self,
        admin: &AdminScope,
        ask: &ProposeChanges,
        after: Option<UserId>,
        most: usize,
    ) -> Result<PreviewView, AppError> {
        self.preview(admin, Wanted::Changes(&ask.changes), after, most).await
    }

    async fn preview(
        &self,
        admin: &AdminScope,
        wanted: Wanted<'_>,
        after: Option<UserId>,
        most: usize,
    ) -> Result<PreviewView, AppError> {
        let tried = self.try_changes(admin, wanted, Watch::of_page(after, most)).await?;
        let confirm = tried.to_confirm();
        let Tried { watch, outcome, violation, .. } = tried;
        let next = watch.page.last().map(|seen| seen.user).filter(|_| watch.more);
        let items = watch.page.into_iter().map(|seen| {
            let told =
                |value| serde_json::to_value(value).map_err(|error| AppError::Internal(error.to_string()));
            Ok(PersonOutcome {
                user: seen.user,
                user_name: seen.user_name,
                before: seen.before,
                after: seen.after,
                gains: told(&seen.difference.gains)?,
                losses: told(&seen.difference.losses)?,
            })
        });
        let items = items.collect::<Result<_, AppError>>()?;
        let violations = violation.iter().map(ToString::to_string).collect();
        Ok(PreviewView { outcome, violations, confirm, items, next })
    }

    /// Makes changes, if what follows from them is what was shown.
    pub async fn apply_changes(&self, admin: &AdminScope, ask: ApplyChanges) -> Result<MadeView, AppError> {
        if ask.changes.iter().any(|change| matches!(change, ProposedChange::LeaveGroup { .. })) {
            return Err(AppError::Invalid(
                "who is in its groups, a directory says: leaveGroup is only asked".to_owned(),
            ));
        }
        self.make(admin, Wanted::Changes(&ask.changes), (&ask.fingerprint, ask.confirm)).await
    }

    /// Does what is wanted, if that comes to what the preview of this fingerprint showed and its numbers are said, and keeps it.
    async fn make(
        &self,
        admin: &AdminScope,
        wanted: Wanted<'_>,
        (fingerprint, confirm): (&str, Option<Confirmation>),
    ) -> Result<MadeView, AppError> {
        let tried = self.try_changes(admin, wanted, Watch::of_page(None, 0)).await?;
        if tried.outcome.fingerprint != fingerprint {
            return Err(moved_on());
        }
        if let Some(needed) = tried.to_confirm().filter(|needed| confirm != Some(*needed)) {
            return Err(AppError::Conflict(format!(
                "{} people would hold something else and {} of them may do less: say so in `confirm`",
                needed.changed, needed.losing
            )));
        }
        if let Some(violation) = tried.violation {
            return Err(violation);
        }
        let make = async |tx: &mut WriteTx| {
            rules::hold_alone(tx);
            if rules::version(tx).await? != tried.version {
                return Err(moved_on());
            }
            kept::make_and_keep(self, tx, wanted, &tried.outcome).await
        };
        let (change_set, _) = self.change_policy(admin, make).await?;
        self.types.forget(admin.scope().tenant());
        Ok(MadeView { outcome: tried.outcome, change_set })
    }

    /// Computes everybody as they would be with these changes.
    async fn try_changes(
        &self,
        admin: &AdminScope,
        wanted: Wanted<'_>,
        mut watch: Watch,
    ) -> Result<Tried, AppError> {
        if let Wanted::Changes(changes) = wanted
            && (changes.is_empty() || changes.len() > MOST_CHANGES)
        {
            return Err(AppError::Invalid(format!("1 to {MOST_CHANGES} changes are made at once")));
        }
        let mut rehearsed = self.rehearse_changes(admin, wanted, &[]).await?;
        watch.about(&wanted.told()?);
        watch.about(&rehearsed.version.to_string());
        look_on(self, admin.scope(), &rehearsed.policy, &mut rehearsed.moved, &mut watch).await?;
        if rehearsed.violation.is_some() && !watch.protected.is_empty() {
            rehearsed = self.rehearse_changes(admin, wanted, &watch.protected).await?;
        }
        let mut tx = self.db.read(admin.scope()).await?;
        let sessions_ending = sessions::number_of(&mut tx, &watch.blocked).await?;
        let pools = seat_pools::all(&mut tx).await?;
        tx.finish().await?;
        let seats = if pools.is_empty() {
            None
        } else {
            let (before, needs) = (pools.used(), std::mem::take(&mut watch.reseated));
            let after = self.rehearse_seats(admin, &rehearsed.policy, needs).await?.unwrap_or(before);
            Some(SeatsView { before, after })
        };
        let outcome = OutcomeView {
            fingerprint: watch.fingerprint(),
            changed: watch.changed,
            gaining: watch.gaining,
            losing: watch.losing,
            sessions_ending,
            seats,
        };
        let Rehearsed { version, violation, .. } = rehearsed;
        Ok(Tried { version, watch, outcome, violation })
    }

    /// The seats that are used when these people have asked for those that they need. Nothing if nobody needs another.
    async fn rehearse_seats(
        &self,
        admin: &AdminScope,
        policy: &Policy,
        needs: HashMap<UserId, Option<String>>,
    ) -> Result<Option<i32>, AppError> {
        if needs.is_empty() {
            return Ok(None);
        }
        let mut tx = self.db.begin(admin.scope()).await?;
        let after = rehearse_seats(&mut tx, policy, needs, self.now()).await?;
        tx.nothing_changed().await?;
        Ok(Some(after))
    }

    /// Makes changes as far as they could be refused, with these people among those who decide it, and takes them back.
    async fn rehearse_changes(
        &self,
        admin: &AdminScope,
        wanted: Wanted<'_>,
        these: &[UserId],
    ) -> Result<Rehearsed, AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        rules::hold_alone(&mut tx);
        let version = rules::version(&mut tx).await?;
        let done = carry_out::all(self, &mut tx, wanted).await?;
        let policy = load_policy(&mut tx).await?;
        let moved = access::facts(&mut tx, &done.moved).await?;
        let violation = match enact(self, &mut tx, these).await {
            Ok(_) => None,
            Err(violation @ AppError::LastHolder { .. }) => Some(violation),
            Err(trouble) => return Err(trouble),
        };
        tx.nothing_changed().await?;
        Ok(Rehearsed {
            version,
            policy,
            moved: moved.into_iter().map(|person| (person.user, person)).collect(),
            violation,
        })
    }
}

fn moved_on() -> AppError {
    AppError::Conflict(
        "something has changed since the preview, and other people or rights would be concerned: ask for another".to_owned(),
    )
}
