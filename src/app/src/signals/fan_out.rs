//! From the outbox into lanes: who is told what. Knows which receiver wants which event; does not know how it is sent.

use domain::id::{ReceiverId, TenantId};
use domain::signal::FactKind;
use serde_json::Value;
use store::receivers::{self, ReceiverRow};
use store::signals::{self, NewDelivery, SignalRow, Turn};
use store::{Scope, WriteTx};
use uuid::Uuid;

use crate::App;
use crate::error::AppError;

/// How many facts are taken at a time.
const AT_ONCE: i64 = 500;

/// What a fact is for a receiver: the names of its events, in their order.
pub(super) fn events_for(receiver: &ReceiverRow, signal: &SignalRow) -> Vec<&'static str> {
    let Some(kind) = FactKind::find(&signal.fact) else { return Vec::new() };
    if kind.is_addressed() {
        let addressed = signal.payload.get("receiver").and_then(Value::as_str);
        if addressed != Some(receiver.id.to_string().as_str()) {
            return Vec::new();
        }
    }
    let names: Vec<&'static str> = match receiver.kind.as_str() {
        "webhook" => vec![kind.name],
        // An app hears of sessions that it had, and those are addressed to it.
        "app" => kind.is_addressed().then_some(kind.name).into_iter().collect(),
        _ => kind.events.iter().map(|event| event.uri()).collect(),
    };
    let wanted = receiver.events.as_ref().and_then(Value::as_array);
    let wants = |name: &&'static str| {
        kind.is_addressed() || wanted.is_none_or(|wanted| wanted.iter().any(|it| it.as_str() == Some(name)))
    };
    names.into_iter().filter(wants).collect()
}

/// The deliveries that a fact is for a receiver. Their ids follow from the fact's, so that a delivery has the same however
/// often it is made.
pub(super) fn deliveries<'a>(
    receiver: &'a ReceiverRow,
    signal: &'a SignalRow,
) -> impl Iterator<Item = NewDelivery> + use<'a> {
    (0_i16..).zip(events_for(receiver, signal)).map(|(n, event)| NewDelivery {
        receiver: ReceiverId::from_uuid(receiver.id),
        id: Uuid::from_u128(signal.id.as_u128() ^ u128::from(n.unsigned_abs())),
        position: signal.position,
        n,
        event: event.to_owned(),
        subject_id: signal.subject_id.clone(),
    })
}

/// Whether anything is put into lanes for it at all.
pub(super) fn follows(receiver: &ReceiverRow) -> bool {
    receiver.method.is_some() && receiver.status != "disabled"
}

impl App {
    /// Begins to change who follows what: what was announced before this is in the lanes of those who followed it then.
    pub(crate) async fn begin_to_change_followers(&self, scope: &Scope) -> Result<WriteTx, AppError> {
        while self.fan_out(scope.tenant(), Turn::Waited).await? {}
        Ok(self.db.begin(scope).await?)
    }

    /// Takes facts of a tenant and puts them into lanes. Returns whether there may be more.
    pub(super) async fn fan_out(&self, tenant: TenantId, turn: Turn) -> Result<bool, AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.begin(&scope).await?;
        if !signals::take_turn(&mut tx, turn).await? {
            // Another process is at it; what it does not see any more is found by looking.
            tx.nothing_changed().await?;
            return Ok(false);
        }
        let facts = signals::waiting(&mut tx, AT_ONCE).await?;
        if facts.is_empty() {
            tx.nothing_changed().await?;
            return Ok(false);
        }
        let receivers = receivers::hold_all(&mut tx).await?;
        signals::keep(&mut tx, &facts);
        let deliveries = facts.iter().flat_map(|fact| {
            let told = receivers.iter().filter(|receiver| {
                follows(receiver) || (receiver.method.is_some() && fact.subject_id == receiver.id.to_string())
            });
            told.flat_map(|receiver| deliveries(receiver, fact))
        });
        signals::enqueue(&mut tx, deliveries.collect()).await?;
        let more = facts.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        tx.commit_trace_of_use().await?;
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;

    fn receiver(kind: &str, events: Option<Value>) -> ReceiverRow {
        ReceiverRow {
            id: Uuid::from_u128(1),
            kind: kind.to_owned(),
            name: "x".to_owned(),
            method: Some("push".to_owned()),
            address: None,
            audience: None,
            events,
            description: None,
            status: "enabled".to_owned(),
            reason: None,
            hint: String::new(),
            secret_sealed: None,
            old_secret_sealed: None,
            token_hash: None,
            old_token_hash: None,
            old_until: None,
            authorization_sealed: None,
            failures: 0,
            failing_since: None,
            retry_at: DateTime::UNIX_EPOCH,
            verified_at: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn signal(fact: &str, payload: Value) -> SignalRow {
        SignalRow {
            position: 1,
            id: Uuid::from_u128(16),
            at: DateTime::UNIX_EPOCH,
            fact: fact.to_owned(),
            subject_id: "someone".to_owned(),
            payload,
            request_id: Uuid::nil(),
        }
    }

    #[test]
    fn a_webhook_gets_a_fact_by_its_name_and_a_stream_the_events_that_it_is() {
        let fact = signal("user.deactivated", json!({}));

        assert_eq!(events_for(&receiver("webhook", None), &fact), ["user.deactivated"]);
        let events = events_for(&receiver("stream", None), &fact);
        assert_eq!(events.len(), 2);
        let ids: Vec<u128> =
            deliveries(&receiver("stream", None), &fact).map(|delivery| delivery.id.as_u128()).collect();
        assert_eq!(ids, [16, 17], "two ids, the same each time");
    }

    #[test]
    fn only_what_is_wanted_is_sent() {
        let fact = signal("user.deactivated", json!({}));
        let one = receiver("stream", Some(json!(["urn:ietf:params:scim:event:prov:deactivate"])));

        assert_eq!(events_for(&one, &fact), ["urn:ietf:params:scim:event:prov:deactivate"]);
        assert!(events_for(&receiver("webhook", Some(json!(["seat.granted"]))), &fact).is_empty());
        assert!(events_for(&one, &signal("user.unheard_of", json!({}))).is_empty());
    }

    #[test]
    fn what_is_for_one_receiver_reaches_it_whatever_it_asked_for_and_nobody_else() {
        let mine = signal("receiver.test", json!({"receiver": Uuid::from_u128(1)}));
        let others = signal("receiver.test", json!({"receiver": Uuid::from_u128(2)}));
        let one = receiver("webhook", Some(json!(["seat.granted"])));

        assert_eq!(events_for(&one, &mine), ["receiver.test"]);
        assert!(events_for(&one, &others).is_empty());
    }
}
