//! Somebody asks that people of other companies be let in. Knows what a request must say; who may ask, the grant rules say.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::access::Policy;
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::{Asked, Deed, Externals, Role};
use domain::deed::{Verdict, may};
use domain::id::{ExternalRequestId, UserId};
use domain::mapping::ScopeRef;
use scim::text::fold;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::audit::Outgoing;
use store::external_requests::{self, NewRequest, RequestRow};
use store::holdings::Thing;
use store::people::{self, Holding, Whom};
use store::users::Slice;
use store::{AdminScope, WriteTx, access};
use utoipa::ToSchema;

use super::{ExternalRequestView, act, check_plan, role_at, terms, view};
use crate::App;
use crate::error::AppError;
use crate::guards::{Acting, hold_people};
use crate::invitations::address_of;
use crate::tenants::{RuleScope, scope_ref, scope_view};

/// The most that one request names.
const MOST: usize = 50;
const LONGEST_REASON: usize = 1_000;
/// So many hold a role by which one decides, at most, when it is looked who is to hear of a request.
const MOST_ASKED: i64 = 1_000;
/// The most who are named to the product.
const MOST_TOLD: usize = 100;

/// People of other companies are to be let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestExternals {
    /// Into which place.
    pub at: RuleScope,
    /// What that place is, in the product's words for its variants. The product says it, where they come into some only.
    #[schema(example = "private")]
    pub variant: Option<String>,
    /// Their addresses.
    #[schema(min_items = 1, max_items = 50, example = json!(["xenia@partner.example"]))]
    pub addresses: Vec<String>,
    /// Why. The product may ask for it.
    #[schema(max_length = 1000, example = "works with us on the new site")]
    pub reason: Option<String>,
    /// Until when they may stay; for good, if nobody says.
    pub until: Option<DateTime<Utc>>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestedExternals {
    /// The requests that wait now, in the order of the addresses.
    pub items: Vec<ExternalRequestView>,
    /// Whether any of them is new. What waited already stays as it was.
    #[serde(skip)]
    pub any_new: bool,
}

/// What is asked, held to what the product says of it: the reason and the addresses, each once.
fn check(
    policy: &Policy,
    terms: &Externals,
    asked: &RequestExternals,
) -> Result<(Option<String>, Vec<String>), AppError> {
    check_plan(policy, terms)?;
    let variant = asked.variant.as_deref();
    if !terms.variants.is_empty() && !terms.variants.iter().any(|it| Some(it.get_ref().as_str()) == variant) {
        let known = terms.variants.iter().map(|it| it.get_ref().as_str()).collect::<Vec<_>>().join(", ");
        return Err(AppError::Invalid(format!("variant is none into which they can come: {known}")));
    }
    if variant.is_some_and(|variant| variant.chars().count() > LONGEST_REASON) {
        return Err(AppError::Invalid(format!("variant has at most {LONGEST_REASON} characters")));
    }
    let reason = asked.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if terms.asks.contains(&Asked::Reason) && reason.is_none() {
        return Err(AppError::Invalid("reason is missing".to_owned()));
    }
    if reason.is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(AppError::Invalid(format!("reason has at most {LONGEST_REASON} characters")));
    }
    let most = if terms.several { MOST } else { 1 };
    if asked.addresses.is_empty() || asked.addresses.len() > most {
        return Err(AppError::Invalid(format!("a request names 1 to {most} addresses")));
    }
    let (mut known, mut addresses) = (BTreeSet::new(), Vec::new());
    for address in &asked.addresses {
        let address = address_of(address)?;
        if known.insert(fold(&address)) {
            addresses.push(address);
        }
    }
    Ok((reason.map(str::to_owned), addresses))
}

impl App {
    /// Asks that people of other companies be let in. Who waits there already is asked for once.
    pub async fn request_externals(
        &self,
        admin: &AdminScope,
        asked: RequestExternals,
    ) -> Result<RequestedExternals, AppError> {
        let policy = self.policy_for(admin).await?;
        let terms = terms(&policy)?;
        let (reason, addresses) = check(&policy, terms, &asked)?;
        let place = scope_ref(&asked.at, &policy)?;
        role_at(&policy, terms, place)?;
        let now = self.now();
        if asked.until.is_some_and(|until| until <= now) {
            return Err(AppError::Invalid("until is over already".to_owned()));
        }
        let mut tx = self.db.begin(admin.scope()).await?;
        hold_people(&mut tx, &[]).await?;
        if let Some(acting) = Acting::now(&mut tx).await? {
            acting.check(&policy, &[act(&policy, terms, Deed::RequestExternal, place)])?;
        }
        let person = admin.scope().actor().person();
        let ids = ExternalRequestId::series(now, &*self.entropy);
        let new = ids.zip(&addresses).map(|(id, address)| NewRequest {
            id,
            place,
            variant: asked.variant.clone(),
            address: address.clone(),
            reason: reason.clone(),
            requested_by: person,
            until: asked.until,
            created_at: now,
        });
        let new = external_requests::add(&mut tx, new.collect()).await?;
        let waiting = external_requests::waiting(&mut tx, place, &addresses).await?;
        let to = if new.is_empty() { Vec::new() } else { deciders(&mut tx, &policy, terms, place).await? };
        let mut events = Vec::new();
        for row in &new {
            let id = row.request_id();
            let mut payload = about(&policy, row, place);
            payload.insert("decides".to_owned(), json!(roles(terms)));
            payload.insert("notice".to_owned(), json!(terms.notice));
            payload.insert("to".to_owned(), json!(to));
            tx.announce(Outgoing {
                fact: "external.requested",
                subject_id: id.to_string(),
                payload: Value::Object(payload),
            });
            let at = scope_view(place, &policy);
            let after = json!({"at": at, "address": row.address, "reason": row.reason, "until": row.until});
            events.push(AuditEvent::new(Action::ExternalRequest, id).after(after));
        }
        match Audit::from_events(events) {
            Some(audit) => self.commit(tx, audit, now).await?,
            None => tx.nothing_changed().await?,
        }
        let in_order = addresses.iter().filter_map(|it| waiting.iter().find(|row| row.is_of(it)).cloned());
        let items = in_order.map(|row| {
            let shown = view(row, &policy)?;
            // Somebody else asked for them before: who and why is not told.
            let strange = person.is_some() && shown.requested_by != person;
            Ok(if strange {
                ExternalRequestView { requested_by: None, reason: None, ..shown }
            } else {
                shown
            })
        });
        Ok(RequestedExternals { items: items.collect::<Result<_, AppError>>()?, any_new: !new.is_empty() })
    }
}

/// What a fact says of a request.
pub(super) fn about(policy: &Policy, row: &RequestRow, place: ScopeRef) -> Map<String, Value> {
    let mut said = Map::new();
    said.insert("externalRequest".to_owned(), json!(row.request_id()));
    said.insert("at".to_owned(), json!(scope_view(place, policy)));
    said.insert("by".to_owned(), json!(row.requested_by()));
    said
}

/// The roles of those who are to hear of a request.
fn roles(terms: &Externals) -> Vec<&str> {
    terms.approved_by.iter().map(|role| role.get_ref().as_str()).collect()
}

/// Those who may decide on a request of a place now and are to hear of it, by id.
async fn deciders(
    tx: &mut WriteTx,
    policy: &Policy,
    terms: &Externals,
    place: ScopeRef,
) -> Result<Vec<UserId>, AppError> {
    let named = roles(terms);
    let everybody = policy.blueprint.roles().filter(|role| !role.external()).map(Role::id);
    let roles: Vec<Thing<'_>> = if named.is_empty() {
        everybody.map(Thing::Role).collect()
    } else {
        named.into_iter().map(Thing::Role).collect()
    };
    let whom = Whom { active: Some(true), holding: vec![Holding::anywhere(&roles)], ..Whom::default() };
    let holders = people::list(tx, whom, Slice { offset: 0, limit: MOST_ASKED }).await?;
    let holders: Vec<UserId> = holders.into_iter().map(|person| person.id).collect();
    let decides = act(policy, terms, Deed::DecideOnExternal, place);
    let people = access::of_people(tx, &holders).await?;
    let may =
        people.into_iter().filter(|it| matches!(may(policy, &it.access, &decides), Verdict::Allowed { .. }));
    let mut all: Vec<UserId> = may.map(|it| it.user).collect();
    all.sort();
    all.truncate(MOST_TOLD);
    Ok(all)
}
