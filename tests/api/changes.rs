//! `/tenants/{tenant}/changes`: what changed, from a cursor on, without a gap and in the order of each person.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::connections::IssueCredential;
use domain::audit::{Action, Audit, AuditEvent};
use domain::clock::{Clock as _, FixedClock};
use domain::id::UserId;
use domain::token::CredentialScope;
use serde_json::{Value, json};
use usher::system::{SystemClock, SystemEntropy};

use super::grant_rules::{House, role};
use crate::support::http::{Client, Doors, db, encoded, start, text};
use crate::support::receiver::{courier, within_a_second};
use crate::support::{new_app, new_app_at, run};

const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who follows a tenant: what they have heard, and where they are.
struct Follower {
    api: Client,
    cursor: String,
    heard: Vec<Value>,
}

impl Follower {
    async fn from_now(doors: &Doors) -> Self {
        courier();
        let page = doors.api.get("/changes?after=now").await.is(200).json();
        assert_eq!((&page["changes"], &page["more"]), (&json!([]), &json!(false)));
        Self { api: doors.api.clone(), cursor: text(&page["next"]), heard: Vec::new() }
    }

    async fn ask(&mut self, more: &str) -> Value {
        let page = self.api.get(&format!("/changes?after={}{more}", self.cursor)).await.is(200).json();
        self.cursor = text(&page["next"]);
        self.heard.extend(page["changes"].as_array().unwrap().clone());
        page
    }

    /// Goes on until this is so.
    async fn until(&mut self, what: &str, enough: impl Fn(&[Value]) -> bool) {
        let began = Instant::now();
        while !enough(&self.heard) {
            assert!(began.elapsed() < PATIENCE, "{what}: {:#?}", self.heard);
            self.ask("&wait=1&count=7").await;
        }
    }

    fn kinds(&self, user: &str) -> Vec<String> {
        let of_user = self.heard.iter().filter(|change| change["data"]["user"] == user);
        of_user.map(|change| text(&change["type"])).collect()
    }
}

fn is(change: &Value, kind: &str, user: &str) -> bool {
    change["type"] == kind && change["data"]["user"] == user
}

async fn set_title(doors: &Doors, user: &str, title: &str) {
    let operation = json!([{"op": "replace", "path": "title", "value": title}]);
    doors.scim.patch(&format!("/Users/{user}"), operation).await.is(200);
}

#[test]
fn what_happens_to_a_person_is_read_in_its_order_with_who_and_by_which_request() {
    run(async {
        let doors = Doors::fresh().await;
        let mut follower = Follower::from_now(&doors).await;
        let mina = doors.user("mina").await;
        set_title(&doors, &mina, "One").await;
        doors.set_active(&mina, false).await;

        follower.until("she left", |heard| heard.iter().any(|it| is(it, "user.deactivated", &mina))).await;

        let kinds = follower.kinds(&mina);
        let told = |kind: &str| kinds.iter().position(|it| it == kind).unwrap_or_else(|| panic!("{kinds:?}"));
        assert!(told("user.provisioned") < told("user.updated"), "{kinds:?}");
        assert!(told("user.updated") < told("user.deactivated"), "{kinds:?}");
        let left = follower.heard.iter().find(|it| is(it, "user.deactivated", &mina)).unwrap();
        assert_eq!(left["data"]["tenant"], doors.tenant.admin.scope().tenant().to_string());
        let audit = doors.audit(&mina).await.into_iter().find(|event| event["action"] == "user.deactivate");
        assert_eq!(left["data"]["request"], audit.unwrap()["requestId"]);
        let all = serde_json::to_string(&follower.heard).unwrap();
        assert!(!all.contains("\"mina\"") && !all.contains("\"One\""), "no name is told");
    });
}

/// CHT-30
#[test]
fn whoever_gets_another_role_is_told_of_with_what_the_product_does_with_their_connections() {
    run(async {
        for (product, word) in [("channel_talk", "reconnect"), ("momos", "refresh")] {
            let house = House::of(product).await;
            let boss = if product == "momos" { "admin" } else { "owner" };
            let gives = |id: &str| role(id, json!("environment"));
            house.has("first", json!([gives(boss)])).await;
            let mut follower = Follower::from_now(&house.0).await;
            let hana = house.has("hana", json!([])).await;
            house.0.api.post(&format!("/users/{hana}/grants"), json!({"gives": gives(boss)})).await.is(201);
            house.ask(None, "PATCH", &format!("/users/{hana}"), Some(json!({"active": false}))).await.is(200);

            follower
                .until("she is out", |heard| heard.iter().any(|it| is(it, "user.deactivated", &hana)))
                .await;

            let about = follower.heard.iter().filter(|it| is(it, "access.changed", &hana));
            let said: Vec<(&Value, Option<&str>)> = about
                .map(|it| (&it["data"]["access"]["status"], it["data"]["onRoleChange"].as_str()))
                .collect();
            let [(_, first), (_, promoted), ..] = said[..] else { panic!("{said:?}") };
            assert_eq!((first, promoted), (None, Some(word)), "{product}: {said:?}");
        }
    });
}

#[test]
fn without_a_cursor_it_begins_with_the_oldest_that_is_kept_and_goes_on_part_by_part() {
    run(async {
        let doors = Doors::fresh().await;
        let mut follower = Follower::from_now(&doors).await;
        let mina = doors.user("mina").await;
        for n in 0..5 {
            set_title(&doors, &mina, &format!("{n}")).await;
        }
        let updates =
            |heard: &[Value]| heard.iter().filter(|change| is(change, "user.updated", &mina)).count();
        follower.until("all", |heard| updates(heard) == 5).await;

        let whole = doors.api.get("/changes?count=1000").await.is(200).json();
        let mut parts = Vec::new();
        let mut page = doors.api.get("/changes?count=2").await.is(200).json();
        loop {
            parts.extend(page["changes"].as_array().unwrap().clone());
            if page["more"] == false {
                break;
            }
            assert_eq!(page["changes"].as_array().unwrap().len(), 2);
            let next = text(&page["next"]);
            page = doors.api.get(&format!("/changes?count=2&after={next}")).await.is(200).json();
        }

        assert_eq!(whole["more"], false);
        assert_eq!(&parts, whole["changes"].as_array().unwrap());
        assert_eq!(parts, follower.heard, "who followed all along has heard the same");
    });
}

/// The place of a change is that of its commit: who reads on cannot pass over one that was written early and committed late.
#[test]
fn a_change_that_commits_late_is_not_passed_over() {
    run(async {
        let doors = Doors::fresh().await;
        let mut follower = Follower::from_now(&doors).await;
        let slow: UserId = "0192f000-0000-7000-8000-000000000001".parse().unwrap();
        let mut tx = db().begin(doors.tenant.admin.scope()).await.unwrap();
        tx.announce(store::audit::Outgoing {
            fact: "user.updated",
            subject_id: slow.to_string(),
            payload: json!({"user": slow, "attributes": ["title"]}),
        });
        let audit = Audit::of(AuditEvent::new(Action::UserUpdate, slow));
        tx.record(audit, SystemClock.now(), &SystemEntropy).unwrap();
        store::receivers::all(&mut tx).await.unwrap(); // what was written goes along
        let fast = doors.user("fast").await;
        follower
            .until("the quick one", |heard| heard.iter().any(|it| is(it, "user.provisioned", &fast)))
            .await;
        assert!(follower.kinds(&slow.to_string()).is_empty());

        tx.commit_trace_of_use().await.unwrap();

        let slow = slow.to_string();
        follower.until("the slow one", |heard| heard.iter().any(|it| is(it, "user.updated", &slow))).await;
        assert_eq!(follower.kinds(&slow).len(), 1);
    });
}

#[test]
fn many_who_write_at_once_are_followed_without_a_gap_or_a_repetition() {
    const WRITERS: usize = 12;
    const CHANGES: usize = 8;
    run(async {
        let doors = Doors::fresh().await;
        let mut follower = Follower::from_now(&doors).await;
        let beginning = follower.cursor.clone();
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..WRITERS {
            let doors = doors.clone();
            writers.spawn(async move {
                let user = doors.user(&format!("person-{n}")).await;
                for change in 0..CHANGES {
                    set_title(&doors, &user, &format!("{change}")).await;
                }
                doors.set_active(&user, false).await;
                user
            });
        }

        let left = |heard: &[Value]| heard.iter().filter(|it| it["type"] == "user.deactivated").count();
        follower.until("everybody left", |heard| left(heard) == WRITERS).await;
        let people: Vec<String> = writers.join_all().await;

        let mut ids = BTreeMap::new();
        for change in &follower.heard {
            *ids.entry(text(&change["id"])).or_insert(0) += 1;
        }
        assert!(ids.values().all(|&times| times == 1), "each once");
        for user in &people {
            let kinds = follower.kinds(user);
            let of = |kind: &str| kinds.iter().filter(|it| *it == kind).count();
            assert_eq!((of("user.provisioned"), of("user.updated")), (1, CHANGES), "{kinds:?}");
            let first = |kind: &str| kinds.iter().position(|it| it == kind).unwrap();
            let last = kinds.iter().rposition(|kind| kind == "user.updated").unwrap();
            assert!(first("user.provisioned") < first("user.updated"), "{kinds:?}");
            assert!(last < first("user.deactivated"), "{kinds:?}");
        }
        let again = doors.api.get(&format!("/changes?count=1000&after={beginning}")).await.is(200).json();
        assert_eq!(again["changes"].as_array().unwrap(), &follower.heard, "the order stays");
    });
}

#[test]
fn who_waits_hears_of_a_change_within_a_second_and_of_nothing_when_the_time_is_over() {
    run(async {
        let doors = Doors::fresh().await;
        let follower = Follower::from_now(&doors).await;
        let waiting = async |name: String, after: String| {
            let api = doors.api.clone();
            let asking = tokio::spawn(async move {
                let page = api.get(&format!("/changes?wait=30&after={after}")).await.is(200).json();
                (page, Instant::now())
            });
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(!asking.is_finished(), "nothing has changed");
            let began = Instant::now();
            let user = doors.user(&name).await;
            let (page, at) = asking.await.unwrap();
            assert!(page["changes"].as_array().unwrap().iter().any(|it| is(it, "user.provisioned", &user)));
            (at - began, text(&page["next"]))
        };

        let (took, _) = waiting("mina".to_owned(), follower.cursor.clone()).await;
        within_a_second(took, async |name| {
            // What is still to be heard of the one before is not what is waited for.
            let mut now = Follower::from_now(&doors).await;
            while !now.ask("&wait=1").await["changes"].as_array().unwrap().is_empty() {}
            waiting(name.to_owned(), now.cursor).await.0
        })
        .await;

        let mut elsewhere = Follower::from_now(&Doors::fresh().await).await;
        let page = elsewhere.ask("&wait=1").await;
        assert_eq!((&page["changes"], &page["more"]), (&json!([]), &json!(false)));
    });
}

#[test]
fn a_cursor_is_good_in_every_process_and_after_a_restart() {
    run(async {
        let doors = Doors::fresh().await;
        let mut follower = Follower::from_now(&doors).await;
        let mina = doors.user("mina").await;

        let (serving, base) = start(Arc::new(new_app(2)));
        follower.api.base = format!("{base}/api/v1/tenants/{}", doors.tenant.slug);
        follower.until("her", |heard| heard.iter().any(|it| is(it, "user.provisioned", &mina))).await;
        drop(serving);

        follower.api.base.clone_from(&doors.api.base);
        doors.set_active(&mina, false).await;
        follower.until("she left", |heard| heard.iter().any(|it| is(it, "user.deactivated", &mina))).await;
        assert_eq!(follower.kinds(&mina).iter().filter(|kind| *kind == "user.provisioned").count(), 1);
    });
}

#[test]
fn a_cursor_to_what_is_kept_no_more_is_gone_and_one_at_the_end_is_not() {
    run(async {
        let doors = Doors::fresh().await;
        let mut follower = Follower::from_now(&doors).await;
        let old = follower.cursor.clone();
        let mina = doors.user("mina").await;
        follower.until("her", |heard| heard.iter().any(|it| is(it, "user.provisioned", &mina))).await;
        while !follower.ask("&wait=1").await["changes"].as_array().unwrap().is_empty() {}

        let later = SystemClock.now() + chrono::Duration::days(8);
        let then = new_app_at(2, Arc::new(FixedClock::at(later)));
        assert!(then.forget_signals_of(doors.tenant.admin.scope().tenant()).await.unwrap() > 0);

        let gone = doors.api.get(&format!("/changes?after={old}")).await.problem(410, "cursor_expired");
        assert!(text(&gone.json()["detail"]).contains("after=now"), "{}", gone.text);
        assert_eq!(follower.ask("").await["changes"], json!([]), "who missed nothing goes on");
        assert_eq!(doors.api.get("/changes").await.is(200).json()["changes"], json!([]));
        let ken = doors.user("ken").await;
        follower.until("ken", |heard| heard.iter().any(|it| is(it, "user.provisioned", &ken))).await;
    });
}

#[test]
fn another_tenant_sees_nothing_of_it_and_its_cursors_are_not_ours() {
    run(async {
        let (own, other) = (Doors::fresh().await, Doors::fresh().await);
        let (mut follower, mut stranger) = (Follower::from_now(&own).await, Follower::from_now(&other).await);
        let (mina, ken) = (own.user("mina").await, other.user("ken").await);
        follower.until("mina", |heard| heard.iter().any(|it| is(it, "user.provisioned", &mina))).await;
        stranger.until("ken", |heard| heard.iter().any(|it| is(it, "user.provisioned", &ken))).await;

        assert!(follower.kinds(&ken).is_empty() && stranger.kinds(&mina).is_empty());
        own.api.get(&format!("/changes?after={}", stranger.cursor)).await.problem(400, "invalid");
        let intruder = Client { base: own.api.base.clone(), token: other.api.token.clone() };
        intruder.get("/changes").await.problem(404, "not_found");
    });
}

#[test]
fn what_is_no_cursor_and_what_is_out_of_bounds_is_refused() {
    run(async {
        let doors = Doors::fresh().await;
        let cursor = Follower::from_now(&doors).await.cursor;

        let mut turned = cursor.clone();
        let last = if turned.pop() == Some('A') { 'E' } else { 'A' };
        turned.push(last);
        for wrong in [
            "x",
            "0",
            "Now",
            "%C3%A9",
            "-1",
            cursor.strip_prefix(|_: char| true).unwrap(),
            &turned,
            &format!("{cursor}{cursor}"),
        ] {
            doors.api.get(&format!("/changes?after={wrong}")).await.problem(400, "invalid");
        }
        let long = "A".repeat(501);
        for wrong in [
            "after=".to_owned(),
            format!("after={long}"),
            "after=now&after=now".to_owned(),
            "after=%00".to_owned(),
            "count=0".to_owned(),
            "count=1001".to_owned(),
            "wait=31".to_owned(),
            "wait=-1".to_owned(),
            "wait=0.5".to_owned(),
            format!("after={}&count=x", encoded(&cursor)),
        ] {
            doors.api.get(&format!("/changes?{wrong}")).await.problem(400, "invalid_parameter");
        }
    });
}

#[test]
fn what_one_receiver_alone_is_told_is_not_a_change() {
    run(async {
        let doors = Doors::fresh().await;
        let mut follower = Follower::from_now(&doors).await;
        let new = json!({"kind": "webhook", "name": "Product", "address": "https://127.0.0.1:9/hook"});
        let receiver = doors.api.post("/receivers", new).await.is(201).id();
        doors.api.post(&format!("/receivers/{receiver}/test"), json!({})).await;
        let mina = doors.user("mina").await;

        follower.until("her", |heard| heard.iter().any(|it| is(it, "user.provisioned", &mina))).await;

        assert!(
            follower.heard.iter().all(|change| change["type"] != "receiver.test"),
            "{:#?}",
            follower.heard
        );
    });
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The loop of the guide, as it stands there.
#[test]
fn the_loop_of_the_guide_follows_over_its_own_restart_with_a_credential_that_only_reads() {
    run(async {
        courier();
        let doors = Doors::fresh().await;
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/integrate.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        let program = guide.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("follow.py"), program).unwrap();
        let reading = IssueCredential { scope: CredentialScope::Read, ..Default::default() };
        let token = doors.tenant.app.issue_credential(&doors.tenant.admin, reading).await.unwrap().token;
        let follow = || {
            let said =
                std::fs::File::options().create(true).append(true).open(folder.path().join("said")).unwrap();
            let mut python = Command::new("python3");
            python
                .arg("-u")
                .arg("follow.py")
                .current_dir(folder.path())
                .stdout(said)
                .stderr(Stdio::inherit());
            Running(python.env("API", &doors.api.base).env("API_TOKEN", &token).spawn().unwrap())
        };
        let said = async |what: String| {
            let began = Instant::now();
            loop {
                let all = std::fs::read_to_string(folder.path().join("said")).unwrap();
                if all.lines().any(|line| line.contains(&what)) {
                    return all;
                }
                assert!(began.elapsed() < PATIENCE, "{what}: {all}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let mina = doors.user("mina").await;

        let first = follow();
        said(format!("person {mina}")).await;
        doors.set_active(&mina, false).await;
        said(format!("user.deactivated {mina}")).await;
        drop(first);
        let ken = doors.user("ken").await;
        let _second = follow();

        let all = said(format!("user.provisioned {ken}")).await;
        assert_eq!(all.lines().filter(|line| line.starts_with("person ")).count(), 1, "read once: {all}");
    });
}
