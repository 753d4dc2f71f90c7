//! Transactions behind the tenant barrier. Knows how one begins and ends; does not know what happens in between.
//!
//! Each begins by setting `app.tenant_id` for itself alone (`SET LOCAL`), which the row-level security policies read.
//! A transaction that is dropped half way (the client went, a time-out struck) is rolled back on the connection's own
//! runtime before the connection can serve anybody else; if that fails the connection is closed.

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use domain::audit::Audit;
use domain::clock::Entropy;
use domain::id::TenantId;
use tokio::runtime::Handle;

use crate::audit::{self, Outgoing};
use crate::db::Db;
use crate::error::StoreError;
use crate::scope::Scope;

/// A transaction in which rows of one tenant can be read.
pub trait Reads: Send {
    #[doc(hidden)]
    fn connection(&mut self) -> Connection<'_>;
    /// The tenant in force.
    fn tenant(&self) -> TenantId;
}

/// Access to the wire for the modules of this room; nothing outside can do anything with it.
#[derive(Debug)]
pub struct Connection<'a>(pub(crate) &'a mut Link);

/// A pooled connection with an open transaction on it.
pub(crate) struct Link {
    connection: Option<Object<AsyncPgConnection>>,
    runtime: Handle,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// Opens; whether the credential that `scope` stands on is good is asked in the same flight.
    async fn open(db: &Db, opening: &str, scope: Option<&Scope>) -> Result<Self, StoreError> {
        let (connection, good) = db.connection(opening, scope).await?;
        let link = Self { connection: Some(connection), runtime: db.runtime().clone() };
        if good { Ok(link) } else { Err(StoreError::Revoked) }
    }

    /// The connection. It is there from `open` until `close` or the drop, which both consume the link.
    #[expect(clippy::expect_used, reason = "only close and drop take it, and both consume the link")]
    pub(crate) fn conn(&mut self) -> &mut AsyncPgConnection {
        self.connection.as_deref_mut().expect("the link is open")
    }

    async fn close(mut self, ending: &str) -> Result<(), StoreError> {
        self.conn().batch_execute(ending).await?;
        self.connection = None; // ended: back to the pool
        Ok(())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        self.runtime.spawn(async move {
            // Whatever was under way is answered before this is, because the protocol keeps its order.
            if connection.batch_execute("ROLLBACK").await.is_err() {
                let _ = Object::take(connection);
            }
        });
    }
}

pub(crate) fn opening(tenant: TenantId, mode: &str) -> String {
    // A tenant id prints as hexadecimal digits and hyphens and nothing else.
    format!("BEGIN {mode}; SET LOCAL app.tenant_id = '{tenant}'")
}

/// Reads in one tenant. Sees one snapshot per statement.
#[derive(Debug)]
pub struct ReadTx {
    link: Link,
    tenant: TenantId,
}

impl ReadTx {
    pub(crate) async fn open(db: &Db, tenant: TenantId, scope: Option<&Scope>) -> Result<Self, StoreError> {
        Ok(Self { link: Link::open(db, &opening(tenant, "READ ONLY"), scope).await?, tenant })
    }

    /// Ends the transaction and gives the connection back.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.link.close("COMMIT").await
    }
}

impl Reads for ReadTx {
    fn connection(&mut self) -> Connection<'_> {
        Connection(&mut self.link)
    }
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Writes in one tenant. Ends by [`commit`](Self::commit), or not at all.
#[derive(Debug)]
pub struct WriteTx {
    link: Link,
    scope: Scope,
    outgoing: Vec<Outgoing>,
}

impl WriteTx {
    pub(crate) async fn begin(db: &Db, scope: &Scope) -> Result<Self, StoreError> {
        let link = Link::open(db, &opening(scope.tenant(), ""), Some(scope)).await?;
        Ok(Self { link, scope: scope.clone(), outgoing: Vec::new() })
    }

    /// Notes a fact for the outbox; it is written with the commit.
    pub fn announce(&mut self, outgoing: Outgoing) {
        self.outgoing.push(outgoing);
    }

    /// Writes the audit events and the outbox rows, and makes everything permanent. When this returns `Ok`, it is on
    /// disk.
    pub async fn commit(
        mut self,
        audit: Audit,
        now: chrono::DateTime<chrono::Utc>,
        entropy: &dyn Entropy,
    ) -> Result<(), StoreError> {
        let outgoing = std::mem::take(&mut self.outgoing);
        audit::append(self.link.conn(), &self.scope, audit, &outgoing, now, entropy).await?;
        self.link.close("COMMIT").await
    }

    /// Ends a transaction that turned out to change nothing.
    pub async fn nothing_changed(self) -> Result<(), StoreError> {
        self.link.close("ROLLBACK").await
    }

    /// Ends a transaction that only consumed or expired sign-in state or noted when something was last seen: traces of
    /// use, not changes that anybody made.
    pub async fn commit_trace_of_use(self) -> Result<(), StoreError> {
        self.link.close("COMMIT").await
    }

    /// Who acts here.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) fn conn(&mut self) -> &mut AsyncPgConnection {
        self.link.conn()
    }
}

impl Reads for WriteTx {
    fn connection(&mut self) -> Connection<'_> {
        Connection(&mut self.link)
    }
    fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }
}

/// A transaction on the tables that belong to no tenant: `tenant`, `blueprint`, `operator_credential`.
#[derive(Debug)]
pub struct GlobalTx {
    link: Link,
}

impl GlobalTx {
    pub(crate) async fn begin(db: &Db) -> Result<Self, StoreError> {
        Ok(Self { link: Link::open(db, "BEGIN", None).await? })
    }

    /// Makes what was written permanent and gives the connection back.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.link.close("COMMIT").await
    }

    pub(crate) fn conn(&mut self) -> &mut AsyncPgConnection {
        self.link.conn()
    }

    /// Goes on inside one tenant, in the same transaction: how a new tenant's first rows come with the tenant itself.
    pub(crate) async fn into_tenant(mut self, scope: Scope) -> Result<WriteTx, StoreError> {
        let setting = format!("SET LOCAL app.tenant_id = '{}'", scope.tenant());
        self.link.conn().batch_execute(&setting).await?;
        Ok(WriteTx { link: self.link, scope, outgoing: Vec::new() })
    }
}
