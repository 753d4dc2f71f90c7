//! The organisation tree and the workspaces. A change of either computes everybody's access anew.

use domain::access::Workspace;
use domain::audit::{Action, AuditEvent};
use domain::blueprint::{Blueprint, Scope};
use domain::id::{OrgUnitId, WorkspaceId};
use domain::mapping::ScopeRef;
use domain::org_tree::{OrgTree, OrgUnit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{AdminScope, WriteTx, org, tenants};
use utoipa::ToSchema;

use super::registry::{display_name, slug};
use crate::App;
use crate::access::parse_blueprint;
use crate::error::AppError;

/// An org unit to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrgUnit {
    /// The name that mapping rules and directories use, unique in the tenant, compared without case.
    #[schema(example = "Sales/Osaka", min_length = 1, max_length = 200)]
    pub key: String,
    /// Display name.
    #[schema(example = "Osaka", min_length = 1, max_length = 200)]
    pub name: String,
    /// Key of the unit above; none for the top of the organisation.
    #[schema(example = "Sales")]
    pub parent: Option<String>,
    /// Which of the product's kinds of unit it is, where the product has several; none at the top.
    #[schema(example = "team")]
    pub kind: Option<String>,
}

/// An org unit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrgUnitView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: OrgUnitId,
    /// The name that rules use.
    pub key: String,
    /// Display name.
    pub name: String,
    /// The unit above.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub parent: Option<OrgUnitId>,
    /// 0 at the top.
    pub depth: u32,
    /// Which of the product's kinds of unit it is, where the product has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A workspace to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWorkspace {
    /// Short name, unique in the tenant: 1–63 of `a–z`, `0–9`, `-`.
    #[schema(example = "emea", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub key: String,
    /// Display name.
    #[schema(example = "EMEA", min_length = 1, max_length = 200)]
    pub name: String,
    /// Key of the org unit that it belongs to, if any.
    pub org_unit: Option<String>,
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: WorkspaceId,
    /// Short name.
    pub key: String,
    /// Display name.
    pub name: String,
    /// The org unit that it belongs to.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub org_unit: Option<OrgUnitId>,
}

impl From<Workspace> for WorkspaceView {
    fn from(workspace: Workspace) -> Self {
        let Workspace { id, key, name, org_unit } = workspace;
        Self { id, key, name, org_unit }
    }
}

impl App {
    /// Adds an org unit.
    pub async fn create_org_unit(
        &self,
        admin: &AdminScope,
        new: NewOrgUnit,
    ) -> Result<OrgUnitView, AppError> {
        let add = async |tx: &mut WriteTx| {
            let (view, event) = self.add_unit(tx, new.clone()).await?;
            Ok((view, vec![event]))
        };
        Ok(self.change_policy(admin, add).await?.0)
    }

    async fn add_unit(
        &self,
        tx: &mut WriteTx,
        new: NewOrgUnit,
    ) -> Result<(OrgUnitView, AuditEvent), AppError> {
        let mut units = org::units(tx).await?;
        let above = tree(units.clone())?;
        let parent = match &new.parent {
            Some(key) => Some(unit_by_key(&above, key)?),
            None => None,
        };
        let (_, blueprint) = tenants::current(tx).await?;
        let unit = OrgUnit {
            id: OrgUnitId::generate(self.now(), &*self.entropy),
            parent,
            key: display_name(&new.key)?,
            name: display_name(&new.name)?,
            kind: new.kind,
        };
        check_kind(&parse_blueprint(&blueprint)?, &above, &unit)?;
        units.push(unit.clone());
        let tree = OrgTree::build(units).map_err(|error| AppError::Conflict(error.to_string()))?;
        org::add_unit(tx, &unit, &scim::text::fold(&unit.key)).await?;
        let event = AuditEvent::new(Action::OrgUnitCreate, unit.id)
            .after(json!({"key": unit.key, "name": unit.name, "parent": unit.parent}));
        Ok((view(&tree, &unit), event))
    }

    /// The organisation, by key.
    pub async fn list_org_units(&self, admin: &AdminScope) -> Result<Vec<OrgUnitView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let units = org::units(&mut tx).await?;
        tx.finish().await?;
        let tree = tree(units.clone())?;
        Ok(units.iter().map(|unit| view(&tree, unit)).collect())
    }

    /// Adds a workspace.
    pub async fn create_workspace(
        &self,
        admin: &AdminScope,
        new: NewWorkspace,
    ) -> Result<WorkspaceView, AppError> {
        let add = async |tx: &mut WriteTx| {
            let org_unit = match &new.org_unit {
                Some(key) => Some(unit_by_key(&tree(org::units(tx).await?)?, key)?),
                None => None,
            };
            let workspace = Workspace {
                id: WorkspaceId::generate(self.now(), &*self.entropy),
                key: slug(&new.key)?,
                name: display_name(&new.name)?,
                org_unit,
            };
            org::add_workspace(tx, &workspace).await?;
            let event = AuditEvent::new(Action::WorkspaceCreate, workspace.id)
                .after(json!({"key": workspace.key, "name": workspace.name, "orgUnit": workspace.org_unit}));
            Ok((workspace.into(), vec![event]))
        };
        Ok(self.change_policy(admin, add).await?.0)
    }

    /// All workspaces.
    pub async fn list_workspaces(&self, admin: &AdminScope) -> Result<Vec<WorkspaceView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = org::workspaces(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(WorkspaceView::from).collect())
    }
}

/// A change of an org unit. What is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeOrgUnit {
    /// Its key as it is now.
    pub key: String,
    /// Another key.
    pub new_key: Option<String>,
    /// Another name.
    pub name: Option<String>,
    /// Key of the unit above it from now on. The top stays the top.
    pub parent: Option<String>,
}

fn told(unit: &OrgUnit) -> serde_json::Value {
    json!({"key": unit.key, "name": unit.name, "parent": unit.parent})
}

/// Renames or moves a unit with everything below it. What follows for people is computed afterwards.
pub(super) async fn change_unit(tx: &mut WriteTx, change: ChangeOrgUnit) -> Result<AuditEvent, AppError> {
    let mut units = org::units(tx).await?;
    let before = tree(units.clone())?;
    let id = unit_by_key(&before, &change.key)?;
    let mut unit = before.get(id).cloned().ok_or(AppError::NotFound("org unit"))?;
    let was = told(&unit);
    if let Some(key) = change.new_key {
        unit.key = display_name(&key)?;
    }
    if let Some(name) = change.name {
        unit.name = display_name(&name)?;
    }
    if let Some(parent) = change.parent {
        if unit.parent.is_none() {
            return Err(AppError::Conflict("the top of the organisation stays at the top".to_owned()));
        }
        unit.parent = Some(unit_by_key(&before, &parent)?);
    }
    let (_, blueprint) = tenants::current(tx).await?;
    check_kind(&parse_blueprint(&blueprint)?, &before, &unit)?;
    units.retain(|other| other.id != id);
    units.push(unit.clone());
    OrgTree::build(units).map_err(|error| AppError::Conflict(error.to_string()))?;
    org::change_unit(tx, &unit, &scim::text::fold(&unit.key)).await?;
    Ok(AuditEvent::new(Action::OrgUnitUpdate, id).before(was).after(told(&unit)))
}

/// Puts units back where and as they were, together, each with everything that is below it now.
pub(super) async fn put_back(tx: &mut WriteTx, were: &[&OrgUnit]) -> Result<Vec<AuditEvent>, AppError> {
    let units = org::units(tx).await?;
    let as_it_was =
        |unit: &OrgUnit| were.iter().copied().find(|was| was.id == unit.id).unwrap_or(unit).clone();
    let after = OrgTree::build(units.iter().map(as_it_was).collect());
    let after = after.map_err(|error| AppError::Conflict(error.to_string()))?;
    let (_, blueprint) = tenants::current(tx).await?;
    let blueprint = parse_blueprint(&blueprint)?;
    let mut events = Vec::new();
    for unit in were {
        check_kind(&blueprint, &after, unit)?;
        let now = units.iter().find(|now| now.id == unit.id).ok_or(AppError::NotFound("org unit"))?;
        events.push(AuditEvent::new(Action::OrgUnitUpdate, unit.id).before(told(now)).after(told(unit)));
        // One may have the key that another is to have back.
        org::change_unit(tx, &OrgUnit { key: now.key.clone(), ..(*unit).clone() }, &unit.id.to_string())
            .await?;
    }
    for unit in were {
        org::change_unit(tx, unit, &scim::text::fold(&unit.key)).await?;
    }
    Ok(events)
}

pub(super) fn tree(units: Vec<OrgUnit>) -> Result<OrgTree, AppError> {
    OrgTree::build(units)
        .map_err(|error| AppError::Internal(format!("the stored organisation tree: {error}")))
}

/// A unit is of a kind that the product has below the kind of the unit above.
fn check_kind(blueprint: &Blueprint, tree: &OrgTree, unit: &OrgUnit) -> Result<(), AppError> {
    let several = blueprint.units().nth(1).is_some();
    let Some(above) = unit.parent.filter(|_| several) else {
        return match &unit.kind {
            None => Ok(()),
            Some(_) => Err(AppError::Invalid("such a unit is of no kind".to_owned())),
        };
    };
    let environment = blueprint.called(ScopeRef::Environment, tree);
    let above = tree.get(above).and_then(|above| above.kind.as_deref()).or(environment).unwrap_or_default();
    let fits: Vec<&str> = blueprint.units().filter(|kind| kind.lies_below(above)).map(Scope::id).collect();
    if unit.kind.as_deref().is_some_and(|kind| fits.contains(&kind)) {
        return Ok(());
    }
    Err(AppError::Invalid(format!("the kinds of unit below {above:?} are: {}", fits.join(", "))))
}

pub(super) fn unit_by_key(tree: &OrgTree, key: &str) -> Result<OrgUnitId, AppError> {
    tree.by_key(key)
        .map(|unit| unit.id)
        .ok_or_else(|| AppError::Invalid(format!("there is no org unit with the key {key:?}")))
}

fn view(tree: &OrgTree, unit: &OrgUnit) -> OrgUnitView {
    OrgUnitView {
        id: unit.id,
        key: unit.key.clone(),
        name: unit.name.clone(),
        parent: unit.parent,
        depth: tree.depth(unit.id).unwrap_or_default(),
        kind: unit.kind.clone(),
    }
}
