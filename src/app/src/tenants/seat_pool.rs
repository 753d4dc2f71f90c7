//! The tenant's seats: what was bought, what is used, who waits.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::{Blueprint, SeatClass};
use domain::id::{SeatPoolId, UserId};
use domain::seat::{AtLimit, Chosen, Door, PoolClass};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::seat_pools::{OfWaiting, Waiter};
use store::seats::Pool;
use store::{AdminScope, Reads, rules, seat_books, seat_pools};
use utoipa::ToSchema;

use super::SeatCheckView;
use crate::App;
use crate::error::AppError;
use crate::provision::{announce_promoted, invited, meanwhile};

/// What happens to those who come when all seats are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SeatLimit {
    /// They are provisioned and wait in line, first come, first served.
    Waitlist,
    /// They are refused, and nothing is kept of them.
    Refuse,
    /// They get a seat beyond what was bought, to be settled later.
    Overage,
    /// They wait in line, and are in meanwhile with the role that needs no seat, where the product has one.
    Downgrade,
}

impl From<SeatLimit> for AtLimit {
    fn from(limit: SeatLimit) -> Self {
        match limit {
            SeatLimit::Waitlist => Self::Waitlist,
            SeatLimit::Refuse => Self::Refuse,
            SeatLimit::Overage => Self::Overage,
            SeatLimit::Downgrade => Self::Downgrade,
        }
    }
}

impl From<AtLimit> for SeatLimit {
    fn from(limit: AtLimit) -> Self {
        match limit {
            AtLimit::Waitlist => Self::Waitlist,
            AtLimit::Refuse => Self::Refuse,
            AtLimit::Overage => Self::Overage,
            AtLimit::Downgrade => Self::Downgrade,
        }
    }
}

/// What happens at the limit, door by door, where a tenant chose it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeatDoors {
    /// To whom an identity provider sends: over SCIM, or by a signal.
    pub directory: Option<SeatLimit>,
    /// To whoever signs in for the first time, at a connection that makes people of those.
    pub sign_in: Option<SeatLimit>,
    /// To whom somebody lets in by hand.
    pub manual: Option<SeatLimit>,
    /// To whom somebody invites, where the product keeps a seat for them. Refused, no mail is sent.
    pub invite: Option<SeatLimit>,
    /// To whoever accepts an invitation for which no seat was kept. Refused, the invitation stays open.
    pub acceptance: Option<SeatLimit>,
}

impl SeatDoors {
    /// What is said of a door, to be read or changed.
    pub fn at(&mut self, door: Door) -> &mut Option<SeatLimit> {
        match door {
            Door::Directory => &mut self.directory,
            Door::SignIn => &mut self.sign_in,
            Door::Manual => &mut self.manual,
            Door::Invite => &mut self.invite,
            Door::Acceptance => &mut self.acceptance,
        }
    }

    /// With this said of every door.
    fn each(word: impl Fn(Door) -> Option<AtLimit>) -> Self {
        let mut doors = Self::default();
        for door in Door::ALL {
            *doors.at(door) = word(door).map(SeatLimit::from);
        }
        doors
    }
}

/// What a pool is to be set to.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetSeatPool {
    /// Seats bought. Fewer than are used evicts nobody and lets nobody new in.
    #[schema(example = 100, minimum = 0)]
    pub purchased: i32,
    /// What happens at the limit, at every door of which nothing else is said. Left out, the product decides.
    pub at_limit: Option<SeatLimit>,
    /// What happens at the limit at one door.
    #[serde(default)]
    pub at_limit_by: SeatDoors,
}

impl SetSeatPool {
    fn chosen(&self) -> Chosen {
        let mut doors = self.at_limit_by;
        let by = Door::ALL.into_iter().filter_map(|door| Some((door, (*doors.at(door))?.into())));
        Chosen { for_all: self.at_limit.map(Into::into), by: by.collect() }
    }
}

/// What a tenant chose to happen at the limit. Of the rest the product decides.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatChoiceView {
    /// At every door of which nothing else is said.
    pub at_limit: Option<SeatLimit>,
    /// At one door.
    pub at_limit_by: SeatDoors,
}

/// A pool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatPoolView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: SeatPoolId,
    /// The class of seats; nothing of the common pool, in which everybody counts whose class has no pool of its own.
    #[schema(value_type = Option<String>)]
    pub class: PoolClass,
    /// Seats bought.
    pub purchased: i32,
    /// Seats held.
    pub used: i32,
    /// The most that were ever held at once.
    pub peak: i32,
    /// What happens at the limit, at every door of which nothing else is said.
    pub at_limit: SeatLimit,
    /// What happens at the limit at each door, whoever decided it.
    pub at_limit_by: SeatDoors,
    /// What of that the tenant chose.
    pub chosen: SeatChoiceView,
    /// Lines of the ledger.
    pub ledger_lines: i64,
    /// Whether counter, holds and ledger say the same.
    pub reconciled: bool,
    /// How the books were compared last; nothing if they never were.
    pub last_check: Option<SeatCheckView>,
    /// Those who wait, in order.
    pub waiting: Vec<WaiterView>,
}

/// Somebody who waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaiterView {
    /// Who.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The role that they have meanwhile; nothing if they hold nothing until they have a seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meanwhile: Option<String>,
    /// The seat that they go on with until then, of another pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<SeatOfView>,
}

/// A seat of a pool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatOfView {
    /// The class of the pool; nothing of the common one.
    #[schema(value_type = Option<String>)]
    pub class: PoolClass,
}

impl From<Waiter> for WaiterView {
    fn from(Waiter { user, since, meanwhile, holds }: Waiter) -> Self {
        Self { user, since, meanwhile, holds: holds.map(|class| SeatOfView { class }) }
    }
}

impl App {
    /// Sets the pool of a class of seats, or the common one, making it if there is none. People who were active before there was a
    /// pool claim their seats in the order in which they came; more seats promote those who wait. Whoever has a seat of the common pool and
    /// is of the class of a new one goes over with it.
    pub async fn set_seat_pool(
        &self,
        admin: &AdminScope,
        class: PoolClass,
        set: SetSeatPool,
    ) -> Result<SeatPoolView, AppError> {
        if set.purchased < 0 {
            return Err(AppError::Invalid("purchased is 0 or more".to_owned()));
        }
        let now = self.now();
        let fresh = SeatPoolId::generate(now, &*self.entropy);
        let chosen = set.chosen();
        let mut tx = self.db.begin(admin.scope()).await?;
        let known = seat_pools::show(&mut tx, &class).await?.is_some();
        if !known {
            // Until the pool is there nobody comes to a seat of another.
            rules::hold_alone(&mut tx);
        }
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let product = &policy.blueprint;
        if !known {
            check_class(product, &class)?;
        }
        let mut words = chosen.for_all.iter().chain(chosen.by.values());
        if product.role_without_seat().is_none() && words.any(|word| *word == AtLimit::Downgrade) {
            return Err(AppError::Invalid("this product has no role that needs no seat".to_owned()));
        }
        let said = |door| chosen.at(door, product.at_limit(door));
        let some_wait = Door::ALL.into_iter().any(|door| said(door).lets_wait());
        let to_those_in = match said(Door::Directory) {
            AtLimit::Overage if some_wait => AtLimit::Waitlist,
            word => word,
        };
        let waiting = match said(Door::Directory) {
            AtLimit::Downgrade => OfWaiting::Same,
            _ if Door::ALL.into_iter().any(|door| said(door) == AtLimit::Downgrade) => OfWaiting::AsBefore,
            _ => OfWaiting::Nothing,
        };
        let setting = seat_pools::Setting {
            class,
            waiting,
            purchased: set.purchased,
            invited: invited(product),
            product: product.seats().at_limit(),
            meanwhile: meanwhile(product, to_those_in),
            to_those_in,
            chosen,
        };
        let (pool, promoted) = seat_pools::set(&mut tx, fresh, setting, now).await?;
        let mut after = json!({
            "purchased": pool.state.purchased,
            "used": pool.state.used,
            "atLimit": pool.chosen.for_all,
            "atLimitBy": pool.chosen.by,
        });
        if let (Some(class), Some(after)) = (pool.class.class(), after.as_object_mut()) {
            after.insert("class".to_owned(), json!(class));
        }
        let mut audit = Audit::of(AuditEvent::new(Action::SeatPoolSet, pool.id).after(after));
        audit.extend(announce_promoted(&mut tx, &promoted));
        let view = view(&mut tx, pool, product).await?;
        self.commit(tx, audit, now).await?;
        Ok(view)
    }

    /// Every pool that the tenant has, the common one first.
    pub async fn list_seat_pools(&self, admin: &AdminScope) -> Result<Vec<SeatPoolView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let pools = seat_pools::all(&mut tx).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let mut views = Vec::new();
        for pool in pools.iter() {
            views.push(view(&mut tx, pool.clone(), &policy.blueprint).await?);
        }
        tx.finish().await?;
        Ok(views)
    }

    /// The pool of a class of seats, or the common one, as it is.
    pub async fn show_seat_pool(
        &self,
        admin: &AdminScope,
        class: &PoolClass,
    ) -> Result<SeatPoolView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let pool = seat_pools::show(&mut tx, class).await?.ok_or(AppError::NotFound("seat pool"))?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let view = view(&mut tx, pool, &policy.blueprint).await?;
        tx.finish().await?;
        Ok(view)
    }
}

/// Seats of a class can be counted by themselves where the product tells several classes from each other, and this is paid for.
fn check_class(product: &Blueprint, class: &PoolClass) -> Result<(), AppError> {
    let Some(wanted) = class.class() else { return Ok(()) };
    match product.seat_classes().iter().find(|class| class.id() == wanted) {
        Some(class) if product.is_free(class) => {
            Err(AppError::Invalid(format!("whoever is of the class {wanted:?} needs no seat")))
        }
        Some(_) => Ok(()),
        None => {
            let known: Vec<&str> = product.seat_classes().iter().map(SeatClass::id).collect();
            let known = match known.as_slice() {
                [] => "this product does not tell seats of several classes from each other".to_owned(),
                known => format!("this product's classes of seats are {}", known.join(", ")),
            };
            Err(AppError::Invalid(known))
        }
    }
}

async fn view(tx: &mut impl Reads, pool: Pool, product: &Blueprint) -> Result<SeatPoolView, AppError> {
    let sums = seat_pools::sums(tx, pool.id).await?;
    let waiting = seat_pools::waiters(tx, pool.id).await?;
    let last_check = seat_books::last_check(tx).await?;
    let used = i64::from(pool.state.used);
    Ok(SeatPoolView {
        id: pool.id,
        class: pool.class,
        purchased: pool.state.purchased,
        used: pool.state.used,
        peak: pool.peak,
        at_limit: pool.chosen.for_all.unwrap_or(product.seats().at_limit()).into(),
        at_limit_by: SeatDoors::each(|door| Some(pool.chosen.at(door, product.at_limit(door)))),
        chosen: SeatChoiceView {
            at_limit: pool.chosen.for_all.map(Into::into),
            at_limit_by: SeatDoors::each(|door| pool.chosen.by.get(&door).copied()),
        },
        ledger_lines: pool.seq,
        last_check: last_check.map(Into::into),
        reconciled: sums.holds == used && sums.ledger == used && sums.lines == pool.seq,
        waiting: waiting.into_iter().map(Into::into).collect(),
    })
}
