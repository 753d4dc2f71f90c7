//! How a group is held while it changes, and what follows from the change. Knows who has to wait for whom; what is asked,
//! PATCH, PUT and DELETE know.
//!
//! Most changes of a group are members who come and go. Those share the group: each locks the people whom it names, and
//! only the mark on the group, in the last flight, is made by one after the other. Whoever renames the group, goes by its
//! version, or sweeps out members without naming them, holds it alone. A change that turns out to be one of these begins
//! again, before it has written anything.

use domain::access::GroupFact;
use domain::audit::{Action, AuditEvent};
use domain::id::{GroupId, UserId};
use scim::resource::Resource;
use store::advisory::Hold;
use store::groups::{self, HeldGroup, Mark};
use store::nesting::Standing;
use store::{DirectoryScope, WriteTx, members, rules, users};

use super::membership::{Change, Changes, fact};
use super::read_groups::members_if;
use super::{GroupView, Members, TenantTypes, check_version, difference, nesting};
use crate::App;
use crate::access::{concerns, seems_to_concern};
use crate::error::AppError;

/// What is asked of a group.
pub(super) struct Asked<'a, N> {
    pub(super) id: GroupId,
    pub(super) if_match: Option<&'a str>,
    /// What the request was read by.
    pub(super) types: &'a TenantTypes,
    pub(super) changes: Changes<'a>,
    /// The group's next document, if it is another.
    pub(super) next: N,
}

/// How much is held from the beginning.
#[derive(Clone, Copy)]
pub(super) struct Grip {
    pub(super) group: Hold,
    /// Lock every member, whether or not it seems to matter to anybody's access who is in the group.
    pub(super) everybody: bool,
}

/// What came of an attempt.
pub(super) enum Attempt<T> {
    Done(T),
    /// Nothing was written; more has to be held.
    Again(Grip),
}

impl App {
    /// Computes the group's next document and the changes of its members, and does everything that follows.
    pub(super) async fn change_group<N>(
        &self,
        directory: &DirectoryScope,
        asked: Asked<'_, N>,
        wanted: Members,
    ) -> Result<GroupView, AppError>
    where
        N: Fn(&Resource) -> Result<Option<Resource>, scim::Error> + Sync,
    {
        let alone = asked.if_match.is_some() || asked.changes.sweep();
        let mut grip = Grip { group: if alone { Hold::Alone } else { Hold::Shared }, everybody: false };
        loop {
            match self.attempt(directory, &asked, wanted, grip).await? {
                Attempt::Done(view) => return Ok(view),
                Attempt::Again(firmer) => grip = firmer,
            }
        }
    }

    async fn attempt<N>(
        &self,
        directory: &DirectoryScope,
        asked: &Asked<'_, N>,
        wanted: Members,
        grip: Grip,
    ) -> Result<Attempt<GroupView>, AppError>
    where
        N: Fn(&Resource) -> Result<Option<Resource>, scim::Error> + Sync,
    {
        let Asked { id, if_match, types, changes, next } = asked;
        let (id, of, now) = (*id, directory.directory(), self.now());
        let mut tx = self.begin_by(directory, types).await?;
        let named = changes.named();
        let at_once: &[UserId] = if grip.group == Hold::Shared { &named } else { &[] };
        let (held, known) = groups::hold(&mut tx, of, id, grip.group, at_once).await?;
        let held = held.ok_or(AppError::NotFound("group"))?;
        check_version(*if_match, held.group.version)?;
        let before = held.group.resource();
        self.must_know(directory, types, &before)?;
        let after = next(&before)?;
        if after.is_some() && grip.group == Hold::Shared {
            tx.nothing_changed().await?;
            return Ok(Attempt::Again(Grip { group: Hold::Alone, ..grip }));
        }

        let renamed = after.as_ref().is_some_and(|after| renamed(&before, after));
        let facts: Vec<GroupFact> =
            [Some(&before), after.as_ref()].into_iter().flatten().map(|it| fact(id, it)).collect();
        let whole = changes.sweep() || renamed;
        let known = if grip.group == Hold::Shared {
            known
        } else {
            self.lock_people(&mut tx, directory, (&held, &facts), &named, (whole, grip)).await?
        };
        let known = changes.known(&mut tx, directory, known).await?;
        let (mut matters, mut children) = (None, Vec::new());
        if whole {
            let Some(whole) = self.hold_policy(&mut tx, (&held, &facts), known.has_groups(), grip).await?
            else {
                tx.nothing_changed().await?;
                return Ok(Attempt::Again(Grip { everybody: true, ..grip }));
            };
            matters = Some(whole.matters);
            children = whole.children;
        } else if known.has_groups() {
            rules::hold_alone(&mut tx);
        } else {
            rules::hold(&mut tx);
        }

        let mut change = Change::new(self, id, facts, matters);
        let mut view = GroupView::new(&held.group, None);
        let mark = Mark { version: held.group.version.saturating_add(1), updated_at: now };
        if let Some(after) = &after {
            let (was, is) = difference(before.as_map(), after.as_map());
            change.note(AuditEvent::new(Action::GroupUpdate, id).before(was).after(is));
            groups::update(&mut tx, id, after, mark)?;
        }
        change.apply(&mut tx, changes.steps(&known)?).await?;
        change.wait(&mut tx, directory, changes.awaited(&known)).await?;
        if renamed && change.matters == Some(true) {
            change.evaluate_members(&mut tx).await?;
            nesting::settle_below(self, &mut tx, id, &children).await?;
        }
        view.members = members_if(&mut tx, wanted, id).await?;
        change.reseat(&mut tx).await?;
        let mark = match (change.audit(), after) {
            (None, _) => {
                tx.nothing_changed().await?;
                return Ok(Attempt::Done(view));
            }
            (Some(audit), None) => groups::mark_and_commit(tx, id, audit, now, &*self.entropy).await?,
            (Some(audit), Some(after)) => {
                self.commit(tx, audit, now).await?;
                view.resource = after;
                mark
            }
        };
        (view.version, view.updated_at) = (mark.version, mark.updated_at);
        Ok(Attempt::Done(view))
    }

    /// Locks those who are named and, if the whole group is concerned and it seems to matter to anybody's access who is in
    /// it, all members of a group that is held alone. Returns those of the named who are there.
    pub(super) async fn lock_people(
        &self,
        tx: &mut WriteTx,
        directory: &DirectoryScope,
        (held, facts): (&HeldGroup, &[GroupFact]),
        named: &[UserId],
        (whole, grip): (bool, Grip),
    ) -> Result<Vec<UserId>, AppError> {
        if whole && (grip.everybody || seems_to_concern(self, tx, held.policy_version, facts)) {
            members::lock_all(tx, directory.directory(), held.group.group_id(), named);
        }
        Ok(users::lock_many(tx, directory.directory(), named).await?)
    }

    /// Keeps the policy in force, alone if groups are in this one or are to be, and says whether it matters by it who is in
    /// the group. Nothing, if that turns out now, and not everybody is locked: people are locked before the policy.
    pub(super) async fn hold_policy(
        &self,
        tx: &mut WriteTx,
        (held, facts): (&HeldGroup, &[GroupFact]),
        nests: bool,
        grip: Grip,
    ) -> Result<Option<Whole>, AppError> {
        let id = held.group.group_id();
        let locked = grip.everybody || seems_to_concern(self, tx, held.policy_version, facts);
        let children = store::nesting::children(tx, id).await?;
        if nests || !children.is_empty() {
            rules::hold_alone(tx);
        } else {
            rules::hold(tx);
        }
        let Standing { policy_version, above } = store::nesting::standing(tx, id).await?;
        let facts: Vec<GroupFact> = facts.iter().cloned().chain(above).collect();
        let matters = concerns(self, tx, policy_version, &facts).await?;
        Ok((locked || !matters).then_some(Whole { matters, children }))
    }
}

/// What a change of a whole group has to know.
pub(super) struct Whole {
    /// Whether it matters to anybody's access who is in the group.
    pub(super) matters: bool,
    /// The groups that are directly in it.
    pub(super) children: Vec<GroupId>,
}

/// Whether mapping rules may see another group than before.
fn renamed(before: &Resource, after: &Resource) -> bool {
    before.display_name() != after.display_name() || before.external_id() != after.external_id()
}
