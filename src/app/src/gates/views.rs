//! A gate as it is shown. Knows the words of the API; does not know secrets but those shown once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::GateId;
use serde::Serialize;
use store::gates::{GateRow, GateSecretRow};
use utoipa::ToSchema;

use super::rules::{GateRule, Hosts};
use crate::error::AppError;

/// A gate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: GateId,
    /// Display name.
    pub name: String,
    /// The rules of each host that it may ask about, by its origin.
    pub hosts: BTreeMap<String, Vec<GateRule>>,
    /// Its secrets that are good now, newest first.
    pub secrets: Vec<GateSecretView>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

/// A secret, without itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateSecretView {
    /// Prefix and last characters.
    pub hint: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub ends_at: Option<DateTime<Utc>>,
}

/// A gate that was just set up. The secret is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedGate {
    /// The gate.
    #[serde(flatten)]
    pub gate: GateView,
    /// What the proxy shows when it asks.
    pub secret: String,
}

impl std::fmt::Debug for CreatedGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedGate").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// Another secret of a gate. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotatedGateSecret {
    /// The new secret.
    pub secret: String,
    /// Until when the one before is good.
    pub old_until: DateTime<Utc>,
}

impl std::fmt::Debug for RotatedGateSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RotatedGateSecret").field("old_until", &self.old_until).finish_non_exhaustive()
    }
}

impl GateView {
    pub(super) fn new(row: &GateRow, secrets: &[GateSecretRow]) -> Result<Self, AppError> {
        let shown = |secret: &GateSecretRow| GateSecretView {
            hint: secret.hint.clone(),
            created_at: secret.created_at,
            ends_at: secret.ends_at,
        };
        Ok(Self {
            id: row.gate_id(),
            name: row.name.clone(),
            hosts: hosts(row)?,
            secrets: secrets.iter().filter(|secret| secret.gate_id == row.id).map(shown).collect(),
            created_at: row.created_at,
        })
    }
}

/// Whether a gate lets through those who have this role.
pub(crate) fn names_role(row: &GateRow, role: &str) -> Result<bool, AppError> {
    Ok(hosts(row)?.values().flatten().any(|rule| rule.roles.iter().any(|named| named == role)))
}

/// The hosts as they are stored.
pub(super) fn hosts(row: &GateRow) -> Result<Hosts, AppError> {
    serde_json::from_value(row.hosts.clone())
        .map_err(|error| AppError::Internal(format!("the hosts of a gate cannot be read: {error}")))
}
