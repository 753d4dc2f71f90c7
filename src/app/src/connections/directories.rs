//! Directories: the SCIM links of a tenant, and the dialect of each.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::DirectoryId;
use scim::dialect::{Leniency, Profile, Setting};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::AdminScope;
use store::dialects::{self, DialectRow, UseRow};
use store::directories::{self, DirectoryRow};
use store::pending;
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::tenants::{display_name, slug};

/// How a directory's client speaks SCIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DialectName {
    /// To be recognised by its name or its requests.
    #[default]
    Auto,
    /// The RFCs and nothing else.
    Rfc,
    /// The SCIM 2.0 interoperability profile, stricter than the RFCs.
    Interop,
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
    /// `OneLogin`.
    OneLogin,
    /// `JumpCloud`.
    JumpCloud,
    /// PingFederate and `PingOne`.
    Ping,
    /// authentik.
    Authentik,
    /// Keycloak.
    Keycloak,
}

impl DialectName {
    /// Every name.
    pub const ALL: [Self; 10] = [
        Self::Auto,
        Self::Rfc,
        Self::Interop,
        Self::Entra,
        Self::Okta,
        Self::OneLogin,
        Self::JumpCloud,
        Self::Ping,
        Self::Authentik,
        Self::Keycloak,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        self.setting().as_str()
    }

    /// The one that is written so.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == name)
    }

    fn setting(self) -> Setting {
        match self {
            Self::Auto => Setting::Auto,
            Self::Rfc => Setting::Named(Profile::Rfc),
            Self::Interop => Setting::Named(Profile::Interop),
            Self::Entra => Setting::Named(Profile::Entra),
            Self::Okta => Setting::Named(Profile::Okta),
            Self::OneLogin => Setting::Named(Profile::OneLogin),
            Self::JumpCloud => Setting::Named(Profile::JumpCloud),
            Self::Ping => Setting::Named(Profile::Ping),
            Self::Authentik => Setting::Named(Profile::Authentik),
            Self::Keycloak => Setting::Named(Profile::Keycloak),
        }
    }
}

/// A directory to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDirectory {
    /// Short name, unique in the tenant: 1–63 of `a–z`, `0–9`, `-`.
    #[schema(
        example = "entra",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    )]
    pub slug: String,
    /// Display name.
    #[schema(example = "Entra ID", min_length = 1, max_length = 200)]
    pub name: String,
    /// How its client speaks.
    #[serde(default)]
    pub dialect: DialectName,
}

/// What is to be changed of a directory; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeDirectory {
    /// How its client speaks from now on. What was recognised and counted before is forgotten, also by naming the same.
    pub dialect: Option<DialectName>,
    /// Whether a POST with the externalId of somebody who is there and inactive lets them in again. Otherwise such a POST
    /// is a conflict, and the client is expected to find the person and to PATCH them.
    pub create_reenables: Option<bool>,
}

/// A directory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: DirectoryId,
    /// Short name.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// How its client speaks, as an administrator set it.
    pub dialect: DialectName,
    /// Who was recognised, where the dialect is `auto`.
    pub detected_dialect: Option<DialectName>,
    /// By what: `client` (what it calls itself) or `requests` (how they are written).
    pub detected_by: Option<String>,
    /// When.
    pub detected_at: Option<DateTime<Utc>>,
    /// Whether a POST may let a person in again who is there and inactive.
    pub create_reenables: bool,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

/// A directory, what its client needs, and whom it waits for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryDetails {
    /// The directory.
    #[serde(flatten)]
    pub directory: DirectoryView,
    /// Deviations from the RFCs that its requests needed since the dialect was set.
    pub leniencies: Vec<LeniencyUse>,
    /// How many members its client has named who are not there.
    pub pending_members: i64,
}

/// How often a deviation was let pass.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeniencyUse {
    /// Its name.
    pub leniency: String,
    /// What it is, and who was seen to send it.
    pub evidence: Option<&'static str>,
    /// How many requests needed it.
    pub uses: i64,
    /// When the last of them came.
    pub last_used_at: DateTime<Utc>,
}

impl From<DirectoryRow> for DirectoryView {
    fn from(row: DirectoryRow) -> Self {
        let DirectoryRow { id, slug, name, created_at, create_reenables, spoken } = row;
        Self {
            id: DirectoryId::from_uuid(id),
            slug,
            name,
            dialect: DialectName::parse(&spoken.dialect).unwrap_or_default(),
            detected_dialect: spoken.detected_dialect.as_deref().and_then(DialectName::parse),
            detected_by: spoken.detected_by,
            detected_at: spoken.detected_at,
            create_reenables,
            created_at,
        }
    }
}

impl From<UseRow> for LeniencyUse {
    fn from(row: UseRow) -> Self {
        let UseRow { leniency, uses, last_used_at } = row;
        Self { evidence: Leniency::parse(&leniency).map(Leniency::evidence), leniency, uses, last_used_at }
    }
}

fn spoken(dialect: DialectName, at: DateTime<Utc>) -> DialectRow {
    DialectRow {
        dialect: dialect.as_str().to_owned(),
        dialect_set_at: at,
        detected_dialect: None,
        detected_by: None,
        detected_at: None,
    }
}

impl App {
    /// Adds a directory.
    pub async fn create_directory(
        &self,
        admin: &AdminScope,
        new: NewDirectory,
    ) -> Result<DirectoryView, AppError> {
        let now = self.now();
        let row = DirectoryRow {
            id: DirectoryId::generate(now, &*self.entropy).as_uuid(),
            slug: slug(&new.slug)?,
            name: display_name(&new.name)?,
            created_at: now,
            create_reenables: false,
            spoken: spoken(new.dialect, now),
        };
        let mut tx = self.db.begin(admin.scope()).await?;
        directories::create(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::DirectoryCreate, DirectoryId::from_uuid(row.id))
            .after(json!({"slug": row.slug, "name": row.name, "dialect": row.spoken.dialect}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(row.into())
    }

    /// All directories.
    pub async fn list_directories(&self, admin: &AdminScope) -> Result<Vec<DirectoryView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = directories::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(DirectoryView::from).collect())
    }

    /// One directory, with what its client needed. What this process has counted and not written yet is written first.
    pub async fn show_directory(&self, admin: &AdminScope, slug: &str) -> Result<DirectoryDetails, AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = directories::named(&mut tx, slug).await?.ok_or(AppError::NotFound("directory"))?;
        let id = DirectoryId::from_uuid(row.id);
        let waiting = self.dialects.take((admin.scope().tenant(), id));
        dialects::count(&mut tx, id, &waiting).await?;
        let uses = dialects::uses(&mut tx, id).await?;
        let pending_members = pending::count(&mut tx, id).await?;
        tx.commit_trace_of_use().await?;
        Ok(DirectoryDetails {
            directory: row.into(),
            leniencies: uses.into_iter().map(LeniencyUse::from).collect(),
            pending_members,
        })
    }

    /// Changes a directory. With another dialect, requests that this process reads from now on are read so, those of
    /// others within seconds.
    pub async fn change_directory(
        &self,
        admin: &AdminScope,
        slug: &str,
        change: ChangeDirectory,
    ) -> Result<DirectoryView, AppError> {
        if change.dialect.is_none() && change.create_reenables.is_none() {
            return Err(AppError::Invalid("say what is to be changed".to_owned()));
        }
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row = directories::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("directory"))?;
        let id = DirectoryId::from_uuid(row.id);
        let (mut before, mut after) = (serde_json::Map::new(), serde_json::Map::new());
        if let Some(dialect) = change.dialect {
            dialects::set(&mut tx, id, dialect.as_str(), now).await?;
            before.insert("dialect".to_owned(), json!(row.spoken.dialect));
            before.insert("detectedDialect".to_owned(), json!(row.spoken.detected_dialect));
            after.insert("dialect".to_owned(), json!(dialect));
            row.spoken = spoken(dialect, now);
        }
        if let Some(reenables) = change.create_reenables {
            directories::set_create_reenables(&mut tx, id, reenables).await?;
            before.insert("createReenables".to_owned(), json!(row.create_reenables));
            after.insert("createReenables".to_owned(), json!(reenables));
            row.create_reenables = reenables;
        }
        let event = AuditEvent::new(Action::DirectoryUpdate, id)
            .before(Value::from(before))
            .after(Value::from(after));
        self.commit(tx, Audit::of(event), now).await?;
        if change.dialect.is_some() {
            self.dialects.forget((admin.scope().tenant(), id));
        }
        Ok(row.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_of_the_engine_can_be_said() {
        for profile in Profile::ALL {
            let name = DialectName::parse(profile.as_str()).unwrap();
            assert_eq!(name.setting(), Setting::Named(profile));
            assert_eq!(json!(name), profile.as_str());
        }
        assert_eq!(json!(DialectName::default()), "auto");
    }
}
