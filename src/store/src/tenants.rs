//! Tenants and blueprint versions: tables that belong to no tenant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use domain::audit::Actor;
use domain::email_domain::EmailDomain;
use domain::id::{RequestId, TenantId};
use domain::token::CredentialScope;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::operators::Operator;
use crate::schema::{access_policy, blueprint, tenant};
use crate::scope::{AdminScope, Scope};
use crate::tx::{GlobalTx, Reads, WriteTx};

/// A tenant as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tenant)]
pub struct TenantRow {
    /// Id.
    pub id: Uuid,
    /// Short name in addresses and commands.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Which product's rules apply.
    pub blueprint_id: String,
    /// In which version.
    pub blueprint_version: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TenantRow {
    /// The id, typed.
    pub fn tenant_id(&self) -> TenantId {
        TenantId::from_uuid(self.id)
    }
}

#[derive(QueryableByName)]
struct Slug {
    #[diesel(sql_type = Text)]
    slug: String,
}

impl Db {
    /// An operator enters the tenant that a slug names.
    pub async fn enter(&self, operator: &Operator, slug: &str) -> Result<Option<AdminScope>, StoreError> {
        Ok(self.tenant_by_slug(slug).await?.map(|found| {
            let scope = Scope::new(found.tenant_id(), operator.actor().clone(), operator.request());
            AdminScope::new(scope, CredentialScope::Write)
        }))
    }

    /// Somebody without a session arrives at a tenant's sign-in page.
    pub async fn enter_to_sign_in(
        &self,
        slug: &str,
        request: RequestId,
    ) -> Result<Option<Scope>, StoreError> {
        Ok(self
            .tenant_by_slug(slug)
            .await?
            .map(|found| Scope::new(found.tenant_id(), Actor::SignIn, request)))
    }

    /// A job of the house goes to work in a tenant.
    pub fn enter_to_work(&self, tenant: &TenantRow, job: &str, request: RequestId) -> Scope {
        Scope::new(tenant.tenant_id(), Actor::Job { name: job.to_owned() }, request)
    }

    /// The tenant that has verified a domain of e-mail addresses.
    pub async fn tenant_by_email_domain(&self, domain: &EmailDomain) -> Result<Option<String>, StoreError> {
        let mut tx = self.global().await?;
        let found: Option<Slug> =
            diesel::sql_query("SELECT slug FROM tenant WHERE email_domains @> ARRAY[$1]")
                .bind::<Text, _>(domain.as_str())
                .get_result(tx.conn().await?)
                .await
                .optional()?;
        tx.finish().await?;
        Ok(found.map(|row| row.slug))
    }

    /// The tenant that a slug names.
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<TenantRow>, StoreError> {
        let mut tx = self.global().await?;
        let found = tenant::table
            .filter(tenant::slug.eq(slug))
            .select(TenantRow::as_select())
            .first(tx.conn().await?)
            .await
            .optional()?;
        tx.finish().await?;
        Ok(found)
    }
}

/// All tenants, by slug.
pub async fn all(tx: &mut GlobalTx) -> Result<Vec<TenantRow>, StoreError> {
    Ok(tenant::table.order(tenant::slug).select(TenantRow::as_select()).load(tx.conn().await?).await?)
}

/// Puts a blueprint version in place. A version that is there already stays as it is; returns whether the body that is
/// now in force is the given one.
pub async fn ensure_blueprint(
    tx: &mut GlobalTx,
    id: &str,
    version: &str,
    body: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    diesel::insert_into(blueprint::table)
        .values((
            blueprint::id.eq(id),
            blueprint::version.eq(version),
            blueprint::body.eq(body),
            blueprint::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    let kept: String = blueprint::table
        .filter(blueprint::id.eq(id).and(blueprint::version.eq(version)))
        .select(blueprint::body)
        .first(tx.conn().await?)
        .await?;
    Ok(kept == body)
}

/// Creates the tenant and goes on inside it, in the same transaction.
pub async fn create(mut tx: GlobalTx, operator: &Operator, row: &TenantRow) -> Result<WriteTx, StoreError> {
    diesel::insert_into(tenant::table).values(row).execute(tx.conn().await?).await?;
    let scope = Scope::new(row.tenant_id(), operator.actor().clone(), operator.request());
    let mut tx = tx.into_tenant(scope);
    diesel::insert_into(access_policy::table)
        .values((access_policy::tenant_id.eq(row.id), access_policy::version.eq(1)))
        .execute(tx.conn().await?)
        .await?;
    Ok(tx)
}

/// The slug of the tenant in force.
pub async fn slug(tx: &mut impl Reads) -> Result<String, StoreError> {
    let id = tx.tenant().as_uuid();
    let found = tenant::table.filter(tenant::id.eq(id)).select(tenant::slug);
    Ok(found.first(tx.connection().0.conn().await?).await?)
}

/// The tenant in force, with the text of its blueprint.
pub async fn current(tx: &mut impl Reads) -> Result<(TenantRow, String), StoreError> {
    let id = tx.tenant().as_uuid();
    Ok(tenant::table
        .inner_join(
            blueprint::table.on(blueprint::id
                .eq(tenant::blueprint_id)
                .and(blueprint::version.eq(tenant::blueprint_version))),
        )
        .filter(tenant::id.eq(id))
        .select((TenantRow::as_select(), blueprint::body))
        .first(tx.connection().0.conn().await?)
        .await?)
}

/// The text of another version of the blueprint of the tenant in force, if there is one.
pub async fn other_version(tx: &mut WriteTx, version: &str) -> Result<Option<String>, StoreError> {
    let id = tx.tenant().as_uuid();
    Ok(tenant::table
        .inner_join(blueprint::table.on(blueprint::id.eq(tenant::blueprint_id)))
        .filter(tenant::id.eq(id).and(blueprint::version.eq(version)))
        .select(blueprint::body)
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// From now on the tenant in force has this version of its blueprint.
pub async fn move_to_version(tx: &mut WriteTx, version: &str) -> Result<(), StoreError> {
    let id = tx.tenant().as_uuid();
    diesel::update(tenant::table.filter(tenant::id.eq(id)))
        .set(tenant::blueprint_version.eq(version))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}
