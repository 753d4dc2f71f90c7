//! The people of a tenant, whoever manages them, as administrators list them. Knows who manages whom, and how people are found
//! by what they are called, hold and did; does not know what a directory may see.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::EffectiveAccess;
use domain::id::UserId;
use domain::mapping::ScopeRef;
use scim::resource::Resource;
use serde::Deserialize as _;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::holdings::{Thing, row_of};
use crate::schema::users;
use crate::scope::AdminScope;
use crate::statement::{Count, Shape, Statement};
use crate::tx::{Reads, WriteTx};
use crate::users::{Slice, document};
use crate::words;

/// Whom a list is about: those of whom all of this is true.
#[derive(Debug, Clone, Default)]
pub struct Whom {
    /// This person.
    pub id: Option<UserId>,
    /// Those who have this name.
    pub user_name: Option<String>,
    /// Those who have this name or this e-mail address.
    pub address: Option<String>,
    /// Those who are managed by this directory, by its slug.
    pub directory: Option<String>,
    /// Those whom no identity provider manages, or those whom one does.
    pub local: Option<bool>,
    /// Those who are found by each of these words ([`words::searched`]).
    pub words: Vec<String>,
    /// Those who are active, or those who are not.
    pub active: Option<bool>,
    /// Those who have yet to accept an invitation, or the others.
    pub invited: Option<bool>,
    /// Those among these.
    pub among: Option<Vec<UserId>>,
    /// Those who were not here since then.
    pub idle_since: Option<DateTime<Utc>>,
    /// Those who, for each of these, hold one of the things at one of the places.
    pub holding: Vec<Holding>,
    /// Those whose ids are greater.
    pub after: Option<UserId>,
}

/// Something that people hold somewhere, as [`Whom`] asks for it.
#[derive(Debug, Clone)]
pub struct Holding {
    /// One of these, as stored.
    things: Vec<String>,
    /// At one of these places; anywhere without.
    places: Option<Vec<Uuid>>,
}

impl Holding {
    /// One of these things, wherever.
    pub fn anywhere(things: &[Thing<'_>]) -> Self {
        Self { things: things.iter().map(Thing::stored).collect(), places: None }
    }

    /// One of these things at one of these places.
    pub fn at(things: &[Thing<'_>], places: impl IntoIterator<Item = ScopeRef>) -> Self {
        let places = places.into_iter().map(row_of).collect();
        Self { places: Some(places), ..Self::anywhere(things) }
    }

    /// Whether nobody can hold it: it is held nowhere.
    pub fn is_nobodys(&self) -> bool {
        self.places.as_ref().is_some_and(Vec::is_empty)
    }
}

/// A person, and what is known of them.
#[derive(Debug, Clone)]
pub struct PersonRow {
    /// Id.
    pub id: UserId,
    /// Their document.
    pub resource: Resource,
    /// Slug and name of the directory that manages them; nothing for a local person.
    pub managed_by: Option<(String, String)>,
    /// Whether they have yet to accept an invitation.
    pub invited: bool,
    /// What they may do, without regard to seats.
    pub access: Option<EffectiveAccess>,
    /// Whether they are let in, as far as a seat and roles allow.
    pub active: bool,
    /// Since when an administrator shuts them out, whatever their document says.
    pub frozen_at: Option<DateTime<Utc>>,
    /// Why, if that was said.
    pub frozen_because: Option<String>,
    /// Since when they are inactive.
    pub stopped_at: Option<DateTime<Utc>>,
    /// When they last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When they were last here.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// The version of the product's program that they last used.
    pub client_version: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    doc: Value,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    invited: bool,
    #[diesel(sql_type = Nullable<Jsonb>)]
    access: Option<Value>,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    frozen_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    frozen_because: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    stopped_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_login_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_seen_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    client_version: Option<String>,
}

impl Row {
    fn person(self) -> Result<PersonRow, StoreError> {
        let access = self.access.as_ref().map(EffectiveAccess::deserialize);
        Ok(PersonRow {
            id: UserId::from_uuid(self.id),
            resource: Resource::from_stored(document(&self.doc)),
            managed_by: (self.kind == "scim").then_some((self.slug, self.name)),
            invited: self.invited,
            access: access.transpose().map_err(StoreError::corrupt)?,
            active: self.active,
            frozen_at: self.frozen_at,
            frozen_because: self.frozen_because,
            stopped_at: self.stopped_at,
            last_login_at: self.last_login_at,
            last_seen_at: self.last_seen_at,
            client_version: self.client_version,
        })
    }
}

const FROM: &str = "\
FROM users u JOIN directory d ON d.tenant_id = u.tenant_id AND d.id = u.directory_id \
LEFT JOIN user_seen s ON s.tenant_id = u.tenant_id AND s.user_id = u.id";
const SHOWN: &str = "\
u.id, u.doc, u.invited, d.kind, d.slug, d.name, a.access, u.active, u.frozen_at, u.frozen_because, u.stopped_at, \
s.last_login_at, s.last_seen_at, s.client_version";

/// A plan is made for the very words that are searched, since what is found by a word is anything from nobody to everybody. Our
/// connections make plans that serve all values, of statements that they do not keep, too: until the transaction ends, not here.
fn planned_for(tx: &mut impl Reads, whom: &Whom) {
    if !whom.words.is_empty() {
        tx.connection().0.later_text("SET LOCAL plan_cache_mode = force_custom_plan".to_owned());
    }
}

/// What is shown of, or counted about, those who are meant.
fn asked(what: &str, from: &str, tenant: Uuid, whom: Whom) -> Statement<'static> {
    let text = format!("SELECT {what} {from} WHERE u.tenant_id = {{}}");
    let mut ask = Statement::composed(text, Vec::new(), Shape::Any).bind::<SqlUuid, _>(tenant);
    if let Some(id) = whom.id {
        ask = ask.then(" AND u.id = {}").bind::<SqlUuid, _>(id.as_uuid());
    }
    if let Some(after) = whom.after {
        ask = ask.then(" AND u.id > {}").bind::<SqlUuid, _>(after.as_uuid());
    }
    if let Some(name) = whom.user_name {
        ask = ask.then(" AND u.user_name_key = {}").bind::<Text, _>(scim::text::fold(&name));
    }
    if let Some(address) = whom.address {
        let key = scim::text::fold(&address);
        ask = ask
            .then(
                " AND (u.user_name_key = {} OR u.id IN (SELECT e.user_id FROM user_email e \
                 WHERE e.tenant_id = {} AND e.value_key = {}))",
            )
            .bind::<Text, _>(key.clone())
            .bind::<SqlUuid, _>(tenant)
            .bind::<Text, _>(key);
    }
    if let Some(slug) = whom.directory {
        ask = ask.then(" AND d.slug = {}").bind::<Text, _>(slug);
    }
    if let Some(local) = whom.local {
        ask = ask.then(" AND d.kind = {}").bind::<Text, _>(if local { "local" } else { "scim" });
    }
    if let Some(active) = whom.active {
        ask = ask.then(" AND u.active = {}").bind::<Bool, _>(active);
    }
    if let Some(invited) = whom.invited {
        ask = ask.then(" AND u.invited = {}").bind::<Bool, _>(invited);
    }
    if let Some(among) = whom.among {
        let ids: Vec<Uuid> = among.into_iter().map(UserId::as_uuid).collect();
        ask = ask.then(" AND u.id = ANY({})").bind::<Array<SqlUuid>, _>(ids);
    }
    if let Some(since) = whom.idle_since {
        ask = ask.then(" AND (s.last_seen_at IS NULL OR s.last_seen_at < {})").bind::<Timestamptz, _>(since);
    }
    for word in whom.words {
        let found = " AND u.id IN (SELECT w.user_id FROM user_word w \
                     WHERE w.tenant_id = {} AND w.word >= {} AND w.word < {})";
        let end = words::end_of(&word);
        ask = ask.then(found).bind::<SqlUuid, _>(tenant).bind::<Text, _>(word).bind::<Text, _>(end);
    }
    for Holding { things, places } in whom.holding {
        let held =
            " AND u.id IN (SELECT h.user_id FROM user_holding h WHERE h.tenant_id = {} AND h.thing = ANY({})";
        ask = ask.then(held).bind::<SqlUuid, _>(tenant).bind::<Array<Text>, _>(things);
        if let Some(places) = places {
            ask = ask.then(" AND h.place = ANY({})").bind::<Array<SqlUuid>, _>(places);
        }
        ask = ask.then(")");
    }
    ask
}

/// People of the tenant, by id.
pub async fn list(tx: &mut impl Reads, whom: Whom, slice: Slice) -> Result<Vec<PersonRow>, StoreError> {
    planned_for(tx, &whom);
    let from = format!("{FROM} LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id");
    let ask = asked(SHOWN, &from, tx.tenant().as_uuid(), whom)
        .then(" ORDER BY u.id OFFSET {} LIMIT {}")
        .bind::<BigInt, _>(slice.offset)
        .bind::<BigInt, _>(slice.limit);
    let rows: Vec<Row> = tx.connection().0.load(ask).await?;
    rows.into_iter().map(Row::person).collect()
}

/// How many they are.
pub async fn count(tx: &mut impl Reads, whom: Whom) -> Result<i64, StoreError> {
    planned_for(tx, &whom);
    let ask = asked("count(*) AS n", FROM, tx.tenant().as_uuid(), whom);
    let counted: Vec<Count> = tx.connection().0.load(ask).await?;
    Ok(counted.into_iter().next().map_or(0, |row| row.n))
}

/// One person of the tenant.
pub async fn find(tx: &mut impl Reads, id: UserId) -> Result<Option<PersonRow>, StoreError> {
    let whom = Whom { id: Some(id), ..Whom::default() };
    Ok(list(tx, whom, Slice { offset: 0, limit: 1 }).await?.pop())
}

/// Locks a person of the tenant, whoever manages them. Returns whether they are there.
pub async fn lock(tx: &mut WriteTx, id: UserId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Uuid> = users::table
        .filter(users::tenant_id.eq(tenant).and(users::id.eq(id.as_uuid())))
        .select(users::id)
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?;
    Ok(found.is_some())
}

/// Locks those of these people who are there, in the order of ids, whoever manages them.
pub async fn lock_all(tx: &mut WriteTx, ids: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let found: Vec<Uuid> = users::table
        .filter(users::tenant_id.eq(tenant).and(users::id.eq_any(ids)))
        .order(users::id)
        .select(users::id)
        .for_no_key_update()
        .load(tx.conn().await?)
        .await?;
    Ok(found.into_iter().map(UserId::from_uuid).collect())
}

/// What an administrator's program may do for a person who is there and active.
pub async fn acting(
    tx: &mut impl Reads,
    admin: &AdminScope,
    id: UserId,
) -> Result<Option<AdminScope>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Uuid> = users::table
        .filter(users::tenant_id.eq(tenant).and(users::id.eq(id.as_uuid())).and(users::active))
        .select(users::id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.and_then(|_| admin.for_person(id)))
}
