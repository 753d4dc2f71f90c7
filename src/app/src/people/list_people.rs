//! People as an administrator sees them: found by what they are called, hold and did, and limited to those whom a person who
//! acts may see. Knows how a question is put together; does not know SQL.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use domain::access::{Policy, Scope};
use domain::blueprint::{Blueprint, Deed};
use domain::deed::Sight;
use domain::id::UserId;
use domain::mapping::ScopeRef;
use scim::resource::Resource;
use serde::Serialize;
use store::holdings::Thing;
use store::people::{self, Holding, PersonRow, Whom};
use store::users::Slice;
use store::words::{LONGEST_WORD, searched};
use store::{AdminScope, Reads, tombstones};
use utoipa::ToSchema;

use super::presence::is_present;
use crate::App;
use crate::error::AppError;
use crate::guards::sight_of;
use crate::invitations::StatusView;
use crate::tenants::{RuleScope, scope_ref};

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: UserId,
    /// Their name, unique among those whom the same directory manages.
    pub user_name: String,
    /// What they are called: the display name, the formatted name, or family and given name.
    pub display_name: Option<String>,
    /// Their preferred e-mail address, if there is one.
    pub email: Option<String>,
    /// Whether they are let in, as far as a seat and roles allow.
    pub active: bool,
    /// Who alone may change them; nobody for a local person, whom administrators change.
    pub managed_by: Option<ManagedBy>,
    /// Where they stand, in the product's words.
    pub status: Option<StatusView>,
    /// Whether an administrator shuts them out, whatever a directory says.
    pub frozen: Option<Frozen>,
}

/// That somebody is shut out by an administrator.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Frozen {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, if that was said.
    pub because: Option<String>,
}

/// A directory that manages somebody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedBy {
    /// Its slug.
    #[schema(example = "entra")]
    pub directory: String,
    /// Its display name.
    #[schema(example = "Entra ID")]
    pub name: String,
}

impl PersonView {
    pub(super) fn of(row: PersonRow, blueprint: &Blueprint) -> Self {
        let resource = &row.resource;
        Self {
            id: row.id,
            user_name: resource.user_name().unwrap_or_default().to_owned(),
            display_name: called(resource),
            email: resource.preferred_email(),
            active: row.active,
            managed_by: manager(row.managed_by),
            status: StatusView::of(blueprint, row.active, row.invited),
            frozen: row.frozen_at.map(|since| Frozen { since, because: row.frozen_because }),
        }
    }
}

fn manager(managed_by: Option<(String, String)>) -> Option<ManagedBy> {
    managed_by.map(|(directory, name)| ManagedBy { directory, name })
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonPage {
    /// The people, by id.
    pub items: Vec<ListedPerson>,
    /// How many there are in all, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

/// A person in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedPerson {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: UserId,
    /// Their name, unique among those whom the same directory manages.
    pub user_name: String,
    /// What they are called: the display name, the formatted name, or family and given name.
    pub display_name: Option<String>,
    /// Their preferred e-mail address, if there is one.
    pub email: Option<String>,
    /// Address of a picture of them.
    pub avatar: Option<String>,
    /// Whether they are let in, as far as a seat and roles allow.
    pub active: bool,
    /// Where they stand, in the product's words.
    pub status: Option<StatusView>,
    /// Who alone may change them; nobody for a local person.
    pub managed_by: Option<ManagedBy>,
    /// Department.
    pub department: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Key of the organisational unit where they belong.
    pub home: Option<String>,
    /// Their roles, as far as a seat allows.
    pub roles: Vec<HeldRole>,
    /// Their flags, as far as a seat allows.
    pub flags: BTreeSet<String>,
    /// Whether an administrator shuts them out, whatever a directory says.
    pub frozen: Option<Frozen>,
    /// Since when they are inactive.
    pub stopped_at: Option<DateTime<Utc>>,
    /// When they last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When they were last here, to the minute.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Whether they are here now: seen within five minutes.
    pub online: bool,
    /// The version of the product's program that they used last, if it said so.
    pub client_version: Option<String>,
}

/// A role that somebody holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldRole {
    /// Its id in the blueprint.
    pub role: String,
    /// Where.
    pub at: RuleScope,
}

impl ListedPerson {
    fn of(mut row: PersonRow, blueprint: &Blueprint, now: DateTime<Utc>) -> Self {
        let first = |path: &str| row.resource.values_at(path).into_iter().next();
        let (department, title, avatar) = (first(DEPARTMENT), first("title"), first("photos"));
        let (stopped_at, last_login_at, last_seen_at) = (row.stopped_at, row.last_login_at, row.last_seen_at);
        let online = row.active && is_present(last_seen_at, now);
        let client_version = row.client_version.take();
        let (home, roles, flags) = row.access.take().map_or_else(Default::default, |access| {
            let roles =
                access.roles.into_iter().map(|held| HeldRole { role: held.role, at: place_of(held.scope) });
            let flags = access.flags.into_iter().map(|held| held.flag);
            (access.home.map(|home| home.key), roles.collect(), flags.collect())
        });
        let person = PersonView::of(row, blueprint);
        let PersonView { id, user_name, display_name, email, active, managed_by, status, frozen } = person;
        Self {
            id,
            user_name,
            display_name,
            email,
            avatar,
            active,
            status,
            managed_by,
            department,
            title,
            home,
            roles,
            flags,
            frozen,
            stopped_at,
            last_login_at,
            last_seen_at,
            online,
            client_version,
        }
    }
}

pub(super) const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

/// What somebody is called.
pub(super) fn called(resource: &Resource) -> Option<String> {
    let first = |path: &str| resource.values_at(path).into_iter().next();
    let both = || {
        let parts: Vec<String> =
            [first("name.familyName"), first("name.givenName")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    resource.display_name().map(str::to_owned).or_else(|| first("name.formatted")).or_else(both)
}

/// A place in the words of those who give.
pub(crate) fn place_of(scope: Scope) -> RuleScope {
    match scope {
        Scope::Environment => RuleScope::Environment,
        Scope::OrgUnit { key, .. } => RuleScope::OrgUnit(key),
        Scope::Workspace { key, .. } => RuleScope::Workspace(key),
    }
}

/// Which people: those of whom all of this is true.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeopleQuery<'a> {
    /// They have this user name.
    pub user_name: Option<&'a str>,
    /// This directory manages them, by its slug.
    pub directory: Option<&'a str>,
    /// No directory manages them, or one does.
    pub local: Option<bool>,
    /// Each word of this is found in their names or addresses.
    pub search: Option<&'a str>,
    /// They are active, or not.
    pub active: Option<bool>,
    /// They stand here, by the id of the blueprint's status.
    pub status: Option<&'a str>,
    /// They have this role.
    pub role: Option<&'a str>,
    /// They are at home or have a role in this unit or below it, by its key.
    pub org_unit: Option<&'a str>,
    /// They have a role in this workspace, by its key; the role, if one is named.
    pub workspace: Option<&'a str>,
    /// They were not here for so many days.
    pub idle_days: Option<i64>,
}

impl PeopleQuery<'_> {
    /// The same as rows are asked for.
    fn whom(&self, policy: &Policy, now: DateTime<Utc>) -> Result<Whom, AppError> {
        let roles = role_things(policy);
        let role = self.role.map(|role| match policy.blueprint.role(role) {
            Some(role) => Ok(Thing::Role(role.id())),
            None => Err(AppError::Invalid(format!("the blueprint has no role {role:?}"))),
        });
        let role = role.transpose()?;
        let mut holding = Vec::new();
        if let Some(key) = self.org_unit {
            let place = scope_ref(&RuleScope::OrgUnit(key.to_owned()), policy)?;
            if let ScopeRef::OrgUnit(unit) = place {
                holding.push(belonging(&roles, policy.subtree(unit)));
            }
        }
        match (self.workspace, role) {
            (Some(key), role) => {
                let place = scope_ref(&RuleScope::Workspace(key.to_owned()), policy)?;
                let things = role.map_or_else(|| roles.clone(), |role| vec![role]);
                holding.push(Holding::at(&things, [place]));
            }
            (None, Some(role)) => holding.push(Holding::anywhere(&[role])),
            (None, None) => {}
        }
        let stands = self.status.map(|status| standing(policy, status)).transpose()?;
        if let (Some((active, _)), Some(asked)) = (stands, self.active)
            && active != asked
        {
            return Err(AppError::Invalid("nobody of that status is active or not as asked".to_owned()));
        }
        Ok(Whom {
            invited: stands.and_then(|(_, invited)| invited),
            user_name: self.user_name.map(str::to_owned),
            directory: self.directory.map(str::to_owned),
            local: self.local,
            words: self.search.map(|text| words(text, policy)).transpose()?.unwrap_or_default(),
            active: stands.map(|(active, _)| active).or(self.active),
            idle_since: self.idle_days.map(|days| now - Duration::days(days)),
            holding,
            ..Whom::default()
        })
    }
}

/// Whether people of this status are active, and whether they have yet to accept an invitation, if that tells them apart.
fn standing(policy: &Policy, status: &str) -> Result<(bool, Option<bool>), AppError> {
    let means = |active: bool, invited: bool| {
        StatusView::of(&policy.blueprint, active, invited).is_some_and(|stands| stands.id == status)
    };
    match (means(true, true), means(true, false), means(false, false)) {
        (true, true, _) => Ok((true, None)),
        (invited, active, _) if invited || active => Ok((true, Some(invited))),
        (_, _, true) => Ok((false, None)),
        _ => Err(AppError::Invalid(format!("nobody here has the status {status:?}"))),
    }
}

/// The most words that are searched for at once.
const MOST_WORDS: usize = 10;

fn words(text: &str, policy: &Policy) -> Result<Vec<String>, AppError> {
    let search = policy.blueprint.product().search.as_ref();
    let words = searched(text, search.map(|search| search.separators.as_slice()).unwrap_or_default());
    if words.len() > MOST_WORDS || words.iter().any(|word| word.chars().count() > LONGEST_WORD) {
        return Err(AppError::Invalid(format!(
            "a search is for at most {MOST_WORDS} words of at most {LONGEST_WORD} characters"
        )));
    }
    Ok(words.into_iter().collect())
}

fn role_things(policy: &Policy) -> Vec<Thing<'_>> {
    policy.blueprint.roles().map(|role| Thing::Role(role.id())).collect()
}

/// Whoever is at home at one of these places, or has a role there.
fn belonging(roles: &[Thing<'_>], places: BTreeSet<ScopeRef>) -> Holding {
    let things: Vec<Thing<'_>> = roles.iter().cloned().chain([Thing::Home]).collect();
    Holding::at(&things, places)
}

impl App {
    /// The tenant's people, by id, as far as the caller sees them.
    pub async fn list_people(
        &self,
        admin: &AdminScope,
        query: PeopleQuery<'_>,
        slice: Slice,
    ) -> Result<Vec<ListedPerson>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (policy, whom) = self.seen(&mut tx, admin, query, None).await?;
        let rows = people::list(&mut tx, whom, slice).await?;
        tx.finish().await?;
        let now = self.now();
        Ok(rows.into_iter().map(|row| ListedPerson::of(row, &policy.blueprint, now)).collect())
    }

    /// How many they are.
    pub async fn count_people(&self, admin: &AdminScope, query: PeopleQuery<'_>) -> Result<i64, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, whom) = self.seen(&mut tx, admin, query, None).await?;
        let total = people::count(&mut tx, whom).await?;
        tx.finish().await?;
        Ok(total)
    }

    /// One person; by the id of a local person who was adopted, the one they became. Whom the caller does not see is not there.
    pub async fn show_person(&self, admin: &AdminScope, id: UserId) -> Result<PersonView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let id = tombstones::became(&mut tx, id).await?.unwrap_or(id);
        let (policy, whom) = self.seen(&mut tx, admin, PeopleQuery::default(), None).await?;
        let whom = Whom { id: Some(id), ..whom };
        let found = people::list(&mut tx, whom, Slice { offset: 0, limit: 1 }).await?.pop();
        tx.finish().await?;
        found.map(|row| PersonView::of(row, &policy.blueprint)).ok_or(AppError::NotFound("user"))
    }

    /// Those whom a query is about and to whom the caller may do this; with the policy that says so.
    pub(crate) async fn seen(
        &self,
        tx: &mut impl Reads,
        admin: &AdminScope,
        query: PeopleQuery<'_>,
        deed: Option<Deed>,
    ) -> Result<(Arc<Policy>, Whom), AppError> {
        let (_, policy) = self.policies.in_force(tx).await?;
        let mut whom = query.whom(&policy, self.now())?;
        if let Sight::At(places) = sight_of(tx, admin, &policy, deed).await? {
            whom.holding.push(belonging(&role_things(&policy), places));
        }
        Ok((policy, whom))
    }
}
