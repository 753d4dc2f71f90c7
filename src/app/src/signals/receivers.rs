//! Who follows a tenant, as an administrator sets it up. Knows secrets that are shown once; does not know what is sent.
//!
//! A receiver belongs to one tenant. Whoever runs the product and wants to hear of every tenant makes one in each, with
//! the same address if they like: every event says of which tenant it is. One for all tenants would need deliveries that
//! stand behind no tenant's barrier.

use chrono::Duration;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::ReceiverId;
use domain::signal::{FactKind, STREAM_UPDATED, SecurityEvent, TEST};
use domain::token::{PlainToken, TokenKind};
use serde_json::{Value, json};
use sso::signals::WebhookSecret;
use store::audit::Outgoing;
use store::receivers::{self, ReceiverRow};
use store::{AdminScope, WriteTx, deliveries};
use url::Url;

use super::views::{
    ChangeReceiver, CreatedReceiver, NewReceiver, ReceiverDetails, ReceiverKind, ReceiverStatus,
    ReceiverView, RotateReceiver, RotatedReceiver,
};
use crate::App;
use crate::error::AppError;
use crate::tenants::display_name;

/// What the sealed secrets are sealed for.
pub(super) const SECRET: &str = "webhook-secret";
pub(super) const AUTHORIZATION: &str = "push-authorization";

const MOST_OF_A_TENANT: usize = 20;
const LONGEST_ADDRESS: usize = 2_000;
const LONGEST_REASON: usize = 200;
/// Thirty days.
const LONGEST_OVERLAP_HOURS: u32 = 720;

/// A fresh secret, in the forms in which it is kept and shown.
struct Fresh {
    shown: String,
    hint: String,
    sealed: Option<Vec<u8>>,
    hash: Option<Vec<u8>>,
}

impl App {
    /// Adds a receiver.
    pub async fn create_receiver(
        &self,
        admin: &AdminScope,
        new: NewReceiver,
    ) -> Result<CreatedReceiver, AppError> {
        let now = self.now();
        let id = ReceiverId::generate(now, &*self.entropy);
        let is_stream = new.kind == ReceiverKind::Stream;
        let address = match (&new.address, is_stream) {
            (Some(text), false) => Some(self.receiver_address(text)?),
            (None, true) => None,
            (None, false) => return Err(AppError::Invalid("address: a webhook needs one".to_owned())),
            (Some(_), true) => {
                return Err(AppError::Invalid(
                    "address: a stream's receiver sets it up for itself".to_owned(),
                ));
            }
        };
        if is_stream && !new.events.is_empty() {
            return Err(AppError::Invalid("events: a stream's receiver asks for them itself".to_owned()));
        }
        let audience = match (new.audience, is_stream) {
            (Some(audience), true) => Some(audience_of(&audience)?),
            (None, true) => Some(format!("{}/ssf/streams/{id}", self.issuer())),
            (None, false) => None,
            (Some(_), false) => return Err(AppError::Invalid("audience: a webhook has none".to_owned())),
        };
        let fresh = self.fresh_secret(admin, new.kind)?;
        let row = ReceiverRow {
            id: id.as_uuid(),
            kind: new.kind.as_str().to_owned(),
            name: display_name(&new.name)?,
            method: (!is_stream).then(|| "push".to_owned()),
            address,
            audience,
            events: facts(&new.events)?,
            description: None,
            status: ReceiverStatus::Enabled.as_str().to_owned(),
            reason: None,
            hint: fresh.hint,
            secret_sealed: fresh.sealed,
            old_secret_sealed: None,
            token_hash: fresh.hash,
            old_token_hash: None,
            old_until: None,
            authorization_sealed: None,
            failures: 0,
            failing_since: None,
            retry_at: now,
            verified_at: None,
            created_at: now,
        };
        let mut tx = self.begin_to_change_followers(admin.scope()).await?;
        if receivers::all(&mut tx).await?.iter().filter(|row| is_no_app(row)).count() >= MOST_OF_A_TENANT {
            return Err(AppError::Conflict(format!("a tenant has {MOST_OF_A_TENANT} receivers at most")));
        }
        receivers::create(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::ReceiverCreate, id).after(described(&row));
        self.commit(tx, Audit::of(event), now).await?;
        let configuration = is_stream.then(|| self.ssf_configuration_url());
        Ok(CreatedReceiver { receiver: row.into(), secret: fresh.shown, configuration })
    }

    /// All receivers of the tenant.
    pub async fn list_receivers(&self, admin: &AdminScope) -> Result<Vec<ReceiverView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = receivers::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().filter(is_no_app).map(ReceiverView::from).collect())
    }

    /// One receiver, and how much waits for it.
    pub async fn show_receiver(
        &self,
        admin: &AdminScope,
        id: ReceiverId,
    ) -> Result<ReceiverDetails, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row =
            receivers::find(&mut tx, id).await?.filter(is_no_app).ok_or(AppError::NotFound("receiver"))?;
        let (pending, dead) = deliveries::counts(&mut tx, id).await?;
        tx.finish().await?;
        Ok(ReceiverDetails { receiver: row.into(), pending, dead })
    }

    /// Changes a receiver. The receiver of a stream is told when it is paused, disabled or enabled.
    pub async fn change_receiver(
        &self,
        admin: &AdminScope,
        id: ReceiverId,
        change: ChangeReceiver,
    ) -> Result<ReceiverView, AppError> {
        let mut tx = self.begin_to_change_followers(admin.scope()).await?;
        let mut row =
            receivers::lock(&mut tx, id).await?.filter(is_no_app).ok_or(AppError::NotFound("receiver"))?;
        let before = described(&row);
        let is_stream = row.kind == "stream";
        if is_stream && (change.address.is_some() || change.events.is_some()) {
            return Err(AppError::Invalid("a stream's receiver sets address and events itself".to_owned()));
        }
        if let Some(name) = &change.name {
            row.name = display_name(name)?;
        }
        if let Some(address) = &change.address {
            row.address = Some(self.receiver_address(address)?);
        }
        if let Some(events) = &change.events {
            row.events = facts(events)?;
        }
        if let Some(status) = change.status {
            set_status(&mut tx, &mut row, status, change.reason.as_deref())?;
            row.retry_at = self.now();
            if is_stream {
                tx.announce(Outgoing {
                    fact: STREAM_UPDATED,
                    subject_id: id.to_string(),
                    payload: json!({"receiver": id, "status": row.status, "reason": row.reason}),
                });
            }
        }
        receivers::update(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::ReceiverUpdate, id).before(before).after(described(&row));
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(row.into())
    }

    /// Gives a receiver another secret or token; the old one is good beside it for a while.
    pub async fn rotate_receiver(
        &self,
        admin: &AdminScope,
        id: ReceiverId,
        how: RotateReceiver,
    ) -> Result<RotatedReceiver, AppError> {
        let now = self.now();
        if how.overlap_hours > LONGEST_OVERLAP_HOURS {
            return Err(AppError::Invalid(format!("overlapHours is 0 to {LONGEST_OVERLAP_HOURS}")));
        }
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row =
            receivers::lock(&mut tx, id).await?.filter(is_no_app).ok_or(AppError::NotFound("receiver"))?;
        let fresh = self.fresh_secret(admin, ReceiverKind::of(&row))?;
        let old_until = now + Duration::hours(i64::from(how.overlap_hours));
        row.old_secret_sealed = std::mem::replace(&mut row.secret_sealed, fresh.sealed);
        row.old_token_hash = std::mem::replace(&mut row.token_hash, fresh.hash);
        row.old_until = Some(old_until);
        row.hint = fresh.hint;
        receivers::update(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::ReceiverRotate, id).after(json!({"oldUntil": old_until}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(RotatedReceiver { secret: fresh.shown, old_until })
    }

    /// Sends a receiver a test: a webhook `receiver.test`, or a verification event.
    pub async fn test_receiver(&self, admin: &AdminScope, id: ReceiverId) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row =
            receivers::find(&mut tx, id).await?.filter(is_no_app).ok_or(AppError::NotFound("receiver"))?;
        if row.method.is_none() || row.status == "disabled" {
            return Err(AppError::Conflict("the receiver is disabled, or was not set up yet".to_owned()));
        }
        tx.announce(Outgoing { fact: TEST, subject_id: id.to_string(), payload: json!({"receiver": id}) });
        let event = AuditEvent::new(Action::ReceiverTest, id);
        self.commit(tx, Audit::of(event), self.now()).await
    }

    /// Deletes a receiver, with its log and all that waits for it.
    pub async fn delete_receiver(&self, admin: &AdminScope, id: ReceiverId) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row =
            receivers::lock(&mut tx, id).await?.filter(is_no_app).ok_or(AppError::NotFound("receiver"))?;
        receivers::delete(&mut tx, id).await?;
        let event = AuditEvent::new(Action::ReceiverDelete, id).before(described(&row));
        self.commit(tx, Audit::of(event), self.now()).await
    }

    /// Where the receiver of a stream reads how to go on (SSF §7.1).
    pub fn ssf_configuration_url(&self) -> String {
        format!("{}/.well-known/ssf-configuration", self.issuer())
    }

    /// An address that may be pushed to.
    pub(super) fn receiver_address(&self, text: &str) -> Result<String, AppError> {
        let refused = |why: String| AppError::Invalid(format!("address: {why}"));
        if text.len() > LONGEST_ADDRESS {
            return Err(refused("is too long".to_owned()));
        }
        let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        self.egress.check(&url).map_err(|error| refused(error.to_string()))?;
        Ok(url.into())
    }

    fn fresh_secret(&self, admin: &AdminScope, kind: ReceiverKind) -> Result<Fresh, AppError> {
        match kind {
            ReceiverKind::Stream => {
                let tenant = admin.scope().tenant();
                let token = PlainToken::mint(TokenKind::Stream, Some(tenant), &*self.entropy);
                let hash = Some(receivers::token_hash(&token));
                Ok(Fresh { shown: token.expose().to_owned(), hint: token.hint(), sealed: None, hash })
            }
            ReceiverKind::Webhook => {
                let mut bytes = [0_u8; 32];
                self.entropy.fill(&mut bytes);
                let secret = WebhookSecret::new(bytes);
                let sealed = self.sealer.seal(SECRET, secret.expose(), &*self.entropy)?;
                let shown = secret.shown();
                let mut tail: Vec<char> = shown.chars().rev().take(4).collect();
                tail.reverse();
                let hint = format!("whsec_…{}", tail.into_iter().collect::<String>());
                Ok(Fresh { shown, hint, sealed: Some(sealed), hash: None })
            }
        }
    }
}

/// An app that hears of sessions that end is shown and changed as an app.
fn is_no_app(row: &ReceiverRow) -> bool {
    row.kind != "app"
}

/// Sets the status of a locked receiver. What waits for one that is disabled becomes dead letters.
pub(super) fn set_status(
    tx: &mut WriteTx,
    row: &mut ReceiverRow,
    status: ReceiverStatus,
    reason: Option<&str>,
) -> Result<(), AppError> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|it| it.chars().count() > LONGEST_REASON || it.chars().any(char::is_control)) {
        return Err(AppError::Invalid(format!(
            "reason: at most {LONGEST_REASON} characters, no control characters"
        )));
    }
    status.as_str().clone_into(&mut row.status);
    row.reason = reason.map(str::to_owned);
    if status == ReceiverStatus::Enabled {
        (row.failures, row.failing_since) = (0, None);
    }
    if status == ReceiverStatus::Disabled {
        deliveries::give_up(tx, row.receiver_id());
    }
    Ok(())
}

/// A receiver in the words of the audit trail.
pub(super) fn described(row: &ReceiverRow) -> Value {
    json!({
        "kind": row.kind, "name": row.name, "method": row.method, "address": row.address, "audience": row.audience,
        "events": row.events, "status": row.status, "reason": row.reason,
    })
}

/// The names of facts, as they are kept: none stands for all.
fn facts(names: &[String]) -> Result<Option<Value>, AppError> {
    if let Some(unknown) = names.iter().find(|name| FactKind::find(name).is_none_or(FactKind::is_addressed)) {
        return Err(AppError::Invalid(format!("events: there is no fact {unknown:?}")));
    }
    Ok((!names.is_empty()).then(|| json!(names)))
}

/// The events of a stream that it asked for and that there are.
pub(super) fn offered(requested: &[String]) -> Vec<&'static str> {
    let offered = SecurityEvent::OFFERED.into_iter().map(SecurityEvent::uri);
    offered.filter(|uri| requested.iter().any(|wanted| wanted == uri)).collect()
}

fn audience_of(text: &str) -> Result<String, AppError> {
    let fits = !text.is_empty() && text.len() <= 500 && text.chars().all(|c| c.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(AppError::Invalid("audience: is no name of a receiver".to_owned()))
    }
}
