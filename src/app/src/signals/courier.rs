//! Who sends, in each process. Knows how much is under way and what rings; does not know what is sent.
//!
//! It is woken by the commits of its own process, at no cost to them: at once by the first, and then each tenant rests
//! for a moment, so that what a busy directory commits one by one is taken together. It looks for what others left twice
//! a second, in one statement. The look is made rarer where tenants are so many that it takes long: at most a twentieth of
//! the time is spent on it. Processes share the work by taking lanes, which no other then has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::{ReceiverId, TenantId};
use store::deliveries;
use store::deliveries::Held;
use store::receivers::{self, ReceiverRow};
use store::signals::{self, Turn};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use crate::App;
use crate::error::AppError;

/// How often it is looked for what nobody rang for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a tenant's new facts gather after the last were taken.
const REST: Duration = Duration::from_millis(50);
/// A look may take one part in so many of the time.
const SHARE: u32 = 20;
/// The most lanes that one process sends from at once.
const MOST: usize = 64;
/// The most of them to one receiver, so that a slow one leaves room for others.
const MOST_TO_ONE: usize = 8;
/// The most who wait for a change at once. Who comes then is answered at once.
const MOST_WAITING: usize = 256;
/// How long the last deliveries may take when the process ends.
const LAST: Duration = Duration::from_secs(6);

/// What a process has under way.
#[derive(Debug)]
pub(crate) struct Courier {
    /// Which process this is, to the lanes that it holds.
    holder: Uuid,
    lanes: Semaphore,
    /// Room for those who wait for a change.
    pub(super) waiting: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Tenants at work.
    at_work: BTreeMap<TenantId, Work>,
    /// Lanes under way, by receiver.
    to: BTreeMap<ReceiverId, usize>,
    /// Tenants for whose lanes there was no room.
    hungry: BTreeSet<TenantId>,
    ending: bool,
}

/// The work in one tenant.
#[derive(Debug, Default)]
struct Work {
    /// Whether something came meanwhile.
    again: bool,
    /// Ends the rest: there is room for lanes that were left waiting.
    room: Arc<Notify>,
}

impl Courier {
    pub(crate) fn new(holder: Uuid) -> Self {
        Self {
            holder,
            lanes: Semaphore::new(MOST),
            waiting: Semaphore::new(MOST_WAITING),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to work in a tenant, unless somebody does: then they look again.
    fn begin(&self, tenant: TenantId) -> bool {
        let mut state = self.state();
        if state.ending {
            return false;
        }
        if let Some(work) = state.at_work.get_mut(&tenant) {
            work.again = true;
            return false;
        }
        state.at_work.insert(tenant, Work::default());
        true
    }

    /// Lets a tenant rest, unless there is room for its lanes.
    async fn rest(&self, tenant: TenantId) {
        let room = self.state().at_work.get(&tenant).map(|work| Arc::clone(&work.room));
        if let Some(room) = room {
            tokio::time::timeout(REST, room.notified()).await.ok();
        }
    }

    /// There is room for lanes of this tenant that were left waiting.
    fn call(&self, tenant: TenantId) {
        if let Some(work) = self.state().at_work.get(&tenant) {
            work.room.notify_one();
        }
    }

    /// Ends the work in a tenant, unless something came meanwhile.
    fn ends(&self, tenant: TenantId) -> bool {
        let mut state = self.state();
        if let Some(work) = state.at_work.get_mut(&tenant).filter(|work| work.again) {
            work.again = false;
            return false;
        }
        state.at_work.remove(&tenant);
        true
    }

    /// How many more lanes to this receiver may be under way; if none, the tenant is remembered.
    fn room(&self, tenant: TenantId, receiver: ReceiverId) -> usize {
        let mut state = self.state();
        let under_way = state.to.get(&receiver).copied().unwrap_or_default();
        let room = MOST_TO_ONE.saturating_sub(under_way).min(self.lanes.available_permits());
        if room == 0 {
            state.hungry.insert(tenant);
        }
        room
    }
}

impl App {
    /// Sends signals for as long as the process lives.
    pub async fn send_signals(self: Arc<Self>) {
        let mut pause = LOOK_EVERY;
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                () = self.db.announced().ring() => {}
                () = tokio::time::sleep_until(looked + pause) => {}
            }
            let mut tenants = self.db.announced().take();
            if looked.elapsed() >= pause {
                let began = Instant::now();
                match self.tenants_with_signals().await {
                    Ok(found) => tenants.extend(found),
                    Err(error) => tracing::warn!(%error, "Could not look for signals to send"),
                }
                looked = Instant::now();
                pause = LOOK_EVERY.max((looked - began).saturating_mul(SHARE));
            }
            for tenant in tenants {
                if self.courier.begin(tenant) {
                    self.runtime.spawn(Arc::clone(&self).work_in(tenant));
                }
            }
        }
    }

    /// Begins nothing more, and waits for what is under way, but not for long. What is not done by then is sent by whoever
    /// comes next.
    pub async fn finish_signals(&self) {
        self.courier.state().ending = true;
        let all = u32::try_from(MOST).unwrap_or(u32::MAX);
        tokio::time::timeout(LAST, self.courier.lanes.acquire_many(all)).await.ok();
    }

    async fn tenants_with_signals(&self) -> Result<Vec<TenantId>, AppError> {
        Ok(signals::tenants(self.db.global().await?).await?)
    }

    async fn work_in(self: Arc<Self>, tenant: TenantId) {
        loop {
            if let Err(error) = self.work_once(tenant).await {
                tracing::warn!(tenant.id = %tenant, %error, "Could not send signals; trying again");
            }
            self.courier.rest(tenant).await;
            if self.courier.ends(tenant) {
                return;
            }
        }
    }

    async fn work_once(self: &Arc<Self>, tenant: TenantId) -> Result<(), AppError> {
        while self.fan_out(tenant, Turn::IfFree).await? {}
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.read(&scope).await?;
        let all = receivers::all(&mut tx).await?;
        tx.finish().await?;
        for receiver in all.into_iter().filter(|receiver| receiver.method.as_deref() == Some("push")) {
            self.take_lanes(tenant, receiver).await?;
        }
        Ok(())
    }

    /// Takes lanes of a receiver that are due and sends from each, side by side.
    async fn take_lanes(self: &Arc<Self>, tenant: TenantId, receiver: ReceiverRow) -> Result<(), AppError> {
        let id = receiver.receiver_id();
        let room = self.courier.room(tenant, id);
        // One that could not be reached is tried with one lane first.
        let most = if receiver.failures > 0 { room.min(1) } else { room };
        if most == 0 {
            return Ok(());
        }
        // Of one that is paused or disabled, only the lane that tells it so.
        let only = (receiver.status != "enabled").then(|| receiver.id.to_string());
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.begin(&scope).await?;
        let asked = i64::try_from(most).unwrap_or(1);
        let lanes = deliveries::take(&mut tx, id, self.courier.holder, asked, only).await?;
        tx.commit_trace_of_use().await?;
        if lanes.len() >= most {
            self.courier.state().hungry.insert(tenant);
        }
        for subject_id in lanes {
            let held = Held { receiver: id, subject_id, holder: self.courier.holder };
            *self.courier.state().to.entry(id).or_default() += 1;
            self.runtime.spawn(Arc::clone(self).send_lane(tenant, held));
        }
        Ok(())
    }

    async fn send_lane(self: Arc<Self>, tenant: TenantId, held: Held) {
        let receiver = held.receiver;
        if let Ok(_permit) = self.courier.lanes.acquire().await
            && let Err(error) = self.empty_lane(tenant, held).await
        {
            tracing::warn!(tenant.id = %tenant, receiver.id = %receiver, %error, "Could not send what waits; trying again");
        }
        let hungry = {
            let mut state = self.courier.state();
            match state.to.get_mut(&receiver) {
                Some(under_way) if *under_way > 1 => *under_way -= 1,
                _ => {
                    state.to.remove(&receiver);
                }
            }
            state.hungry.remove(&tenant)
        };
        if hungry {
            self.courier.call(tenant);
            self.db.announced().note(tenant);
        }
    }

    /// Whether the process is about to end.
    pub(super) fn is_ending(&self) -> bool {
        self.courier.state().ending
    }
}
