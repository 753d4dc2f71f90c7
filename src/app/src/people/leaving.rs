//! A local person leaves because something else ends, such as an invitation that is taken back. Knows what follows for them; does not
//! know who may want it.

use domain::audit::{Action, AuditEvent};
use domain::id::UserId;
use domain::lifecycle::{PersonState, effects};
use scim::resource::Resource;
use serde_json::{Value, json};
use store::{WriteTx, tombstones, users};

use crate::App;
use crate::access::reevaluate_decided;
use crate::error::AppError;
use crate::guards::before_deletion;
use crate::provision::{announce, leave};

/// Shuts a locked local person out, whose document this is: they stay known. Returns what to audit.
pub(crate) async fn shut_out(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    document: &Resource,
) -> Result<Vec<AuditEvent>, AppError> {
    let effects = effects(PersonState::Active, PersonState::Inactive);
    let mut after = document.as_map().clone();
    after.insert("active".to_owned(), Value::Bool(false));
    let event = AuditEvent::new(Action::UserDeactivate, user);
    let mut events = vec![event.before(json!({"active": true})).after(json!({"active": false}))];
    users::update(tx, user, document, &Resource::from_stored(after), app.now())?;
    events.extend(reevaluate_decided(app, tx, &[user]).await?);
    events.extend(leave(app, tx, user, &effects).await?);
    announce(tx, user, &effects, &["active".to_owned()]);
    Ok(events)
}

/// Removes a locked local person, whose document this is. Returns what to audit.
pub(crate) async fn remove(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    document: Resource,
) -> Result<Vec<AuditEvent>, AppError> {
    let effects = effects(PersonState::Active, PersonState::Absent);
    let before = Value::Object(document.into_map());
    let mut events = vec![AuditEvent::new(Action::UserDelete, user).before(before)];
    events.extend(before_deletion(app, tx, user).await?);
    events.extend(leave(app, tx, user, &effects).await?);
    tombstones::bury(tx, user, None, app.now());
    announce(tx, user, &effects, &["active".to_owned()]);
    Ok(events)
}
