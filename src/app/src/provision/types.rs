//! What a tenant's directories are spoken to about: the resource types that their requests are read by. Knows how they
//! are put together and remembered; what they mean, the SCIM engine knows.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};
use domain::blueprint::{Blueprint, Permission, Role};
use domain::id::TenantId;
use scim::schema::{Offers, Types};
use store::{DirectoryScope, Reads, tenants};

use crate::App;
use crate::error::AppError;

/// A change made by another process is heard within this time.
const HEARD_FOR: Duration = Duration::seconds(10);
/// Beyond this many tenants the memory starts anew rather than grow without end.
const MOST_TENANTS: usize = 10_000;

/// The resource types of one tenant, and what they were made from.
#[derive(Debug)]
pub struct TenantTypes {
    types: Types,
    blueprint: Arc<Blueprint>,
    made_from: MadeFrom,
}

/// What is the same is made into the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MadeFrom {
    blueprint: (String, String),
}

impl TenantTypes {
    /// The resource types.
    pub fn types(&self) -> &Types {
        &self.types
    }

    pub(super) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }
}

/// What this process remembers of tenants.
#[derive(Default)]
pub(crate) struct TypesCache(RwLock<HashMap<TenantId, (DateTime<Utc>, Arc<TenantTypes>)>>);

impl TypesCache {
    fn get(&self, tenant: TenantId) -> Option<(DateTime<Utc>, Arc<TenantTypes>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    fn put(&self, tenant: TenantId, types: &Arc<TenantTypes>, now: DateTime<Utc>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_TENANTS {
            all.clear();
        }
        all.insert(tenant, (now, Arc::clone(types)));
    }
}

impl App {
    /// The resource types of a directory's tenant. Asks the database once in a while.
    pub async fn types(&self, directory: &DirectoryScope) -> Result<Arc<TenantTypes>, AppError> {
        let (tenant, now) = (directory.scope().tenant(), self.now());
        let known = self.types.get(tenant);
        if let Some((since, types)) = &known
            && now - *since < HEARD_FOR
        {
            return Ok(Arc::clone(types));
        }
        let mut tx = self.db.read(directory.scope()).await?;
        let types = made(&mut tx, known.map(|(_, types)| types)).await?;
        tx.finish().await?;
        self.types.put(tenant, &types, now);
        Ok(types)
    }
}

/// The types as the transaction sees them; those that are known, if nothing changed since.
async fn made(tx: &mut impl Reads, known: Option<Arc<TenantTypes>>) -> Result<Arc<TenantTypes>, AppError> {
    let (tenant, blueprint) = tenants::current(tx).await?;
    let made_from = MadeFrom { blueprint: (tenant.blueprint_id, tenant.blueprint_version) };
    if let Some(known) = known.filter(|known| known.made_from == made_from) {
        return Ok(known);
    }
    let blueprint = Blueprint::parse(&blueprint)
        .map_err(|error| AppError::Internal(format!("the stored blueprint: {error}")))?;
    let offers = Offers {
        roles: blueprint.roles().map(|role: &Role| role.id().to_owned()).collect(),
        entitlements: blueprint.flags().map(|flag: &Permission| flag.id().to_owned()).collect(),
    };
    Ok(Arc::new(TenantTypes { types: Types::offering(&offers), blueprint: Arc::new(blueprint), made_from }))
}
