//! Gates of a tenant: set up, changed, given other secrets and taken down. A secret is kept as a hash.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::GateId;
use domain::token::{PlainToken, TokenKind};
use serde::Deserialize;
use serde_json::{Value, json};
use store::gates::{self, GateRow, GateSecretRow};
use store::{AdminScope, WriteTx};
use utoipa::ToSchema;

use super::rules::{self, GateRule};
use super::views::{CreatedGate, GateView, RotatedGateSecret};
use crate::App;
use crate::apps::RotateSecret;
use crate::error::AppError;
use crate::tenants::display_name;

const MOST_OF_A_TENANT: usize = 50;

/// A gate as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetGate {
    /// Display name.
    pub name: String,
    /// The rules of each host that it may ask about, by its origin: https, or http on this machine.
    #[schema(example = json!({"https://wiki.example": [{"path": "/"}, {"path": "/admin", "adminLevel": "admin"}]}))]
    pub hosts: BTreeMap<String, Vec<GateRule>>,
}

fn missing() -> AppError {
    AppError::NotFound("gate")
}

impl App {
    /// Sets a gate up.
    pub async fn create_gate(&self, admin: &AdminScope, new: SetGate) -> Result<CreatedGate, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let (name, hosts) = self.checked(&mut tx, &new).await?;
        if gates::all(&mut tx).await?.len() >= MOST_OF_A_TENANT {
            return Err(AppError::Conflict(format!("a tenant has {MOST_OF_A_TENANT} gates at most")));
        }
        let id = GateId::generate(now, &*self.entropy);
        let row = GateRow { id: id.as_uuid(), name, hosts, created_at: now };
        gates::create(&mut tx, &row).await?;
        let secret = self.give_gate_secret(&mut tx, id, now, now).await?;
        let secrets = gates::secrets(&mut tx, Some(id), now).await?;
        let event = AuditEvent::new(Action::GateCreate, id).after(described(&row));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(CreatedGate { gate: GateView::new(&row, &secrets)?, secret: secret.expose().to_owned() })
    }

    /// All gates of the tenant.
    pub async fn list_gates(&self, admin: &AdminScope) -> Result<Vec<GateView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = gates::all(&mut tx).await?;
        let secrets = gates::secrets(&mut tx, None, self.now()).await?;
        tx.finish().await?;
        rows.iter().map(|row| GateView::new(row, &secrets)).collect()
    }

    /// One of them.
    pub async fn show_gate(&self, admin: &AdminScope, id: GateId) -> Result<GateView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = gates::find(&mut tx, id).await?.ok_or_else(missing)?;
        let secrets = gates::secrets(&mut tx, Some(id), self.now()).await?;
        tx.finish().await?;
        GateView::new(&row, &secrets)
    }

    /// Says anew what a gate is called and may ask about. It holds from the next request on.
    pub async fn set_gate(
        &self,
        admin: &AdminScope,
        id: GateId,
        wanted: SetGate,
    ) -> Result<GateView, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row = gates::lock(&mut tx, id).await?.ok_or_else(missing)?;
        let before = described(&row);
        (row.name, row.hosts) = self.checked(&mut tx, &wanted).await?;
        gates::update(&mut tx, &row).await?;
        let secrets = gates::secrets(&mut tx, Some(id), now).await?;
        let event = AuditEvent::new(Action::GateUpdate, id).before(before).after(described(&row));
        self.commit(tx, Audit::of(event), now).await?;
        GateView::new(&row, &secrets)
    }

    /// Gives a gate another secret; the one before is good beside it for a while, and any before that is not.
    pub async fn rotate_gate_secret(
        &self,
        admin: &AdminScope,
        id: GateId,
        how: RotateSecret,
    ) -> Result<RotatedGateSecret, AppError> {
        let now = self.now();
        let old_until = how.old_until(now)?;
        let mut tx = self.db.begin(admin.scope()).await?;
        gates::lock(&mut tx, id).await?.ok_or_else(missing)?;
        let secret = self.give_gate_secret(&mut tx, id, old_until, now).await?;
        let event = AuditEvent::new(Action::GateRotate, id).after(json!({"oldUntil": old_until}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(RotatedGateSecret { secret: secret.expose().to_owned(), old_until })
    }

    /// Takes a gate down: it may ask nothing from the next request on, and its passes are gone.
    pub async fn delete_gate(&self, admin: &AdminScope, id: GateId) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = gates::lock(&mut tx, id).await?.ok_or_else(missing)?;
        gates::delete(&mut tx, id).await?;
        let event = AuditEvent::new(Action::GateDelete, id).before(described(&row));
        self.commit(tx, Audit::of(event), self.now()).await
    }

    /// Name and hosts as they are kept, if they make sense.
    async fn checked(&self, tx: &mut WriteTx, wanted: &SetGate) -> Result<(String, Value), AppError> {
        let name = display_name(&wanted.name)?;
        let (_, policy) = self.policies.in_force(tx).await?;
        rules::check(&wanted.hosts, &policy)?;
        let hosts =
            serde_json::to_value(&wanted.hosts).map_err(|error| AppError::Internal(error.to_string()))?;
        Ok((name, hosts))
    }

    async fn give_gate_secret(
        &self,
        tx: &mut WriteTx,
        id: GateId,
        old_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<PlainToken, AppError> {
        let secret = PlainToken::mint(TokenKind::Gate, Some(tx.scope().tenant()), &*self.entropy);
        let row = GateSecretRow {
            secret_hash: secret.hash().as_bytes().to_vec(),
            gate_id: id.as_uuid(),
            hint: secret.hint(),
            created_at: now,
            ends_at: None,
        };
        gates::add_secret(tx, &row, old_until).await?;
        Ok(secret)
    }
}

fn described(row: &GateRow) -> Value {
    json!({"name": row.name, "hosts": row.hosts})
}
