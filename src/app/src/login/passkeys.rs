//! Passkeys of local people, as administrators see them: invited, listed, named, removed. Knows that only local people have any; what a browser does with one is `passkey_ceremony`.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{PasskeyId, UserId};
use domain::token::{PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sso::passkey::RelyingParty;
use store::audit::Outgoing;
use store::passkeys::{self, PasskeyRow};
use store::users::{self, Groups};
use store::{AdminScope, WriteTx, people};
use utoipa::ToSchema;

use super::enforcement::keep_a_way_back;
use super::sessions::sign_out_everywhere;
use crate::App;
use crate::error::AppError;
use crate::tenants::display_name;

/// How long a link to register a passkey is good.
const INVITED_FOR: Duration = Duration::minutes(15);

/// A link by which somebody registers one passkey, once. Whoever has it can sign in as them from then on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyInvitationView {
    /// Where the person goes with their browser; shown this once.
    pub address: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: PasskeyId,
    /// What it is called.
    pub name: String,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When somebody signed in by it last.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<PasskeyRow> for PasskeyView {
    fn from(row: PasskeyRow) -> Self {
        let (id, PasskeyRow { name, created_at, last_used_at, .. }) = (row.passkey_id(), row);
        Self { id, name, created_at, last_used_at }
    }
}

/// What a passkey is to be called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenamePasskey {
    /// Its new name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
}

impl App {
    /// Makes a link by which a local person registers a passkey.
    pub async fn invite_passkey(
        &self,
        admin: &AdminScope,
        tenant: &str,
        user: UserId,
    ) -> Result<PasskeyInvitationView, AppError> {
        let (mut tx, is_active) = self.local_person(admin, user).await?;
        if !is_active {
            return Err(AppError::Conflict("the person is not active".to_owned()));
        }
        RelyingParty::at(&self.public_url).map_err(|error| AppError::Conflict(error.to_string()))?;
        let now = self.now();
        let expires_at = now + INVITED_FOR;
        let token = PlainToken::mint(TokenKind::Invitation, Some(admin.scope().tenant()), &*self.entropy);
        passkeys::invite(&mut tx, token.hash(), user, (now, expires_at)).await?;
        let event = AuditEvent::new(Action::PasskeyInvite, user).after(json!({"expiresAt": expires_at}));
        self.commit(tx, Audit::of(event), now).await?;
        // Behind the `#`, where browsers keep it to themselves: no log and no other site gets to see it.
        let address = format!("{}passkey/{tenant}/register#{}", self.public_url, token.expose());
        Ok(PasskeyInvitationView { address, expires_at })
    }

    /// A person's passkeys, oldest first. Somebody whom a directory manages has none.
    pub async fn list_passkeys(
        &self,
        admin: &AdminScope,
        user: UserId,
    ) -> Result<Vec<PasskeyView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        people::find(&mut tx, user).await?.ok_or(AppError::NotFound("user"))?;
        let rows = passkeys::of_person(&mut tx, user).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(PasskeyView::from).collect())
    }

    /// Names a passkey.
    pub async fn rename_passkey(
        &self,
        admin: &AdminScope,
        user: UserId,
        id: PasskeyId,
        wanted: RenamePasskey,
    ) -> Result<PasskeyView, AppError> {
        let name = display_name(&wanted.name)?;
        let (mut tx, _) = self.local_person(admin, user).await?;
        let renamed =
            passkeys::rename(&mut tx, user, id, &name).await?.ok_or(AppError::NotFound("passkey"))?;
        let event = AuditEvent::new(Action::PasskeyUpdate, id).after(json!({"user": user, "name": name}));
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(renamed.into())
    }

    /// Removes a passkey and ends the person's sessions: one that was lost may have opened them.
    pub async fn remove_passkey(
        &self,
        admin: &AdminScope,
        user: UserId,
        id: PasskeyId,
    ) -> Result<(), AppError> {
        let now = self.now();
        let (mut tx, _) = self.local_person(admin, user).await?;
        let name = passkeys::remove(&mut tx, user, id).await?.ok_or(AppError::NotFound("passkey"))?;
        keep_a_way_back(&mut tx, None).await?;
        let event = AuditEvent::new(Action::PasskeyRemove, id).before(json!({"user": user, "name": name}));
        let mut audit = Audit::of(event);
        audit.extend(sign_out_everywhere(&mut tx, &[user], now).await?);
        tx.announce(Outgoing {
            fact: "passkey.removed",
            subject_id: user.to_string(),
            payload: json!({"user": user, "passkey": id}),
        });
        self.commit(tx, audit, now).await?;
        Ok(())
    }

    /// A transaction in which a local person is locked, and whether they are active.
    async fn local_person(&self, admin: &AdminScope, user: UserId) -> Result<(WriteTx, bool), AppError> {
        let local = self.manager_of(admin, user).await?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = users::lock(&mut tx, local.directory(), user, Groups::Omitted).await?;
        let row = row.ok_or(AppError::NotFound("user"))?;
        let is_active = row.is_let_in();
        Ok((tx, is_active))
    }
}
