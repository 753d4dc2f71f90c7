//! Signing in at a real OpenID provider, being refused, and being out when the SCIM answer is out.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use domain::access::AccessStatus;
use serde_json::{Value, json};

use crate::support::http::{COOKIE, Client, Doors, PUBLIC, Reply, base, patch, session_at};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::run;
use crate::support::terminal::Terminal;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A tenant with a connection `op` at the provider.
async fn doors() -> Doors {
    let provider = provider();
    let doors = Doors::of(Tenant::named(&provider.slug()).await).await;
    doors.connection("op", &provider.issuer).await;
    doors
}

/// Somebody who has signed in: the value of their cookie.
async fn signed_in(doors: &Doors, person: &str) -> String {
    let browser = Browser::new();
    browser.sign_in(&doors.tenant.slug, person).await.is(303);
    browser.session().unwrap()
}

/// What the audit trail says of the last refusal.
async fn last_refusal(doors: &Doors) -> Value {
    let trail = doors.api.get("/audit-events?count=20").await.is(200).json();
    let events = trail["events"].as_array().unwrap().clone();
    let event = events.into_iter().find(|event| event["action"] == "login.refuse");
    event.unwrap_or_else(|| panic!("no refusal in {trail}"))["after"]["code"].clone()
}

#[test]
fn who_is_provisioned_signs_in_and_sees_their_access_with_its_reasons() {
    run(async {
        let doors = doors().await;
        let alice = doors.user("Alice").await;
        let browser = Browser::new();

        let back = browser.sign_in(&doors.tenant.slug, "alice").await.is(303);

        assert_eq!(back.header("location"), "https://app.example/home");
        assert_eq!(back.header("cache-control"), "no-store");
        let cookies: Vec<&str> =
            back.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        let session = cookies.iter().find(|cookie| cookie.starts_with(COOKIE)).unwrap();
        assert!(
            session.contains("HttpOnly") && session.contains("SameSite=Lax") && session.contains("Path=/;"),
            "{session}"
        );
        let body = session_at(base(), &browser.session().unwrap()).await.is(200).json();
        assert_eq!((&body["user"]["id"], &body["user"]["userName"]), (&json!(alice), &json!("Alice")));
        assert_eq!(body["access"]["status"], json!({"kind": "granted"}));
        assert_eq!(body["access"]["roles"][0]["role"], "general");
        assert!(body["access"]["roles"][0]["reasons"][0]["sentence"].is_string(), "{body}");
        let actions: Vec<Value> =
            doors.audit(&alice).await.iter().map(|event| event["action"].clone()).collect();
        assert!(actions.contains(&json!("user.link")), "{actions:?}");
    });
}

#[test]
fn where_to_return_to_is_the_connections_own_origin_or_nowhere() {
    run(async {
        let doors = doors().await;
        doors.user("alice").await;
        for (wanted, expected) in [
            ("/inbox", "https://app.example/inbox"),
            ("https://evil.example/", "https://app.example/home"),
            ("//evil.example/", "https://app.example/home"),
        ] {
            let browser = Browser::new();
            let slug = &doors.tenant.slug;
            let door = format!("{PUBLIC}/login/{slug}/op?return_to={wanted}");
            let callback = browser.until_callback_from(&door, slug, "alice").await;
            assert_eq!(browser.get(&callback).await.is(303).header("location"), expected, "{wanted}");
        }
    });
}

/// The same person twice, and the name that the directory calls them by changed in between: the subject decides.
#[test]
fn who_was_linked_once_is_found_by_subject_whatever_their_name() {
    run(async {
        let doors = doors().await;
        let alice = doors.user("alice").await;
        signed_in(&doors, "alice").await;
        let rename = json!([{"op": "replace", "path": "userName", "value": "alice.abe"}]);
        doors.scim.patch(&format!("/Users/{alice}"), rename).await.is(200);
        doors.user("alice").await;

        let cookie = signed_in(&doors, "alice").await;

        assert_eq!(session_at(base(), &cookie).await.is(200).json()["user"]["id"], alice);
    });
}

#[test]
fn who_may_not_come_in_reads_why_in_their_language() {
    run(async {
        let doors = doors().await;
        doors.seats(1).await;
        doors.user("holder").await;
        let slug = &doors.tenant.slug;
        let refused = async |language: &'static str, person: &str, code: &str, title: &str| {
            let mut browser = Browser::new();
            browser.language = language;
            let page = browser.sign_in(slug, person).await.page(403, code);
            assert!(page.text.contains(title), "{language}: {}", page.text);
            assert_eq!(page.header("content-language"), language);
            assert!(page.header("content-security-policy").contains("default-src 'none'"));
            assert!(browser.session().is_none());
            assert_eq!(last_refusal(&doors).await, code);
        };

        refused("en", "alice", "not-provisioned", "You have no access here yet").await;
        refused("ja", "alice", "not-provisioned", "まだアクセス権がありません").await;
        refused("fr", "alice", "not-provisioned", "Vous n’avez pas encore accès").await;
        let alice = doors.user("alice").await;
        refused("en", "alice", "waiting-for-seat", "You are number 1 in line").await;
        refused("ja", "alice", "waiting-for-seat", "現在の順番は1番目です").await;
        refused("fr", "alice", "waiting-for-seat", "Vous attendez une licence").await;
        doors.set_active(&alice, false).await;
        refused("en", "alice", "inactive", "Your access was switched off").await;
        refused("ja", "alice", "inactive", "アクセスが停止されています").await;
        refused("fr", "alice", "inactive", "Votre accès a été désactivé").await;
    });
}

#[test]
fn an_address_of_nobody_is_a_page_too() {
    run(async {
        let doors = doors().await;
        for path in [
            "/login/nobody-is-called-so",
            "/login/Not A Slug",
            &format!("/login/{}/other", doors.tenant.slug),
        ] {
            Browser::new().get(&format!("{PUBLIC}{path}")).await.page(404, "unknown-door");
        }
        let callback = format!("{PUBLIC}/oidc/{}/op/callback", doors.tenant.slug);
        for query in ["", "?code=x", "?state=x", "?state=x&code=y&iss=z", "?error=access_denied&state=x"] {
            Browser::new().get(&format!("{callback}{query}")).await.page(400, "no-flow");
        }
        Browser::new().get(&format!("{callback}?state=a&state=b")).await.page(400, "invalid_parameter");
    });
}

#[test]
fn an_answer_counts_once_and_only_in_the_browser_that_asked() {
    run(async {
        let doors = doors().await;
        doors.user("alice").await;
        let slug = &doors.tenant.slug;
        let (victim, other) = (Browser::new(), Browser::new());

        let callback = victim.until_callback(slug, "alice").await;
        other.get(&callback).await.page(400, "no-flow");
        // Another browser with a sign-in of its own under way is another browser still.
        let own = other.until_callback(slug, "alice").await;
        other.get(&callback).await.page(400, "no-flow");
        assert!(other.session().is_none());
        other.get(&own).await.is(303);

        victim.get(&callback).await.is(303);
        let cookie = victim.session().unwrap();
        victim.get(&callback).await.page(400, "no-flow");
        session_at(base(), &cookie).await.is(200);
    });
}

#[test]
fn an_answer_that_was_meddled_with_signs_nobody_in() {
    run(async {
        let doors = doors().await;
        doors.user("alice").await;
        let slug = &doors.tenant.slug;
        for (name, value, status) in
            [("state", "another", 400), ("iss", "https://evil.example", 400), ("code", "another", 403)]
        {
            let browser = Browser::new();
            let callback = browser.until_callback(slug, "alice").await;
            let mut url = reqwest::Url::parse(&callback).unwrap();
            let pairs: Vec<(String, String)> = url
                .query_pairs()
                .map(|(key, old)| {
                    (key.to_string(), if key == name { value.to_owned() } else { old.to_string() })
                })
                .collect();
            url.query_pairs_mut().clear().extend_pairs(pairs);
            let page = browser.get(url.as_str()).await.is(status);
            assert!(page.header("content-type").starts_with("text/html"), "{name}");
            assert!(browser.session().is_none(), "{name}");
        }
    });
}

#[test]
fn an_answer_of_one_tenant_is_nothing_to_another() {
    run(async {
        let (one, two) = (doors().await, doors().await);
        one.user("alice").await;
        two.user("alice").await;
        let browser = Browser::new();

        let callback = browser.until_callback(&one.tenant.slug, "alice").await;
        let elsewhere = callback.replace(&one.tenant.slug, &two.tenant.slug);

        browser.get(&elsewhere).await.page(400, "no-flow");
        browser.until_callback(&two.tenant.slug, "alice").await;
        browser.get(&elsewhere).await.page(400, "no-flow");
        assert!(browser.session().is_none());
    });
}

#[test]
fn a_second_subject_does_not_become_a_person_who_is_linked() {
    run(async {
        let doors = doors().await;
        let person = doors.user("alice").await;
        let first = signed_in(&doors, "alice").await;
        let rename = json!([{"op": "replace", "path": "userName", "value": "bob"}]);
        doors.scim.patch(&format!("/Users/{person}"), rename).await.is(200);

        let browser = Browser::new();
        browser.sign_in(&doors.tenant.slug, "bob").await.page(403, "linked-to-another");

        assert!(browser.session().is_none());
        assert_eq!(last_refusal(&doors).await, "linked-to-another");
        session_at(base(), &first).await.is(200);
    });
}

/// Mallory's provider says that her address is the chief's, and that nobody has verified it.
#[test]
fn an_email_address_makes_nobody_anybody() {
    run(async {
        let doors = doors().await;
        let chief = json!({"userName": "ceo@acme.example", "emails": [{"value": "ceo@acme.example", "primary": true}]});
        doors.person(chief).await;
        let browser = Browser::new();

        browser.sign_in(&doors.tenant.slug, "mallory").await.page(403, "not-provisioned");
        let mallory = doors.user("mallory").await;
        browser.sign_in(&doors.tenant.slug, "mallory").await.is(303);

        let session = session_at(base(), &browser.session().unwrap()).await.is(200).json();
        assert_eq!(session["user"]["id"], mallory);
        for claim in ["email", "upn"] {
            let body = json!({
                "slug": "by-mail", "name": "x", "issuer": provider().issuer, "clientId": "gateway",
                "clientSecret": "x", "linkClaim": claim, "linkTo": "userName", "returnTo": "https://app.example"
            });
            doors.api.post("/connections", body).await.problem(400, "invalid");
        }
    });
}

#[test]
fn signing_in_again_ends_the_session_that_the_browser_had() {
    run(async {
        let doors = doors().await;
        doors.user("alice").await;
        let browser = Browser::new();
        browser.sign_in(&doors.tenant.slug, "alice").await.is(303);
        let first = browser.session().unwrap();

        browser.sign_in(&doors.tenant.slug, "alice").await.is(303);

        session_at(base(), &first).await.problem(401, "unauthenticated");
        session_at(base(), &browser.session().unwrap()).await.is(200);
    });
}

// ---- leaving ----

#[derive(Debug, Clone, Copy)]
enum By {
    Patch,
    EntraPatch,
    Put,
    Delete,
}

async fn leave(scim: &Client, id: &str, by: By) {
    let path = format!("/Users/{id}");
    match by {
        By::Patch => {
            scim.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).await.is(200)
        }
        By::EntraPatch => {
            scim.patch(&path, json!([{"op": "Replace", "value": {"active": "False"}}])).await.is(200)
        }
        By::Put => {
            scim.put(&path, json!({"schemas": [USER], "userName": "alice", "active": false})).await.is(200)
        }
        By::Delete => scim.delete(&path).await.is(204),
    };
}

#[test]
fn a_leaver_is_out_when_the_answer_is_out_and_their_seat_is_passed_on() {
    run(async {
        for by in [By::Patch, By::EntraPatch, By::Put, By::Delete] {
            let doors = doors().await;
            doors.seats(1).await;
            let alice = doors.user("alice").await;
            let waiter = doors.user("bob").await;
            let cookies = [signed_in(&doors, "alice").await, signed_in(&doors, "alice").await];
            assert_eq!(
                doors.access(&waiter).await["status"],
                json!({"kind": "waitingForSeat", "position": 1})
            );

            leave(&doors.scim, &alice, by).await;

            for cookie in &cookies {
                session_at(base(), cookie).await.problem(401, "unauthenticated");
            }
            assert_eq!(doors.access(&waiter).await["status"], json!({"kind": "granted"}), "{by:?}");
            signed_in(&doors, "bob").await;
            let pool = doors.api.get("/seat-pool").await.is(200).json();
            assert_eq!((&pool["used"], &pool["reconciled"]), (&json!(1), &json!(true)), "{by:?}");
            let code = if matches!(by, By::Delete) { "not-provisioned" } else { "inactive" };
            Browser::new().sign_in(&doors.tenant.slug, "alice").await.page(403, code);
        }
    });
}

#[test]
fn who_returns_signs_in_anew_and_no_old_session_does() {
    run(async {
        let doors = doors().await;
        let alice = doors.user("alice").await;
        let old = signed_in(&doors, "alice").await;
        doors.set_active(&alice, false).await;

        doors.set_active(&alice, true).await;

        session_at(base(), &old).await.problem(401, "unauthenticated");
        let new = signed_in(&doors, "alice").await;
        session_at(base(), &new).await.is(200);
    });
}

/// A sign-in that is under way while the person leaves ends before its session begins.
#[test]
fn who_leaves_on_the_way_in_does_not_arrive() {
    run(async {
        let doors = doors().await;
        let alice = doors.user("alice").await;
        let browser = Browser::new();
        let callback = browser.until_callback(&doors.tenant.slug, "alice").await;

        leave(&doors.scim, &alice, By::Patch).await;

        browser.get(&callback).await.page(403, "inactive");
        assert!(browser.session().is_none());
    });
}

/// One `usher serve` of its own; ends with the value.
pub struct Replica {
    process: Child,
    pub base: String,
    terminal: Terminal,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Replica {
    pub fn serve() -> Self {
        Self::serve_with("", Stdio::null())
    }

    /// One that writes all that it ever logs into this file.
    pub fn that_logs(file: std::fs::File) -> Self {
        Self::serve_with("[log]\nlevel = \"debug\"\n", file.into())
    }

    fn serve_with(more: &str, log: Stdio) -> Self {
        let terminal = Terminal::of(PUBLIC, more);
        let process = terminal.command(&["--json", "serve"]).stderr(log).spawn().unwrap();
        let mut replica = Self { process, base: String::new(), terminal };
        let mut said = String::new();
        for line in BufReader::new(replica.process.stdout.take().unwrap()).lines().map_while(Result::ok) {
            said.push_str(&line);
            if let Ok(announced) = serde_json::from_str::<Value>(&said) {
                replica.base = format!("http://{}", announced["listening"][0].as_str().unwrap());
                return replica;
            }
        }
        panic!("usher serve ended: {said}");
    }

    /// What the command line answers to these words, beside the running process.
    pub fn say(&self, line: &str) -> Value {
        self.terminal.json(&line.split(' ').collect::<Vec<_>>())
    }

    pub fn scim(&self, doors: &Doors) -> Client {
        Client { base: format!("{}/scim/v2", self.base), ..doors.scim.clone() }
    }
}

#[test]
fn a_deactivation_through_one_process_is_refused_by_the_other_in_the_next_request() {
    run(async {
        let (one, two) = (Replica::serve(), Replica::serve());
        let doors = doors().await;
        let alice = doors.user("alice").await;
        for (here, there) in [(&one, &two), (&two, &one)] {
            for by in [By::Patch, By::Put] {
                let browser = Browser::at(&there.base);
                browser.sign_in(&doors.tenant.slug, "alice").await.is(303);
                let cookie = browser.session().unwrap();
                session_at(&here.base, &cookie).await.is(200);
                session_at(&there.base, &cookie).await.is(200);

                leave(&here.scim(&doors), &alice, by).await;

                session_at(&there.base, &cookie).await.problem(401, "unauthenticated");
                session_at(&here.base, &cookie).await.problem(401, "unauthenticated");
                doors.set_active(&alice, true).await;
            }
        }
    });
}

/// While cookies are being shown without end, no request that begins after the answer is let in.
#[test]
fn no_request_that_begins_after_the_answer_is_let_in_however_many_there_are() {
    run(async {
        let doors = doors().await;
        let alice = doors.user("alice").await;
        let cookie = signed_in(&doors, "alice").await;
        let answered = std::sync::atomic::AtomicBool::new(false);
        let seen_before = std::sync::atomic::AtomicUsize::new(0);
        let ask = async || {
            loop {
                let late = answered.load(std::sync::atomic::Ordering::SeqCst);
                let reply = session_at(base(), &cookie).await;
                assert!(!late || reply.status == 401, "let in after the answer");
                if late {
                    return;
                }
                seen_before.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        };
        let change = async {
            while seen_before.load(std::sync::atomic::Ordering::SeqCst) < 50 {
                tokio::task::yield_now().await;
            }
            let body = patch(json!([{"op": "replace", "path": "active", "value": false}]));
            let reply: Reply =
                doors.scim.send("PATCH", &format!("/Users/{alice}"), |request| request.json(&body)).await;
            reply.is(200);
            answered.store(true, std::sync::atomic::Ordering::SeqCst);
        };
        tokio::join!(ask(), ask(), ask(), ask(), change);

        let id = alice.parse().unwrap();
        let access = doors.tenant.app.show_access(&doors.tenant.admin, id).await.unwrap();
        assert_eq!(access.status, AccessStatus::Inactive);
    });
}
