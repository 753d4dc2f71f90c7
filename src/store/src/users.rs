//! People of a directory. Knows which parts of the SCIM document have a column of their own; does not know what a
//! change of one means.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{DirectoryId, TenantId, UserId};
use scim::resource::Resource;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::db::Db;
use crate::directories;
use crate::error::StoreError;
use crate::filter_sql::{Pages, Target};
use crate::guards::{self, WatchRow};
use crate::keys::{all_fitting, fitting};
use crate::listing::{Found, Listing};
use crate::nesting::{AllGroups, all_groups, direct_groups_of, groups_of, nests};
use crate::schema::users;
use crate::scope::{DirectoryScope, Scope};
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};
use crate::words;

/// A person as kept.
#[derive(Debug, Clone, QueryableByName)]
pub struct UserRow {
    /// Id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Whose person.
    #[diesel(sql_type = SqlUuid)]
    pub directory_id: Uuid,
    /// The SCIM document, without what only the server says.
    #[diesel(sql_type = Jsonb)]
    pub doc: Value,
    /// Version, one more with each change.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// When created.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// When last changed.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
    /// Their groups as `[{value, display, type}]`, if asked for and if there are any.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub groups: Option<Value>,
}

impl UserRow {
    /// The id, typed.
    pub fn user_id(&self) -> UserId {
        UserId::from_uuid(self.id)
    }

    /// The document, copied.
    pub fn resource(&self) -> Resource {
        Resource::from_stored(document(&self.doc))
    }

    /// The document, taken out of the row.
    pub fn take_resource(&mut self) -> Resource {
        match self.doc.take() {
            Value::Object(document) => Resource::from_stored(document),
            _ => Resource::from_stored(Map::new()),
        }
    }
}

/// A person whose row the transaction has locked.
#[derive(Debug, Clone, QueryableByName)]
pub struct LockedUser {
    /// As kept.
    #[diesel(embed)]
    pub user: UserRow,
    /// Since when an administrator shuts them out, whatever the document says.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub frozen_at: Option<DateTime<Utc>>,
}

impl LockedUser {
    /// Whether they are let in, as far as a seat and roles allow.
    pub fn is_let_in(&self) -> bool {
        self.would_be_let_in(&self.user.resource())
    }

    /// Whether they would be, with this document.
    pub fn would_be_let_in(&self, resource: &Resource) -> bool {
        self.frozen_at.is_none() && resource.active()
    }
}

pub(crate) fn document(doc: &Value) -> Map<String, Value> {
    doc.as_object().cloned().unwrap_or_default()
}

/// Which people, in which order, how many.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// How many to pass over.
    pub offset: i64,
    /// How many to return.
    pub limit: i64,
}

/// Whether the `groups` of each person are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// Read them too.
    Included,
    /// Leave them out.
    Omitted,
}

const COLUMNS: &str = "u.id, u.directory_id, u.doc, u.version, u.created_at, u.updated_at";
const GROUPS_OF: &str = concat!(
    direct_groups_of!(
        "jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', 'direct'::text)"
    ),
    " AS groups"
);
const ALL_GROUPS: &str = concat!(
    "SELECT u.id, (SELECT jsonb_agg(jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', t.type) \
        ORDER BY g.id) FROM ",
    groups_of!(),
    ") AS groups FROM users u WHERE u.tenant_id = {} AND u.id = ANY({})"
);

/// What a statement reads. Where groups are wanted, `with_all_groups` must see the rows.
fn columns(groups: Groups) -> String {
    match groups {
        Groups::Included => format!("{COLUMNS}, {GROUPS_OF}"),
        Groups::Omitted => format!("{COLUMNS}, NULL::jsonb AS groups"),
    }
}

/// Asks for all groups of those whose groups are in groups.
async fn with_all_groups<'a, Asked>(
    tenant: TenantId,
    rows: impl IntoIterator<Item = &'a mut UserRow>,
    ask: impl FnOnce(Statement<'static>) -> Asked,
) -> Result<(), StoreError>
where
    Asked: Future<Output = Result<Vec<AllGroups>, StoreError>>,
{
    let mut nesting: HashMap<Uuid, &mut UserRow> =
        rows.into_iter().filter(|row| nests(row.groups.as_ref())).map(|row| (row.id, row)).collect();
    if nesting.is_empty() {
        return Ok(());
    }
    let people = nesting.keys().copied().collect();
    for row in nesting.values_mut() {
        row.groups = None; // who is gone meanwhile is in none
    }
    for all in ask(all_groups(tenant, ALL_GROUPS, people)).await? {
        if let Some(row) = nesting.get_mut(&all.id) {
            row.groups = all.groups;
        }
    }
    Ok(())
}

fn one(
    tenant: TenantId,
    directory: DirectoryId,
    id: UserId,
    columns: &str,
    lock: &'static str,
) -> Statement<'static> {
    let text = format!(
        "SELECT {columns} FROM users u WHERE u.tenant_id = {{}} AND u.directory_id = {{}} AND u.id = {{}}{lock}"
    );
    Statement::composed(text, Vec::new(), Shape::Point)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
}

/// One person of this directory.
pub async fn get(
    db: &Db,
    directory: &DirectoryScope,
    id: UserId,
    groups: Groups,
) -> Result<Option<UserRow>, StoreError> {
    let (tenant, of) = (directory.scope().tenant(), directory.directory());
    let ask = one(tenant, of, id, &columns(groups), "");
    let mut found: Vec<UserRow> = db.at_once(tenant, Some(directory.scope()), ask).await?;
    with_all_groups(tenant, &mut found, |ask| db.at_once(tenant, Some(directory.scope()), ask)).await?;
    Ok(found.pop())
}

/// A person who is signed in, by their own session's scope, whichever directory they come from.
pub async fn own(db: &Db, scope: &Scope, id: UserId, groups: Groups) -> Result<Option<UserRow>, StoreError> {
    let text = format!("SELECT {} FROM users u WHERE u.tenant_id = {{}} AND u.id = {{}}", columns(groups));
    let tenant = scope.tenant();
    let ask = Statement::composed(text, Vec::new(), Shape::Point)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    Ok(db.at_once(tenant, Some(scope), ask).await?.pop())
}

/// One person of this directory, locked until the end of the transaction.
pub async fn lock(
    tx: &mut WriteTx,
    directory: DirectoryId,
    id: UserId,
    groups: Groups,
) -> Result<Option<LockedUser>, StoreError> {
    let columns = format!("{}, u.frozen_at", columns(groups));
    let tenant = tx.tenant();
    let statement = one(tenant, directory, id, &columns, " FOR NO KEY UPDATE OF u");
    let mut found: Vec<LockedUser> = tx.load(statement).await?;
    with_all_groups(tenant, found.iter_mut().map(|locked| &mut locked.user), |ask| tx.load(ask)).await?;
    Ok(found.pop())
}

/// [`lock`], and in the same flight how the directory is watched: for whoever expects that the person leaves it.
pub async fn lock_and_watch(
    tx: &mut WriteTx,
    directory: DirectoryId,
    id: UserId,
    groups: Groups,
    since: DateTime<Utc>,
) -> Result<Option<(LockedUser, Option<WatchRow>)>, StoreError> {
    let columns = format!("{}, u.frozen_at", columns(groups));
    let tenant = tx.tenant();
    let lock = one(tenant, directory, id, &columns, " FOR NO KEY UPDATE OF u");
    let watch = guards::watch_one(tenant, directory, id, since);
    let (mut found, mut watch) = tx.load_both::<LockedUser, WatchRow>(lock, watch).await?;
    with_all_groups(tenant, found.iter_mut().map(|locked| &mut locked.user), |ask| tx.load(ask)).await?;
    Ok(found.pop().map(|locked| (locked, watch.pop())))
}

/// One person whom no directory manages, locked until the end of the transaction.
pub async fn lock_local(tx: &mut WriteTx, id: UserId) -> Result<Option<LockedUser>, StoreError> {
    match directories::local(tx).await? {
        Some(local) => lock(tx, local, id, Groups::Omitted).await,
        None => Ok(None),
    }
}

/// The people of this directory that a list is about.
pub async fn list(
    db: &Db,
    directory: &DirectoryScope,
    listing: Listing<'_>,
    groups: Groups,
) -> Result<Found<UserRow>, StoreError> {
    let mut found: Found<UserRow> = pages(listing, groups)?.find(db, directory, listing.window).await?;
    let scope = directory.scope();
    with_all_groups(scope.tenant(), &mut found.rows, |ask| db.at_once(scope.tenant(), Some(scope), ask))
        .await?;
    Ok(found)
}

/// How the database answers such a list.
pub async fn plan(
    db: &Db,
    directory: &DirectoryScope,
    listing: Listing<'_>,
) -> Result<Vec<String>, StoreError> {
    pages(listing, Groups::Omitted)?.plan(db, directory, listing.window).await
}

fn pages(listing: Listing<'_>, groups: Groups) -> Result<Pages, StoreError> {
    Pages::compile(&[(Target::User, listing.filter, listing.sort, &columns(groups))])
}

/// Some people of this directory, in no order.
pub async fn by_ids(
    tx: &mut impl Reads,
    directory: DirectoryId,
    ids: &[UserId],
    groups: Groups,
) -> Result<Vec<UserRow>, StoreError> {
    let text = format!(
        "SELECT {} FROM users u WHERE u.tenant_id = {{}} AND u.directory_id = {{}} AND u.id = ANY({{}})",
        columns(groups)
    );
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let statement = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids);
    let link = tx.connection().0;
    let mut found: Vec<UserRow> = link.load(statement).await?;
    with_all_groups(tenant, &mut found, |ask| link.load(ask)).await?;
    Ok(found)
}

/// The next people in the tenant after somebody, by id.
pub async fn ids_after(
    tx: &mut impl Reads,
    after: Option<UserId>,
    most: i64,
) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut ids = users::table
        .filter(users::tenant_id.eq(tenant))
        .order(users::id)
        .limit(most)
        .select(users::id)
        .into_boxed();
    if let Some(after) = after {
        ids = ids.filter(users::id.gt(after.as_uuid()));
    }
    let ids: Vec<Uuid> = ids.load(tx.connection().0.conn().await?).await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}

/// The columns that a document fills.
struct Keys {
    user_name: String,
    external_id: Option<String>,
    display_name: Option<String>,
    active: bool,
    emails: Vec<String>,
    words: BTreeSet<String>,
}

impl Keys {
    fn of(resource: &Resource) -> Result<Self, StoreError> {
        let user_name = scim::text::fold(resource.user_name().unwrap_or_default());
        let external_id = resource.external_id().map(str::to_owned);
        let display_name = resource.display_name().map(scim::text::fold);
        let emails = resource.emails();
        let emails = emails.iter().map(|email| scim::text::fold(&email.value));
        Ok(Self {
            user_name: fitting("userName", user_name)?,
            external_id: external_id.map(|id| fitting("externalId", id)).transpose()?,
            display_name: display_name.map(|name| fitting("displayName", name)).transpose()?,
            active: resource.active(),
            emails: all_fitting("emails", emails)?,
            words: words::of(resource),
        })
    }
}

const CREATE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS directory, {} AS at
), arrived AS (
    INSERT INTO users (tenant_id, id, directory_id, user_name_key, external_id, display_name_key, active, doc,
        version, created_at, updated_at, stopped_at)
    SELECT tenant, p.id, directory, p.user_name, p.external_id, p.display_name, p.active, p.doc, 1, at, at,
        CASE WHEN NOT p.active THEN at END
    FROM input, unnest({}, {}, {}, {}, {}, {}) AS p (id, user_name, external_id, display_name, active, doc)
), found AS (
    INSERT INTO user_word (tenant_id, word, user_id)
    SELECT tenant, w.word, w.person FROM input, unnest({}, {}) AS w (word, person)
)
INSERT INTO user_email (tenant_id, user_id, ordinal, value_key)
SELECT tenant, e.person, e.n, e.key FROM input, unnest({}, {}, {}) AS e (person, n, key)";

/// Adds people, in version 1, all or none: with the next statement or the commit, which then say if it could not be.
///
/// They go in by name, so that two requests that bring the same people wait for each other instead of blocking each
/// other.
pub fn create<'a>(
    tx: &mut WriteTx,
    directory: DirectoryId,
    people: impl IntoIterator<Item = (UserId, &'a Resource)>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let people = people.into_iter().map(|(id, resource)| Ok((Keys::of(resource)?, id, resource)));
    let mut people = people.collect::<Result<Vec<_>, StoreError>>()?;
    people.sort_by(|(one, ..), (other, ..)| one.user_name.cmp(&other.user_name));
    let (mut ids, mut names, mut external_ids) = (vec![], vec![], vec![]);
    let (mut display_names, mut active, mut docs) = (vec![], vec![], vec![]);
    let (mut of, mut ordinals, mut emails) = (vec![], vec![], vec![]);
    let (mut words, mut found) = (vec![], vec![]);
    for (keys, id, resource) in people {
        ids.push(id.as_uuid());
        names.push(keys.user_name);
        external_ids.push(keys.external_id);
        display_names.push(keys.display_name);
        active.push(keys.active);
        docs.push(Value::Object(resource.as_map().clone()));
        for (n, email) in (1..).zip(keys.emails) {
            of.push(id.as_uuid());
            ordinals.push(n);
            emails.push(email);
        }
        for word in keys.words {
            words.push(word);
            found.push(id.as_uuid());
        }
    }
    let create = statement(CREATE)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(names)
        .bind::<Array<Nullable<Text>>, _>(external_ids)
        .bind::<Array<Nullable<Text>>, _>(display_names)
        .bind::<Array<Bool>, _>(active)
        .bind::<Array<Jsonb>, _>(docs)
        .bind::<Array<Text>, _>(words)
        .bind::<Array<SqlUuid>, _>(found)
        .bind::<Array<SqlUuid>, _>(of)
        .bind::<Array<SmallInt>, _>(ordinals)
        .bind::<Array<Text>, _>(emails);
    tx.later(create);
    Ok(())
}

/// Writes a document over the row `u`, in the next version.
macro_rules! write_over {
    () => {
        "UPDATE users u SET user_name_key = {}, external_id = {}, display_name_key = {}, \
             active = {} AND u.frozen_at IS NULL, doc = {}, version = u.version + 1, updated_at = {}, \
             signed_out_at = coalesce({}, u.signed_out_at), \
             stopped_at = CASE WHEN {} AND u.frozen_at IS NULL THEN NULL ELSE coalesce(u.stopped_at, {}) END"
    };
}
pub(crate) use write_over;

const UPDATE: &str = concat!(write_over!(), " WHERE u.tenant_id = {} AND u.id = {}");

/// Writes a changed document over a locked row, in the next version: with the next statement or the commit, which then
/// say if it could not be. Nothing that was proved before of somebody who is inactive opens a session any more.
pub fn update(
    tx: &mut WriteTx,
    id: UserId,
    before: &Resource,
    after: &Resource,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let update = update_by(tx, UPDATE, id, (before, after), now)?
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    tx.later(update);
    Ok(())
}

/// [`update`] by a text that begins with [`write_over!`] and is to be bound further; what else is kept of the document is replaced
/// with the next statement.
pub(crate) fn update_by(
    tx: &mut WriteTx,
    text: &'static str,
    id: UserId,
    (before, after): (&Resource, &Resource),
    now: DateTime<Utc>,
) -> Result<Statement<'static>, StoreError> {
    let (keys, before) = (Keys::of(after)?, Keys::of(before)?);
    if keys.emails != before.emails {
        replace_emails(tx, id, keys.emails);
    }
    if keys.words != before.words {
        replace_words(tx, id, &before.words, &keys.words);
    }
    Ok(statement(text)
        .bind::<Text, _>(keys.user_name)
        .bind::<Nullable<Text>, _>(keys.external_id)
        .bind::<Nullable<Text>, _>(keys.display_name)
        .bind::<Bool, _>(keys.active)
        .bind::<Jsonb, _>(Value::Object(after.as_map().clone()))
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<Timestamptz>, _>((!keys.active).then_some(now))
        .bind::<Bool, _>(keys.active)
        .bind::<Timestamptz, _>(now))
}

/// A person of whatever directory, whose row the transaction has locked.
pub async fn locked(tx: &mut WriteTx, id: UserId) -> Result<Option<LockedUser>, StoreError> {
    let text = format!(
        "SELECT {}, u.frozen_at FROM users u WHERE u.tenant_id = {{}} AND u.id = {{}}",
        columns(Groups::Omitted)
    );
    let ask = Statement::composed(text, Vec::new(), Shape::Point)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    Ok(tx.load(ask).await?.pop())
}

const FREEZE: &str = "\
UPDATE users SET active = FALSE, frozen_at = input.at, frozen_because = input.because,
    signed_out_at = input.at, stopped_at = coalesce(stopped_at, input.at)
FROM (SELECT {} AS at, {} AS because) AS input WHERE tenant_id = {} AND id = {}";

/// Shuts a locked person out, whatever their document says and whoever writes it. The document and its version stay as they are.
pub fn freeze(tx: &mut WriteTx, id: UserId, because: Option<String>, now: DateTime<Utc>) {
    let freeze = statement(FREEZE)
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<Text>, _>(because)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    tx.later(freeze);
}

const THAW: &str = "\
UPDATE users SET active = input.active, frozen_at = NULL, frozen_because = NULL,
    stopped_at = CASE WHEN input.active THEN NULL ELSE stopped_at END
FROM (SELECT {} AS active) AS input WHERE tenant_id = {} AND id = {}";

/// Lets a locked person's document say again whether they are let in.
pub fn thaw(tx: &mut WriteTx, id: UserId, active: bool) {
    let thaw = statement(THAW)
        .bind::<Bool, _>(active)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    tx.later(thaw);
}

fn replace_words(tx: &mut WriteTx, id: UserId, before: &BTreeSet<String>, after: &BTreeSet<String>) {
    let tenant = tx.tenant().as_uuid();
    let listed =
        |of: &BTreeSet<String>, but: &BTreeSet<String>| of.difference(but).cloned().collect::<Vec<_>>();
    tx.later(
        statement("DELETE FROM user_word WHERE tenant_id = {} AND user_id = {} AND word = ANY({})")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(id.as_uuid())
            .bind::<Array<Text>, _>(listed(before, after)),
    );
    tx.later(
        statement(
            "INSERT INTO user_word (tenant_id, word, user_id) SELECT {}, w.word, {} FROM unnest({}) AS w (word) \
             ON CONFLICT DO NOTHING",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(id.as_uuid())
        .bind::<Array<Text>, _>(listed(after, before)),
    );
}

fn replace_emails(tx: &mut WriteTx, id: UserId, emails: Vec<String>) {
    let tenant = tx.tenant().as_uuid();
    tx.later(
        statement("DELETE FROM user_email WHERE tenant_id = {} AND user_id = {}")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(id.as_uuid()),
    );
    tx.later(
        statement(
            "INSERT INTO user_email (tenant_id, user_id, ordinal, value_key) \
             SELECT {}, {}, e.n, e.key FROM unnest({}) WITH ORDINALITY AS e (key, n)",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(id.as_uuid())
        .bind::<Array<Text>, _>(emails),
    );
}

#[derive(QueryableByName)]
pub(crate) struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

impl Id {
    pub(crate) fn user(&self) -> UserId {
        UserId::from_uuid(self.id)
    }
}

/// Locks those of these people who exist in a directory, in the order of ids, and returns them.
pub(crate) fn lock_statement(tenant: TenantId, directory: DirectoryId, ids: &[UserId]) -> Statement<'static> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    statement(
        "SELECT id FROM users WHERE tenant_id = {} AND directory_id = {} AND id = ANY({}) \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
}

/// Which of these people exist in this directory; each is locked, in the order of ids, until the end of the transaction.
pub async fn lock_many(
    tx: &mut WriteTx,
    directory: DirectoryId,
    ids: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<Id> = tx.load(lock_statement(tx.tenant(), directory, ids)).await?;
    Ok(found.iter().map(Id::user).collect())
}

/// The person of a directory whose `userName` or `externalId` this is, for the first sign-in.
pub async fn by_name(
    tx: &mut impl Reads,
    directory: DirectoryId,
    by: Named<'_>,
) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mine = users::table
        .filter(users::tenant_id.eq(tenant).and(users::directory_id.eq(directory.as_uuid())))
        .select(users::id)
        .into_boxed();
    let mine = match by {
        Named::UserName(name) => mine.filter(users::user_name_key.eq(scim::text::fold(name))),
        Named::ExternalId(id) => mine.filter(users::external_id.eq(id.to_owned())),
    };
    let id: Option<Uuid> = mine.first(tx.connection().0.conn().await?).await.optional()?;
    Ok(id.map(UserId::from_uuid))
}

/// When all sessions of a person were last ended.
pub async fn signed_out_at(tx: &mut impl Reads, id: UserId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let moment: Option<Option<DateTime<Utc>>> = users::table
        .filter(users::tenant_id.eq(tenant).and(users::id.eq(id.as_uuid())))
        .select(users::signed_out_at)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(moment.flatten())
}

/// Notes that what was proved of somebody before this moment opens no session any more, and holds their row.
pub async fn sign_out(tx: &mut WriteTx, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let is_later = users::signed_out_at.is_null().or(users::signed_out_at.lt(at));
    let of = users::tenant_id.eq(tenant).and(users::id.eq(id.as_uuid()));
    diesel::update(users::table.filter(of).filter(is_later.assume_not_null()))
        .set(users::signed_out_at.eq(at))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// A name that a directory gives to exactly one person.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// `userName`, compared without case.
    UserName(&'a str),
    /// `externalId`, compared exactly.
    ExternalId(&'a str),
}
