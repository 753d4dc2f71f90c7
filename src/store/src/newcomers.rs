//! People whom a sign-in made, until their directory describes them. Knows that the first description changes the version; does not know who signs in.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{DirectoryId, UserId};
use uuid::Uuid;

use crate::connections::ConnectionRow;
use crate::error::StoreError;
use crate::schema::{newcomer, tombstone, users};
use crate::scope::{DirectoryScope, Scope};
use crate::tx::{Reads, WriteTx};
use crate::users::Named;

diesel::define_sql_function! {
    /// As in the index.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// What a sign-in may do to the directory whose people its connection lets in.
pub fn as_newcomer(scope: &Scope, connection: &ConnectionRow) -> DirectoryScope {
    DirectoryScope::by_sign_in(scope, connection.directory())
}

/// What somebody who follows a link for several may do to the directory of local people.
pub fn by_link(scope: &Scope, local: DirectoryId) -> DirectoryScope {
    DirectoryScope::by_sign_in(scope, local)
}

/// Notes that a sign-in made this person.
pub async fn note(tx: &mut WriteTx, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(newcomer::table)
        .values((
            newcomer::tenant_id.eq(tenant),
            newcomer::user_id.eq(user.as_uuid()),
            newcomer::arrived_at.eq(now),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Whether a sign-in made this person and nobody has described them since.
pub async fn is_undescribed(tx: &mut impl Reads, user: UserId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Uuid> = newcomer::table
        .inner_join(
            users::table.on(users::tenant_id.eq(newcomer::tenant_id).and(users::id.eq(newcomer::user_id))),
        )
        .filter(newcomer::tenant_id.eq(tenant).and(newcomer::user_id.eq(user.as_uuid())))
        .filter(users::version.eq(1))
        .select(newcomer::user_id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.is_some())
}

/// Whether somebody of this name was deleted from the directory.
pub async fn was_deleted(
    tx: &mut impl Reads,
    directory: DirectoryId,
    by: Named<'_>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let gone = tombstone::table
        .filter(tombstone::tenant_id.eq(tenant).and(tombstone::directory_id.eq(directory.as_uuid())));
    let connection = tx.connection().0.conn().await?;
    Ok(match by {
        Named::UserName(name) => {
            let named = gone.filter(lower(tombstone::user_name).eq(lower(name)));
            diesel::select(exists(named)).get_result(connection).await?
        }
        Named::ExternalId(id) => {
            let named = gone.filter(tombstone::external_id.eq(id));
            diesel::select(exists(named)).get_result(connection).await?
        }
    })
}
