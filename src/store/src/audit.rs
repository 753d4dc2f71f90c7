//! Audit events and outbox rows. Knows how they are kept; does not know what they mean.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::audit::Audit;
use domain::clock::Entropy;
use domain::id::{AuditEventId, OutboxId};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::json_text::JsonText;
use crate::schema::audit_event;
use crate::scope::Scope;
use crate::statement::{Statement, statement};
use crate::tx::Reads;

/// A fact for those who follow Usher.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Stable dotted name of the fact.
    pub fact: &'static str,
    /// Whom or what it is about.
    pub subject_id: String,
    /// What a follower needs to know, without personal data beyond ids.
    pub payload: Value,
}

/// An audit event as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_event)]
pub struct AuditRow {
    /// Time-ordered id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who, as `domain::audit::Actor` serialises.
    pub actor: Value,
    /// What, a stable dotted name.
    pub action: String,
    /// The kind of thing it was done to.
    pub target_kind: String,
    /// The thing it was done to.
    pub target_id: String,
    /// What it was before.
    pub before: Option<Value>,
    /// What it is after.
    pub after: Option<Value>,
    /// By which request.
    pub request_id: Uuid,
}

/// Newest first, at most `limit`, older than `before` if given, of one target if given.
pub async fn newest(
    tx: &mut impl Reads,
    target: Option<&str>,
    before: Option<AuditEventId>,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut query = audit_event::table
        .filter(audit_event::tenant_id.eq(tenant))
        .order(audit_event::id.desc())
        .limit(limit)
        .select(AuditRow::as_select())
        .into_boxed();
    if let Some(target) = target {
        query = query.filter(audit_event::target_id.eq(target.to_owned()));
    }
    if let Some(before) = before {
        query = query.filter(audit_event::id.lt(before.as_uuid()));
    }
    Ok(query.load(tx.connection().0.conn().await?).await?)
}

const APPEND: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS at, {} AS actor, {} AS request, {} AS said
), events AS (
    INSERT INTO audit_event (tenant_id, id, at, actor, action, target_kind, target_id, before, after, request_id)
    SELECT tenant, e.id, at, actor, e.action, e.kind, e.target, said[e.before], said[e.after], request
    FROM input, unnest({}, {}, {}, {}, {}, {}) AS e (id, action, kind, target, before, after)
)
INSERT INTO outbox (tenant_id, id, at, fact, subject_id, payload, request_id)
SELECT tenant, o.id, at, o.fact, o.subject, o.payload, request
FROM input, unnest({}, {}, {}, {}) AS o (id, fact, subject, payload)";

/// What events say, each once: those of one request say the same of many people, and share it.
#[derive(Default)]
struct Said {
    values: Vec<Arc<Value>>,
    known: HashMap<*const Value, i32>,
}

impl Said {
    /// By which number it is known, counted from one.
    fn number(&mut self, value: Arc<Value>) -> Result<i32, StoreError> {
        if let Some(number) = self.known.get(&Arc::as_ptr(&value)) {
            return Ok(*number);
        }
        let number = i32::try_from(self.values.len().saturating_add(1)).map_err(StoreError::corrupt)?;
        self.known.insert(Arc::as_ptr(&value), number);
        self.values.push(value); // kept, so that its place is nobody else's
        Ok(number)
    }

    fn texts(&self) -> Result<Vec<JsonText>, StoreError> {
        self.values.iter().map(|value| JsonText::of(&**value)).collect()
    }
}

/// One statement for both, in the transaction that made them true.
pub(crate) fn append(
    scope: &Scope,
    audit: Audit,
    outgoing: Vec<Outgoing>,
    now: DateTime<Utc>,
    entropy: &dyn Entropy,
) -> Result<Statement<'static>, StoreError> {
    let actor = serde_json::to_value(scope.actor()).map_err(StoreError::corrupt)?;
    let (mut ids, mut actions, mut kinds, mut targets, mut befores, mut afters) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    let mut said = Said::default();
    for (id, event) in AuditEventId::series(now, entropy).zip(audit.into_events()) {
        ids.push(id.as_uuid());
        actions.push(event.action.name().to_owned());
        kinds.push(event.target.kind.name().to_owned());
        targets.push(event.target.id);
        befores.push(event.before.map(|before| said.number(before)).transpose()?);
        afters.push(event.after.map(|after| said.number(after)).transpose()?);
    }
    let outbox_ids: Vec<Uuid> =
        OutboxId::series(now, entropy).take(outgoing.len()).map(OutboxId::as_uuid).collect();
    let facts: Vec<&'static str> = outgoing.iter().map(|o| o.fact).collect();
    let (subjects, payloads): (Vec<String>, Vec<Value>) =
        outgoing.into_iter().map(|o| (o.subject_id, o.payload)).unzip();
    Ok(statement(APPEND)
        .bind::<SqlUuid, _>(scope.tenant().as_uuid())
        .bind::<Timestamptz, _>(now)
        .bind::<Jsonb, _>(actor)
        .bind::<SqlUuid, _>(scope.request().as_uuid())
        .bind::<Array<Jsonb>, _>(said.texts()?)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(actions)
        .bind::<Array<Text>, _>(kinds)
        .bind::<Array<Text>, _>(targets)
        .bind::<Array<Nullable<Integer>>, _>(befores)
        .bind::<Array<Nullable<Integer>>, _>(afters)
        .bind::<Array<SqlUuid>, _>(outbox_ids)
        .bind::<Array<Text>, _>(facts)
        .bind::<Array<Text>, _>(subjects)
        .bind::<Array<Jsonb>, _>(payloads))
}
