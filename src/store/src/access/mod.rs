//! What each person may do and why, as computed, behind the gates of the moment. Knows rows; does not know rules.

mod computed;
mod facts;
mod of_one;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::EffectiveAccess;
use domain::id::UserId;
use domain::seat::SeatState;
use serde_json::Value;
use uuid::Uuid;

pub use computed::{Change, Computed, Guarded, Outcome, store};
pub(crate) use facts::groups_in_row;
pub use facts::{Document, PersonFacts, Stored, facts};
pub use of_one::{Ties, change};

use crate::error::StoreError;
use crate::statement::{Shape, Statement};
use crate::tx::Reads;

/// Columns that tell the seat of `u`, whose access is `a`, for [`gated`], and whether they have yet to accept an invitation. In line they have a place,
/// and perhaps a role meanwhile.
pub(crate) const SEAT_OF: &str = "\
u.invited,
(a.seat_class IS NOT NULL
 AND EXISTS (SELECT FROM seat_pool p WHERE p.tenant_id = u.tenant_id AND p.class IN ('', a.seat_class))) AS has_pool,
EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id) AS holds,
(SELECT concat_ws(' ', (SELECT count(*) FROM seat_waiter o
         WHERE o.tenant_id = w.tenant_id AND o.pool_id = w.pool_id AND o.n <= w.n), w.meanwhile)
 FROM seat_waiter w WHERE w.tenant_id = u.tenant_id AND w.user_id = u.id) AS in_line";

/// What the columns of [`SEAT_OF`] tell of a seat.
#[derive(Debug, Clone, QueryableByName)]
pub(crate) struct SeatRow {
    #[diesel(sql_type = Bool)]
    has_pool: bool,
    #[diesel(sql_type = Bool)]
    holds: bool,
    #[diesel(sql_type = Nullable<Text>)]
    in_line: Option<String>,
}

#[derive(QueryableByName)]
struct AccessRow {
    #[diesel(sql_type = Jsonb)]
    access: Value,
    #[diesel(embed)]
    seat: SeatRow,
    #[diesel(sql_type = Bool)]
    invited: bool,
}

impl AccessRow {
    /// What they may do, behind the gates of this moment.
    fn gated(self) -> Result<EffectiveAccess, StoreError> {
        let access = gated(self.access, &self.seat)?;
        Ok(if self.invited { access.until_accepted() } else { access })
    }
}

/// What a person may do now: the stored access behind the seat gate, which is read at this moment.
pub async fn of_person(tx: &mut impl Reads, user: UserId) -> Result<Option<EffectiveAccess>, StoreError> {
    let text = format!(
        "SELECT a.access, {SEAT_OF} FROM user_access a \
         JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id \
         WHERE a.tenant_id = {{}} AND a.user_id = {{}}"
    );
    let tenant = tx.tenant().as_uuid();
    let row: Option<AccessRow> = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(user.as_uuid())
        .get_result(tx.connection().0.conn().await?)
        .await
        .optional()?;
    row.map(AccessRow::gated).transpose()
}

/// What one of several people may do now.
#[derive(Debug)]
pub struct OfPerson {
    /// Who.
    pub user: UserId,
    /// What they may do, behind the seat gate.
    pub access: EffectiveAccess,
    /// The version of the policy in force.
    pub policy_version: i64,
}

#[derive(QueryableByName)]
struct PersonRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(embed)]
    row: AccessRow,
}

/// The same for several people, by id, in one look at an index; who is not there is left out.
pub async fn of_people(tx: &mut impl Reads, people: &[UserId]) -> Result<Vec<OfPerson>, StoreError> {
    let text = format!(
        "SELECT u.id, v.version, a.access, {SEAT_OF} FROM user_access a \
         JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id \
         JOIN access_policy v ON v.tenant_id = a.tenant_id \
         WHERE a.tenant_id = {{}} AND a.user_id = ANY({{}}) ORDER BY u.id"
    );
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<PersonRow> = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(people.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
        .load(tx.connection().0.conn().await?)
        .await?;
    rows.into_iter()
        .map(|PersonRow { id, version, row }| {
            let access = row.gated()?;
            Ok(OfPerson { user: UserId::from_uuid(id), access, policy_version: version })
        })
        .collect()
}

/// A stored access behind the seat gate.
pub(crate) fn gated(stored: Value, seat: &SeatRow) -> Result<EffectiveAccess, StoreError> {
    let access: EffectiveAccess = serde_json::from_value(stored).map_err(StoreError::corrupt)?;
    let in_line = match (seat.has_pool, seat.holds, seat.in_line.as_deref()) {
        (false, ..) => return Ok(access.behind_seat_gate(SeatState::NotNeeded)),
        (true, true, _) => return Ok(access.behind_seat_gate(SeatState::Held)),
        (true, false, None) => return Ok(access.behind_seat_gate(SeatState::Refused)),
        (true, false, Some(in_line)) => in_line,
    };
    let (position, meanwhile) =
        in_line.split_once(' ').map_or((in_line, None), |(at, role)| (at, Some(role)));
    let position = position.parse().unwrap_or(u32::MAX);
    Ok(match meanwhile {
        Some(role) => access.meanwhile(role, position),
        None => access.behind_seat_gate(SeatState::Waiting { position }),
    })
}
