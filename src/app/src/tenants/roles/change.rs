//! Roles made, changed and deleted. Each makes its change in a transaction that holds the policy alone; everybody's access follows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::audit::{Action, AuditEvent, Target};
use domain::blueprint::{Assignment, Deed, Origin, OwnRole, OwnRoles, Role, Standing};
use domain::mapping::{MappingRule, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::audit::Outgoing;
use store::{AdminScope, WriteTx, connections, gates, roles, rules};
use utoipa::ToSchema;

use super::{RoleName, RoleView, Roles, hold, may};
use crate::App;
use crate::error::AppError;
use crate::gates::names_role;
use crate::login::Settings;

/// A role to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRole {
    /// Its id: up to 64 of `a–z`, `0–9`, `_` and `.`. The id of an example of the product that was deleted brings it back.
    #[schema(example = "night_shift", min_length = 1, max_length = 64)]
    pub id: String,
    /// What people call it. That of an example may be left out.
    pub name: Option<RoleName>,
    /// A role from which what is not said is taken, as far as another role can give it. Without one, the least that there is.
    #[schema(example = "general")]
    pub from: Option<String>,
    /// What it says of permissions.
    #[serde(default)]
    #[schema(example = json!({"inbox.chats": "level:all_chats", "crm.data_download": "no"}))]
    pub cells: BTreeMap<String, String>,
    /// The product's words for the places where it is held; those of `from`, or else of the default role.
    pub places: Option<Vec<String>>,
    /// The higher rank wins where two roles compete; that of `from`, or else of the default role. Below those who administer.
    pub rank: Option<i64>,
}

/// A change of a role. What is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRole {
    /// What people call it.
    pub name: Option<RoleName>,
    /// What it says of these permissions.
    #[serde(default)]
    pub cells: BTreeMap<String, String>,
    /// The higher rank wins; of a tenant's own role.
    pub rank: Option<i64>,
    /// `true`: those have it whom nothing else gives one. Another takes its place when that is made the default.
    pub default: Option<bool>,
}

impl App {
    /// Makes a role.
    pub async fn create_role(&self, admin: &AdminScope, new: NewRole) -> Result<RoleView, AppError> {
        let id = new.id.clone();
        let make = async |tx: &mut WriteTx| {
            hold(tx, Deed::CreateRole, &[]).await?;
            Ok(((), vec![create(tx, new.clone(), self.now()).await?]))
        };
        let affected = self.change_roles(admin, make).await?;
        self.shown(admin, &id, affected).await
    }

    /// Changes a role for everybody who holds it.
    pub async fn change_role(
        &self,
        admin: &AdminScope,
        id: &str,
        wanted: ChangeRole,
    ) -> Result<RoleView, AppError> {
        let make = async |tx: &mut WriteTx| {
            hold(tx, Deed::ChangeRoleSettings, &[id]).await?;
            Ok(((), change(tx, id, wanted.clone(), self.now()).await?.into_iter().collect()))
        };
        let affected = self.change_roles(admin, make).await?;
        self.shown(admin, id, affected).await
    }

    /// Deletes a role that nobody has and nothing gives; or puts another in its place wherever it is given. Returns how many
    /// people may do something else now, if that is known.
    pub async fn delete_role(
        &self,
        admin: &AdminScope,
        id: &str,
        replacement: Option<&str>,
    ) -> Result<Option<usize>, AppError> {
        let make = async |tx: &mut WriteTx| {
            hold(tx, Deed::DeleteRole, &[id]).await?;
            Ok(((), vec![delete(tx, id, replacement, self.now()).await?]))
        };
        self.change_roles(admin, make).await
    }

    async fn shown(
        &self,
        admin: &AdminScope,
        id: &str,
        affected: Option<usize>,
    ) -> Result<RoleView, AppError> {
        let view = self.show_role(admin, id).await?;
        Ok(RoleView { affected, ..view })
    }

    async fn change_roles(
        &self,
        admin: &AdminScope,
        make: impl AsyncFn(&mut WriteTx) -> Result<((), Vec<AuditEvent>), AppError>,
    ) -> Result<Option<usize>, AppError> {
        let ((), affected) = self.change_policy(admin, make).await?;
        self.types.forget(admin.scope().tenant());
        Ok(affected)
    }
}

/// Tells those who follow the tenant that a role is another.
async fn announce(tx: &mut WriteTx, id: &str, how: &str) -> Result<(), AppError> {
    let holders = roles::holders(tx, [id]).await?.get(id).copied().unwrap_or_default();
    tx.announce(Outgoing {
        fact: "role.changed",
        subject_id: id.to_owned(),
        payload: json!({"role": id, "change": how, "holders": holders}),
    });
    Ok(())
}

/// Makes a role in a transaction that holds the policy alone.
pub(crate) async fn create(
    tx: &mut WriteTx,
    new: NewRole,
    now: DateTime<Utc>,
) -> Result<AuditEvent, AppError> {
    let all = Roles::of(tx).await?;
    all.may_be_own(tx)?;
    if all.together.role(&new.id).is_some() {
        return Err(AppError::Conflict(format!("there is a role {:?} already", new.id)));
    }
    let id = new.id.clone();
    let said = match all.product.role(&id) {
        Some(_) => brought_back(new)?,
        None => of_ones_own(&all, new)?,
    };
    let together = all.accept(&said)?;
    together.has_room()?;
    roles::save(tx, &said, now).await?;
    let role = together.role(&id).ok_or(AppError::NotFound("role"))?;
    announce(tx, &id, "created").await?;
    Ok(AuditEvent::new(Action::RoleCreate, target(role)).after(as_audited(role)))
}

/// An example of the product that was deleted, as it was, with these changes.
fn brought_back(new: NewRole) -> Result<OwnRole, AppError> {
    if new.from.is_some() || new.places.is_some() || new.rank.is_some() {
        return Err(AppError::Invalid(
            "an example of the product says itself what it begins with".to_owned(),
        ));
    }
    let label = new.name.map(RoleName::label).transpose()?;
    Ok(OwnRole { id: new.id, label, cells: new.cells, standing: None, removed: false })
}

fn of_ones_own(all: &Roles, new: NewRole) -> Result<OwnRole, AppError> {
    let name = new.name.ok_or_else(|| AppError::Invalid("name is missing".to_owned()))?;
    let from = match &new.from {
        Some(id) => {
            let found = all.together.role(id);
            Some(found.ok_or_else(|| AppError::Invalid(format!("from: there is no role {id:?}")))?)
        }
        None => None,
    };
    let like = from.or_else(|| all.together.default_role());
    let places = new.places.or_else(|| Some(like?.places().map(str::to_owned).collect())).unwrap_or_default();
    let rank = new.rank.or_else(|| like.map(Role::rank)).unwrap_or_default();
    let rank = if new.rank.is_some() { rank } else { rank.clamp(0, all.product.highest_own_rank()) };
    let mut cells = all.product.starting_from(from);
    cells.extend(new.cells);
    let standing = Some(Standing { places, rank });
    Ok(OwnRole { id: new.id, label: Some(name.label()?), cells, standing, removed: false })
}

impl Roles {
    fn accept(&self, said: &OwnRole) -> Result<domain::blueprint::Blueprint, AppError> {
        let own: OwnRoles = self.own.clone().saying(said.clone());
        Ok(self.product.accept(&own, &said.id)?)
    }
}

/// Changes a role in a transaction that holds the policy alone. None if it is so already.
pub(crate) async fn change(
    tx: &mut WriteTx,
    id: &str,
    wanted: ChangeRole,
    now: DateTime<Utc>,
) -> Result<Option<AuditEvent>, AppError> {
    let all = Roles::of(tx).await?;
    let role = all.role(id)?;
    let is_default = all.together.default_role().is_some_and(|it| it.id() == id);
    let (mut before, mut after) = (as_audited(role), None);
    if wanted.name.is_some() || !wanted.cells.is_empty() || wanted.rank.is_some() {
        let said = all.own.roles.iter().find(|said| said.id == id).cloned();
        let mut said = said.unwrap_or_else(|| OwnRole {
            id: id.to_owned(),
            label: None,
            cells: BTreeMap::new(),
            standing: None,
            removed: false,
        });
        if let Some(name) = wanted.name {
            said.label = Some(name.label()?);
        }
        said.cells.extend(wanted.cells);
        match (wanted.rank, &mut said.standing) {
            (Some(rank), Some(standing)) => standing.rank = rank,
            (Some(_), None) => {
                return Err(AppError::Conflict("the rank of a role of the product stays".to_owned()));
            }
            (None, _) => {}
        }
        let together = all.accept(&said)?;
        let changed = as_audited(together.role(id).ok_or(AppError::NotFound("role"))?);
        if changed != before {
            roles::save(tx, &said, now).await?;
            after = Some(changed);
        }
    }
    match wanted.default {
        Some(true) if !is_default => {
            make_default(tx, &all, id).await?;
            let so_far = all.together.default_role().map(Role::id);
            let mut changed = after.unwrap_or_else(|| before.clone());
            insert(&mut before, "default", json!(so_far));
            insert(&mut changed, "default", json!(id));
            after = Some(changed);
        }
        Some(false) if is_default => {
            return Err(AppError::Conflict("another role is made the default instead".to_owned()));
        }
        _ => {}
    }
    let Some(after) = after else { return Ok(None) };
    announce(tx, id, "changed").await?;
    Ok(Some(AuditEvent::new(Action::RoleUpdate, target(role)).before(before).after(after)))
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

async fn make_default(tx: &mut WriteTx, all: &Roles, id: &str) -> Result<(), AppError> {
    if !all.together.may_be_default(id) {
        return Err(AppError::Conflict(format!("the role {id:?} cannot be the default")));
    }
    Ok(roles::set_default(tx, Some(id)).await?)
}

async fn rules_that_give(tx: &mut WriteTx, id: &str) -> Result<Vec<MappingRule>, AppError> {
    let gives_it = |rule: &MappingRule| matches!(&rule.outcome, Outcome::Role { role, .. } if role == id);
    Ok(rules::all(tx).await?.into_iter().filter(gives_it).collect())
}

/// Deletes a role in a transaction that holds the policy alone.
pub(crate) async fn delete(
    tx: &mut WriteTx,
    id: &str,
    replacement: Option<&str>,
    now: DateTime<Utc>,
) -> Result<AuditEvent, AppError> {
    let all = Roles::of(tx).await?;
    let role = all.role(id)?;
    all.may_be_own(tx)?;
    if !matches!(role.origin(), Origin::Own | Origin::Preset) {
        return Err(AppError::Conflict(format!("the role {id:?} is the product's and stays")));
    }
    let mapped = rules_that_give(tx, id).await?;
    let given = roles::given_by(tx, id).await?.len();
    let held = roles::holders(tx, [id]).await?.get(id).copied().unwrap_or_default();
    let is_default = all.together.default_role().is_some_and(|it| it.id() == id);
    named_elsewhere(tx, id).await?;
    match replacement {
        Some(other) => {
            let other = instead(&all, role, other)?;
            may(tx, Deed::ChangeRole, &[id, other.id()]).await?;
            for mut rule in mapped {
                if let Outcome::Role { role, restrictions, .. } = &mut rule.outcome {
                    other.id().clone_into(role);
                    let fits = |it: &String| {
                        all.together.restriction(it).is_some_and(|found| found.applies_to(other.id()))
                    };
                    restrictions.retain(fits);
                }
                rules::replace(tx, &rule).await?;
            }
            roles::give_instead(tx, id, other.id());
            if is_default {
                make_default(tx, &all, other.id()).await?;
            }
        }
        None if is_default => {
            return Err(AppError::Conflict("it is the default role; name a replacement".to_owned()));
        }
        None if held > 0 || given > 0 || !mapped.is_empty() => {
            return Err(AppError::Conflict(format!(
                "{held} people hold it, {given} were given it by hand and {} mapping rules give it; name a replacement",
                mapped.len()
            )));
        }
        None => {}
    }
    let (label, cells) = (None, BTreeMap::new());
    let out = OwnRole { id: id.to_owned(), label, cells, standing: None, removed: true };
    say(tx, id, all.product.role(id).map(|_| &out), now).await?;
    announce(tx, id, "deleted").await?;
    let event = AuditEvent::new(Action::RoleDelete, target(role)).before(as_audited(role));
    Ok(event.after(json!({"replacement": replacement, "holders": held})))
}

/// Keeps what the tenant says of a role, if it says anything.
async fn say(tx: &mut WriteTx, id: &str, said: Option<&OwnRole>, now: DateTime<Utc>) -> Result<(), AppError> {
    match said {
        Some(said) => roles::save(tx, said, now).await?,
        None => roles::forget(tx, id).await?,
    }
    Ok(())
}

/// Puts back what the tenant said of a role that is to be there, in a transaction that holds the policy alone. None where it is not to
/// be there.
pub(crate) async fn put_back(
    tx: &mut WriteTx,
    id: &str,
    said: Option<&OwnRole>,
    now: DateTime<Utc>,
) -> Result<Option<AuditEvent>, AppError> {
    let all = Roles::of(tx).await?;
    if !all.would_have(id, said) {
        return Ok(None);
    }
    let before = all.role(id).ok().map(as_audited);
    if before.is_none() {
        all.may_be_own(tx)?;
    }
    if let Some(said) = said {
        let together = all.accept(said)?;
        if before.is_none() {
            together.has_room()?;
        }
    }
    say(tx, id, said, now).await?;
    let all = Roles::of(tx).await?;
    let role = all.role(id)?;
    announce(tx, id, if before.is_some() { "changed" } else { "created" }).await?;
    let event = match before {
        Some(before) => AuditEvent::new(Action::RoleUpdate, target(role)).before(before),
        None => AuditEvent::new(Action::RoleCreate, target(role)),
    };
    Ok(Some(event.after(as_audited(role))))
}

/// Deletes a role again that is not to be there: nothing gives it any more, and whoever holds it by a rule that went before
/// will not. None where it is to be there.
pub(crate) async fn take_back(
    tx: &mut WriteTx,
    id: &str,
    said: Option<&OwnRole>,
    now: DateTime<Utc>,
) -> Result<Option<AuditEvent>, AppError> {
    let all = Roles::of(tx).await?;
    let Some(role) = all.together.role(id).filter(|_| !all.would_have(id, said)) else { return Ok(None) };
    all.may_be_own(tx)?;
    named_elsewhere(tx, id).await?;
    let mapped = rules_that_give(tx, id).await?.len();
    let given = roles::given_by(tx, id).await?.len();
    if given > 0 || mapped > 0 || all.together.default_role().is_some_and(|it| it.id() == id) {
        return Err(AppError::Conflict(format!(
            "the role {id:?} is in use: {given} people were given it by hand, {mapped} mapping rules give it, or it is the default"
        )));
    }
    say(tx, id, said, now).await?;
    announce(tx, id, "deleted").await?;
    Ok(Some(AuditEvent::new(Action::RoleDelete, target(role)).before(as_audited(role))))
}

/// Makes a role the default again; the product's choice if none.
pub(crate) async fn put_default_back(
    tx: &mut WriteTx,
    id: Option<&str>,
) -> Result<Option<AuditEvent>, AppError> {
    let all = Roles::of(tx).await?;
    if let Some(id) = id {
        make_default(tx, &all, id).await?;
    } else {
        roles::set_default(tx, None).await?;
    }
    let now = Roles::of(tx).await?;
    let (was, is) = (all.together.default_role(), now.together.default_role());
    let told = |role: Option<&Role>| json!({"default": role.map(Role::id)});
    let Some(role) = is else { return Ok(None) };
    announce(tx, role.id(), "changed").await?;
    Ok(Some(AuditEvent::new(Action::RoleUpdate, target(role)).before(told(was)).after(told(is))))
}

impl Roles {
    /// Whether there is a role where the tenant says this of it.
    fn would_have(&self, id: &str, said: Option<&OwnRole>) -> bool {
        match said {
            Some(said) if said.removed => false,
            Some(said) if said.standing.is_some() => true,
            _ => self.product.role(id).is_some(),
        }
    }
}

/// The role that takes the place of another: it can be given, and held wherever that one is.
fn instead<'a>(all: &'a Roles, role: &Role, other: &str) -> Result<&'a Role, AppError> {
    let refuse = |why: &str| Err(AppError::Invalid(format!("replacement: {why}")));
    let Some(found) = all.together.role(other).filter(|found| found.id() != role.id()) else {
        return refuse("there is no such role");
    };
    if found.assignment() == Assignment::Derived {
        return refuse("the role follows from flags and home, and nobody can be given it");
    }
    if !role.places().all(|place| found.can_be_held_at_a(place)) {
        return refuse("the role is not held everywhere that the other one is");
    }
    Ok(found)
}

/// Refuses to delete a role that a connection or a gate names: what would come in its place there, nobody could guess.
async fn named_elsewhere(tx: &mut WriteTx, id: &str) -> Result<(), AppError> {
    for row in connections::all(tx).await? {
        if Settings::of(&row)?.highest_role.as_deref() == Some(id) {
            return Err(AppError::Conflict(format!("the connection {:?} lets in no higher role", row.slug)));
        }
    }
    for row in gates::all(tx).await? {
        if names_role(&row, id)? {
            return Err(AppError::Conflict(format!("the gate {:?} asks for the role", row.name)));
        }
    }
    Ok(())
}

fn target(role: &Role) -> Target {
    Target::role(role.id()).labelled(role.label().en.clone())
}

/// What of a role stands in the audit trail.
fn as_audited(role: &Role) -> Value {
    let cells: BTreeMap<&str, String> = role.cells().map(|(id, cell)| (id, cell.to_string())).collect();
    json!({"name": RoleName::from(role.label()), "rank": role.rank(), "cells": cells})
}
