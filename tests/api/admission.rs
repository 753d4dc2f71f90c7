//! Whom a proven identity means, and what keeps it out: the checks that no protocol does for itself.

use domain::token::TokenHash;
use serde_json::{Value, json};

use super::login::Replica;
use crate::support::http::{Doors, base, db, patch, session_at, text};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

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
                tx.commit_trace_of_use().await.unwrap();
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

// ---- people whom nobody has sent ----

/// The same, at a connection that makes people.
pub(super) async fn doors_that_make_people() -> Doors {
    let doors = doors().await;
    doors.api.change("/connections/op", json!({"justInTime": "on"})).await.is(200);
    doors
}

async fn people(doors: &Doors) -> Vec<Value> {
    doors.api.get("/users").await.is(200).json()["items"].as_array().unwrap().clone()
}

/// Checks 69 and 70.
#[test]
fn whoever_is_not_there_is_made_once_by_a_connection_that_is_set_so() {
    run(async {
        let doors = doors_that_make_people().await;
        doors.seats(5).await;
        let slug = &doors.tenant.slug;
        let (one, two) = (Browser::new(), Browser::new());
        let callbacks = (one.until_callback(slug, "alice").await, two.until_callback(slug, "alice").await);

        let (first, second) = tokio::join!(one.get(&callbacks.0), two.get(&callbacks.1));

        first.is(303);
        second.is(303);
        let made = people(&doors).await;
        assert_eq!(made.len(), 1, "{made:?}");
        let alice = &made[0];
        assert_eq!((&alice["userName"], &alice["displayName"]), (&json!("alice"), &json!("Alice Abe")));
        assert_eq!(alice["email"], json!(null), "the domain of her address is nobody's here");
        let trail = doors.audit(&text(&alice["id"])).await;
        let made = trail.iter().find(|event| event["action"] == "user.provision").unwrap();
        assert_eq!(made["actor"]["kind"], "signIn", "{made}");
        assert!(trail.iter().any(|event| event["action"] == "seat.grant"), "{trail:?}");
        assert_eq!(doors.api.get("/seat-pool").await.is(200).json()["used"], 1);
        Browser::new().sign_in(slug, "alice").await.is(303);
        assert_eq!(people(&doors).await.len(), 1);
    });
}

/// Check 69: who was shut out or deleted by the directory does not come back by signing in.
#[test]
fn who_is_inactive_or_was_deleted_is_not_made_again() {
    run(async {
        let doors = doors_that_make_people().await;
        let slug = &doors.tenant.slug;
        let alice = doors.user("Alice").await;
        doors.set_active(&alice, false).await;

        Browser::new().sign_in(slug, "alice").await.page(403, "inactive");
        assert_eq!(people(&doors).await.len(), 1);
        doors.scim.delete(&format!("/Users/{alice}")).await.is(204);
        Browser::new().sign_in(slug, "alice").await.page(403, "departed");

        assert!(people(&doors).await.is_empty());
        doors.user("alice").await;
        Browser::new().sign_in(slug, "alice").await.is(303);
    });
}

/// Check 70: they are in line like everybody whom a directory sends; where the tenant refuses, nobody is written down.
#[test]
fn whoever_is_made_needs_a_seat() {
    run(async {
        let doors = doors_that_make_people().await;
        let slug = &doors.tenant.slug;
        doors.api.put("/seat-pool", json!({"purchased": 1, "atLimit": "refuse"})).await.is(200);
        let holder = doors.user("holder").await;

        Browser::new().sign_in(slug, "alice").await.page(403, "no-seat");
        assert_eq!(people(&doors).await.len(), 1);
        doors.seats(1).await;
        Browser::new().sign_in(slug, "alice").await.page(403, "waiting-for-seat");
        assert_eq!(people(&doors).await.len(), 2);

        doors.set_active(&holder, false).await;
        Browser::new().sign_in(slug, "alice").await.is(303);
    });
}

/// Checks 68 and 70: neither a second person, nor a conflict, nor a person who is never described.
#[test]
fn the_directory_describes_whom_a_sign_in_made() {
    run(async {
        let doors = doors_that_make_people().await;
        let slug = &doors.tenant.slug;
        let (alice, bob) = (Browser::new(), Browser::new());
        alice.sign_in(slug, "alice").await.is(303);
        bob.sign_in(slug, "bob").await.is(303);
        let found = doors.scim.get("/Users?filter=userName%20eq%20%22ALICE%22").await.is(200).json();
        let id = text(&found["Resources"][0]["id"]);
        let body = |name: &str, department: &str| {
            json!({"schemas": [USER, ENTERPRISE], "userName": name, "externalId": format!("x-{name}"),
                ENTERPRISE: {"department": department}})
        };

        let described = doors.scim.post("/Users", body("Alice", "Sales")).await.is(201).json();
        let operation =
            json!({"method": "POST", "path": "/Users", "bulkId": "b", "data": body("bob", "Legal")});
        let bulk = json!({"schemas": [BULK], "Operations": [operation]});
        let answer = doors.scim.post("/Bulk", bulk).await.is(200).json();

        assert_eq!(described["id"], id);
        assert_eq!((&described["userName"], &described["externalId"]), (&json!("Alice"), &json!("x-Alice")));
        assert_eq!(answer["Operations"][0]["status"], "201", "{answer}");
        assert_eq!(people(&doors).await.len(), 2);
        session_at(base(), &alice.session().unwrap()).await.is(200);
        doors.scim.post("/Users", body("alice", "Sales")).await.scim_error(409, Some("uniqueness"));
        Browser::new().sign_in(slug, "alice").await.is(303);
    });
}

/// Checks 66 and 67. One test, because a domain is one tenant's at a time.
#[test]
fn an_address_speaks_only_in_a_domain_that_the_tenant_has_verified() {
    run(async {
        let doors = doors().await;
        let slug = &doors.tenant.slug;
        let hana = doors.user("hana@acme.example").await;
        let refused = async |person: &str, code: &str| {
            let browser = Browser::new();
            browser.sign_in(slug, person).await.page(403, code);
            assert!(browser.session().is_none());
        };

        refused("hana", "domain-not-verified").await;
        doors.api.change("/connections/op", json!({"justInTime": "verifiedDomain"})).await.is(200);
        refused("alice", "not-provisioned").await;
        doors.verified_domain("acme.example").await;

        let browser = Browser::new();
        browser.sign_in(slug, "hana").await.is(303);
        let session = session_at(base(), &browser.session().unwrap()).await.is(200).json();
        assert_eq!(session["user"]["id"], hana);
        Browser::new().sign_in(slug, "alice").await.is(303);
        let people = people(&doors).await;
        let alice = people.iter().find(|person| person["userName"] == "alice").unwrap();
        assert_eq!(alice["email"], "alice@acme.example", "{alice}");
        // Her provider says that nobody has verified that the address is hers.
        refused("mallory", "not-provisioned").await;
        doors.api.delete("/domains/acme.example").await.is(204);
    });
}

/// Check 72.
#[test]
fn a_connection_lets_no_higher_role_in_than_it_is_set_to() {
    run(async {
        let doors = doors().await;
        let slug = &doors.tenant.slug;
        doors.rule(1, json!({"group": "chiefs"}), json!({"flags": {"flags": ["admin_flag"]}})).await;
        let department = json!({"attribute": {"path": format!("{ENTERPRISE}:department")}});
        doors.rule(2, department, json!({"home": {"template": "{value}"}})).await;
        let alice = doors.person(json!({"userName": "alice", ENTERPRISE: {"department": "Top"}})).await;
        doors.api.change("/connections/op", json!({"highestRole": "nothing"})).await.problem(400, "invalid");
        doors.api.change("/connections/op", json!({"highestRole": "org_admin"})).await.is(200);
        Browser::new().sign_in(slug, "alice").await.is(303);

        doors.group("chiefs", &[&alice]).await;

        assert_eq!(doors.access(&alice).await["roles"][0]["role"], "admin");
        Browser::new().sign_in(slug, "alice").await.page(403, "role-above-limit");
        doors.api.change("/connections/op", json!({"highestRole": null})).await.is(200);
        Browser::new().sign_in(slug, "alice").await.is(303);
    });
}

/// Check 69, and the session's: whichever comes first, nobody who is out has a session.
#[test]
fn a_sign_in_and_a_deactivation_at_the_same_moment_leave_no_session() {
    run(async {
        let (one, two) = (Replica::serve(), Replica::serve());
        let doors = doors().await;
        let alice = doors.user("alice").await;
        let path = format!("/Users/{alice}");
        let out = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        for _ in 0..12 {
            let browser = Browser::at(&one.base);
            let callback = browser.until_callback(&doors.tenant.slug, "alice").await;

            let scim = two.scim(&doors);
            let (_, left) =
                tokio::join!(browser.get(&callback), scim.send("PATCH", &path, |request| request.json(&out)));

            left.is(200);
            if let Some(cookie) = browser.session() {
                session_at(&one.base, &cookie).await.problem(401, "unauthenticated");
            }
            let open = doors.api.get(&format!("/users/{alice}/sessions")).await.is(200).json();
            assert_eq!(open["items"], json!([]));
            doors.set_active(&alice, true).await;
        }
    });
}

// ---- trying a connection out ----

async fn verdicts(doors: &Doors, trial: &Value) -> (Value, Vec<(String, String)>) {
    let id = text(&trial["id"]);
    let report = doors.api.get(&format!("/connections/op/trials/{id}")).await.is(200).json();
    let checks = report["checks"].as_array().unwrap().clone();
    let checks = checks.iter().map(|it| (text(&it["check"]), text(&it["verdict"]))).collect();
    (report, checks)
}

#[test]
fn a_trial_tells_the_administrator_what_each_check_said_and_signs_nobody_in() {
    run(async {
        let doors = doors().await;
        let slug = &doors.tenant.slug;
        let alice = doors.user("alice").await;
        let try_out = async || {
            let trial = doors.api.post("/connections/op/trials", json!({})).await.is(201).json();
            assert_eq!((&trial["finishedAt"], &trial["checks"]), (&json!(null), &json!([])));
            let browser = Browser::new();
            let callback = browser.until_callback_from(&text(&trial["address"]), slug, "alice").await;
            browser.get(&callback).await.page(200, "The trial is over");
            assert!(browser.session().is_none());
            browser.get(&text(&trial["address"])).await.page(400, "no-flow");
            trial
        };
        doors.api.change("/connections/op", json!({"state": "paused"})).await.is(200);

        let (passed, checks) = verdicts(&doors, &try_out().await).await;

        assert_eq!((&passed["passed"], &passed["code"]), (&json!(true), &json!(null)));
        assert!(checks.iter().all(|(_, verdict)| verdict == "passed"), "{checks:?}");
        assert_eq!(passed["person"], json!({"id": alice, "found": "justNow"}));
        assert_eq!(passed["identity"]["claims"]["preferred_username"], "alice");
        let (again, _) = verdicts(&doors, &try_out().await).await;
        assert_eq!(again["person"]["found"], "justNow", "the first trial linked nobody");
        doors.set_active(&alice, false).await;
        let (refused, checks) = verdicts(&doors, &try_out().await).await;
        assert_eq!((&refused["passed"], &refused["code"]), (&json!(false), &json!("inactive")));
        let verdict = |name: &str| checks.iter().find(|(check, _)| check == name).unwrap().1.clone();
        assert_eq!(
            [verdict("person"), verdict("active"), verdict("seat")],
            ["passed", "refused", "notReached"]
        );
        doors.scim.delete(&format!("/Users/{alice}")).await.is(204);
        doors.api.change("/connections/op", json!({"justInTime": "on"})).await.is(200);
        let (departed, _) = verdicts(&doors, &try_out().await).await;
        assert_eq!(departed["code"], "departed");
        assert!(people(&doors).await.is_empty());
    });
}

#[test]
fn a_trial_tells_why_a_proof_does_not_hold_and_is_kept_sealed() {
    run(async {
        let doors = doors().await;
        let trial = doors.api.post("/connections/op/trials", json!({})).await.is(201).json();
        let browser = Browser::new();
        let slug = &doors.tenant.slug;
        let callback = browser.until_callback_from(&text(&trial["address"]), slug, "alice").await;

        browser.get(&callback.replace("code=", "code=not-")).await.page(200, "The trial is over");

        let (report, _) = verdicts(&doors, &trial).await;
        let proof = &report["checks"][1];
        assert_eq!((&proof["check"], &proof["verdict"]), (&json!("proof"), &json!("refused")));
        assert!(text(&proof["detail"]).contains("token endpoint"), "{proof}");
        assert_eq!((&report["identity"], &report["person"]), (&json!(null), &json!(null)));
        let other = Doors::fresh().await;
        other.connection("op", "https://idp.example").await;
        let there = format!("/connections/op/trials/{}", text(&trial["id"]));
        other.api.get(&there).await.problem(404, "not_found");
    });
}
