//! The facts about people from which their access is computed, and what was computed last. Knows rows, and what of them people share;
//! does not know rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Uuid as SqlUuid};
use domain::access::{EffectiveAccess, GroupFact, LocalGrant};
use domain::id::{GroupId, UserId};
use scim::resource::Resource;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::grants;
use crate::json_text::JsonText;
use crate::nesting::{all_groups, direct_groups_of, groups_of};
use crate::statement::statement;
use crate::tx::Reads;

/// What the rows say about one person. People who are alike in something share it.
#[derive(Debug, Clone)]
pub struct PersonFacts {
    /// Who.
    pub user: UserId,
    /// Whether their directory says that they are active.
    pub active: bool,
    /// Their SCIM document.
    pub document: Document,
    /// The groups that they are in, directly or through other groups.
    pub groups: Arc<Vec<GroupFact>>,
    /// What was given to them by hand.
    pub grants: Arc<Vec<LocalGrant>>,
    /// The version of the policy in force.
    pub policy_version: i64,
    /// What was computed last, as stored.
    pub stored: Option<Stored>,
}

/// A person's SCIM document, of which as much is read as is asked for.
#[derive(Debug, Clone)]
pub struct Document(Form);

#[derive(Debug, Clone)]
enum Form {
    Text(JsonText),
    Read(Box<Resource>),
}

impl From<Resource> for Document {
    fn from(resource: Resource) -> Self {
        Self(Form::Read(Box::new(resource)))
    }
}

impl Document {
    /// All of it.
    pub fn resource(&self) -> Result<Resource, StoreError> {
        match &self.0 {
            Form::Text(text) => Ok(Resource::from_stored(text.read()?)),
            Form::Read(resource) => Ok(Resource::clone(resource)),
        }
    }

    /// The values at these paths, by path.
    pub fn values(&self, paths: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        if paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        let values = |resource: &Resource| {
            paths.iter().map(|path| (path.clone(), resource.values_at(path))).collect::<BTreeMap<_, _>>()
        };
        match &self.0 {
            Form::Text(text) => {
                let part = Resource::part_of_stored(text.as_str(), paths).map_err(StoreError::corrupt)?;
                Ok(values(&part))
            }
            Form::Read(resource) => Ok(values(resource)),
        }
    }
}

/// An access as it is stored, without regard to seats.
#[derive(Debug, Clone)]
pub struct Stored {
    pub(super) kept: Arc<Kept>,
    /// Whether it has a protected role, by the policy that it was stored by.
    pub(super) guarded: Option<bool>,
}

/// What is stored, the same for all of whom the same is stored.
#[derive(Debug)]
pub(super) struct Kept {
    text: JsonText,
    pub(super) value: Value,
    access: OnceLock<Arc<EffectiveAccess>>,
}

impl Stored {
    /// The access.
    pub fn access(&self) -> Result<Arc<EffectiveAccess>, StoreError> {
        if let Some(access) = self.kept.access.get() {
            return Ok(Arc::clone(access));
        }
        let access = EffectiveAccess::deserialize(&self.kept.value).map_err(StoreError::corrupt)?;
        Ok(Arc::clone(self.kept.access.get_or_init(|| Arc::new(access))))
    }

    /// Whether it has a role, without reading the whole of it.
    pub fn has_role(&self, role: &str) -> bool {
        let roles = self.kept.value.get("roles").and_then(Value::as_array);
        roles.is_some_and(|roles| {
            roles.iter().any(|held| held.get("role").and_then(Value::as_str) == Some(role))
        })
    }
}

/// What people are compared by who are to be computed together: the same for those of whom the same is stored.
impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.guarded == other.guarded
            && (Arc::ptr_eq(&self.kept, &other.kept) || self.kept.text == other.kept.text)
    }
}

impl Eq for Stored {}

impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.guarded.hash(state);
        self.kept.text.hash(state);
    }
}

#[derive(QueryableByName)]
pub(crate) struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    active: bool,
    /// The document, unless whoever asks has it.
    #[diesel(sql_type = Nullable<Jsonb>)]
    doc: Option<JsonText>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    groups: Option<JsonText>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    grants: Option<JsonText>,
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    access: Option<JsonText>,
    #[diesel(sql_type = Nullable<Bool>)]
    guarded: Option<bool>,
}

#[derive(Deserialize)]
struct GroupInRow {
    id: GroupId,
    name: String,
    external_id: Option<String>,
}

/// A group `g` as rules see it.
macro_rules! group {
    () => {
        "jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id)"
    };
}

/// What is known of a person `u` besides their document, by the policy `p`, with the access `a` that they have.
macro_rules! known_of_person {
    () => {
        concat!(
            direct_groups_of!(group!()),
            " AS groups,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'what', l.what, 'by', l.given_by))
     FROM local_grant l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.id) AS grants,
    p.version AS policy_version, a.access, a.guarded"
        )
    };
}
pub(super) use {group, known_of_person};

const FACTS: &str = concat!(
    "SELECT u.id, u.active, u.doc, ",
    known_of_person!(),
    "
FROM users u
JOIN access_policy p ON p.tenant_id = u.tenant_id
LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
WHERE u.tenant_id = {} AND u.id = ANY({}) ORDER BY u.id"
);

const ALL_GROUPS: &str = concat!(
    "SELECT u.id, (SELECT jsonb_agg(",
    group!(),
    ") FROM ",
    groups_of!(),
    ") AS groups FROM users u WHERE u.tenant_id = {} AND u.id = ANY({})"
);

/// The facts about these people, by id. Whoever stores what is computed from them must have locked the people before, and hold the
/// policy (`rules::hold`).
pub async fn facts(tx: &mut impl Reads, people: &[UserId]) -> Result<Vec<PersonFacts>, StoreError> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let ask = statement(FACTS).bind::<SqlUuid, _>(tenant.as_uuid()).bind::<Array<SqlUuid>, _>(ids);
    let mut rows: Vec<FactsRow> = tx.connection().0.load(ask).await?;
    with_all_groups(tx, rows.iter_mut()).await?;
    let mut shared = Shared::default();
    rows.into_iter()
        .map(|mut row| {
            let document =
                row.doc.take().ok_or_else(|| StoreError::corrupt("a person without a document"))?;
            shared.person(row, Document(Form::Text(document)))
        })
        .collect()
}

/// Asks for all groups of those whose groups are in groups.
pub(crate) async fn with_all_groups(
    tx: &mut impl Reads,
    rows: impl Iterator<Item = &mut FactsRow> + Send,
) -> Result<(), StoreError> {
    let is_asked_anew = |row: &FactsRow| row.groups.as_ref().is_some_and(|groups| groups.as_str() == "true");
    let mut nesting: HashMap<Uuid, &mut FactsRow> =
        rows.filter(|row| is_asked_anew(row)).map(|row| (row.id, row)).collect();
    if nesting.is_empty() {
        return Ok(());
    }
    let people = nesting.keys().copied().collect();
    let tenant = tx.tenant();
    let all: Vec<AllGroupsRow> = tx.connection().0.load(all_groups(tenant, ALL_GROUPS, people)).await?;
    let mut all: HashMap<Uuid, Option<JsonText>> = all.into_iter().map(|row| (row.id, row.groups)).collect();
    for row in nesting.values_mut() {
        row.groups = all.remove(&row.id).flatten();
    }
    Ok(())
}

/// As [`crate::nesting::AllGroups`], unread.
#[derive(QueryableByName)]
struct AllGroupsRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Jsonb>)]
    groups: Option<JsonText>,
}

/// Groups as rules see them, out of `[{id, name, external_id}]`.
pub(crate) fn groups_in_row(groups: Value) -> Result<Vec<GroupFact>, StoreError> {
    Ok(groups_out_of(serde_json::from_value(groups).map_err(StoreError::corrupt)?))
}

fn groups_out_of(groups: Vec<GroupInRow>) -> Vec<GroupFact> {
    let read = |group: GroupInRow| GroupFact {
        id: group.id,
        display_name: group.name,
        external_id: group.external_id,
    };
    groups.into_iter().map(read).collect()
}

/// What has been read of some people, by how it is written: it is read once, however many have it.
#[derive(Default)]
struct Shared {
    groups: HashMap<Option<JsonText>, Arc<Vec<GroupFact>>>,
    grants: HashMap<Option<JsonText>, Arc<Vec<LocalGrant>>>,
    kept: HashMap<JsonText, Arc<Kept>>,
}

impl Shared {
    fn person(&mut self, row: FactsRow, document: Document) -> Result<PersonFacts, StoreError> {
        let FactsRow { id, active, doc: _, groups, grants, policy_version, access, guarded } = row;
        let groups = once(&mut self.groups, groups, |groups| {
            let groups = groups.as_ref().map(JsonText::read).transpose()?;
            Ok(groups.map(groups_out_of).unwrap_or_default())
        })?;
        let grants = once(&mut self.grants, grants, |grants| {
            let grants = grants.as_ref().map(JsonText::read).transpose()?;
            Ok(grants.map(grants::in_row).unwrap_or_default())
        })?;
        let kept = access.map(|access| {
            once(&mut self.kept, access, |text| {
                Ok(Kept { text: text.clone(), value: text.read()?, access: OnceLock::new() })
            })
        });
        Ok(PersonFacts {
            user: UserId::from_uuid(id),
            active,
            document,
            groups,
            grants,
            policy_version,
            stored: kept.transpose()?.map(|kept| Stored { kept, guarded }),
        })
    }
}

/// The facts in a row about somebody with this document.
pub(crate) fn person(row: FactsRow, resource: Resource) -> Result<PersonFacts, StoreError> {
    Shared::default().person(row, resource.into())
}

/// What is known by a key, or else is read now.
fn once<K: Eq + Hash, T>(
    known: &mut HashMap<K, Arc<T>>,
    key: K,
    read: impl FnOnce(&K) -> Result<T, StoreError>,
) -> Result<Arc<T>, StoreError> {
    if let Some(found) = known.get(&key) {
        return Ok(Arc::clone(found));
    }
    let found = Arc::new(read(&key)?);
    known.insert(key, Arc::clone(&found));
    Ok(found)
}
