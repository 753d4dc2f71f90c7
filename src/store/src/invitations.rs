//! Invitations: who was invited, by which link they accept, and what became of the mail. Knows rows; does not know what an
//! invitation gives, or how a mail is sent.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{InvitationId, TenantId, UserId};
use domain::token::TokenHash;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{invitation, user_email, users};
use crate::statement::statement;
use crate::tx::{GlobalTx, Reads, WriteTx};
use crate::users::Slice;

/// An invitation as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invitation)]
pub struct InvitationRow {
    /// Id.
    pub id: Uuid,
    /// Who was invited.
    pub user_id: Uuid,
    /// At which address.
    pub address: String,
    /// In which language.
    pub language: String,
    /// Who invited, in words.
    pub invited_by: String,
    /// `pending`, `accepted`, `cancelled` or `expired`.
    pub state: String,
    /// When they were invited first.
    pub created_at: DateTime<Utc>,
    /// When the newest link was made.
    pub sent_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted, taken back, or ran out.
    pub ended_at: Option<DateTime<Utc>>,
    /// `off`, `waiting`, `sent`, `refused` or `given_up`.
    pub mail_state: String,
    /// How often it was tried to send the mail.
    pub mail_attempts: i32,
    /// When it is tried next.
    pub mail_due_at: Option<DateTime<Utc>>,
    /// What the mail server said last.
    pub mail_answer: Option<String>,
}

impl InvitationRow {
    /// The id, typed.
    pub fn invitation_id(&self) -> InvitationId {
        InvitationId::from_uuid(self.id)
    }

    /// Who was invited, typed.
    pub fn user(&self) -> UserId {
        UserId::from_uuid(self.user_id)
    }
}

/// A link by which somebody accepts.
#[derive(Debug)]
pub struct NewLink {
    /// Hash of its secret.
    pub hash: TokenHash,
    /// The secret, sealed, if a mail is to be sent with it.
    pub sealed: Option<Vec<u8>>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

/// An invitation to be.
#[derive(Debug)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// At which address.
    pub address: String,
    /// In which language.
    pub language: String,
    /// The link.
    pub link: NewLink,
}

/// Invites somebody who is created in this transaction.
pub async fn open(
    tx: &mut WriteTx,
    user: UserId,
    new: &NewInvitation,
    (invited_by, now): (&str, DateTime<Utc>),
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let waits = new.link.sealed.is_some();
    let who = users::table.filter(users::tenant_id.eq(tenant).and(users::id.eq(user.as_uuid())));
    diesel::update(who).set(users::invited.eq(true)).execute(tx.conn().await?).await?;
    diesel::insert_into(invitation::table)
        .values((
            invitation::tenant_id.eq(tenant),
            invitation::id.eq(new.id.as_uuid()),
            invitation::user_id.eq(user.as_uuid()),
            invitation::address.eq(&new.address),
            invitation::language.eq(&new.language),
            invitation::invited_by.eq(invited_by),
            invitation::state.eq("pending"),
            invitation::link_hash.eq(new.link.hash.as_bytes().to_vec()),
            invitation::link_sealed.eq(&new.link.sealed),
            invitation::created_at.eq(now),
            invitation::sent_at.eq(now),
            invitation::expires_at.eq(new.link.expires_at),
            invitation::mail_state.eq(if waits { "waiting" } else { "off" }),
            invitation::mail_due_at.eq(waits.then_some(now)),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Puts a new link in the place of the one before, which is no longer good.
pub async fn renew(
    tx: &mut WriteTx,
    id: InvitationId,
    link: &NewLink,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let waits = link.sealed.is_some();
    diesel::update(one(tenant, id))
        .set((
            invitation::state.eq("pending"),
            invitation::link_hash.eq(Some(link.hash.as_bytes().to_vec())),
            invitation::link_sealed.eq(&link.sealed),
            invitation::sent_at.eq(now),
            invitation::expires_at.eq(link.expires_at),
            invitation::ended_at.eq(None::<DateTime<Utc>>),
            invitation::mail_state.eq(if waits { "waiting" } else { "off" }),
            invitation::mail_attempts.eq(0),
            invitation::mail_due_at.eq(waits.then_some(now)),
            invitation::mail_answer.eq(None::<String>),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Invites at another address from now on.
pub async fn readdress(tx: &mut WriteTx, id: InvitationId, address: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(one(tenant, id)).set(invitation::address.eq(address)).execute(tx.conn().await?).await?;
    Ok(())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn one(tenant: Uuid, id: InvitationId) -> _ {
    let id: Uuid = id.as_uuid();
    invitation::table.filter(invitation::tenant_id.eq(tenant)).filter(invitation::id.eq(id))
}

/// How a pending invitation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Whoever was invited is in.
    Accepted,
    /// Its time is over.
    Expired,
}

/// Ends a pending invitation of a locked person, and with it its link. Returns whether it was pending.
pub async fn end(
    tx: &mut WriteTx,
    id: InvitationId,
    user: UserId,
    how: End,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ended: Vec<Id> = tx
        .load(
            statement(END)
                .bind::<Text, _>(if how == End::Accepted { "accepted" } else { "expired" })
                .bind::<Timestamptz, _>(now)
                .bind::<SqlUuid, _>(tenant)
                .bind::<SqlUuid, _>(id.as_uuid()),
        )
        .await?;
    if !ended.is_empty() && how == End::Accepted {
        let who = users::table.filter(users::tenant_id.eq(tenant).and(users::id.eq(user.as_uuid())));
        diesel::update(who).set(users::invited.eq(false)).execute(tx.conn().await?).await?;
    }
    Ok(!ended.is_empty())
}

const END: &str = "\
UPDATE invitation SET state = {}, ended_at = {}, link_hash = NULL, link_sealed = NULL, mail_due_at = NULL,
    mail_state = CASE mail_state WHEN 'waiting' THEN 'given_up' ELSE mail_state END
WHERE tenant_id = {} AND id = {} AND state = 'pending' RETURNING id";

/// The invitation of this id.
pub async fn find(tx: &mut impl Reads, id: InvitationId) -> Result<Option<InvitationRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(one(tenant, id)
        .select(InvitationRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The invitation of somebody who has not accepted it, whatever became of it.
pub async fn unaccepted_of(tx: &mut impl Reads, user: UserId) -> Result<Option<InvitationRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(invitation::table
        .filter(invitation::tenant_id.eq(tenant).and(invitation::user_id.eq(user.as_uuid())))
        .filter(invitation::state.ne("accepted"))
        .select(InvitationRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The invitation to which a link leads, if it is still good.
pub async fn by_link(
    tx: &mut impl Reads,
    link: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<InvitationRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(invitation::table
        .filter(invitation::tenant_id.eq(tenant).and(invitation::link_hash.eq(link)))
        .filter(invitation::state.eq("pending").and(invitation::expires_at.gt(now)))
        .select(InvitationRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The newest first, those of one state if one is named.
pub async fn list(
    tx: &mut impl Reads,
    state: Option<&str>,
    slice: Slice,
) -> Result<Vec<InvitationRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut all = invitation::table.filter(invitation::tenant_id.eq(tenant)).into_boxed();
    if let Some(state) = state {
        all = all.filter(invitation::state.eq(state.to_owned()));
    }
    Ok(all
        .order(invitation::id.desc())
        .offset(slice.offset)
        .limit(slice.limit)
        .select(InvitationRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Whether somebody of the tenant has this address or is called so, whoever manages them.
pub async fn is_taken(tx: &mut impl Reads, address: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let key = scim::text::fold(address);
    let by_name = users::table.filter(users::tenant_id.eq(tenant).and(users::user_name_key.eq(&key)));
    let by_email =
        user_email::table.filter(user_email::tenant_id.eq(tenant).and(user_email::value_key.eq(&key)));
    let either = diesel::dsl::exists(by_name).or(diesel::dsl::exists(by_email));
    Ok(diesel::select(either).get_result(tx.connection().0.conn().await?).await?)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The tenants in which a mail is to be sent now, or an invitation has run out.
pub async fn tenants(tx: GlobalTx) -> Result<Vec<TenantId>, StoreError> {
    tx.tenants(statement("SELECT id FROM tenants_with_invitations() AS id")).await
}

/// Those whose time is over.
pub async fn run_out(tx: &mut impl Reads, now: DateTime<Utc>) -> Result<Vec<InvitationRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(invitation::table
        .filter(invitation::tenant_id.eq(tenant).and(invitation::state.eq("pending")))
        .filter(invitation::expires_at.le(now))
        .order(invitation::expires_at)
        .limit(100)
        .select(InvitationRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

const TAKE: &str = "\
WITH due AS (
    SELECT tenant_id, id FROM invitation WHERE tenant_id = {} AND mail_due_at <= now()
    ORDER BY mail_due_at LIMIT {} FOR UPDATE SKIP LOCKED
)
UPDATE invitation i SET mail_due_at = now() + interval '2 minutes', mail_attempts = mail_attempts + 1 FROM due
WHERE i.tenant_id = due.tenant_id AND i.id = due.id RETURNING i.id";

/// Takes mails that are due: nobody else sends them for two minutes, in which whoever took them has sent them or noted why not.
pub async fn take_mails(tx: &mut WriteTx, most: i64) -> Result<Vec<InvitationId>, StoreError> {
    let ask = statement(TAKE).bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<BigInt, _>(most);
    Ok(tx.load::<Id>(ask).await?.into_iter().map(|row| InvitationId::from_uuid(row.id)).collect())
}

/// The sealed link of a mail that waits, if it still does.
pub async fn sealed_link(tx: &mut impl Reads, id: InvitationId) -> Result<Option<Vec<u8>>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Option<Vec<u8>>> = one(tenant, id)
        .select(invitation::link_sealed)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.flatten())
}

/// What became of a mail.
#[derive(Debug, Clone)]
pub enum Mailed {
    /// The server took it.
    Sent,
    /// The server will not take it.
    Refused,
    /// It was tried often enough.
    GivenUp,
    /// It is tried again after so many milliseconds.
    Again(i64),
}

/// Notes what became of the mail of this attempt, with what the server said. Returns whether it was still waited for: a new
/// link, or the end of the invitation, is a new story.
pub async fn note_mail(
    tx: &mut WriteTx,
    row: &InvitationRow,
    how: &Mailed,
    answer: Option<&str>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let (state, after) = match how {
        Mailed::Sent => ("sent", None),
        Mailed::Refused => ("refused", None),
        Mailed::GivenUp => ("given_up", None),
        Mailed::Again(pause) => ("waiting", Some(*pause)),
    };
    let noted: Vec<Id> = tx
        .load(
            statement(NOTE)
                .bind::<Text, _>(state)
                .bind::<Nullable<Text>, _>(answer.map(str::to_owned))
                .bind::<Nullable<BigInt>, _>(after)
                .bind::<Bool, _>(after.is_some())
                .bind::<SqlUuid, _>(tenant)
                .bind::<SqlUuid, _>(row.id)
                .bind::<Timestamptz, _>(row.sent_at)
                .bind::<Integer, _>(row.mail_attempts),
        )
        .await?;
    Ok(!noted.is_empty())
}

const NOTE: &str = "\
UPDATE invitation SET mail_state = {}, mail_answer = {}, mail_due_at = now() + {} * interval '1 millisecond',
    link_sealed = CASE WHEN {} THEN link_sealed END
WHERE tenant_id = {} AND id = {} AND mail_state = 'waiting' AND sent_at = {} AND mail_attempts = {} RETURNING id";
