//! Gates, their secrets, and what browsers have of a session behind them. Knows rows, and the one read that a decision is; does
//! not know what a gate asks for.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::audit::Actor;
use domain::id::{GateId, RequestId, SessionId, TenantId};
use domain::token::{PlainToken, TokenHash};
use serde_json::Value;
use uuid::Uuid;

use crate::access::SEAT_OF;
use crate::db::Db;
use crate::error::StoreError;
use crate::filter_sql::explain;
use crate::schema::{gate, gate_code, gate_pass, gate_secret};
use crate::scope::Scope;
use crate::sessions::{self, COLUMNS, JOINS, Lifetimes, LiveSession};
use crate::statement::{Shape, Statement};
use crate::tx::{Reads, WriteTx};

/// A gate as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = gate)]
pub struct GateRow {
    /// Id.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// For which origins it asks, and what each takes.
    pub hosts: Value,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl GateRow {
    /// The id, typed.
    pub fn gate_id(&self) -> GateId {
        GateId::from_uuid(self.id)
    }
}

/// A secret of a gate.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = gate_secret)]
pub struct GateSecretRow {
    /// Its hash.
    pub secret_hash: Vec<u8>,
    /// Whose.
    pub gate_id: Uuid,
    /// Its last characters.
    pub hint: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub ends_at: Option<DateTime<Utc>>,
}

/// A browser on its way back to a host.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = gate_code)]
pub struct CodeRow {
    /// Behind which gate.
    pub gate_id: Uuid,
    /// Of which session.
    pub session_id: Uuid,
    /// Which host.
    pub origin: String,
    /// Where it wanted to go there.
    pub path: String,
    /// Hash of what the browser that set out holds.
    pub way_hash: Vec<u8>,
    /// From when on it is not good any more.
    pub ends_at: DateTime<Utc>,
}

/// A gate that asks about one of its hosts.
#[derive(Debug, Clone)]
pub struct Asking {
    /// What it may act as.
    pub scope: Scope,
    /// Which gate.
    pub gate: GateId,
    /// The tenant's slug.
    pub tenant: String,
    /// The rules of the host; none if the gate may not ask about it.
    pub rules: Option<Value>,
    /// The version of the policy in force.
    pub policy_version: i64,
}

#[derive(QueryableByName)]
struct AskingRow {
    #[diesel(sql_type = SqlUuid)]
    gate_id: Uuid,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    rules: Option<Value>,
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
}

impl AskingRow {
    fn whole(self, tenant: TenantId, request: RequestId) -> Asking {
        Asking {
            scope: Scope::new(tenant, Actor::SignIn, request),
            gate: GateId::from_uuid(self.gate_id),
            tenant: self.slug,
            rules: self.rules,
            policy_version: self.policy_version,
        }
    }
}

#[derive(QueryableByName)]
struct LetInRow {
    #[diesel(embed)]
    asking: AskingRow,
    #[diesel(embed)]
    session: sessions::Row,
}

/// A gate by its secret, the rules of one of its hosts, and the version of the policy.
const ASKING: &str = "\
g.id AS gate_id, t.slug, g.hosts -> {} AS rules, v.version AS policy_version";
const GATE: &str = "\
gate_secret k \
JOIN gate g ON g.tenant_id = k.tenant_id AND g.id = k.gate_id \
JOIN tenant t ON t.id = k.tenant_id \
JOIN access_policy v ON v.tenant_id = k.tenant_id";
const BY_SECRET: &str = "k.tenant_id = {} AND k.secret_hash = {} AND (k.ends_at IS NULL OR k.ends_at > {})";

/// Who asks about which host, and when.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The gate's secret.
    pub secret: &'a PlainToken,
    /// The host.
    pub origin: &'a str,
    /// For the log.
    pub request: RequestId,
    /// The time.
    pub now: DateTime<Utc>,
}

/// The gate, and whoever shows this pass: a pass of this gate, for this host, of a session in force.
fn let_in_by(tenant: TenantId, asked: &Question<'_>, pass: &PlainToken) -> Statement<'static> {
    let text = format!(
        "SELECT {ASKING}, {COLUMNS}, {SEAT_OF} FROM {GATE} \
         JOIN gate_pass w ON w.tenant_id = g.tenant_id AND w.gate_id = g.id \
         JOIN session s ON s.tenant_id = w.tenant_id AND s.id = w.session_id {JOINS} \
         WHERE {BY_SECRET} AND w.token_hash = {{}} AND w.origin = {{}} AND u.active"
    );
    gate(text, tenant, asked)
        .bind::<Bytea, _>(pass.hash().as_bytes().to_vec())
        .bind::<Text, _>(asked.origin.to_owned())
}

fn gate(text: String, tenant: TenantId, asked: &Question<'_>) -> Statement<'static> {
    Statement::composed(text, Vec::new(), Shape::Point)
        .bind::<Text, _>(asked.origin.to_owned())
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Bytea, _>(asked.secret.hash().as_bytes().to_vec())
        .bind::<Timestamptz, _>(asked.now)
}

impl Db {
    /// Who asks, and whose pass is shown if that is in force. One read; another only if there is no such pass.
    pub async fn asking(
        &self,
        asked: Question<'_>,
        pass: Option<&PlainToken>,
        longest: Lifetimes,
    ) -> Result<Option<(Asking, Option<LiveSession>)>, StoreError> {
        let Some(tenant) = asked.secret.tenant() else { return Ok(None) };
        if let Some(pass) = pass.filter(|pass| pass.tenant() == Some(tenant)) {
            let found: Option<LetInRow> =
                self.at_once(tenant, None, let_in_by(tenant, &asked, pass)).await?.pop();
            if let Some(row) = found {
                let asking = row.asking.whole(tenant, asked.request);
                if !row.session.is_in_force(longest, asked.now) {
                    return Ok(Some((asking, None)));
                }
                let live = sessions::live(tenant, row.session, asked.request)?;
                self.note_seen(&live, asked.now).await?;
                return Ok(Some((asking, Some(live))));
            }
        }
        let alone = gate(format!("SELECT {ASKING} FROM {GATE} WHERE {BY_SECRET}"), tenant, &asked);
        let found: Option<AskingRow> = self.at_once(tenant, None, alone).await?.pop();
        Ok(found.map(|row| (row.whole(tenant, asked.request), None)))
    }

    /// How the database answers [`Db::asking`]: the plan, line by line.
    pub async fn asking_plan(
        &self,
        scope: &Scope,
        asked: Question<'_>,
        pass: &PlainToken,
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.read_by_keys(scope).await?;
        let lines = explain(&let_in_by(scope.tenant(), &asked, pass), tx.connection().0).await?;
        tx.finish().await?;
        Ok(lines)
    }
}

/// Adds a gate.
pub async fn create(tx: &mut WriteTx, row: &GateRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(gate::table)
        .values((gate::tenant_id.eq(tenant), row))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<GateRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(gate::table
        .filter(gate::tenant_id.eq(tenant))
        .order(gate::id)
        .select(GateRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// One of them.
pub async fn find(tx: &mut impl Reads, id: GateId) -> Result<Option<GateRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(gate::table
        .filter(gate::tenant_id.eq(tenant).and(gate::id.eq(id.as_uuid())))
        .select(GateRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// One of them, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, id: GateId) -> Result<Option<GateRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(gate::table
        .filter(gate::tenant_id.eq(tenant).and(gate::id.eq(id.as_uuid())))
        .select(GateRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Writes a gate that the transaction has locked.
pub async fn update(tx: &mut WriteTx, row: &GateRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(gate::table.filter(gate::tenant_id.eq(tenant).and(gate::id.eq(row.id))))
        .set(row)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes a gate down, and with it every pass of it.
pub async fn delete(tx: &mut WriteTx, id: GateId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(gate::table.filter(gate::tenant_id.eq(tenant).and(gate::id.eq(id.as_uuid()))))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// The secrets that are good now, newest first.
pub async fn secrets(
    tx: &mut impl Reads,
    of: Option<GateId>,
    now: DateTime<Utc>,
) -> Result<Vec<GateSecretRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let is_good = gate_secret::ends_at.is_null().or(gate_secret::ends_at.gt(now));
    let mut query = gate_secret::table.filter(gate_secret::tenant_id.eq(tenant)).filter(is_good).into_boxed();
    if let Some(id) = of {
        query = query.filter(gate_secret::gate_id.eq(id.as_uuid()));
    }
    Ok(query
        .order((gate_secret::created_at.desc(), gate_secret::secret_hash))
        .select(GateSecretRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Gives a locked gate a secret. The one before is good until `until`, and any before that is forgotten.
pub async fn add_secret(
    tx: &mut WriteTx,
    new: &GateSecretRow,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = || gate_secret::tenant_id.eq(tenant).and(gate_secret::gate_id.eq(new.gate_id));
    diesel::delete(gate_secret::table.filter(of()).filter(gate_secret::ends_at.is_not_null()))
        .execute(tx.conn().await?)
        .await?;
    diesel::update(gate_secret::table.filter(of()))
        .set(gate_secret::ends_at.eq(until))
        .execute(tx.conn().await?)
        .await?;
    diesel::insert_into(gate_secret::table)
        .values((gate_secret::tenant_id.eq(tenant), new))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Keeps what a browser brings to its host, and forgets those of this tenant that nobody brought.
pub async fn add_code(
    tx: &mut WriteTx,
    code: TokenHash,
    row: &CodeRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let over = gate_code::tenant_id.eq(tenant).and(gate_code::ends_at.lt(now));
    diesel::delete(gate_code::table.filter(over)).execute(tx.conn().await?).await?;
    diesel::insert_into(gate_code::table)
        .values((gate_code::tenant_id.eq(tenant), gate_code::code_hash.eq(code.as_bytes().to_vec()), row))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes what a browser brings. It cannot be taken again.
pub async fn take_code(
    tx: &mut WriteTx,
    code: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<CodeRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = gate_code::tenant_id.eq(tenant).and(gate_code::code_hash.eq(code.as_bytes().to_vec()));
    let taken: Option<CodeRow> = diesel::delete(gate_code::table.filter(one))
        .returning(CodeRow::as_returning())
        .get_result(tx.conn().await?)
        .await
        .optional()?;
    Ok(taken.filter(|row| row.ends_at > now))
}

/// How long a pass is good beside one that the same session got later: a browser has other requests under way.
const BESIDE: Duration = Duration::minutes(1);

/// Gives a session a pass for a host.
pub async fn add_pass(
    tx: &mut WriteTx,
    pass: TokenHash,
    code: &CodeRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let before = gate_pass::table
        .filter(gate_pass::tenant_id.eq(tenant).and(gate_pass::session_id.eq(code.session_id)))
        .filter(gate_pass::gate_id.eq(code.gate_id).and(gate_pass::origin.eq(&code.origin)))
        .filter(gate_pass::created_at.lt(now - BESIDE));
    diesel::delete(before).execute(tx.conn().await?).await?;
    diesel::insert_into(gate_pass::table)
        .values((
            gate_pass::tenant_id.eq(tenant),
            gate_pass::token_hash.eq(pass.as_bytes().to_vec()),
            gate_pass::gate_id.eq(code.gate_id),
            gate_pass::session_id.eq(code.session_id),
            gate_pass::origin.eq(&code.origin),
            gate_pass::created_at.eq(now),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

impl CodeRow {
    /// Of which session, typed.
    pub fn session(&self) -> SessionId {
        SessionId::from_uuid(self.session_id)
    }
}
