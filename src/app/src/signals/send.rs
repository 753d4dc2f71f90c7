//! One delivery: signed, sent, judged and noted. Knows HTTP statuses; does not know who else waits.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::TenantId;
use serde_json::{Value, json};
use sso::Secret;
use sso::egress::{EgressError, Parcel, Receipt};
use sso::signals::{WebhookSecret, signature};
use store::deliveries::{self, Attempt, DueRow, Held, Later};
use store::receivers::{self, ReceiverRow};
use url::Url;

use super::receivers::{AUTHORIZATION, SECRET};
use super::render::{self, Context};
use crate::App;
use crate::error::AppError;
use crate::one_line::one_line;

/// How many deliveries of a lane are read at a time.
const READ_AT_ONCE: i64 = 16;
/// The most of an answer that is kept.
const LONGEST_EXCERPT: usize = 500;
/// A receiver may ask for so much rest at most.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// What an attempt says of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is there.
    Done,
    /// Not this one, not now.
    Later,
    /// Nobody is there, or they want rest: nothing else is worth trying now.
    Away(Option<Duration>),
    /// Not this one, never.
    Never,
    /// The receiver is gone for good.
    Gone,
}

/// What an answer means. An answer that may be due to what was sent holds back this person's lane and nobody else's.
fn judge(kind: &str, answer: &Result<Receipt, EgressError>) -> Verdict {
    let receipt = match answer {
        Ok(receipt) => receipt,
        Err(EgressError::TimedOut | EgressError::Redirected(_) | EgressError::TooLarge) => {
            return Verdict::Later;
        }
        Err(_) => return Verdict::Away(None),
    };
    match receipt.status {
        200..=299 => Verdict::Done,
        410 => Verdict::Gone,
        429 | 503 => Verdict::Away(receipt.retry_after.map(Duration::from_secs)),
        // RFC 8935 §2.4: of its errors only this one cannot be mended at the other end.
        400 if kind == "stream" && set_error(&receipt.excerpt).as_deref() == Some("invalid_request") => {
            Verdict::Never
        }
        _ => Verdict::Later,
    }
}

/// The code of a SET receiver's refusal (RFC 8935 §2.3).
fn set_error(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body.get("err")?.as_str()?.to_owned())
}

/// What came of it, in a sentence.
fn outcome(answer: &Result<Receipt, EgressError>) -> String {
    match answer {
        Ok(receipt) => format!("Answered {}.", receipt.status),
        Err(error) => format!("No answer: {error}."),
    }
}

/// What is kept of an answer: its beginning, without control characters, and without the secrets that we sent.
fn excerpt(body: &str, secrets: &[String]) -> Option<String> {
    let mut text = body.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        text = text.replace(secret.as_str(), "***");
    }
    let text = one_line(&text, LONGEST_EXCERPT);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// So long after so many times: doubled each time up to the longest, and somewhere in the upper half of that, so that those
/// who failed together do not come back together.
fn backoff(first: Duration, longest: Duration, times: i32, chance: u8) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(u32::try_from(times).unwrap_or(0).min(30)));
    let most = doubled.min(longest);
    most / 2 + most / 2 * u32::from(chance) / 255
}

/// A delivery, ready to go.
struct Ready {
    to: Url,
    content_type: &'static str,
    headers: Vec<(&'static str, Secret)>,
    body: String,
    /// What must not be kept of an answer.
    secrets: Vec<String>,
}

impl App {
    /// Sends what waits in a lane, one after the other, until nothing does or something is to be tried again later.
    pub(super) async fn empty_lane(&self, tenant: TenantId, held: Held) -> Result<(), AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        loop {
            let mut tx = self.db.read(&scope).await?;
            let receiver = receivers::find(&mut tx, held.receiver).await?;
            let lane = vec![held.subject_id.clone()];
            let due = deliveries::heads(&mut tx, held.receiver, lane, READ_AT_ONCE).await?;
            tx.finish().await?;
            let Some(receiver) = receiver else { return Ok(()) };
            let own = held.subject_id == receiver.id.to_string();
            let may = own || receiver.status == "enabled";
            if due.is_empty() || !may || self.is_ending() {
                let mut tx = self.db.begin(&scope).await?;
                deliveries::let_go(&mut tx, &held);
                return Ok(tx.commit_trace_of_use().await?);
            }
            for due in due {
                if !self.send_one(tenant, &receiver, &held, &due).await? {
                    return Ok(());
                }
            }
        }
    }

    /// Sends one delivery and notes what came of it. Returns whether the lane goes on.
    async fn send_one(
        &self,
        tenant: TenantId,
        receiver: &ReceiverRow,
        held: &Held,
        due: &DueRow,
    ) -> Result<bool, AppError> {
        let began = Instant::now();
        let ready = self.prepare(tenant, receiver, due).await?;
        let (answer, secrets) = match ready {
            Some(Ready { to, content_type, headers, body, secrets }) => {
                let parcel = Parcel { content_type, headers, body: &body };
                (self.egress.deliver(&to, parcel).await, secrets)
            }
            None => (Err(EgressError::UrlRefused), Vec::new()),
        };
        let attempt = Attempt {
            status: answer.as_ref().ok().map(|receipt| i32::from(receipt.status)),
            microseconds: i64::try_from(began.elapsed().as_micros()).ok(),
            outcome: outcome(&answer),
            excerpt: answer.as_ref().ok().and_then(|receipt| excerpt(&receipt.excerpt, &secrets)),
        };
        let last = due.attempts.saturating_add(1) >= self.signals.attempts;
        let verdict = match judge(&receiver.kind, &answer) {
            Verdict::Later if last => Verdict::Never,
            verdict => verdict,
        };
        self.note(tenant, (receiver, held, due), verdict, attempt).await
    }

    async fn note(
        &self,
        tenant: TenantId,
        (receiver, held, due): (&ReceiverRow, &Held, &DueRow),
        verdict: Verdict,
        attempt: Attempt,
    ) -> Result<bool, AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.begin(&scope).await?;
        let policy = &self.signals;
        match verdict {
            Verdict::Done | Verdict::Never => {
                let state = if verdict == Verdict::Done { "done" } else { "dead" };
                if receiver.failures > 0 {
                    receivers::reached(&mut tx, held.receiver);
                }
                let held = deliveries::finish(&mut tx, held, due.id, state, attempt).await?;
                tx.commit_trace_of_use().await?;
                if receiver.failures > 0 {
                    self.db.announced().note(tenant);
                }
                Ok(held)
            }
            Verdict::Later => {
                let after = backoff(policy.first_retry, policy.longest_retry, due.attempts, self.chance());
                let later = Later { milliseconds: milliseconds(after), counts_for: 1 };
                if receiver.failures > 0 {
                    receivers::reached(&mut tx, held.receiver);
                }
                deliveries::put_off(&mut tx, held, due.id, attempt, later);
                tx.commit_trace_of_use().await?;
                Ok(false)
            }
            Verdict::Away(rest) => {
                let (first, longest) = (policy.first_probe, policy.longest_probe);
                let after = match rest {
                    Some(rest) => rest.min(LONGEST_REST),
                    None => backoff(first, longest, receiver.failures, self.chance()),
                };
                let milliseconds = milliseconds(after);
                receivers::not_reached(&mut tx, held.receiver, milliseconds);
                deliveries::put_off(&mut tx, held, due.id, attempt, Later { milliseconds, counts_for: 0 });
                tx.commit_trace_of_use().await?;
                let too_long =
                    receiver.failing_since.is_some_and(|since| self.now() - since >= policy.patience);
                if too_long {
                    self.disable_receiver(tenant, held, "It could not be reached for too long.").await?;
                }
                Ok(false)
            }
            Verdict::Gone => {
                deliveries::finish(&mut tx, held, due.id, "dead", attempt).await?;
                tx.commit_trace_of_use().await?;
                self.disable_receiver(tenant, held, "It answered that it is gone (410).").await?;
                Ok(false)
            }
        }
    }

    /// The house disables a receiver, and says so in the audit trail. What waits becomes dead letters.
    async fn disable_receiver(&self, tenant: TenantId, held: &Held, reason: &str) -> Result<(), AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.begin(&scope).await?;
        let Some(mut row) = receivers::lock(&mut tx, held.receiver).await? else {
            return Ok(tx.nothing_changed().await?);
        };
        if row.status == "disabled" {
            return Ok(tx.nothing_changed().await?);
        }
        tracing::warn!(receiver.id = %held.receiver, reason, "Disabled a receiver");
        let before = json!({"status": row.status});
        (row.status, row.reason) = ("disabled".to_owned(), Some(reason.to_owned()));
        receivers::update(&mut tx, &row).await?;
        deliveries::give_up(&mut tx, held.receiver);
        let event = AuditEvent::new(Action::ReceiverUpdate, held.receiver)
            .before(before)
            .after(json!({"status": "disabled", "reason": reason}));
        self.commit(tx, Audit::of(event), self.now()).await
    }

    async fn prepare(
        &self,
        tenant: TenantId,
        receiver: &ReceiverRow,
        due: &DueRow,
    ) -> Result<Option<Ready>, AppError> {
        let Some(to) = receiver.address.as_deref().and_then(|text| Url::parse(text).ok()) else {
            return Ok(None);
        };
        let now = self.now();
        let issuer = self.issuer();
        let context = Context { tenant, issuer: &issuer };
        if receiver.kind == "webhook" {
            return Ok(Some(self.prepare_webhook(to, &context, receiver, due, now)?));
        }
        if receiver.kind == "app" {
            let content_type = "application/x-www-form-urlencoded";
            let body = self.logout_form(tenant, receiver, due).await?;
            return Ok(Some(Ready { to, content_type, headers: Vec::new(), body, secrets: Vec::new() }));
        }
        let audience = receiver.audience.as_deref().unwrap_or_default();
        let Some(claims) = render::token(&context, due, audience, now) else { return Ok(None) };
        let mut ready = Ready {
            to,
            content_type: "application/secevent+jwt",
            headers: Vec::new(),
            body: self.set_key()?.sign(claims),
            secrets: Vec::new(),
        };
        if let Some(sealed) = &receiver.authorization_sealed {
            let opened = self.sealer.open(AUTHORIZATION, sealed)?;
            let value = String::from_utf8_lossy(&opened).into_owned();
            let token = value.split_whitespace().last().unwrap_or_default().to_owned();
            ready.secrets = vec![value.clone(), token];
            ready.headers.push(("authorization", Secret::new(value)));
        }
        Ok(Some(ready))
    }

    fn prepare_webhook(
        &self,
        to: Url,
        context: &Context<'_>,
        receiver: &ReceiverRow,
        due: &DueRow,
        now: DateTime<Utc>,
    ) -> Result<Ready, AppError> {
        let old =
            receiver.old_secret_sealed.iter().filter(|_| receiver.old_until.is_some_and(|end| end > now));
        let sealed = receiver.secret_sealed.iter().chain(old);
        let secrets = sealed
            .map(|sealed| self.sealer.open(SECRET, sealed).map(WebhookSecret::new))
            .collect::<Result<Vec<_>, _>>()?;
        let body = render::webhook(context, due);
        let id = due.id.to_string();
        let timestamp = now.timestamp();
        let signed = signature(&secrets, &id, timestamp, body.as_bytes());
        Ok(Ready {
            to,
            content_type: "application/json",
            secrets: secrets
                .iter()
                .map(WebhookSecret::shown)
                .chain(signed.split(' ').map(str::to_owned))
                .collect(),
            headers: vec![
                ("webhook-id", Secret::new(id)),
                ("webhook-timestamp", Secret::new(timestamp.to_string())),
                ("webhook-signature", Secret::new(signed)),
            ],
            body,
        })
    }

    fn chance(&self) -> u8 {
        let mut byte = [0_u8; 1];
        self.entropy.fill(&mut byte);
        byte.first().copied().unwrap_or_default()
    }
}

fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(kind: &str, status: u16, body: &str) -> Verdict {
        judge(kind, &Ok(Receipt { status, retry_after: Some(7), excerpt: body.to_owned() }))
    }

    #[test]
    fn who_is_not_there_or_wants_rest_is_left_alone_and_other_trouble_is_one_persons() {
        assert_eq!(answered("webhook", 204, ""), Verdict::Done);
        assert_eq!(answered("stream", 202, ""), Verdict::Done);
        for status in [400, 401, 404, 408, 500, 502, 504] {
            assert_eq!(answered("webhook", status, ""), Verdict::Later, "{status}");
        }
        for status in [429, 503] {
            assert_eq!(
                answered("webhook", status, ""),
                Verdict::Away(Some(Duration::from_secs(7))),
                "{status}"
            );
        }
        assert_eq!(answered("webhook", 410, ""), Verdict::Gone);
        assert_eq!(judge("webhook", &Err(EgressError::TimedOut)), Verdict::Later);
        assert_eq!(judge("webhook", &Err(EgressError::AddressRefused)), Verdict::Away(None));
    }

    #[test]
    fn a_token_that_its_receiver_cannot_read_is_never_sent_again() {
        let body = r#"{"err": "invalid_request", "description": "?"}"#;

        assert_eq!(answered("stream", 400, body), Verdict::Never);
        assert_eq!(answered("webhook", 400, body), Verdict::Later);
        assert_eq!(answered("stream", 400, r#"{"err": "invalid_key"}"#), Verdict::Later);
    }

    #[test]
    fn an_excerpt_is_short_and_has_no_secret_in_it() {
        let said =
            excerpt("you sent\nBearer abcdef, and v1,xyz=", &["abcdef".to_owned(), "v1,xyz=".to_owned()]);

        assert_eq!(said.as_deref(), Some("you sent Bearer ***, and ***"));
        assert_eq!(excerpt(&"x".repeat(5_000), &[]).unwrap().len(), LONGEST_EXCERPT);
        assert_eq!(excerpt(" \n", &[]), None);
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread_over_their_upper_half() {
        let (first, longest) = (Duration::from_secs(4), Duration::from_mins(1));
        let seconds = |times, chance| backoff(first, longest, times, chance).as_secs();

        assert_eq!((seconds(0, 255), seconds(1, 255), seconds(2, 255)), (4, 8, 16));
        assert_eq!((seconds(10, 255), seconds(i32::MAX, 255)), (60, 60));
        assert_eq!((seconds(2, 0), seconds(10, 0)), (8, 30));
    }
}
