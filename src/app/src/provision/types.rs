//! What a tenant's directories are spoken to about: the resource types that their requests are read by. Knows how they
//! are put together and remembered; what they mean, the SCIM engine knows.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};
use domain::blueprint::{Blueprint, OwnRoles, Permission, Role};
use domain::id::TenantId;
use scim::resource::Resource;
use scim::schema::{Offers, Types};
use store::{DirectoryScope, Reads, Scope, WriteTx, extensions, roles, tenants};

use crate::App;
use crate::error::AppError;
use crate::tenants::{ExtendedType, read_extension};

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
    extensions: i64,
    roles: OwnRoles,
}

impl MadeFrom {
    /// Whether tenants of one blueprint share what was made from it: those that declared nothing and have no roles of their own.
    fn is_shared(&self) -> bool {
        self.extensions == 0 && self.roles.is_empty()
    }
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

/// When a tenant's types were last asked for, and what they are.
type Heard = (DateTime<Utc>, Arc<TenantTypes>);

/// What this process remembers. Tenants of one blueprint that declared nothing and have no
/// roles of their own share one set of types.
#[derive(Default)]
pub(crate) struct TypesCache {
    by_tenant: RwLock<HashMap<TenantId, Heard>>,
    undeclared: RwLock<HashMap<(String, String), Arc<TenantTypes>>>,
}

impl TypesCache {
    fn get(&self, tenant: TenantId) -> Option<Heard> {
        self.by_tenant.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    fn made_from(&self, from: &MadeFrom) -> Option<Arc<TenantTypes>> {
        let undeclared = self.undeclared.read().unwrap_or_else(PoisonError::into_inner);
        undeclared.get(&from.blueprint).filter(|_| from.is_shared()).cloned()
    }

    fn put(&self, tenant: TenantId, types: &Arc<TenantTypes>, now: DateTime<Utc>) {
        let from = &types.made_from;
        if from.is_shared() {
            let mut undeclared = self.undeclared.write().unwrap_or_else(PoisonError::into_inner);
            undeclared.entry(from.blueprint.clone()).or_insert_with(|| Arc::clone(types));
        }
        let mut all = self.by_tenant.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_TENANTS {
            all.clear();
        }
        all.insert(tenant, (now, Arc::clone(types)));
    }

    /// The next request asks the database again.
    pub(crate) fn forget(&self, tenant: TenantId) {
        self.by_tenant.write().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
    }
}

impl App {
    /// The resource types of a directory's tenant. Asks the database once in a while.
    pub async fn types(&self, directory: &DirectoryScope) -> Result<Arc<TenantTypes>, AppError> {
        self.types_of(directory.scope()).await
    }

    /// The resource types of a tenant.
    pub async fn types_of(&self, scope: &Scope) -> Result<Arc<TenantTypes>, AppError> {
        let (tenant, now) = (scope.tenant(), self.now());
        let known = self.types.get(tenant);
        if let Some((since, types)) = &known
            && now - *since < HEARD_FOR
        {
            return Ok(Arc::clone(types));
        }
        let mut tx = self.db.read(scope).await?;
        let types = self.made(&mut tx, known.map(|(_, types)| types)).await?;
        tx.finish().await?;
        self.types.put(tenant, &types, now);
        Ok(types)
    }

    /// Begins a transaction that writes documents which were read by these types. Where something is declared, the
    /// declarations that they were made from must be in force, and stay so until the end: nothing is kept that the
    /// declaration in force does not describe. A process that has not heard of a change yet is told to ask again, and
    /// knows by then.
    pub(super) async fn begin_by(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
    ) -> Result<WriteTx, AppError> {
        let mut tx = self.db.begin(directory.scope()).await?;
        let declared = types.made_from.extensions;
        if declared > 0 && extensions::hold(&mut tx).await? != declared {
            return Err(self.declared_anew(directory));
        }
        Ok(tx)
    }

    /// Refuses to change a document with values that these types do not know, because something was declared only now:
    /// they would be dropped.
    pub(super) fn must_know(
        &self,
        directory: &DirectoryScope,
        types: &TenantTypes,
        document: &Resource,
    ) -> Result<(), AppError> {
        if types.made_from.extensions == 0 && document.has_declared() {
            return Err(self.declared_anew(directory));
        }
        Ok(())
    }

    fn declared_anew(&self, directory: &DirectoryScope) -> AppError {
        self.types.forget(directory.scope().tenant());
        AppError::Unavailable("the tenant's schema has just changed".to_owned())
    }

    /// The types as the transaction sees them; those that are known, if nothing changed since.
    async fn made(
        &self,
        tx: &mut impl Reads,
        known: Option<Arc<TenantTypes>>,
    ) -> Result<Arc<TenantTypes>, AppError> {
        let (tenant, blueprint) = tenants::current(tx).await?;
        // Before the declarations: if somebody changes them meanwhile, these pass for older than they are, and nothing is
        // written by them.
        let extensions = extensions::version(tx).await?;
        let roles = roles::own(tx).await?;
        let made_from =
            MadeFrom { blueprint: (tenant.blueprint_id, tenant.blueprint_version), extensions, roles };
        let known = known.filter(|known| known.made_from == made_from);
        if let Some(known) = known.or_else(|| self.types.made_from(&made_from)) {
            return Ok(known);
        }
        let blueprint = Blueprint::parse(&blueprint)
            .map_err(|error| AppError::Internal(format!("the stored blueprint: {error}")))?
            .with(&made_from.roles);
        let offers = Offers {
            roles: blueprint.roles().map(|role: &Role| role.id().to_owned()).collect(),
            entitlements: blueprint.flags().map(|flag: &Permission| flag.id().to_owned()).collect(),
        };
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        if made_from.extensions > 0 {
            for row in extensions::all(tx).await? {
                let declared = read_extension(&row)?;
                match declared.resource_type {
                    ExtendedType::User => users.push(declared.schema()),
                    ExtendedType::Group => groups.push(declared.schema()),
                }
            }
        }
        let types = Types::offering(&offers).extended(users, groups);
        Ok(Arc::new(TenantTypes { types, blueprint: Arc::new(blueprint), made_from }))
    }
}
