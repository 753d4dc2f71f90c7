//! Requests to let people of other companies in. Knows rows; does not know who decides.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{ExternalRequestId, GrantId, UserId};
use domain::mapping::ScopeRef;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::holdings::row_of;
use crate::schema::external_request;
use crate::tx::{Reads, WriteTx};
use crate::users::Slice;

/// A request as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = external_request)]
pub struct RequestRow {
    id: Uuid,
    place: Value,
    place_id: Uuid,
    /// What the product says that the place is.
    pub variant: Option<String>,
    /// Whom, by their address.
    pub address: String,
    address_key: String,
    /// Why.
    pub reason: Option<String>,
    requested_by: Option<Uuid>,
    /// `requested`, `approved`, `rejected` or `ended`.
    pub state: String,
    /// Until when they may stay.
    pub until: Option<DateTime<Utc>>,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// By whom, in words.
    pub decided_by: Option<String>,
    user_id: Option<Uuid>,
    grant_id: Option<Uuid>,
}

/// A request to be.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Id.
    pub id: ExternalRequestId,
    /// Into which place.
    pub place: ScopeRef,
    /// What the product says that the place is.
    pub variant: Option<String>,
    /// Whom, by their address.
    pub address: String,
    /// Why.
    pub reason: Option<String>,
    /// Who asks; nobody in person, where a program does.
    pub requested_by: Option<UserId>,
    /// Until when they may stay.
    pub until: Option<DateTime<Utc>>,
    /// When it is asked.
    pub created_at: DateTime<Utc>,
}

impl RequestRow {
    fn of(new: NewRequest) -> Result<Self, StoreError> {
        Ok(Self {
            id: new.id.as_uuid(),
            place: serde_json::to_value(new.place).map_err(StoreError::corrupt)?,
            place_id: row_of(new.place),
            variant: new.variant,
            address_key: scim::text::fold(&new.address),
            address: new.address,
            reason: new.reason,
            requested_by: new.requested_by.map(UserId::as_uuid),
            state: "requested".to_owned(),
            until: new.until,
            created_at: new.created_at,
            decided_at: None,
            decided_by: None,
            user_id: None,
            grant_id: None,
        })
    }

    /// The id, typed.
    pub fn request_id(&self) -> ExternalRequestId {
        ExternalRequestId::from_uuid(self.id)
    }

    /// Into which place.
    pub fn place(&self) -> Result<ScopeRef, StoreError> {
        serde_json::from_value(self.place.clone()).map_err(StoreError::corrupt)
    }

    /// Who asks; nobody in person, where a program did.
    pub fn requested_by(&self) -> Option<UserId> {
        self.requested_by.map(UserId::from_uuid)
    }

    /// Who was let in.
    pub fn user(&self) -> Option<UserId> {
        self.user_id.map(UserId::from_uuid)
    }

    /// By which grant they are in.
    pub fn grant(&self) -> Option<GrantId> {
        self.grant_id.map(GrantId::from_uuid)
    }

    /// Whether it is of the same address as this.
    pub fn is_of(&self, address: &str) -> bool {
        self.address_key == scim::text::fold(address)
    }

    /// Whether it, or the stay that it led to, is over at this time.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        matches!(self.state.as_str(), "requested" | "approved")
            && self.until.is_some_and(|until| until <= now)
    }
}

/// Adds those requests that do not wait already, and returns them.
pub async fn add(tx: &mut WriteTx, new: Vec<NewRequest>) -> Result<Vec<RequestRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows = new.into_iter().map(|new| Ok((external_request::tenant_id.eq(tenant), RequestRow::of(new)?)));
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(diesel::insert_into(external_request::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(RequestRow::as_returning())
        .get_results(tx.conn().await?)
        .await?)
}

/// Those that wait at a place, of these addresses.
pub async fn waiting(
    tx: &mut impl Reads,
    place: ScopeRef,
    addresses: &[String],
) -> Result<Vec<RequestRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let keys: Vec<String> = addresses.iter().map(|address| scim::text::fold(address)).collect();
    Ok(external_request::table
        .filter(external_request::tenant_id.eq(tenant).and(external_request::place_id.eq(row_of(place))))
        .filter(external_request::state.eq("requested").and(external_request::address_key.eq_any(keys)))
        .select(RequestRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Which requests somebody sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Those of this person.
    pub by: Option<UserId>,
    /// Those for these places.
    pub at: Vec<ScopeRef>,
}

/// The newest first: those of one state, or of this id, if such is named; all, or those that somebody sees.
pub async fn list(
    tx: &mut impl Reads,
    (id, state): (Option<ExternalRequestId>, Option<&str>),
    seen: Option<Seen>,
    slice: Slice,
) -> Result<Vec<RequestRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut all = external_request::table.filter(external_request::tenant_id.eq(tenant)).into_boxed();
    if let Some(id) = id {
        all = all.filter(external_request::id.eq(id.as_uuid()));
    }
    if let Some(state) = state {
        all = all.filter(external_request::state.eq(state.to_owned()));
    }
    if let Some(Seen { by, at }) = seen {
        let at: Vec<Uuid> = at.into_iter().map(row_of).collect();
        let there = external_request::place_id.eq_any(at);
        all = match by {
            Some(by) => all.filter(external_request::requested_by.eq(by.as_uuid()).or(there)),
            None => all.filter(there),
        };
    }
    Ok(all
        .order(external_request::id.desc())
        .offset(slice.offset)
        .limit(slice.limit)
        .select(RequestRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// A request, locked until the transaction ends. Comes after the policy's lock and before the seat pool's.
pub async fn lock(tx: &mut WriteTx, id: ExternalRequestId) -> Result<Option<RequestRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(one(tenant, id)
        .select(RequestRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn one(tenant: Uuid, id: ExternalRequestId) -> _ {
    let id: Uuid = id.as_uuid();
    external_request::table.filter(external_request::tenant_id.eq(tenant)).filter(external_request::id.eq(id))
}

/// What was decided of a request.
#[derive(Debug, Clone, Copy)]
pub enum Decided {
    /// Somebody is let in.
    Approved {
        /// Who.
        user: UserId,
        /// By which grant.
        grant: GrantId,
    },
    /// Nobody is.
    Rejected,
}

/// Notes what was decided of a locked request, by whom and when.
pub async fn decide(
    tx: &mut WriteTx,
    id: ExternalRequestId,
    decided: Decided,
    (by, now): (&str, DateTime<Utc>),
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let (state, user, grant) = match decided {
        Decided::Approved { user, grant } => ("approved", Some(user.as_uuid()), Some(grant.as_uuid())),
        Decided::Rejected => ("rejected", None, None),
    };
    diesel::update(one(tenant, id))
        .set((
            external_request::state.eq(state),
            external_request::decided_at.eq(now),
            external_request::decided_by.eq(by),
            external_request::user_id.eq(user),
            external_request::grant_id.eq(grant),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Notes that a locked request, or the stay that it led to, is over.
pub async fn end(tx: &mut WriteTx, id: ExternalRequestId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(one(tenant, id))
        .set(external_request::state.eq("ended"))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Notes that the stays by these grants are over: others have taken their place.
pub async fn replace(tx: &mut WriteTx, grants: &[GrantId]) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let grants: Vec<Uuid> = grants.iter().map(|id| id.as_uuid()).collect();
    let replaced = external_request::table
        .filter(external_request::tenant_id.eq(tenant).and(external_request::grant_id.eq_any(grants)));
    diesel::update(replaced).set(external_request::state.eq("ended")).execute(tx.conn().await?).await?;
    Ok(())
}

/// Those of these grants that are for a while only.
pub async fn lent(tx: &mut impl Reads, grants: &[GrantId]) -> Result<Vec<GrantId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let grants: Vec<Uuid> = grants.iter().map(|id| id.as_uuid()).collect();
    let lent: Vec<Option<Uuid>> = external_request::table
        .filter(external_request::tenant_id.eq(tenant).and(external_request::grant_id.eq_any(grants)))
        .filter(external_request::until.is_not_null())
        .select(external_request::grant_id)
        .load(tx.connection().0.conn().await?)
        .await?;
    Ok(lent.into_iter().flatten().map(GrantId::from_uuid).collect())
}

/// Those whose time is over, at most a hundred.
pub async fn run_out(tx: &mut impl Reads, now: DateTime<Utc>) -> Result<Vec<RequestRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(external_request::table
        .filter(external_request::tenant_id.eq(tenant))
        .filter(external_request::state.eq_any(["requested", "approved"]))
        .filter(external_request::until.le(now))
        .order(external_request::until)
        .limit(100)
        .select(RequestRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}
