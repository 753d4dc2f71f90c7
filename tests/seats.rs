//! Seats under concurrency: never one too many, never one lost, in order.

use std::sync::Arc;

use domain::access::AccessStatus;
use domain::seat::PoolClass;
use futures_util::future::join_all;

use crate::support::people::Tenant;
use crate::support::run;

const CLIENTS: usize = 64;

/// 64 clients provision, deactivate and reactivate at once, against a pool with one free seat.
#[test]
fn a_pool_with_one_free_seat_is_never_exceeded_and_all_books_agree() {
    run(async {
        let tenant = Arc::new(Tenant::with_seats(3).await);
        tenant.create("holder-1").await.unwrap();
        tenant.create("holder-2").await.unwrap();

        let clients = (0..CLIENTS).map(|n| {
            let tenant = Arc::clone(&tenant);
            tokio::spawn(async move {
                let user = tenant.create(&format!("client-{n}")).await.unwrap().id;
                for _ in 0..5 {
                    tenant.set_active(user, false).await.unwrap();
                    let pool = tenant.app.show_seat_pool(&tenant.admin, &PoolClass::default()).await.unwrap();
                    assert!(pool.used <= pool.purchased, "{} of {}", pool.used, pool.purchased);
                    tenant.set_active(user, true).await.unwrap();
                }
                user
            })
        });
        let users: Vec<_> = join_all(clients).await.into_iter().map(Result::unwrap).collect();

        let pool = tenant.app.show_seat_pool(&tenant.admin, &PoolClass::default()).await.unwrap();
        assert_eq!(pool.used, 3);
        assert!(pool.peak <= 3, "the pool held {} at its peak", pool.peak);
        assert!(pool.reconciled, "{pool:?}");
        assert_eq!(pool.waiting.len(), CLIENTS - 1);
        let check = tenant.app.reconcile_seats(&tenant.admin).await.unwrap();
        assert!(check.differences.is_empty(), "{check:?}");

        let mut granted = 0;
        for user in users {
            match tenant.app.show_access(&tenant.admin, user).await.unwrap().status {
                AccessStatus::Granted => granted += 1,
                AccessStatus::WaitingForSeat { position } => {
                    let place = usize::try_from(position).unwrap() - 1;
                    assert_eq!(pool.waiting[place].user, user);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(granted, 1);
    });
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    run(async {
        let tenant = Tenant::with_seats(1).await;
        let holder = tenant.create("holder").await.unwrap().id;
        let mut queue = Vec::new();
        for n in 0..5 {
            queue.push(tenant.create(&format!("waiter-{n}")).await.unwrap().id);
        }

        let mut leaving = holder;
        for expected in queue {
            tenant.set_active(leaving, false).await.unwrap();

            let access = tenant.app.show_access(&tenant.admin, expected).await.unwrap();
            assert_eq!(access.status, AccessStatus::Granted);
            leaving = expected;
        }
        let pool = tenant.app.show_seat_pool(&tenant.admin, &PoolClass::default()).await.unwrap();
        assert!(pool.reconciled && pool.waiting.is_empty() && pool.used == 1, "{pool:?}");
    });
}

/// The trap of a counter with a waiting list: whoever finds the pool full must wait for whoever is releasing.
#[test]
fn a_release_and_a_wait_at_the_same_moment_leave_no_free_seat_with_somebody_waiting() {
    run(async {
        let tenant = Arc::new(Tenant::with_seats(1).await);
        let mut holder = tenant.create("holder").await.unwrap().id;
        for round in 0..50 {
            let (one, two) = (Arc::clone(&tenant), Arc::clone(&tenant));
            let leaving = tokio::spawn(async move { one.set_active(holder, false).await.unwrap() });
            let arriving =
                tokio::spawn(async move { two.create(&format!("next-{round}")).await.unwrap().id });
            leaving.await.unwrap();
            holder = arriving.await.unwrap();

            let pool = tenant.app.show_seat_pool(&tenant.admin, &PoolClass::default()).await.unwrap();
            assert!(pool.used == 1 && pool.waiting.is_empty() && pool.reconciled, "{round}: {pool:?}");
        }
    });
}

#[test]
fn fewer_seats_than_are_held_evict_nobody_and_more_promote_those_who_wait() {
    run(async {
        let tenant = Tenant::with_seats(2).await;
        for n in 0..4 {
            tenant.create(&format!("person-{n}")).await.unwrap();
        }
        let set = |purchased| app::tenants::SetSeatPool {
            purchased,
            at_limit: Some(app::tenants::SeatLimit::Waitlist),
            ..app::tenants::SetSeatPool::default()
        };

        let shrunk = tenant.app.set_seat_pool(&tenant.admin, PoolClass::default(), set(1)).await.unwrap();
        assert_eq!((shrunk.used, shrunk.waiting.len()), (2, 2));
        let grown = tenant.app.set_seat_pool(&tenant.admin, PoolClass::default(), set(3)).await.unwrap();
        assert_eq!((grown.used, grown.waiting.len()), (3, 1));
        assert!(grown.reconciled);
    });
}

#[test]
fn those_who_were_there_before_seats_were_counted_come_first_in_their_order() {
    run(async {
        let tenant = Tenant::fresh().await;
        let mut people = Vec::new();
        for n in 0..4 {
            people.push(tenant.create(&format!("person-{n}")).await.unwrap().id);
        }
        let stopped = tenant.create("stopped").await.unwrap().id;
        tenant.set_active(stopped, false).await.unwrap();

        let set = app::tenants::SetSeatPool {
            purchased: 2,
            at_limit: Some(app::tenants::SeatLimit::Waitlist),
            ..app::tenants::SetSeatPool::default()
        };
        let pool = tenant.app.set_seat_pool(&tenant.admin, PoolClass::default(), set).await.unwrap();

        assert_eq!((pool.used, pool.reconciled), (2, true));
        let waiting: Vec<_> = pool.waiting.iter().map(|waiter| waiter.user).collect();
        assert_eq!(waiting, people[2..]);
    });
}

/// Whoever comes or goes asks whether seats are counted at all, and a pool that is made at that moment counts them.
#[test]
fn a_first_pool_that_is_made_while_people_come_and_go_counts_all_of_them_and_nobody_else() {
    run(async {
        for round in 0..8 {
            let tenant = Arc::new(Tenant::fresh().await);
            let mut people = Vec::new();
            for n in 0..6 {
                people.push(tenant.create(&format!("person-{n}")).await.unwrap().id);
            }

            let changes = (0..6).map(|n| {
                let (tenant, person) = (Arc::clone(&tenant), people[n]);
                tokio::spawn(async move {
                    tenant.set_active(person, false).await.unwrap();
                    tenant.create(&format!("comer-{n}")).await.unwrap();
                    if n % 2 == 0 {
                        tenant.set_active(person, true).await.unwrap();
                    }
                })
            });
            let changes: Vec<_> = changes.collect();
            let set = app::tenants::SetSeatPool {
                purchased: 100,
                at_limit: Some(app::tenants::SeatLimit::Waitlist),
                ..app::tenants::SetSeatPool::default()
            };
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            tenant.app.set_seat_pool(&tenant.admin, PoolClass::default(), set).await.unwrap();
            for change in changes {
                change.await.unwrap();
            }

            let pool = tenant.app.show_seat_pool(&tenant.admin, &PoolClass::default()).await.unwrap();
            assert_eq!((pool.used, pool.waiting.len(), pool.reconciled), (9, 0, true), "round {round}");
            let check = tenant.app.reconcile_seats(&tenant.admin).await.unwrap();
            assert!(check.differences.is_empty(), "round {round}: {check:?}");
        }
    });
}
