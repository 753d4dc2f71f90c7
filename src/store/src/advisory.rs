//! Locks on a thing of a tenant by its id, until the end of the transaction. Knows Postgres' advisory locks; does not
//! know what is locked.
//!
//! Whoever waits for one is served in turn. A row's own lock would let those who share it pass by one who wants it
//! alone, for as long as others come.

use diesel::sql_types::BigInt;
use domain::id::TenantId;
use uuid::Uuid;

use crate::statement::{Shape, Statement};

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Together with others who hold it so.
    Shared,
    /// Alone.
    Alone,
}

/// Waits for the lock, and takes it. The tenant is part of the key: an id of somebody else's locks nothing of theirs.
pub(crate) fn lock(tenant: TenantId, id: Uuid, hold: Hold) -> Statement<'static> {
    let function = match hold {
        Hold::Shared => "pg_advisory_xact_lock_shared",
        Hold::Alone => "pg_advisory_xact_lock",
    };
    let (tenant_high, tenant_low) = tenant.as_uuid().as_u64_pair();
    let (high, low) = id.as_u64_pair();
    let key = tenant_high ^ tenant_low.rotate_left(17) ^ high.rotate_left(31) ^ low.rotate_left(47);
    Statement::composed(format!("SELECT {function}({{}})"), Vec::new(), Shape::Kept)
        .bind::<BigInt, _>(i64::from_ne_bytes(key.to_ne_bytes()))
}
