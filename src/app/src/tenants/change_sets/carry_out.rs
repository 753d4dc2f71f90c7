//! Proposed changes made one after the other in an open transaction that holds the policy alone. Knows which use case each is; what
//! follows for people is computed afterwards.

use domain::audit::{Action, AuditEvent};
use domain::blueprint::Origin;
use domain::id::UserId;
use serde_json::json;
use store::{WriteTx, members, roles as own_roles, tenants};

use super::turned::{Turned, back};
use super::{ProposedChange, Wanted};
use crate::App;
use crate::access::parse_blueprint;
use crate::error::AppError;
use crate::tenants::{mapping_rules, organisation, roles};

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// What the audit trail says of it.
    pub(super) events: Vec<AuditEvent>,
    /// What was given by hand and is in another role now.
    pub(super) grants: Vec<Turned>,
    /// Who is in other groups now.
    pub(super) moved: Vec<UserId>,
}

/// Makes the changes.
pub(super) async fn all(app: &App, tx: &mut WriteTx, wanted: Wanted<'_>) -> Result<Done, AppError> {
    let changes = match wanted {
        Wanted::Changes(changes) => changes,
        Wanted::Back(_, turned) => return back(app, tx, turned).await,
    };
    let mut done = Done::default();
    for change in changes {
        one(app, tx, change.clone(), &mut done).await?;
    }
    Ok(done)
}

async fn one(app: &App, tx: &mut WriteTx, change: ProposedChange, done: &mut Done) -> Result<(), AppError> {
    let now = app.now();
    match change {
        ProposedChange::AddRule(new) => done.events.push(mapping_rules::add_rule(app, tx, new).await?.1),
        ProposedChange::ChangeRule { id, change } => {
            done.events.extend(mapping_rules::change_rule(tx, id, change).await?.1);
        }
        ProposedChange::RemoveRule { id } => done.events.push(mapping_rules::remove_rule(tx, id).await?),
        ProposedChange::OrderRules { ids } => done.events.extend(mapping_rules::order_rules(tx, &ids).await?),
        ProposedChange::ChangeOrgUnit(change) => {
            done.events.push(organisation::change_unit(tx, change).await?);
        }
        ProposedChange::CreateRole(new) => {
            done.events.push(roles::create(tx, new, now).await?);
        }
        ProposedChange::ChangeRole { id, change } => {
            done.events.extend(roles::change(tx, &id, change, now).await?);
        }
        ProposedChange::DeleteRole { id, replacement } => {
            let ids = own_roles::given_by(tx, &id).await?;
            done.events.push(roles::delete(tx, &id, replacement.as_deref(), now).await?);
            if let Some(after) = replacement.filter(|_| !ids.is_empty()) {
                done.grants.push(Turned::Grants { before: id, after, ids });
            }
        }
        ProposedChange::MoveToBlueprint { version } => {
            done.events.extend(move_to_blueprint(tx, &version).await?);
        }
        ProposedChange::LeaveGroup { user, group } => {
            if members::remove(tx, group, &[user]).await?.people.is_empty() {
                return Err(AppError::Invalid(
                    "leaveGroup: the person is not directly in the group".to_owned(),
                ));
            }
            done.moved.push(user);
        }
    }
    Ok(())
}

/// Goes over to another version of the tenant's blueprint.
pub(super) async fn move_to_blueprint(
    tx: &mut WriteTx,
    version: &str,
) -> Result<Option<AuditEvent>, AppError> {
    let (tenant, _) = tenants::current(tx).await?;
    if tenant.blueprint_version == version {
        return Ok(None);
    }
    let text = tenants::other_version(tx, version).await?.ok_or_else(|| {
        AppError::Invalid(format!("the blueprint {:?} has no version {version:?}", tenant.blueprint_id))
    })?;
    let next = parse_blueprint(&text)?;
    let own = own_roles::own(tx).await?;
    let taken = own.roles.iter().find(|said| said.standing.is_some() && next.role(&said.id).is_some());
    if let Some(said) = taken {
        return Err(AppError::Conflict(format!("that version has a role {:?} of its own", said.id)));
    }
    let lost = own.roles.iter().find(|said| said.standing.is_none() && next.role(&said.id).is_none());
    if let Some(said) = lost.filter(|said| !said.removed) {
        return Err(AppError::Conflict(format!(
            "that version has no role {:?}, which the tenant changed",
            said.id
        )));
    }
    let together = next.with(&own);
    let of_own = together.roles().filter(|role| role.origin() == Origin::Own).count();
    if of_own < own.roles.iter().filter(|said| said.standing.is_some()).count() {
        return Err(AppError::Conflict(
            "that version has no place where a role of the tenant is held".to_owned(),
        ));
    }
    tenants::move_to_version(tx, version).await?;
    let told = |version: &str| json!({"blueprint": format!("{}@{version}", tenant.blueprint_id)});
    let event = AuditEvent::new(Action::TenantUpdate, tenant.tenant_id());
    Ok(Some(event.before(told(&tenant.blueprint_version)).after(told(version))))
}
