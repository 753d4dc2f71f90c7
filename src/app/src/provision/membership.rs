//! Members of a held group, people and groups, come and go. Knows sets of ids; never the whole list where a few change, and where all of them
//! change, a part of it at a time.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::GroupFact;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{GroupId, UserId};
use scim::dialect::{Dialect, Leniency};
use scim::filter::Filter;
use scim::patch::MemberChange;
use scim::resource::{Member, Resource};
use serde_json::json;
use store::nesting::{self, Standing};
use store::{DirectoryScope, WriteTx, members};

use super::nesting::Nested;
use super::pending::{self, Awaited};
use super::seating::reseat;
use crate::App;
use crate::access::{AT_ONCE, concerns, reevaluate};
use crate::error::AppError;

/// How many who are named come or go between two statements, with an audit event of their own.
const MOVED_AT_ONCE: usize = 1_000;
/// How many such events wait until they are written.
const EVENTS_AT_ONCE: usize = 2;

/// Changes of a group's members, and the dialect that they were asked for in.
pub(super) struct Changes<'a> {
    pub(super) list: Vec<MemberChange>,
    pub(super) dialect: &'a Dialect,
}

impl Changes<'_> {
    /// Whether they concern members whom they do not name.
    pub(super) fn sweep(&self) -> bool {
        self.list.iter().any(|change| !matches!(change, MemberChange::Add(_) | MemberChange::Remove(_)))
    }

    /// Every id that they name.
    fn values(&self) -> impl Iterator<Item = &str> {
        self.list.iter().flat_map(|change| -> Box<dyn Iterator<Item = &str> + Send + '_> {
            match change {
                MemberChange::Add(list) | MemberChange::ReplaceAll(list) => {
                    Box::new(list.iter().map(|member| member.value.as_str()))
                }
                MemberChange::Remove(list) => Box::new(list.iter().map(String::as_str)),
                MemberChange::RemoveMatching(_) | MemberChange::RemoveAll => Box::new(std::iter::empty()),
            }
        })
    }

    /// Everybody whom they may name.
    pub(super) fn named(&self) -> Vec<UserId> {
        self.values().filter_map(|id| id.parse().ok()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What is there of what they name, when those who are `people` are locked: at once and in the order of ids, so that
    /// two requests that name the same people wait for each other instead of blocking each other.
    pub(super) async fn known(
        &self,
        tx: &mut WriteTx,
        directory: &DirectoryScope,
        people: Vec<UserId>,
    ) -> Result<Known, AppError> {
        let mut known = Known { people, groups: Vec::new(), by_name: BTreeMap::new() };
        // Who is no person may be a group.
        let others: BTreeSet<GroupId> =
            self.values().filter(|id| known.person(id).is_none()).filter_map(|id| id.parse().ok()).collect();
        let others: Vec<GroupId> = others.into_iter().collect();
        known.groups = store::nesting::groups_among(tx, directory.directory(), &others).await?;
        if self.dialect.grants(Leniency::PendingMember) {
            // Who is neither may have been named as their client calls them.
            let names: Vec<String> =
                self.values().filter(|name| known.may_wait(name)).map(str::to_owned).collect();
            let arrived = store::pending::named(tx, directory.directory(), &names).await?;
            known.by_name = arrived.into_iter().collect();
        }
        Ok(known)
    }

    /// What they come to.
    pub(super) fn steps(&self, known: &Known) -> Result<Vec<Step<'_>>, AppError> {
        let mut steps = Vec::new();
        let mut step = Step::default();
        for change in &self.list {
            match change {
                MemberChange::Add(list) => step.add(known.all(list, self.dialect)?),
                // What is not there cannot be a member, but it may be waited for.
                MemberChange::Remove(ids) => {
                    step.remove(Named {
                        people: ids.iter().filter_map(|id| known.person(id)).collect(),
                        groups: ids.iter().filter_map(|id| known.group(id)).collect(),
                    });
                }
                MemberChange::RemoveMatching(filter) => {
                    steps.push(std::mem::take(&mut step));
                    step.sweep = Some(Sweep::Matching(filter));
                }
                MemberChange::ReplaceAll(list) => {
                    let named = known.all(list, self.dialect)?;
                    if let Some(member) = list.first().filter(|_| named.is_empty()) {
                        return Err(unknown(member)); // it would empty the group
                    }
                    steps.clear(); // whatever was asked before, it makes no difference
                    step = Step { sweep: Some(Sweep::Everybody), ..Step::default() };
                    step.add(named);
                }
                MemberChange::RemoveAll => {
                    steps.clear();
                    step = Step { sweep: Some(Sweep::Everybody), ..Step::default() };
                }
            }
        }
        steps.push(step);
        Ok(steps)
    }

    /// For whom the group waits by them, and for whom it no longer does.
    pub(super) fn awaited(&self, known: &Known) -> Awaited {
        let mut awaited = Awaited::default();
        for change in &self.list {
            match change {
                MemberChange::Add(list) => awaited.add(known.waiting(list)),
                MemberChange::Remove(ids) => {
                    awaited.remove(ids.iter().filter(|name| known.may_wait(name)).cloned());
                }
                MemberChange::ReplaceAll(list) => awaited.replace(known.waiting(list)),
                MemberChange::RemoveAll => awaited.replace(std::iter::empty()),
                MemberChange::RemoveMatching(_) => {}
            }
        }
        awaited
    }
}

/// Members by name.
#[derive(Default)]
struct Named {
    people: BTreeSet<UserId>,
    groups: BTreeSet<GroupId>,
}

impl Named {
    fn is_empty(&self) -> bool {
        self.people.is_empty() && self.groups.is_empty()
    }
}

/// First some go who are not named, then some go and some come who are.
#[derive(Default)]
pub(super) struct Step<'a> {
    sweep: Option<Sweep<'a>>,
    out: Named,
    /// Nobody of these goes in this step.
    into: Named,
}

/// Who goes without being named.
#[derive(Clone, Copy)]
pub(super) enum Sweep<'a> {
    Everybody,
    Matching(&'a Filter),
}

impl Step<'_> {
    fn add(&mut self, named: Named) {
        self.out.people.retain(|person| !named.people.contains(person));
        self.out.groups.retain(|group| !named.groups.contains(group));
        self.into.people.extend(named.people);
        self.into.groups.extend(named.groups);
    }

    fn remove(&mut self, named: Named) {
        self.into.people.retain(|person| !named.people.contains(person));
        self.into.groups.retain(|group| !named.groups.contains(group));
        self.out.people.extend(named.people);
        self.out.groups.extend(named.groups);
    }
}

/// What is there of what is named: by id people, who are locked, and groups; by `externalId` people, where the dialect
/// lets groups wait for them under that name.
pub(super) struct Known {
    people: Vec<UserId>,
    groups: Vec<GroupId>,
    by_name: BTreeMap<String, UserId>,
}

impl Known {
    /// Whether groups are named, and so whether everybody below them is concerned.
    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    fn person(&self, id: &str) -> Option<UserId> {
        let by_id = id.parse().ok().filter(|id| self.people.binary_search(id).is_ok());
        by_id.or_else(|| self.by_name.get(id).copied())
    }

    fn group(&self, id: &str) -> Option<GroupId> {
        id.parse().ok().filter(|id| self.groups.binary_search(id).is_ok())
    }

    /// Whether it is called by nothing that is there, and can be the name of somebody to come.
    fn may_wait(&self, name: &str) -> bool {
        self.person(name).is_none() && self.group(name).is_none() && pending::may_be_kept(name)
    }

    /// Those of a list who are to be waited for: people only.
    fn waiting(&self, list: &[Member]) -> impl Iterator<Item = String> {
        list.iter()
            .filter(|member| may_be(member, "User") && self.may_wait(&member.value))
            .map(|member| member.value.clone())
    }

    /// A name that nobody of this directory has refuses the whole request, unless the dialect lets the group wait for them.
    fn all(&self, list: &[Member], dialect: &Dialect) -> Result<Named, AppError> {
        let mut named = Named::default();
        for member in list {
            let (is_user, is_group) = (may_be(member, "User"), may_be(member, "Group"));
            if let Some(person) = self.person(&member.value).filter(|_| is_user) {
                named.people.insert(person);
            } else if let Some(group) = self.group(&member.value).filter(|_| is_group) {
                named.groups.insert(group);
            } else if !(is_user && self.may_wait(&member.value) && dialect.accepts(Leniency::PendingMember)) {
                return Err(unknown(member));
            }
        }
        Ok(named)
    }
}

/// A member that says what it is, is that or nothing.
fn may_be(member: &Member, kind: &str) -> bool {
    member.r#type.as_ref().is_none_or(|said| said.eq_ignore_ascii_case(kind))
}

/// A group as rules see it.
pub(super) fn fact(group: GroupId, resource: &Resource) -> GroupFact {
    GroupFact {
        id: group,
        display_name: resource.display_name().unwrap_or_default().to_owned(),
        external_id: resource.external_id().map(str::to_owned),
    }
}

/// What a change did so far, and what it has to know to go on.
pub(super) struct Change<'a> {
    pub(super) app: &'a App,
    pub(super) group: GroupId,
    /// The group as rules see it, before and after, and the groups that it is in.
    pub(super) facts: Vec<GroupFact>,
    /// Whether it makes a difference to anybody's access who is in the group. Said from the beginning where everybody may
    /// be concerned, because then everybody is locked; otherwise seen when somebody moves.
    pub(super) matters: Option<bool>,
    events: Vec<AuditEvent>,
}

impl<'a> Change<'a> {
    pub(super) fn new(app: &'a App, group: GroupId, facts: Vec<GroupFact>, matters: Option<bool>) -> Self {
        Self { app, group, facts, matters, events: Vec::new() }
    }

    pub(super) fn note(&mut self, event: AuditEvent) {
        self.events.push(event);
    }

    /// What people needed by it.
    pub(super) async fn reseat(&mut self, tx: &mut WriteTx) -> Result<(), AppError> {
        self.events.extend(reseat(self.app, tx).await?);
        Ok(())
    }

    /// Writes down what was done so far. The last event waits for the commit, which wants one.
    fn record(&mut self, tx: &mut WriteTx) -> Result<(), AppError> {
        let last = self.events.pop();
        if let Some(audit) = Audit::from_events(self.events.drain(..)) {
            tx.record(audit, self.app.now(), &*self.app.entropy)?;
        }
        self.events.extend(last);
        Ok(())
    }

    /// The same where that is a lot: what is written at once sorts in its order, even within one moment.
    fn record_many(&mut self, tx: &mut WriteTx) -> Result<(), AppError> {
        if self.events.len() > EVENTS_AT_ONCE { self.record(tx) } else { Ok(()) }
    }

    /// All that was done, unless nothing was.
    pub(super) fn audit(self) -> Option<Audit> {
        Audit::from_events(self.events)
    }

    /// Carries out the steps, by the policy that the transaction holds.
    pub(super) async fn apply(&mut self, tx: &mut WriteTx, steps: Vec<Step<'_>>) -> Result<(), AppError> {
        let mut moved = BTreeSet::new();
        let mut nested = Nested::default();
        for Step { sweep, out, into } in steps {
            let coming: Vec<UserId> = into.people.into_iter().collect();
            if let Some(sweep) = sweep {
                self.sweep(tx, sweep, &coming).await?;
                nested.sweep(tx, self.group, sweep, &into.groups).await?;
            }
            for some in out.people.into_iter().collect::<Vec<_>>().chunks(MOVED_AT_ONCE) {
                self.record_many(tx)?;
                moved.extend(self.removed(tx, some).await?);
            }
            for some in coming.chunks(MOVED_AT_ONCE) {
                self.record_many(tx)?;
                moved.extend(self.added(tx, some).await?);
            }
            nested.remove(tx, self.group, &out.groups.into_iter().collect::<Vec<_>>()).await?;
            nested.add(tx, self.group, &into.groups.into_iter().collect::<Vec<_>>()).await?;
        }
        self.evaluate(tx, &moved.into_iter().collect::<Vec<_>>()).await?;
        if !nested.is_empty() {
            self.events.extend(nested.events(self.group));
            if self.matters.is_none() {
                let standing = nesting::standing(tx, self.group).await?;
                self.see(tx, Some(standing)).await?;
            }
            if self.matters == Some(true) {
                nested.settle(self.app, tx, self.group).await?;
            }
        }
        Ok(())
    }

    /// The group waits for some and no longer waits for others.
    pub(super) async fn wait(
        &mut self,
        tx: &mut WriteTx,
        directory: &DirectoryScope,
        awaited: Awaited,
    ) -> Result<(), AppError> {
        let events = awaited.settle(tx, directory, self.group, self.app.now()).await?;
        self.events.extend(events);
        Ok(())
    }

    /// Those whom a sweep is about go, save for `but`.
    pub(super) async fn sweep(
        &mut self,
        tx: &mut WriteTx,
        sweep: Sweep<'_>,
        but: &[UserId],
    ) -> Result<(), AppError> {
        let mut last = None;
        loop {
            let mut some = match sweep {
                Sweep::Everybody => members::next(tx, self.group, last, but).await?,
                Sweep::Matching(filter) => members::next_matching(tx, self.group, last, filter).await?,
            };
            let Some(end) = some.last().copied() else { return Ok(()) };
            last = Some(end);
            some.retain(|person| but.binary_search(person).is_err());
            let went = self.removed(tx, &some).await?;
            self.evaluate(tx, &went).await?;
            self.record(tx)?;
        }
    }

    async fn added(&mut self, tx: &mut WriteTx, people: &[UserId]) -> Result<Vec<UserId>, AppError> {
        let came = members::add(tx, self.group, people).await?;
        self.see(tx, came.standing).await?;
        if !came.people.is_empty() {
            let event = AuditEvent::new(Action::GroupMembersAdd, self.group);
            self.note(event.after(json!({"members": came.people})));
        }
        Ok(came.people)
    }

    async fn removed(&mut self, tx: &mut WriteTx, people: &[UserId]) -> Result<Vec<UserId>, AppError> {
        let went = members::remove(tx, self.group, people).await?;
        self.see(tx, went.standing).await?;
        if !went.people.is_empty() {
            let event = AuditEvent::new(Action::GroupMembersRemove, self.group);
            self.note(event.before(json!({"members": went.people})));
        }
        Ok(went.people)
    }

    /// Computes every member's access, because the group is called otherwise.
    pub(super) async fn evaluate_members(&mut self, tx: &mut WriteTx) -> Result<(), AppError> {
        let mut last = None;
        while self.matters == Some(true) {
            let some = members::next(tx, self.group, last, &[]).await?;
            let Some(end) = some.last().copied() else { break };
            last = Some(end);
            self.evaluate(tx, &some).await?;
            self.record(tx)?;
        }
        Ok(())
    }

    async fn see(&mut self, tx: &mut WriteTx, standing: Option<Standing>) -> Result<(), AppError> {
        if let (None, Some(Standing { policy_version, above })) = (self.matters, standing) {
            self.facts.extend(above);
            self.matters = Some(concerns(self.app, tx, policy_version, &self.facts).await?);
        }
        Ok(())
    }

    /// Computes their access, if it matters who is in the group, and writes down what changed before it goes on to others.
    async fn evaluate(&mut self, tx: &mut WriteTx, people: &[UserId]) -> Result<(), AppError> {
        if self.matters != Some(true) {
            return Ok(());
        }
        for some in people.chunks(AT_ONCE) {
            self.record(tx)?;
            self.events.extend(reevaluate(self.app, tx, some).await?);
        }
        Ok(())
    }
}

fn unknown(member: &Member) -> AppError {
    let shown: String = member.value.chars().take(64).collect();
    let kind = if !may_be(member, "User") && may_be(member, "Group") { "Group" } else { "User" };
    scim::Error::invalid_value(format!("members: there is no {kind} \"{shown}\"")).into()
}
