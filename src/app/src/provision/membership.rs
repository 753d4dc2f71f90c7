//! Members of a held group, people and groups, come and go. Knows sets of ids; never the whole list where a few change, and where all of them
//! change, a part of it at a time.

use std::collections::BTreeSet;

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
use crate::App;
use crate::access::{AT_ONCE, concerns, reevaluate};
use crate::error::AppError;

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
        let mut known = Known { people, groups: Vec::new() };
        // Who is no person may be a group.
        let others: BTreeSet<GroupId> =
            self.values().filter(|id| known.person(id).is_none()).filter_map(|id| id.parse().ok()).collect();
        let others: Vec<GroupId> = others.into_iter().collect();
        known.groups = store::nesting::groups_among(tx, directory.directory(), &others).await?;
        Ok(known)
    }

    /// What they come to.
    pub(super) fn steps(&self, known: &Known) -> Result<Vec<Step<'_>>, AppError> {
        let mut steps = Vec::new();
        let mut step = Step::default();
        for change in &self.list {
            match change {
                MemberChange::Add(list) => step.add(known.all(list, self.dialect)?),
                // What is not there cannot be a member: nothing to do for it.
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
}

/// Members by name.
#[derive(Default)]
struct Named {
    people: BTreeSet<UserId>,
    groups: BTreeSet<GroupId>,
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

/// What is there of what is named, by id: people, who are locked, and groups.
pub(super) struct Known {
    people: Vec<UserId>,
    groups: Vec<GroupId>,
}

impl Known {
    /// Whether groups are named, and so whether everybody below them is concerned.
    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    fn person(&self, id: &str) -> Option<UserId> {
        id.parse().ok().filter(|id| self.people.binary_search(id).is_ok())
    }

    fn group(&self, id: &str) -> Option<GroupId> {
        id.parse().ok().filter(|id| self.groups.binary_search(id).is_ok())
    }

    /// A name that nobody of this directory has refuses the whole request, unless the dialect lets it be passed over.
    /// A list of which nobody is there is refused in any case: passing over all of it would empty the group.
    fn all(&self, list: &[Member], dialect: &Dialect) -> Result<Named, AppError> {
        let mut named = Named::default();
        let (mut missing, mut skipped) = (None, 0_usize);
        for member in list {
            let (is_user, is_group) = (may_be(member, "User"), may_be(member, "Group"));
            if let Some(person) = self.person(&member.value).filter(|_| is_user) {
                named.people.insert(person);
            } else if let Some(group) = self.group(&member.value).filter(|_| is_group) {
                named.groups.insert(group);
            } else if dialect.grants(Leniency::SkipUnknownMember) {
                (missing, skipped) = (Some(member), skipped.saturating_add(1));
            } else {
                return Err(unknown(member));
            }
        }
        let nobody = named.people.is_empty() && named.groups.is_empty();
        match missing {
            Some(member) if nobody || !dialect.accepts(Leniency::SkipUnknownMember) => Err(unknown(member)),
            Some(_) => {
                tracing::warn!(skipped, "Passed over members who are not there");
                Ok(named)
            }
            None => Ok(named),
        }
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

    /// Writes down what was done so far. The last event waits for the commit, which wants one.
    fn record(&mut self, tx: &mut WriteTx) -> Result<(), AppError> {
        let last = self.events.pop();
        if let Some(audit) = Audit::from_events(self.events.drain(..)) {
            tx.record(audit, self.app.now(), &*self.app.entropy)?;
        }
        self.events.extend(last);
        Ok(())
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
            let went = self.removed(tx, &out.people.into_iter().collect::<Vec<_>>()).await?;
            let came = members::add(tx, self.group, &coming).await?;
            self.see(tx, came.standing).await?;
            if !came.people.is_empty() {
                let event = AuditEvent::new(Action::GroupMembersAdd, self.group);
                self.note(event.after(json!({"members": came.people})));
            }
            moved.extend(went.into_iter().chain(came.people));
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
