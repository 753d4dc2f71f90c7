//! Those who run Usher itself, and their credentials, which belong to no tenant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::audit::Actor;
use domain::id::{CredentialId, RequestId};
use domain::token::{PlainToken, TokenHash};
use uuid::Uuid;

use crate::credentials::USE_IS_NOTED_EVERY;
use crate::db::Db;
use crate::error::StoreError;
use crate::schema::operator_credential;
use crate::tx::GlobalTx;

/// Proof that the caller runs Usher itself: a valid operator credential, or a command on the machine that holds the
/// database.
#[derive(Debug, Clone)]
pub struct Operator {
    actor: Actor,
    request: RequestId,
}

impl Operator {
    /// For the command line, whose caller already holds the database's own credentials.
    pub fn at_the_console(request: RequestId) -> Self {
        Self { actor: Actor::Cli, request }
    }

    /// Who acts, for the audit trail.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The request that this proof belongs to.
    pub fn request(&self) -> RequestId {
        self.request
    }
}

/// An operator's credential as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = operator_credential)]
pub struct OperatorCredentialRow {
    /// Id.
    pub id: Uuid,
    /// Its prefix and last characters, to recognise it by.
    pub hint: String,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// When it stops to work.
    pub expires_at: Option<DateTime<Utc>>,
    /// When somebody took it back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last shown (to the minute).
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Db {
    /// Who shows this token is an operator, or nobody.
    pub async fn operator(
        &self,
        token: &PlainToken,
        request: RequestId,
        now: DateTime<Utc>,
    ) -> Result<Option<Operator>, StoreError> {
        let mut tx = self.global().await?;
        let found: Option<(Uuid, Option<DateTime<Utc>>)> = operator_credential::table
            .filter(operator_credential::token_hash.eq(token.hash().as_bytes().to_vec()))
            .filter(operator_credential::revoked_at.is_null())
            .filter(operator_credential::expires_at.is_null().or(operator_credential::expires_at.gt(now)))
            .select((operator_credential::id, operator_credential::last_used_at))
            .first(tx.conn().await?)
            .await
            .optional()?;
        if let Some((id, last)) = found
            && last.is_none_or(|last| now - last >= USE_IS_NOTED_EVERY)
        {
            diesel::update(operator_credential::table.find(id))
                .set(operator_credential::last_used_at.eq(now))
                .execute(tx.conn().await?)
                .await?;
        }
        tx.finish().await?;
        Ok(found.map(|(id, _)| Operator {
            actor: Actor::Operator { credential: CredentialId::from_uuid(id) },
            request,
        }))
    }
}

/// Keeps the hash of a new credential.
pub async fn add(tx: &mut GlobalTx, row: &OperatorCredentialRow, hash: TokenHash) -> Result<(), StoreError> {
    diesel::insert_into(operator_credential::table)
        .values((row, operator_credential::token_hash.eq(hash.as_bytes().to_vec())))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All credentials, oldest first.
pub async fn all(tx: &mut GlobalTx) -> Result<Vec<OperatorCredentialRow>, StoreError> {
    Ok(operator_credential::table
        .order(operator_credential::id)
        .select(OperatorCredentialRow::as_select())
        .load(tx.conn().await?)
        .await?)
}

/// Takes a credential back. Returns whether there was one to take.
pub async fn revoke(tx: &mut GlobalTx, id: CredentialId, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let live =
        operator_credential::table.find(id.as_uuid()).filter(operator_credential::revoked_at.is_null());
    let changed =
        diesel::update(live).set(operator_credential::revoked_at.eq(at)).execute(tx.conn().await?).await?;
    Ok(changed == 1)
}
