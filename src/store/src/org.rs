//! The organisation tree and the workspaces of a tenant.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::access::Workspace;
use domain::id::{OrgUnitId, WorkspaceId};
use domain::org_tree::OrgUnit;
use uuid::Uuid;

use crate::error::StoreError;
use crate::keys::fitting;
use crate::schema::{org_unit, workspace};
use crate::tx::{Reads, WriteTx};

/// Id, parent, key, name and kind of a unit.
type UnitRow = (Uuid, Option<Uuid>, String, String, Option<String>);

/// All org units, in no particular order.
pub async fn units(tx: &mut impl Reads) -> Result<Vec<OrgUnit>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<UnitRow> = org_unit::table
        .filter(org_unit::tenant_id.eq(tenant))
        .order(org_unit::key_fold)
        .select((org_unit::id, org_unit::parent_id, org_unit::key, org_unit::name, org_unit::kind))
        .load(tx.connection().0.conn().await?)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, parent, key, name, kind)| OrgUnit {
            id: OrgUnitId::from_uuid(id),
            parent: parent.map(OrgUnitId::from_uuid),
            key,
            name,
            kind,
        })
        .collect())
}

/// Adds an org unit. `key_fold` is its key as keys are compared.
pub async fn add_unit(tx: &mut WriteTx, unit: &OrgUnit, key_fold: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(org_unit::table)
        .values((
            org_unit::tenant_id.eq(tenant),
            org_unit::id.eq(unit.id.as_uuid()),
            org_unit::parent_id.eq(unit.parent.map(OrgUnitId::as_uuid)),
            org_unit::key.eq(&unit.key),
            org_unit::key_fold.eq(fitting("key", key_fold.to_owned())?),
            org_unit::name.eq(&unit.name),
            org_unit::kind.eq(&unit.kind),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Changes the key, the name and the parent of an org unit. `key_fold` is its key as keys are compared.
pub async fn change_unit(tx: &mut WriteTx, unit: &OrgUnit, key_fold: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = org_unit::tenant_id.eq(tenant).and(org_unit::id.eq(unit.id.as_uuid()));
    diesel::update(org_unit::table.filter(one))
        .set((
            org_unit::parent_id.eq(unit.parent.map(OrgUnitId::as_uuid)),
            org_unit::key.eq(&unit.key),
            org_unit::key_fold.eq(fitting("key", key_fold.to_owned())?),
            org_unit::name.eq(&unit.name),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All workspaces, by key.
pub async fn workspaces(tx: &mut impl Reads) -> Result<Vec<Workspace>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<(Uuid, String, String, Option<Uuid>)> = workspace::table
        .filter(workspace::tenant_id.eq(tenant))
        .order(workspace::key)
        .select((workspace::id, workspace::key, workspace::name, workspace::org_unit_id))
        .load(tx.connection().0.conn().await?)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, key, name, unit)| Workspace {
            id: WorkspaceId::from_uuid(id),
            key,
            name,
            org_unit: unit.map(OrgUnitId::from_uuid),
        })
        .collect())
}

/// Adds a workspace.
pub async fn add_workspace(tx: &mut WriteTx, row: &Workspace) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(workspace::table)
        .values((
            workspace::tenant_id.eq(tenant),
            workspace::id.eq(row.id.as_uuid()),
            workspace::key.eq(&row.key),
            workspace::name.eq(&row.name),
            workspace::org_unit_id.eq(row.org_unit.map(OrgUnitId::as_uuid)),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}
