//! Killed a hundred times: what was answered is there, nothing is half there, nothing is twice there.
//!
//! Each test has a machine of its own: a folder, a port, the real binary and its private cluster. Clients write to it
//! as directories do, one request after the other, each remembering what it was promised. In the middle of that stream
//! Usher or its Postgres is killed. What has no answer is asked after when everything is back: it happened wholly or not
//! at all. Every few rounds the clients pause, and the books are compared with what they remember (`books`).
//!
//! Somebody follows the tenant all the while, and in the end has been sent every fact (`follower`).
//!
//! `USHER_CRASH_ROUNDS` makes fewer rounds while one works on this.

mod books;
pub mod chance;
mod client;
mod follower;
mod journal;
pub mod machine;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{Mutex, watch};

use books::Books;
use chance::Chance;
use client::Client;
use follower::Follower;
use machine::{Machine, PATIENCE, Tenant};

use crate::support;

const ROUNDS: u32 = 100;
const CLIENTS: u32 = 8;
/// Rounds between two audits of the books.
const AUDIT_EVERY: u32 = 10;
/// Of so many kills of Usher, one takes Postgres along, as when the machine loses power.
const POWER_CUT_EVERY: u32 = 10;
/// How many writes are answered before a kill, and how many milliseconds pass after the last of them.
const WRITES: Range<u64> = 5..45;
const MOMENT: Range<u64> = 0..30;

#[test]
fn usher_killed_a_hundred_times_in_a_stream_of_writes_keeps_what_it_answered() {
    Trial::run("usher", 0x5EED_0001, |trial, round| {
        let power_cut = round % POWER_CUT_EVERY == 0;
        Box::pin(trial.kill_usher(power_cut))
    });
}

#[test]
fn postgres_killed_a_hundred_times_in_a_stream_of_writes_is_brought_back_by_usher() {
    Trial::run("postgres", 0x5EED_0002, |trial, round| {
        let whole = round % 2 == 0;
        Box::pin(trial.kill_postgres(whole))
    });
}

/// One machine, its clients, and the one who kills.
struct Trial {
    machine: Machine,
    tenant: Tenant,
    follower: Follower,
    clients: Vec<Arc<Mutex<Client>>>,
    /// Counts the times when everything was back after a kill, and nothing from before it was still under way.
    calm: watch::Sender<u32>,
    counts: Arc<Counts>,
    chance: Chance,
    outages: Vec<Duration>,
}

/// What the clients and the one who kills tell each other.
#[derive(Default)]
struct Counts {
    /// Counts the writes that were answered.
    answered: AtomicU64,
    /// Counts the kills that were begun, and those after which everything was back.
    begun: AtomicU32,
    over: AtomicU32,
}

impl Counts {
    /// Which kill was the last one, if everything is back after it.
    fn calm(&self) -> Option<u32> {
        let over = self.over.load(Ordering::SeqCst);
        (self.begun.load(Ordering::SeqCst) == over).then_some(over)
    }
}

type Kill<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

impl Trial {
    fn run(name: &str, seed: u64, kill: impl for<'a> Fn(&'a mut Self, u32) -> Kill<'a>) {
        let _ends = support::limit();
        let rounds = rounds();
        let machine = Machine::start(name);
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(
            async {
                let mut trial = Self::prepare(machine, seed).await;
                trial.rounds(rounds, kill).await;
            },
        );
    }

    async fn prepare(mut machine: Machine, seed: u64) -> Self {
        machine.wait_until_ready().await;
        let follower = Follower::start();
        let tenant = machine.tenant(follower.address());
        let (calm, calmed) = watch::channel(0);
        let counts = Arc::new(Counts::default());
        let shared = client::make_shared_group(&machine, &tenant).await;
        let clients = (0..CLIENTS)
            .map(|number| {
                let chance = Chance::new(seed.wrapping_mul(31).wrapping_add(u64::from(number)));
                let common = (Arc::clone(&counts), calmed.clone());
                Client::new(number, &machine, &tenant, shared.clone(), chance, common)
            })
            .map(|client| Arc::new(Mutex::new(client)))
            .collect();
        let chance = Chance::new(seed);
        Self { machine, tenant, follower, clients, calm, counts, chance, outages: Vec::new() }
    }

    async fn rounds(&mut self, rounds: u32, kill: impl for<'a> Fn(&'a mut Self, u32) -> Kill<'a>) {
        let stop = Arc::new(AtomicBool::new(false));
        let mut traffic: Vec<_> = self
            .clients
            .iter()
            .map(|client| {
                let (client, stop) = (Arc::clone(client), Arc::clone(&stop));
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        client.lock().await.step().await;
                    }
                })
            })
            .collect();
        for round in 1..=rounds {
            self.let_traffic_flow().await;
            self.counts.begun.fetch_add(1, Ordering::SeqCst);
            kill(self, round).await;
            self.counts.over.fetch_add(1, Ordering::SeqCst);
            self.calm.send_modify(|times| *times += 1);
            if let Some(broken) = traffic.iter().position(tokio::task::JoinHandle::is_finished) {
                let why = traffic.swap_remove(broken).await.unwrap_err();
                panic!("a client gave up in round {round}: {why}\n{}", self.machine.last_words());
            }
            if round % AUDIT_EVERY == 0 || round == rounds {
                self.audit(round).await;
            }
        }
        stop.store(true, Ordering::Relaxed);
        for ended in join_all(traffic).await {
            ended.unwrap();
        }
        self.report(rounds).await;
        self.follower.has_everything(&self.machine, &self.tenant).await;
        self.machine.stop();
    }

    async fn let_traffic_flow(&mut self) {
        let writes = self.chance.within(WRITES);
        let begun = self.counts.answered.load(Ordering::Relaxed);
        let since = Instant::now();
        while self.counts.answered.load(Ordering::Relaxed) - begun < writes && since.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(self.chance.within(MOMENT))).await;
    }

    /// Usher is killed and started again; it finds its Postgres running, or dead in a power cut.
    async fn kill_usher(&mut self, power_cut: bool) {
        let left_behind = self.machine.backends().await;
        self.machine.kill_usher();
        if power_cut {
            self.machine.kill_postgres(true);
        }
        let since = Instant::now();
        self.machine.start_usher();
        self.machine.wait_until_ready().await;
        self.outages.push(since.elapsed());
        // A commit that was on its way when Usher died may still be carried out.
        self.machine.wait_until_gone(&left_behind).await;
    }

    /// Postgres is killed under a living Usher, which says 503 and brings it back. Where only the postmaster is killed,
    /// its children finish what they are doing before they notice.
    async fn kill_postgres(&mut self, whole: bool) {
        let killed = self.machine.kill_postgres(whole);
        let since = Instant::now();
        self.machine.wait_until_back(killed, &self.tenant).await;
        self.outages.push(since.elapsed());
    }

    /// Pauses the clients between two requests and compares.
    async fn audit(&self, round: u32) {
        let paused = join_all(self.clients.iter().map(|client| client.lock()));
        let paused = tokio::select! {
            paused = paused => paused,
            // Whoever saw the end of the last outage late is not to wait for the next.
            () = self.keep_calm() => unreachable!(),
        };
        let mut wrong = Books::open(&self.machine, &self.tenant).await.audit(&paused).await;
        if !wrong.is_empty() {
            wrong.truncate(40);
            for client in &paused {
                wrong.extend(client.journal.about(&wrong));
            }
            panic!("after round {round}:\n{}\n{}", wrong.join("\n"), self.machine.last_words());
        }
    }

    async fn keep_calm(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.calm.send_modify(|times| *times += 1);
        }
    }

    async fn people(&self) -> usize {
        let mut people = 0;
        for client in &self.clients {
            people += client.lock().await.people.len();
        }
        people
    }

    /// Says what was done, and that it was enough to prove something.
    async fn report(&mut self, rounds: u32) {
        let mut sum = client::Tally::default();
        for client in &self.clients {
            sum.add(&client.lock().await.tally);
        }
        let people = self.people().await;
        self.outages.sort();
        let (half, longest) = (self.outages[self.outages.len() / 2], self.outages[self.outages.len() - 1]);
        println!("{rounds} kills; {sum}; {people} people; outages of {half:.1?}, at most {longest:.1?}");
        assert!(sum.answered > rounds * 10, "too little traffic to prove anything");
        assert!(sum.struck > rounds, "the kills struck nothing");
        assert_eq!(sum.unprovoked, 0, "requests failed without a kill");
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests have no configuration to read this from")]
fn rounds() -> u32 {
    std::env::var("USHER_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}
