//! A directory creates a person (RFC 7644 §3.3), or many at once.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::audit::{Action, Actor, Audit, AuditEvent};
use domain::id::{ExternalRequestId, UserId};
use scim::dialect::{Dialect, Leniency};
use scim::resource::Resource;
use serde_json::Value;
use store::invitations::NewInvitation;
use store::users::{self, Groups};
use store::{DirectoryScope, WriteTx, newcomers};

use super::seating::Claims;
use super::settle::{Allowed, arrive};
use super::types::TenantTypes;
use super::{UserView, pending};
use crate::App;
use crate::error::AppError;
use crate::externals::note_approved;
use crate::guards::hold_people;
use crate::invitations::note_invited;
use crate::people::give_from_the_start;
use crate::tenants::RuleOutcome;

/// What somebody has from the start, besides their document.
#[derive(Default)]
pub(crate) struct Start {
    /// What is given to them by hand.
    pub(crate) gives: Vec<RuleOutcome>,
    /// That they are invited, and hold nothing until they have accepted. Of one person only.
    pub(crate) invited: Option<Invited>,
    /// The request for them that is approved with this. Of one person only.
    pub(crate) approved: Option<ExternalRequestId>,
}

/// That somebody is invited.
pub(crate) struct Invited {
    pub(crate) invitation: NewInvitation,
    pub(crate) claims: Claims,
}

impl App {
    /// Creates a person, also in the groups that wait for them. Active, they claim a seat or a place in line.
    pub async fn create_user(
        &self,
        directory: &DirectoryScope,
        body: Value,
        dialect: &Dialect,
    ) -> Result<UserView, AppError> {
        self.create_user_with(directory, body, dialect, Start::default()).await
    }

    /// The same for somebody who begins with more than their document.
    pub(crate) async fn create_user_with(
        &self,
        directory: &DirectoryScope,
        body: Value,
        dialect: &Dialect,
        start: Start,
    ) -> Result<UserView, AppError> {
        let types = self.types(directory).await?;
        let resource = Resource::for_create(types.types().user(), body, dialect)?;
        let created = self.create_people_with(directory, &types, vec![resource], dialect, start).await;
        let mut created = created.map_err(|(error, _)| error)?;
        created.pop().ok_or_else(|| AppError::Internal("a person was created and is not there".to_owned()))
    }

    /// Creates people who were read by these types in one transaction, all or none, also in the groups that wait for
    /// them. If they cannot be, they are given back with the reason.
    pub(super) async fn create_people(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        people: Vec<Resource>,
        dialect: &Dialect,
    ) -> Result<Vec<UserView>, (AppError, Vec<Resource>)> {
        self.create_people_with(directory, types, people, dialect, Start::default()).await
    }

    async fn create_people_with(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        people: Vec<Resource>,
        dialect: &Dialect,
        start: Start,
    ) -> Result<Vec<UserView>, (AppError, Vec<Resource>)> {
        let now = self.now();
        let people: Vec<(UserId, Resource)> = UserId::series(now, &*self.entropy).zip(people).collect();
        match self.bring(directory, types, (&people, now), dialect, start).await {
            Ok(mut groups) => {
                let created = people.into_iter().map(|(id, resource)| {
                    let groups = groups.remove(&id);
                    UserView { id, resource, version: 1, created_at: now, updated_at: now, groups }
                });
                Ok(created.collect())
            }
            Err(error) => Err((error, people.into_iter().map(|(_, resource)| resource).collect())),
        }
    }

    async fn bring(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        (people, now): (&[(UserId, Resource)], DateTime<Utc>),
        dialect: &Dialect,
        start: Start,
    ) -> Result<HashMap<UserId, Value>, AppError> {
        let mut tx = self.begin_by(directory, types).await?;
        if directory.scope().actor().person().is_some() {
            hold_people(&mut tx, &[]).await?;
        }
        let rows = people.iter().map(|(id, resource)| (*id, resource));
        users::create(&mut tx, directory.directory(), rows, now)?;
        if *directory.scope().actor() == Actor::SignIn && start.invited.is_none() {
            for (id, _) in people {
                newcomers::note(&mut tx, *id, now).await?;
            }
        }
        let (mut joined, mut came, mut groups) = (Vec::new(), Vec::new(), HashMap::new());
        let mut members = HashSet::new();
        let names = people.iter().filter_map(|(_, resource)| resource.external_id().map(str::to_owned));
        let names = names.filter(|_| dialect.grants(Leniency::PendingMember)).collect::<Vec<_>>();
        let awaited = store::pending::awaited(&mut tx, directory.directory(), &names).await?;
        for (id, resource) in people {
            let Some(name) = resource.external_id().filter(|name| awaited.contains(*name)) else { continue };
            let into = pending::arrive(&mut tx, directory, *id, name).await?;
            groups.extend(groups_of(&mut tx, directory, *id).await?.map(|of| (*id, of)));
            came.extend(pending::events(*id, &into));
            members.insert(*id);
            joined.extend(into);
        }
        joined.sort_unstable();
        joined.dedup();
        let mut granted = give_from_the_start(self, &mut tx, people, start.gives).await?;
        let claims = start.invited.as_ref().map(|invited| invited.claims).unwrap_or_default();
        if let (Some(invited), [(user, _)]) = (start.invited, people) {
            granted.push(note_invited(self, &mut tx, *user, &invited.invitation).await?);
        }
        let mut allowed = Allowed::ByGrantRules;
        if let (Some(request), [(user, _)]) = (start.approved, people) {
            granted.push(note_approved(self, &mut tx, request, *user).await?);
            allowed = Allowed::ByDecision;
        }
        if directory.scope().actor().by_hand() || !granted.is_empty() {
            // Whoever acts by hand is held to rules, and what is given by hand is read with the other facts.
            members.extend(people.iter().map(|(id, _)| *id));
        }
        let follows = arrive(self, &mut tx, people, &members, (claims, allowed)).await?;
        let provisioned = people.iter().map(|(id, resource)| {
            AuditEvent::new(Action::UserProvision, *id).after(Value::Object(resource.as_map().clone()))
        });
        store::pending::mark(&mut tx, &joined, now);
        match Audit::from_events(provisioned.chain(granted).chain(came).chain(follows)) {
            Some(audit) => self.commit(tx, audit, now).await?,
            None => tx.nothing_changed().await?,
        }
        Ok(groups)
    }
}

/// A person's groups, as they are shown.
async fn groups_of(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    id: UserId,
) -> Result<Option<Value>, AppError> {
    let rows = users::by_ids(tx, directory.directory(), &[id], Groups::Included).await?;
    Ok(rows.into_iter().next().and_then(|row| row.groups))
}
