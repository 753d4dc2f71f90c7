//! Sessions. Only hashes of their tokens are kept; a session that ended is gone.

use chrono::{DateTime, Duration, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Bytea, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::EffectiveAccess;
use domain::audit::Actor;
use domain::id::{ConnectionId, RequestId, SessionId, TenantId, UserId};
use domain::token::{PlainToken, TokenHash};
use scim::resource::Resource;
use serde_json::Value;
use uuid::Uuid;

use crate::access::{SEAT_OF, SeatRow, gated};
use crate::db::Db;
use crate::error::StoreError;
use crate::schema::{connection, session, session_policy};
use crate::scope::Scope;
use crate::statement::{Count, Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};
use crate::users::document;

/// A session to be.
#[derive(Debug)]
pub struct NewSession {
    /// Id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Through which connection; none by a passkey.
    pub connection: Option<ConnectionId>,
    /// Hash of its token.
    pub token: TokenHash,
    /// Hash of the provider's own name for it, if it has one.
    pub provider_session: Option<TokenHash>,
    /// Hash of the provider's own name for its person, where it ends sessions by that.
    pub provider_name: Option<TokenHash>,
    /// What its provider is shown at its end, sealed.
    pub logout_hint_sealed: Option<Vec<u8>>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// How the person proved who they are.
    pub proven: Proven,
}

/// How somebody proved who they are, as far as their provider says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// When they last did.
    pub at: Option<DateTime<Utc>>,
    /// By which methods (RFC 8176).
    pub amr: Vec<String>,
    /// In which class of authentication.
    pub acr: Option<String>,
}

/// A session in force, with the person and their access as they are now.
#[derive(Debug, Clone)]
pub struct LiveSession {
    /// What this session may act as.
    pub scope: Scope,
    /// Id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Their SCIM document.
    pub resource: Resource,
    /// What they may do and why.
    pub access: EffectiveAccess,
    /// When that was computed.
    pub computed_at: DateTime<Utc>,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// How the person proved who they are.
    pub proven: Proven,
    last_seen_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    last_seen_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Integer>)]
    idle_minutes: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    absolute_minutes: Option<i32>,
    #[diesel(sql_type = Jsonb)]
    doc: Value,
    #[diesel(sql_type = Jsonb)]
    access: Value,
    #[diesel(sql_type = Timestamptz)]
    computed_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    auth_time: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    amr: Option<Value>,
    #[diesel(sql_type = Nullable<Text>)]
    acr: Option<String>,
    #[diesel(embed)]
    seat: SeatRow,
}

/// What is read of a session `s`, besides [`SEAT_OF`].
pub(crate) const COLUMNS: &str = "\
s.id, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.auth_time, s.amr, s.acr, \
p.idle_minutes, p.absolute_minutes, u.doc, a.access, a.computed_at";

/// Where it stands besides the session itself. Whoever uses it asks for `u.active`, too.
pub(crate) const JOINS: &str = "\
JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id \
JOIN user_access a ON a.tenant_id = s.tenant_id AND a.user_id = s.user_id \
LEFT JOIN session_policy p ON p.tenant_id = s.tenant_id";

/// By the hash of its token, or by its id.
fn live_text(by: &'static str) -> String {
    format!(
        "SELECT {COLUMNS}, {SEAT_OF} FROM session s {JOINS} \
         WHERE s.tenant_id = {{}} AND s.{by} = {{}} AND u.active"
    )
}

const SEEN_IS_NOTED_EVERY: Duration = Duration::minutes(1);

impl Db {
    /// The session that this token opens, if it is in force. The database is asked each time: a session that was
    /// revoked by an answered request is refused by every process from then on.
    pub async fn session(
        &self,
        token: &PlainToken,
        request: RequestId,
        longest: Lifetimes,
        now: DateTime<Utc>,
    ) -> Result<Option<LiveSession>, StoreError> {
        let Some(tenant) = token.tenant() else { return Ok(None) };
        let hash = token.hash();
        let ask = Statement::composed(live_text("token_hash"), Vec::new(), Shape::Point)
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Bytea, _>(hash.as_bytes().to_vec());
        let row: Option<Row> = self.at_once(tenant, None, ask).await?.pop();
        let Some(row) = row.filter(|row| row.is_in_force(longest, now)) else { return Ok(None) };
        let live = live(tenant, row, request)?;
        self.note_seen(&live, now).await?;
        Ok(Some(live))
    }

    /// Notes that a session was used, if that was not noted just now.
    pub async fn note_seen(&self, live: &LiveSession, now: DateTime<Utc>) -> Result<(), StoreError> {
        if now - live.last_seen_at < SEEN_IS_NOTED_EVERY {
            return Ok(());
        }
        let mut tx = self.begin(&live.scope).await?;
        let tenant = tx.tenant().as_uuid();
        diesel::update(
            session::table.filter(session::tenant_id.eq(tenant).and(session::id.eq(live.id.as_uuid()))),
        )
        .set(session::last_seen_at.eq(now))
        .execute(tx.conn().await?)
        .await?;
        tx.later(
            statement("UPDATE user_seen SET last_seen_at = {} WHERE tenant_id = {} AND user_id = {} AND last_seen_at < {}")
                .bind::<Timestamptz, _>(now)
                .bind::<SqlUuid, _>(tenant)
                .bind::<SqlUuid, _>(live.user.as_uuid())
                .bind::<Timestamptz, _>(now),
        );
        tx.commit_trace_of_use().await
    }
}

/// The session with this id, if it is in force. That it is asked for is no use of it.
pub async fn find(
    tx: &mut impl Reads,
    id: SessionId,
    request: RequestId,
    longest: Lifetimes,
    now: DateTime<Utc>,
) -> Result<Option<LiveSession>, StoreError> {
    let tenant = tx.tenant();
    let ask = Statement::composed(live_text("id"), Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    let row: Option<Row> = tx.connection().0.load(ask).await?.pop();
    row.filter(|row| row.is_in_force(longest, now)).map(|row| live(tenant, row, request)).transpose()
}

impl Row {
    pub(crate) fn is_in_force(&self, longest: Lifetimes, now: DateTime<Utc>) -> bool {
        let policy = PolicyRow { idle_minutes: self.idle_minutes, absolute_minutes: self.absolute_minutes };
        let lifetimes = policy.within(longest);
        let ends_at = self.expires_at.min(self.created_at + lifetimes.absolute);
        ends_at > now && now - self.last_seen_at < lifetimes.idle
    }
}

pub(crate) fn live(tenant: TenantId, row: Row, request: RequestId) -> Result<LiveSession, StoreError> {
    let (id, user) = (SessionId::from_uuid(row.id), UserId::from_uuid(row.user_id));
    let amr = row.amr.as_ref().and_then(Value::as_array).into_iter().flatten();
    Ok(LiveSession {
        scope: Scope::new(tenant, Actor::Session { session: id, user }, request),
        id,
        user,
        resource: Resource::from_stored(document(&row.doc)),
        access: gated(row.access, &row.seat)?,
        computed_at: row.computed_at,
        began_at: row.created_at,
        expires_at: row.expires_at,
        proven: Proven {
            at: row.auth_time,
            amr: amr.filter_map(Value::as_str).map(str::to_owned).collect(),
            acr: row.acr,
        },
        last_seen_at: row.last_seen_at,
    })
}

/// How long sessions may live.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// One that was not used for this long has ended.
    pub idle: Duration,
    /// One that is this old has ended in any case.
    pub absolute: Duration,
}

/// What a tenant says of its sessions. It can only shorten them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = session_policy)]
pub struct PolicyRow {
    /// They end when they were not used for so long.
    pub idle_minutes: Option<i32>,
    /// They end after so long in any case.
    pub absolute_minutes: Option<i32>,
}

impl PolicyRow {
    /// The shorter of what the tenant says and what the installation does.
    pub fn within(self, longest: Lifetimes) -> Lifetimes {
        let shorter = |minutes: Option<i32>, most: Duration| {
            minutes.map_or(most, |minutes| Duration::minutes(i64::from(minutes)).min(most))
        };
        Lifetimes {
            idle: shorter(self.idle_minutes, longest.idle),
            absolute: shorter(self.absolute_minutes, longest.absolute),
        }
    }
}

/// What the tenant says of its sessions.
pub async fn policy(tx: &mut impl Reads) -> Result<PolicyRow, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let row = session_policy::table
        .filter(session_policy::tenant_id.eq(tenant))
        .select(PolicyRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(row.unwrap_or_default())
}

/// Sets it.
pub async fn set_policy(tx: &mut WriteTx, row: PolicyRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let values = (
        session_policy::idle_minutes.eq(row.idle_minutes),
        session_policy::absolute_minutes.eq(row.absolute_minutes),
    );
    diesel::insert_into(session_policy::table)
        .values((session_policy::tenant_id.eq(tenant), values))
        .on_conflict(session_policy::tenant_id)
        .do_update()
        .set(values)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// A session as it is listed.
#[derive(Debug, Clone, Queryable)]
pub struct SessionRow {
    /// Id.
    pub id: Uuid,
    /// Slug of the connection; none by a passkey.
    pub connection: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A person's sessions, newest first; those that have run out may be among them.
pub async fn of_person(tx: &mut impl Reads, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = session::tenant_id
        .eq(connection::tenant_id)
        .and(session::connection_id.eq(connection::id.nullable()));
    Ok(session::table
        .left_join(connection::table.on(of))
        .filter(session::tenant_id.eq(tenant).and(session::user_id.eq(user.as_uuid())))
        .order((session::created_at.desc(), session::id))
        .select((
            session::id,
            connection::slug.nullable(),
            session::created_at,
            session::last_seen_at,
            session::expires_at,
        ))
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Ends one session of a person. Returns whether there was one to end.
pub async fn end_of_person(tx: &mut WriteTx, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ended = diesel::delete(
        session::table
            .filter(session::tenant_id.eq(tenant).and(session::id.eq(id.as_uuid())))
            .filter(session::user_id.eq(user.as_uuid())),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(ended == 1)
}

/// Opens a session, and forgets those of this tenant that ran out.
pub async fn open(tx: &mut WriteTx, new: &NewSession, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(session::table.filter(session::tenant_id.eq(tenant).and(session::expires_at.lt(now))))
        .execute(tx.conn().await?)
        .await?;
    diesel::insert_into(session::table)
        .values((
            session::tenant_id.eq(tenant),
            session::id.eq(new.id.as_uuid()),
            session::user_id.eq(new.user.as_uuid()),
            session::connection_id.eq(new.connection.map(ConnectionId::as_uuid)),
            session::token_hash.eq(new.token.as_bytes().to_vec()),
            session::created_at.eq(now),
            session::last_seen_at.eq(now),
            session::expires_at.eq(new.expires_at),
            session::provider_session_hash.eq(new.provider_session.map(|hash| hash.as_bytes().to_vec())),
            session::provider_name_hash.eq(new.provider_name.map(|hash| hash.as_bytes().to_vec())),
            session::id_token_sealed.eq(&new.logout_hint_sealed),
            session::auth_time.eq(new.proven.at),
            session::amr.eq((!new.proven.amr.is_empty()).then(|| serde_json::json!(new.proven.amr))),
            session::acr.eq(&new.proven.acr),
        ))
        .execute(tx.conn().await?)
        .await?;
    tx.later(
        statement(SIGNED_IN)
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(new.user.as_uuid())
            .bind::<Timestamptz, _>(now)
            .bind::<Timestamptz, _>(now),
    );
    Ok(())
}

const SIGNED_IN: &str = "\
INSERT INTO user_seen (tenant_id, user_id, last_login_at, last_seen_at) VALUES ({}, {}, {}, {})
ON CONFLICT (tenant_id, user_id) DO UPDATE SET last_login_at = excluded.last_login_at, last_seen_at = excluded.last_seen_at";

const PRESENT: &str = "\
INSERT INTO user_seen (tenant_id, user_id, last_seen_at, client_version)
SELECT u.tenant_id, u.id, {}, p.version
FROM (SELECT DISTINCT ON (n.user_id) n.user_id, n.version FROM unnest({}, {}) AS n (user_id, version)
    ORDER BY n.user_id, n.version DESC NULLS LAST) p
JOIN users u ON u.tenant_id = {} AND u.id = p.user_id AND u.active
ORDER BY u.id
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET last_seen_at = greatest(user_seen.last_seen_at, excluded.last_seen_at),
    client_version = coalesce(excluded.client_version, user_seen.client_version)
RETURNING user_id AS id";

#[derive(QueryableByName)]
struct PresentId {
    #[diesel(sql_type = SqlUuid)]
    #[expect(dead_code, reason = "they are counted")]
    id: Uuid,
}

/// Notes that these are there now, with the version of the program that they use. Returns of how many: those who are active.
pub async fn note_present(
    tx: &mut WriteTx,
    people: Vec<(UserId, Option<String>)>,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let (users, versions): (Vec<Uuid>, Vec<Option<String>>) =
        people.into_iter().map(|(user, version)| (user.as_uuid(), version)).unzip();
    let note = statement(PRESENT)
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(users)
        .bind::<Array<Nullable<Text>>, _>(versions)
        .bind::<SqlUuid, _>(tenant);
    Ok(tx.load::<PresentId>(note).await?.len())
}

/// A session that is over.
#[derive(Debug)]
pub struct Ended {
    /// Through which connection it came; none by a passkey.
    pub connection: Option<ConnectionId>,
    /// What its provider is shown at its end, sealed.
    pub logout_hint_sealed: Option<Vec<u8>>,
}

/// Ends one session, if it is there.
pub async fn end(tx: &mut WriteTx, id: SessionId) -> Result<Option<Ended>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ended: Option<(Option<Uuid>, Option<Vec<u8>>)> = diesel::delete(
        session::table.filter(session::tenant_id.eq(tenant).and(session::id.eq(id.as_uuid()))),
    )
    .returning((session::connection_id, session::id_token_sealed))
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    Ok(ended.map(|(connection, logout_hint_sealed)| Ended {
        connection: connection.map(ConnectionId::from_uuid),
        logout_hint_sealed,
    }))
}

/// Which sessions of a connection are meant.
#[derive(Debug, Clone, Copy)]
pub enum Meant<'m> {
    /// Those that the provider knows by this name.
    ProviderSession(TokenHash),
    /// Those of a person.
    Person(UserId),
    /// Those of a person that the provider knows by this name, and those that it gave us no name for: they may be it.
    PerhapsOf(UserId, TokenHash),
    /// Those of whom the provider knows by this name; of them, where any are named, only those that it knows by these.
    ProviderName(TokenHash, &'m [TokenHash]),
}

/// True of some sessions.
type Condition = Box<dyn BoxableExpression<session::table, Pg, SqlType = Nullable<Bool>>>;

impl Meant<'_> {
    fn condition(self) -> Condition {
        let hash = |of: TokenHash| of.as_bytes().to_vec();
        match self {
            Meant::ProviderSession(name) => Box::new(session::provider_session_hash.eq(hash(name))),
            Meant::Person(user) => Box::new(session::user_id.eq(user.as_uuid()).nullable()),
            Meant::PerhapsOf(user, name) => {
                let it = session::provider_session_hash.eq(hash(name));
                let may_be_it = it.or(session::provider_session_hash.is_null().nullable());
                Box::new(session::user_id.eq(user.as_uuid()).nullable().and(may_be_it))
            }
            Meant::ProviderName(name, []) => Box::new(session::provider_name_hash.eq(hash(name))),
            Meant::ProviderName(name, sessions) => {
                let sessions: Vec<_> = sessions.iter().copied().map(hash).collect();
                let of_name = session::provider_name_hash.eq(hash(name));
                Box::new(of_name.and(session::provider_session_hash.eq_any(sessions)))
            }
        }
    }
}

/// Ends sessions of a connection, and returns which, and whose.
pub async fn end_at_connection(
    tx: &mut WriteTx,
    connection: ConnectionId,
    meant: Meant<'_>,
) -> Result<Vec<(SessionId, UserId)>, StoreError> {
    let (tenant, conn) = (tx.tenant().as_uuid(), tx.conn().await?);
    let ended: Vec<(Uuid, Uuid)> = diesel::delete(session::table)
        .filter(session::tenant_id.eq(tenant).and(session::connection_id.eq(connection.as_uuid())))
        .filter(meant.condition())
        .returning((session::id, session::user_id))
        .get_results(conn)
        .await?;
    Ok(ended.into_iter().map(|(id, user)| (SessionId::from_uuid(id), UserId::from_uuid(user))).collect())
}

/// Whose they are.
pub async fn people_at_connection(
    tx: &mut WriteTx,
    connection: ConnectionId,
    meant: Meant<'_>,
) -> Result<Vec<UserId>, StoreError> {
    let (tenant, conn) = (tx.tenant().as_uuid(), tx.conn().await?);
    let people: Vec<Uuid> = session::table
        .filter(session::tenant_id.eq(tenant).and(session::connection_id.eq(connection.as_uuid())))
        .filter(meant.condition())
        .select(session::user_id)
        .load(conn)
        .await?;
    Ok(people.into_iter().map(UserId::from_uuid).collect())
}

/// Ends the session that a token opens and returns which, and whose, if there was one.
pub async fn end_by_token(
    tx: &mut WriteTx,
    token: TokenHash,
) -> Result<Option<(SessionId, UserId)>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ended: Option<(Uuid, Uuid)> = diesel::delete(
        session::table
            .filter(session::tenant_id.eq(tenant))
            .filter(session::token_hash.eq(token.as_bytes().to_vec())),
    )
    .returning((session::id, session::user_id))
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    Ok(ended.map(|(id, user)| (SessionId::from_uuid(id), UserId::from_uuid(user))))
}

#[derive(QueryableByName)]
struct EndedOf {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// How many sessions these people have.
pub async fn number_of(tx: &mut impl Reads, people: &[UserId]) -> Result<usize, StoreError> {
    if people.is_empty() {
        return Ok(0);
    }
    let ask = statement("SELECT count(*) AS n FROM session WHERE tenant_id = {} AND user_id = ANY({})")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<Array<SqlUuid>, _>(ids(people));
    let found: Option<Count> = tx.connection().0.load(ask).await?.pop();
    Ok(found.map_or(0, |count| usize::try_from(count.n).unwrap_or_default()))
}

/// Ends every session of people whose rows are locked, and returns whose and which. Nothing that was proved of them before
/// opens a session any more.
pub async fn revoke_all(
    tx: &mut WriteTx,
    people: &[UserId],
    now: DateTime<Utc>,
) -> Result<Vec<(UserId, SessionId)>, StoreError> {
    let mark = statement("UPDATE users SET signed_out_at = {} WHERE tenant_id = {} AND id = ANY({})")
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<Array<SqlUuid>, _>(ids(people));
    tx.later(mark);
    end_all(tx, people).await
}

/// Ends every session of locked people who are inactive, or about to be deleted, and returns whose and which.
pub async fn end_all(tx: &mut WriteTx, people: &[UserId]) -> Result<Vec<(UserId, SessionId)>, StoreError> {
    let ask =
        statement("DELETE FROM session WHERE tenant_id = {} AND user_id = ANY({}) RETURNING user_id, id")
            .bind::<SqlUuid, _>(tx.tenant().as_uuid())
            .bind::<Array<SqlUuid>, _>(ids(people));
    let ended: Vec<EndedOf> = tx.load(ask).await?;
    Ok(ended.into_iter().map(|row| (UserId::from_uuid(row.user_id), SessionId::from_uuid(row.id))).collect())
}

fn ids(people: &[UserId]) -> Vec<Uuid> {
    people.iter().map(|user| user.as_uuid()).collect()
}

/// Gives the sessions of one person to another. What apps have of them ends: their tokens say who it was.
pub async fn hand_over(tx: &mut WriteTx, from: UserId, to: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    tx.later(
        statement(
            "DELETE FROM app_grant g USING session s WHERE s.tenant_id = {} AND s.user_id = {} \
             AND g.tenant_id = s.tenant_id AND g.session_id = s.id",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(from.as_uuid()),
    );
    tx.later(
        statement(
            "INSERT INTO user_seen (tenant_id, user_id, last_login_at, last_seen_at, client_version) \
             SELECT s.tenant_id, {}, s.last_login_at, s.last_seen_at, s.client_version \
             FROM user_seen s WHERE s.tenant_id = {} AND s.user_id = {} \
             ON CONFLICT (tenant_id, user_id) DO UPDATE \
             SET last_login_at = greatest(user_seen.last_login_at, excluded.last_login_at), \
             last_seen_at = greatest(user_seen.last_seen_at, excluded.last_seen_at)",
        )
        .bind::<SqlUuid, _>(to.as_uuid())
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(from.as_uuid()),
    );
    diesel::update(
        session::table.filter(session::tenant_id.eq(tenant).and(session::user_id.eq(from.as_uuid()))),
    )
    .set(session::user_id.eq(to.as_uuid()))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_can_only_shorten_what_the_installation_allows() {
        let longest = Lifetimes { idle: Duration::minutes(60), absolute: Duration::hours(12) };
        let within = |idle_minutes, absolute_minutes| {
            let lifetimes = PolicyRow { idle_minutes, absolute_minutes }.within(longest);
            (lifetimes.idle.num_minutes(), lifetimes.absolute.num_minutes())
        };

        assert_eq!(within(None, None), (60, 720));
        assert_eq!(within(Some(5), Some(30)), (5, 30));
        assert_eq!(within(Some(61), Some(10_000)), (60, 720));
    }
}
