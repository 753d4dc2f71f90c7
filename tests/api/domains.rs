//! Domains that a tenant proves to be its own, by a real question to a DNS server on loopback.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use crate::support::dns::server;
use crate::support::http::{Doors, text};
use crate::support::{fresh_slug, new_app_at, run};

/// A domain that no other test has.
fn fresh() -> String {
    format!("{}.example", fresh_slug())
}

async fn claim(doors: &Doors, name: &str) -> Value {
    doors.api.post("/domains", json!({"name": name})).await.is(201).json()
}

fn publish(claim: &Value) {
    let value = text(&claim["recordValue"]);
    server().publish(&text(&claim["recordName"]), &["v=spf1 -all", &value]);
}

async fn verify(doors: &Doors, name: &str) -> crate::support::http::Reply {
    doors.api.send("POST", &format!("/domains/{name}/verify"), |request| request).await
}

#[test]
fn a_domain_is_verified_once_its_record_is_there() {
    run(async {
        let doors = Doors::fresh().await;
        let name = fresh();

        let claimed = claim(&doors, &name.to_uppercase()).await;
        let early = verify(&doors, &name).await.is(200).json();
        server().publish(&text(&claimed["recordName"]), &["usher-domain-verification=of-somebody-else"]);
        let wrong = verify(&doors, &name).await.is(200).json();
        publish(&claimed);
        let verified = verify(&doors, &name).await.is(200).json();

        assert_eq!((&claimed["name"], &claimed["state"]), (&json!(name), &json!("pending")));
        assert_eq!((&early["state"], &wrong["state"]), (&json!("pending"), &json!("pending")));
        assert_eq!(verified["state"], "verified");
        let again = claim(&doors, &name).await;
        for member in ["state", "recordValue", "claimedAt"] {
            assert_eq!(again[member], verified[member], "claimed again, it is as it was");
        }
        let actions: Vec<Value> = doors.audit(&name).await.iter().map(|it| it["action"].clone()).collect();
        assert_eq!(actions, ["domain.claim", "domain.verify"]);
    });
}

#[test]
fn a_domain_is_verified_by_one_tenant_at_a_time() {
    run(async {
        let (one, other) = (Doors::fresh().await, Doors::fresh().await);
        let name = fresh();
        let (ones, others) = (claim(&one, &name).await, claim(&other, &name).await);
        assert_ne!(ones["recordValue"], others["recordValue"]);
        publish(&ones);
        verify(&one, &name).await.is(200);

        let unproved = verify(&other, &name).await.is(200).json();
        let record = text(&ones["recordName"]);
        server().publish(&record, &[&text(&ones["recordValue"]), &text(&others["recordValue"])]);
        let proved = verify(&other, &name).await;

        assert_eq!(unproved["state"], "pending", "without a proof nobody learns of another tenant");
        proved.problem(409, "conflict");
        one.api.delete(&format!("/domains/{name}")).await.is(204);
        assert_eq!(verify(&other, &name).await.is(200).json()["state"], "verified");
    });
}

#[test]
fn what_is_nobodys_own_and_what_is_no_domain_cannot_be_claimed() {
    run(async {
        let doors = Doors::fresh().await;
        for name in
            ["gmail.com", "GMAIL.com", "co.jp", "jp", "example", "", "a b", "10.0.0.1", "acme.example/x"]
        {
            doors.api.post("/domains", json!({"name": name})).await.problem(400, "invalid");
        }
        assert_eq!(claim(&doors, "例え.example").await["name"], "xn--r8jz45g.example");
        verify(&doors, "never-claimed.example").await.problem(404, "not_found");
        verify(&doors, "no domain").await.problem(404, "not_found");
        doors.api.delete("/domains/never-claimed.example").await.problem(404, "not_found");
    });
}

#[test]
fn trouble_with_dns_is_said_and_changes_nothing() {
    run(async {
        let doors = Doors::fresh().await;
        let name = format!("{}.broken.example", fresh_slug());
        claim(&doors, &name).await;

        verify(&doors, &name).await.problem(503, "unavailable");

        assert_eq!(claim(&doors, &name).await["checkedAt"], Value::Null);
    });
}

#[test]
fn a_verified_domain_whose_record_is_gone_lapses_after_a_week_of_grace() {
    run(async {
        let doors = Doors::fresh().await;
        let name = fresh();
        let claimed = claim(&doors, &name).await;
        publish(&claimed);
        verify(&doors, &name).await.is(200);
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let process = new_app_at(2, clock.clone());
        let state = async || {
            let listed = doors.api.get("/domains").await.is(200).json();
            text(&listed["items"][0]["state"])
        };
        server().withdraw(&text(&claimed["recordName"]));

        process.recheck_domains().await.unwrap();
        assert_eq!(state().await, "verified", "it was looked up a moment ago");
        clock.advance(TimeDelta::hours(25));
        process.recheck_domains().await.unwrap();
        assert_eq!(state().await, "failing");
        clock.advance(TimeDelta::days(6));
        process.recheck_domains().await.unwrap();
        assert_eq!(state().await, "failing");
        clock.advance(TimeDelta::days(2));
        process.recheck_domains().await.unwrap();

        assert_eq!(state().await, "lapsed");
        let last = doors.audit(&name).await.pop().unwrap();
        assert_eq!((&last["action"], &last["actor"]["kind"]), (&json!("domain.lapse"), &json!("job")));
    });
}
