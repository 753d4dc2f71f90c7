//! Whom a proven identity means, and what keeps it out: the checks that no protocol does for itself.

use domain::token::TokenHash;
use serde_json::json;

use crate::support::http::{Doors, base, db, session_at};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::run;

/// A tenant with a connection `op` at the provider.
async fn doors() -> Doors {
    let provider = provider();
    let doors = Doors::of(Tenant::named(&provider.slug()).await).await;
    doors.connection("op", &provider.issuer).await;
    doors
}

/// Check 3, at both ends of a sign-in.
#[test]
fn a_paused_connection_lets_nobody_in_and_throws_nobody_out() {
    run(async {
        let doors = doors().await;
        doors.user("alice").await;
        let slug = &doors.tenant.slug;
        let (inside, under_way) = (Browser::new(), Browser::new());
        inside.sign_in(slug, "alice").await.is(303);
        let callback = under_way.until_callback(slug, "alice").await;

        let paused = doors.api.change("/connections/op", json!({"state": "paused"})).await.is(200).json();

        assert_eq!(paused["state"], "paused");
        Browser::new().get(&format!("{}/login/{slug}/op", base())).await.page(403, "paused");
        under_way.get(&callback).await.page(403, "paused");
        assert!(under_way.session().is_none());
        session_at(base(), &inside.session().unwrap()).await.is(200);
        doors.api.change("/connections/op", json!({"state": "active"})).await.is(200);
        under_way.sign_in(slug, "alice").await.is(303);
    });
}

/// Check 65: the answer of the provider is good, and its person is active when it comes.
#[test]
fn what_was_proven_before_somebody_left_is_worth_nothing_when_they_are_back() {
    run(async {
        let doors = doors().await;
        let alice = doors.user("alice").await;
        let browser = Browser::new();
        let callback = browser.until_callback(&doors.tenant.slug, "alice").await;

        doors.set_active(&alice, false).await;
        doors.set_active(&alice, true).await;

        browser.get(&callback).await.page(400, "signed-out");
        assert!(browser.session().is_none());
        browser.sign_in(&doors.tenant.slug, "alice").await.is(303);
    });
}

/// Checks 61 and 62, as far as they are the same for every protocol.
#[test]
fn a_message_is_spent_once_by_whichever_process_is_first() {
    run(async {
        let doors = doors().await;
        let other = doors.connection("other", "https://idp.example").await;
        let one = doors.connection("one", "https://idp.example").await;
        let (now, scope) = (doors.tenant.app.now(), doors.tenant.admin.scope());
        let later = now + chrono::Duration::minutes(5);
        let message = |id: &str| (TokenHash::of(id), later);
        let spend = async |connection, ids: &[&str]| {
            let messages: Vec<_> = ids.iter().map(|id| message(id)).collect();
            let mut tx = db().begin(scope).await.unwrap();
            let fresh = store::connections::spend(&mut tx, connection, &messages, now).await.unwrap();
            if fresh {
                tx.commit_trace_of_use().await.unwrap()
            } else {
                drop(tx)
            }
            fresh
        };

        let at_once = tokio::join!(spend(one, &["a", "r"]), spend(one, &["a", "r"]), spend(one, &["a", "r"]));

        let wins = [at_once.0, at_once.1, at_once.2].into_iter().filter(|fresh| *fresh).count();
        assert_eq!(wins, 1);
        assert!(!spend(one, &["new", "a"]).await, "one of two was spent");
        assert!(spend(one, &["new"]).await, "what was refused spent nothing");
        assert!(spend(other, &["a"]).await, "another connection's messages are others");
        assert!(spend(one, &[]).await, "a protocol may spend nothing");
    });
}

#[test]
fn a_connection_is_changed_as_far_as_it_can_be() {
    run(async {
        let doors = Doors::fresh().await;
        doors.connection("op", "https://idp.example").await;

        let change = json!({"name": "Acme", "returnTo": "https://other.example/in"});
        let changed = doors.api.change("/connections/op", change).await.is(200).json();

        assert_eq!(
            (&changed["name"], &changed["returnTo"]),
            (&json!("Acme"), &json!("https://other.example/in"))
        );
        assert_eq!((&changed["kind"], &changed["state"]), (&json!("openid"), &json!("active")));
        assert_eq!(changed["issuer"], "https://idp.example");
        assert_eq!(doors.api.get("/connections/op").await.is(200).json(), changed);
        for refused in [json!({"returnTo": "javascript:x"}), json!({"state": "off"}), json!({"kind": "saml"})]
        {
            doors.api.change("/connections/op", refused).await.is(400);
        }
        doors.api.get("/connections/none").await.problem(404, "not_found");
    });
}
