//! Invitations: who may invite whom with what, what those who were invited hold, and how they accept.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use super::decisions::decide;
use super::grant_rules::{House, allowed_by_none, at, flag, home, role};
use crate::support::http::{Doors, PUBLIC, Reply, base, session_at, text};
use crate::support::passkey::{Authenticator, Named};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::receiver::courier;
use crate::support::run;

/// A role of momos that needs a seat.
fn viewer() -> Value {
    json!([role("viewer", json!("environment"))])
}

impl House {
    async fn invites(&self, actor: Option<&str>, invite: Value) -> Reply {
        self.ask(actor, "POST", "/invitations", Some(invite)).await
    }

    async fn invited(&self, address: &str, gives: Value) -> Made {
        let reply = self.invites(None, json!({"address": address, "gives": gives})).await.is(201);
        Made::of(&reply.json())
    }

    pub(super) async fn person(&self, id: &str) -> Value {
        self.0.api.get(&format!("/users/{id}")).await.is(200).json()
    }

    pub(super) async fn status(&self, id: &str) -> String {
        text(&self.0.access(id).await["status"]["kind"])
    }

    pub(super) async fn used(&self) -> i64 {
        self.0.api.get("/seat-pool").await.is(200).json()["used"].as_i64().unwrap()
    }

    pub(super) fn slug(&self) -> &str {
        &self.0.tenant.slug
    }
}

/// An invitation that was made.
pub(super) struct Made {
    pub(super) id: String,
    pub(super) user: String,
    link: String,
}

impl Made {
    pub(super) fn of(answer: &Value) -> Self {
        let field = |name: &str| text(&answer["invitation"][name]);
        Self { id: field("id"), user: field("user"), link: text(&answer["link"]) }
    }

    pub(super) fn secret(&self) -> &str {
        self.link.split_once('#').unwrap().1
    }
}

/// Follows a link in a browser at this server.
pub(super) async fn follow(browser: &Browser, server: &str, slug: &str, secret: &str) -> Reply {
    browser.fill_in(&format!("{server}/invitation/{slug}"), &[("invitation", secret)]).await
}

/// Accepts by registering a passkey.
pub(super) async fn accept(named: &Named, slug: &str, secret: &str) -> Authenticator {
    let browser = Browser::at(&named.server);
    let page = follow(&browser, &named.server, slug, secret).await.is(200);
    let mut device = Authenticator::at(&named.server);
    let answer = device.registers(&page);
    let fields = [("answer", answer.as_str()), ("name", "Mine")];
    browser.fill_in(&named.page(slug, "/registered"), &fields).await.is(200);
    device
}

fn labels(person: &Value) -> [String; 3] {
    ["ja", "en", "fr"].map(|language| text(&person["status"]["label"][language]))
}

/// MOM-14, MOM-21, MOM-25, RSP-10
#[test]
fn who_is_invited_holds_nothing_until_they_have_accepted_by_their_link() {
    run(async {
        let (house, named) = (House::of("momos").await, Named::get());
        house.0.seats(5).await;

        let made = house.invited("hana@acme.example", json!([role("manager", json!("environment"))])).await;

        let person = house.person(&made.user).await;
        assert_eq!((&person["active"], &person["status"]["id"]), (&json!(true), &json!("invited")));
        assert_eq!(labels(&person), ["Invite Sent", "Invite Sent", "Invitation envoyée"]);
        let access = house.0.access(&made.user).await;
        assert_eq!((&access["status"]["kind"], &access["roles"]), (&json!("invited"), &json!([])));
        let dropped = access["dropped"].as_array().unwrap();
        assert!(dropped.iter().any(|it| it["id"] == "manager"), "{access}");
        assert_eq!(house.used().await, 1, "a seat is kept");
        assert!(
            made.link.starts_with(&format!("{PUBLIC}/invitation/{}#usher_", house.slug())),
            "{}",
            made.link
        );

        let mut device = accept(named, house.slug(), made.secret()).await;

        let person = house.person(&made.user).await;
        assert_eq!(labels(&person), ["Active", "Active", "Actif"]);
        let access = house.0.access(&made.user).await;
        assert_eq!(access["status"]["kind"], "granted");
        assert_eq!(access["roles"][0]["role"], "manager");
        assert_eq!(house.used().await, 1);
        let shown = house.0.api.get(&format!("/invitations/{}", made.id)).await.is(200).json();
        assert_eq!((&shown["state"], &shown["status"]["id"]), (&json!("accepted"), &json!("active")));
        assert!(shown["endedAt"].is_string() && !shown.to_string().contains(made.secret()), "{shown}");
        named.sign_in(&Browser::at(&named.server), house.slug(), &mut device).await.is(303);
        follow(&Browser::at(&named.server), &named.server, house.slug(), made.secret())
            .await
            .page(403, "not-accepted");
    });
}

#[test]
fn nobody_signs_in_or_is_asked_for_anything_before_they_have_accepted() {
    run(async {
        let (house, named) = (House::of("momos").await, Named::get());
        let made = house.invited("ken@acme.example", json!([role("admin", json!("environment"))])).await;

        // A passkey that an administrator's link brought is no acceptance.
        let secret = named.invite(&house.0, &made.user).await;
        let browser = Browser::at(&named.server);
        let (mut device, reply) = named.register(&browser, house.slug(), &secret).await;
        reply.is(200);
        named.sign_in(&Browser::at(&named.server), house.slug(), &mut device).await.is(403);
        let decided = decide(&house.0, &made.user, "users.invite", json!("environment")).await;
        assert_eq!(decided["allowed"], false, "{decided}");
        let acts = house.ask(Some(&made.user), "GET", "/users", None).await.is(200).json();
        assert_eq!(acts["items"], json!([]), "who has not accepted sees nobody");
        // An administrator who has not accepted is not counted among those who must stay.
        let first = house.has("first", json!([role("admin", json!("environment"))])).await;
        let change = json!({"active": false});
        house.ask(None, "PATCH", &format!("/users/{first}"), Some(change)).await.problem(409, "last_holder");
    });
}

/// MOM-22
#[test]
fn cancelling_an_invitation_is_deactivating_the_person_and_frees_the_seat() {
    run(async {
        let (house, named) = (House::of("momos").await, Named::get());
        house.0.seats(1).await;
        let made = house.invited("hana@acme.example", viewer()).await;
        let waits = house.has("waits", viewer()).await;
        assert_eq!(house.status(&waits).await, "waitingForSeat");

        let shown = house.0.api.delete(&format!("/invitations/{}", made.id)).await.is(200).json();

        assert_eq!((&shown["state"], &shown["status"]["id"]), (&json!("cancelled"), &json!("deactivated")));
        assert_eq!(house.person(&made.user).await["active"], false);
        assert_eq!(house.status(&waits).await, "granted", "the seat has passed on");
        let browser = Browser::at(&named.server);
        follow(&browser, &named.server, house.slug(), made.secret()).await.page(403, "not-accepted");
        let trail: Vec<Value> =
            house.0.audit(&made.user).await.into_iter().map(|event| event["action"].clone()).collect();
        assert!(trail.contains(&json!("user.deactivate")), "{trail:?}");
        assert_eq!(house.0.audit(&made.id).await.pop().unwrap()["action"], "invitation.cancel");
        house.0.api.delete(&format!("/invitations/{}", made.id)).await.problem(409, "conflict");
        let resend = format!("/invitations/{}/resend", made.id);
        house.0.api.post(&resend, json!({})).await.problem(409, "conflict");
        // Let in again they are as they were: invited, and in by no link.
        house
            .ask(None, "PATCH", &format!("/users/{}", made.user), Some(json!({"active": true})))
            .await
            .is(200);
        assert_eq!(house.person(&made.user).await["status"]["id"], "invited");
        let again = Made::of(&house.0.api.post(&resend, json!({})).await.is(200).json());
        accept(named, house.slug(), again.secret()).await;
        assert_eq!(house.person(&made.user).await["status"]["id"], "active");
    });
}

/// MOM-22
#[test]
fn deactivating_somebody_who_is_invited_kills_their_link() {
    run(async {
        let (house, named) = (House::of("momos").await, Named::get());
        let made = house.invited("hana@acme.example", json!([])).await;

        house
            .ask(None, "PATCH", &format!("/users/{}", made.user), Some(json!({"active": false})))
            .await
            .is(200);

        let shown = house.0.api.get(&format!("/invitations/{}", made.id)).await.is(200).json();
        assert_eq!(shown["state"], "cancelled");
        let browser = Browser::at(&named.server);
        follow(&browser, &named.server, house.slug(), made.secret()).await.page(403, "not-accepted");
    });
}

#[test]
fn where_the_product_does_not_deactivate_whoever_is_not_wanted_any_more_is_gone() {
    run(async {
        let house = House::of("bellface").await;
        let made = house.invited("hana@acme.example", json!([])).await;

        house.0.api.delete(&format!("/invitations/{}", made.id)).await.is(204);

        house.0.api.get(&format!("/users/{}", made.user)).await.problem(404, "not_found");
        house.0.api.get(&format!("/invitations/{}", made.id)).await.problem(404, "not_found");
        house.invited("hana@acme.example", json!([])).await;
    });
}

/// MOM-13, LNC-02, LNC-17
#[test]
fn only_those_invite_whom_a_grant_rule_lets() {
    run(async {
        let house = House::of("momos").await;
        let everywhere = || json!("environment");
        let admin = house.has("admin", json!([role("admin", everywhere())])).await;
        let owner = house.has("owner", json!([role("owner", everywhere())])).await;
        let guest = |name: &str| json!({"address": format!("{name}@acme.example"), "gives": [role("viewer", everywhere())]});

        allowed_by_none(house.invites(Some(&owner), guest("hana")).await);
        let made = house.invites(Some(&admin), guest("hana")).await.is(201).json();

        assert_eq!(made["invitation"]["invitedBy"], "admin");
        let made = Made::of(&made);
        let resend = format!("/invitations/{}/resend", made.id);
        house.ask(Some(&owner), "POST", &resend, Some(json!({}))).await.is(403);
        house.ask(Some(&owner), "DELETE", &format!("/invitations/{}", made.id), None).await.is(403);
        house.ask(Some(&admin), "POST", &resend, Some(json!({}))).await.is(200);
        house.ask(Some(&admin), "DELETE", &format!("/invitations/{}", made.id), None).await.is(200);

        // Whoever may not invite finds out nothing about who is there; whoever may reads it, and corrects an address.
        let there =
            house.0.person(json!({"userName": "x", "emails": [{"value": "there@acme.example"}]})).await;
        allowed_by_none(house.invites(Some(&owner), guest("there")).await);
        house.invites(Some(&admin), guest("there")).await.problem(409, "conflict");
        let made = Made::of(&house.invites(Some(&admin), guest("kenn")).await.is(201).json());
        let resend = format!("/invitations/{}/resend", made.id);
        let to = |address: &str| Some(json!({"address": address}));
        house.ask(Some(&admin), "POST", &resend, to("there@acme.example")).await.problem(409, "conflict");
        house.ask(Some(&admin), "POST", &resend, to("ken@acme.example")).await.is(200);
        assert_eq!(house.person(&made.user).await["userName"], "ken@acme.example");
        assert_ne!(made.user, there);

        let team = House::of("linc_biz").await;
        team.0.unit_of_kind("Team", Some("Top"), Some("team")).await;
        let chief = team.has("chief", json!([role("system_admin", everywhere())])).await;
        let member = team.has("member", json!([role("member", json!({"orgUnit": "Team"}))])).await;
        team.invites(Some(&member), json!({"address": "hana@acme.example"})).await.is(403);
        team.invites(Some(&chief), json!({"address": "hana@acme.example"})).await.is(201);
    });
}

/// RSP-03, RSP-09, RSP-11
#[test]
fn an_invitation_carries_a_role_with_its_restrictions_and_stands_in_the_list_as_pending() {
    run(async {
        let house = House::of_workspaces().await;
        let [owner, manager, agent] = house.staff().await;
        let gives = |id: &str, restrictions: Value| json!([{"role": {"role": id, "scope": at("emea"), "restrictions": restrictions}}]);
        let guest =
            |name: &str, gives: Value| json!({"address": format!("{name}@acme.example"), "gives": gives});

        house.invites(Some(&manager), guest("hana", gives("manager", json!([])))).await.is(403);
        house.invites(Some(&agent), guest("hana", gives("agent", json!([])))).await.is(403);
        house.invites(Some(&manager), guest("ken", gives("agent", json!([])))).await.is(201);
        let restricted = gives("manager", json!(["no_workspace_settings"]));
        let made = house.invites(Some(&owner), guest("hana", restricted)).await.is(201);
        let made = Made::of(&made.json());

        let list = house.ask(Some(&owner), "GET", "/users?status=pending", None).await.is(200).json();
        let list = list["items"].as_array().unwrap();
        let mut addresses: Vec<String> = list.iter().map(|it| text(&it["email"])).collect();
        addresses.sort();
        assert_eq!(addresses, ["hana@acme.example", "ken@acme.example"]);
        assert!(list.iter().all(|it| labels(it) == ["保留中", "Pending", "En attente"]), "{list:?}");
        let active = house.ask(Some(&owner), "GET", "/users?status=active", None).await.is(200).json();
        assert_eq!(active["items"].as_array().unwrap().len(), 3, "{active}");

        accept(Named::get(), house.slug(), made.secret()).await;
        let access = house.0.access(&made.user).await;
        assert_eq!(access["roles"][0]["role"], "manager");
        assert_eq!(access["restrictions"][0]["restriction"], "no_workspace_settings", "{access}");
        assert_eq!(house.person(&made.user).await["status"]["id"], "active");
    });
}

/// BLF-03, BLF-04
#[test]
fn an_org_admin_sees_and_touches_invitations_of_their_subtree_only() {
    run(async {
        let house = House::of_branches().await;
        let ken = house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
        let invite = |name: &str, unit: &str| json!({"address": format!("{name}@acme.example"), "gives": [home(unit)]});
        let ken = Some(ken.as_str());

        allowed_by_none(house.invites(ken, invite("hugo", "HR")).await);
        house.invites(ken, invite("mina", "Osaka")).await.is(201);
        let hugo = Made::of(&house.invites(None, invite("hugo", "HR")).await.is(201).json());

        let seen = house.ask(ken, "GET", "/invitations", None).await.is(200).json();
        let seen: Vec<&Value> = seen["items"].as_array().unwrap().iter().map(|it| &it["address"]).collect();
        assert_eq!(seen, ["mina@acme.example"]);
        for (method, path) in [("GET", ""), ("DELETE", "")] {
            let path = format!("/invitations/{}{path}", hugo.id);
            house.ask(ken, method, &path, None).await.problem(404, "not_found");
        }
        let all = house.0.api.get("/invitations?state=pending").await.is(200).json();
        assert_eq!(all["items"].as_array().unwrap().len(), 2);
        house.0.api.get("/invitations?state=lost").await.problem(400, "invalid_parameter");
    });
}

/// LNC-05, MOM-25, BLF-03
#[test]
fn several_are_invited_each_by_themselves_and_a_dry_run_keeps_nothing() {
    run(async {
        let house = House::of("momos").await;
        house.has("there@acme.example", viewer()).await;
        house.0.seats(3).await;
        let several = |dry_run: bool| {
            json!({
                "addresses": "hana@acme.example, ken@acme.example;\nthere@acme.example\nnonsense",
                "people": [{"address": "HANA@acme.example"}, {"address": "mina@acme.example", "displayName": "Mina"}],
                "gives": viewer(),
                "dryRun": dry_run,
            })
        };
        let outcomes = |reply: &Value| {
            let rows = reply["items"].as_array().unwrap().iter();
            rows.map(|row| (text(&row["outcome"]), row["code"].as_str().map(str::to_owned)))
                .collect::<Vec<_>>()
        };
        let expected = |done: &str| {
            let refused = |code: &str| ("refused".to_owned(), Some(code.to_owned()));
            let done = (done.to_owned(), None);
            // One seat is held, so two are left.
            vec![
                done.clone(),
                done,
                refused("conflict"),
                refused("invalid"),
                refused("conflict"),
                refused("no_seat"),
            ]
        };

        let tried = house.0.api.post("/invitation-batches", several(true)).await.is(200).json();
        assert_eq!(outcomes(&tried), expected("would_be_invited"), "{tried}");
        let none = house.0.api.get("/invitations").await.is(200).json();
        assert_eq!(none["items"], json!([]));
        assert_eq!(house.used().await, 1);

        let done = house.0.api.post("/invitation-batches", several(false)).await.is(200).json();
        assert_eq!(outcomes(&done), expected("invited"), "{done}");
        assert!(
            done["items"][0]["link"].is_string() && done["items"][0]["invitation"]["id"].is_string(),
            "{done}"
        );
        assert_eq!(house.used().await, 3);
        house.0.api.post("/invitation-batches", json!({"addresses": " ,\n"})).await.problem(400, "invalid");
    });
}

#[test]
fn at_the_limit_nothing_is_sent_unless_the_product_lets_them_wait() {
    run(async {
        let house = House::of("momos").await;
        house.0.seats(1).await;
        house.invited("hana@acme.example", viewer()).await;
        let ken = json!({"address": "ken@acme.example", "gives": viewer()});
        house.invites(None, ken).await.problem(409, "no_seat");
        let known = house.0.api.get("/users?search=ken").await.is(200).json();
        assert_eq!(known["items"], json!([]), "nobody came");

        let open = House::of("channel_talk").await;
        open.0.seats(0).await;
        let made = open.invited("ken@acme.example", json!([])).await;
        assert_eq!(open.used().await, 0, "who is invited is not counted by this product");
        accept(Named::get(), open.slug(), made.secret()).await;
        assert_eq!(open.status(&made.user).await, "waitingForSeat");
    });
}

#[test]
fn only_what_the_product_asks_is_chosen_and_the_rest_is_what_it_proposes() {
    run(async {
        let house = House::of("channel_talk").await;
        let made = house.invited("hana@acme.example", json!([])).await;
        accept(Named::get(), house.slug(), made.secret()).await;
        assert_eq!(house.0.access(&made.user).await["roles"][0]["role"], "general");
        let owner = json!([role("owner", json!("environment"))]);
        house
            .invites(None, json!({"address": "ken@acme.example", "gives": owner}))
            .await
            .problem(400, "invalid");
        for wrong in ["", "ken", "ken@", "a b@acme.example", "ken@acme.example\r\nBcc: eve@evil.example"] {
            house.invites(None, json!({"address": wrong})).await.problem(400, "invalid");
        }
        let german = json!({"address": "ken@acme.example", "language": "de"});
        house.invites(None, german).await.problem(400, "invalid");
        house.invites(None, json!({"address": "hana@acme.example"})).await.problem(409, "conflict");
    });
}

/// MOM-18
#[test]
fn sent_again_there_is_another_link_at_another_address_if_need_be() {
    run(async {
        let (house, named) = (House::of("momos").await, Named::get());
        let made = house.invited("hanna@acme.example", json!([])).await;
        let resend = format!("/invitations/{}/resend", made.id);

        let again = house.0.api.post(&resend, json!({"address": "hana@acme.example"})).await.is(200).json();

        let again = Made::of(&again);
        assert_eq!((&again.id, &again.user), (&made.id, &made.user));
        let person = house.person(&made.user).await;
        assert_eq!(
            (&person["userName"], &person["email"]),
            (&json!("hana@acme.example"), &json!("hana@acme.example"))
        );
        let old = follow(&Browser::at(&named.server), &named.server, house.slug(), made.secret()).await;
        old.page(403, "not-accepted");
        accept(named, house.slug(), again.secret()).await;
        house.0.api.post(&resend, json!({})).await.problem(409, "conflict");
    });
}

/// MOM-22: whoever has not accepted holds nothing, so that nobody is kept because they would have been the only administrator.
#[test]
fn an_administrator_who_never_came_can_be_stopped_taken_back_and_deleted() {
    run(async {
        let house = House::of("momos").await;
        let admin = json!([role("admin", json!("environment"))]);
        let stopped = house.invited("stopped@acme.example", admin.clone()).await;
        let taken_back = house.invited("taken@acme.example", admin.clone()).await;
        let deleted = house.invited("deleted@acme.example", admin.clone()).await;

        house.0.api.change(&format!("/users/{}", stopped.user), json!({"active": false})).await.is(200);
        house.0.api.delete(&format!("/invitations/{}", taken_back.id)).await.is(200);
        house.0.api.delete(&format!("/users/{}", deleted.user)).await.is(204);

        // Whoever has accepted is the last one.
        let here = house.invited("here@acme.example", admin).await;
        accept(Named::get(), house.slug(), here.secret()).await;
        let stop = house.0.api.change(&format!("/users/{}", here.user), json!({"active": false})).await;
        stop.problem(409, "last_holder");
    });
}

#[test]
fn what_runs_out_opens_nothing_frees_the_seat_and_can_be_sent_again() {
    run(async {
        let house = House::of("momos").await;
        house.0.seats(1).await;
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let aged = Named::at(clock.clone());
        let made = house.invited("hana@acme.example", viewer()).await;
        let tenant = house.0.tenant.admin.scope().tenant();

        clock.advance(TimeDelta::days(29));
        aged.app.end_invitations(tenant).await.unwrap();
        follow(&Browser::at(&aged.server), &aged.server, house.slug(), made.secret()).await.is(200);
        clock.advance(TimeDelta::days(2));
        follow(&Browser::at(&aged.server), &aged.server, house.slug(), made.secret())
            .await
            .page(403, "not-accepted");
        aged.app.end_invitations(tenant).await.unwrap();

        let shown = house.0.api.get(&format!("/invitations/{}", made.id)).await.is(200).json();
        assert_eq!((&shown["state"], &shown["status"]["id"]), (&json!("expired"), &json!("invited")));
        assert_eq!(house.used().await, 0);
        house.0.seats(1).await;
        assert_eq!(house.used().await, 0, "who sets the pool anew seats nobody whose invitation has run out");
        let other = house.has("somebody", viewer()).await;
        assert_eq!(house.status(&other).await, "granted");
        let resend = format!("/invitations/{}/resend", made.id);
        house.0.api.post(&resend, json!({})).await.problem(409, "no_seat");
        house.change(None, &other, json!({"active": false})).await.is(200);
        let again = Made::of(&house.0.api.post(&resend, json!({})).await.is(200).json());
        assert_eq!(house.used().await, 1);
        accept(Named::get(), house.slug(), again.secret()).await;
        assert_eq!(house.status(&made.user).await, "granted");
    });
}

/// What runs out ends without anybody asking.
#[test]
fn a_process_ends_what_has_run_out() {
    run(async {
        let house = House::of("momos").await;
        let past = Arc::new(FixedClock::at(SystemClock.now() - TimeDelta::days(31)));
        let aged = Named::at(past);
        let (admin, slug) = (&house.0.tenant.admin, house.slug());
        let invite =
            app::invitations::Invite { address: "hana@acme.example".to_owned(), ..Default::default() };
        let made = aged.app.invite(admin, slug, invite).await.unwrap().invitation;

        let keeping = tokio::spawn(Arc::new(crate::support::new_app(2)).keep_invitations());

        let mut state = String::new();
        for _ in 0..300 {
            let shown = house.0.api.get(&format!("/invitations/{}", made.id)).await.is(200).json();
            state = text(&shown["state"]);
            if state == "expired" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        keeping.abort();
        assert_eq!(state, "expired");
    });
}

/// LNC-01, LNC-06, LNC-07
#[test]
fn when_somebody_accepts_the_product_is_told_what_it_does_then() {
    run(async {
        let house = House::of("linc_biz").await;
        house.0.unit_of_kind("Team", Some("Top"), Some("team")).await;
        courier();
        let next = text(&house.0.api.get("/changes?after=now").await.is(200).json()["next"]);
        let made = house.invited("hana@acme.example", json!([])).await;
        accept(Named::get(), house.slug(), made.secret()).await;

        let mut heard = Vec::new();
        for _ in 0..300 {
            let page = house.0.api.get(&format!("/changes?after={next}")).await.is(200).json();
            heard.clone_from(page["changes"].as_array().unwrap());
            if heard.iter().any(|change| change["type"] == "invitation.accepted") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let told = heard.iter().find(|change| change["type"] == "invitation.accepted").unwrap();
        assert_eq!(told["data"]["user"], made.user);
        assert_eq!(told["data"]["effects"], json!(["join_default_place", "tell_invitation_address"]));
        assert_eq!(told["data"]["joins"], "default");
        let access = house.0.access(&made.user).await;
        let held = (&access["roles"][0]["role"], &access["roles"][0]["scope"]["key"]);
        assert_eq!(held, (&json!("member"), &json!("Team")), "a member of the team: {access}");
    });
}

/// MOM-14. One test, because a domain is one tenant's at a time.
#[test]
fn where_people_sign_in_the_identity_must_prove_the_address_in_a_domain_of_the_tenants() {
    run(async {
        let provider = provider();
        let tenant = Tenant::of_product(&provider.slug(), "momos").await;
        let house = House(Doors::of(tenant).await);
        house.0.connection("op", &provider.issuer).await;
        let made = house.invited("guest@invited.example", json!([])).await;
        let door =
            async |browser: &Browser, secret: &str| follow(browser, PUBLIC, house.slug(), secret).await;
        let signs_in = async |person: &str, secret: &str| {
            let browser = Browser::new();
            let onward = door(&browser, secret).await.is(303);
            assert_eq!(onward.header("location"), format!("/login/{}", house.slug()));
            let address = format!("{PUBLIC}/login/{}", house.slug());
            let callback = browser.until_callback_from(&address, house.slug(), person).await;
            (browser.get(&callback).await, browser)
        };

        // The domain is nobody's yet: the provider's word for the address counts for nothing.
        Browser::new().sign_in(house.slug(), "guest").await.page(403, "not-provisioned");
        house.0.verified_domain("invited.example").await;
        // Without the link the address finds nobody.
        Browser::new().sign_in(house.slug(), "guest").await.page(403, "not-provisioned");
        for stranger in ["bob", "impostor"] {
            let (refused, browser) = signs_in(stranger, made.secret()).await;
            refused.page(403, "not-invited");
            assert!(browser.session().is_none());
        }
        assert_eq!(house.status(&made.user).await, "invited");

        let (welcome, browser) = signs_in("guest", made.secret()).await;

        welcome.is(303);
        let session = session_at(base(), &browser.session().unwrap()).await.is(200).json();
        assert_eq!(session["user"]["id"], made.user);
        assert_eq!(house.person(&made.user).await["status"]["id"], "active");
        // From now on the identity is theirs, and the link is used up.
        let later = Browser::new();
        later.sign_in(house.slug(), "guest").await.is(303);
        door(&Browser::new(), made.secret()).await.page(403, "not-accepted");
        house.0.api.delete("/domains/invited.example").await.is(204);
    });
}

#[test]
fn a_link_is_good_in_its_own_tenant_and_its_page_speaks_three_languages() {
    run(async {
        let (house, other) = (House::of("momos").await, House::of("momos").await);
        let made = house.invited("hana@acme.example", json!([])).await;
        let named = Named::get();

        let wrong = follow(&Browser::at(&named.server), &named.server, other.slug(), made.secret()).await;
        wrong.page(403, "not-accepted");
        let browser = Browser::at(&named.server);
        let foreign = follow(&browser, &named.server, house.slug(), &house.0.tenant.scim_token).await;
        foreign.page(403, "not-accepted");
        for (language, title) in [("ja", "招待"), ("en", "Your invitation"), ("fr", "Votre invitation")] {
            let mut browser = Browser::new();
            browser.language = language;
            let page = browser.get(&format!("{PUBLIC}/invitation/{}", house.slug())).await.is(200);
            assert!(page.text.contains(&format!("<h1>{title}</h1>")), "{}", page.text);
            assert!(page.text.contains("data-step=\"invitation\""), "{}", page.text);
        }
        Browser::new().fill_in(&format!("{PUBLIC}/invitation/{}", house.slug()), &[]).await.is(400);
    });
}

/// CHT-32
#[test]
fn by_one_link_several_people_invite_themselves_until_it_rests() {
    run(async {
        let (house, named) = (House::of("channel_talk").await, Named::get());
        let new = json!({"name": "Support"});
        let made = house.0.api.post("/invitation-links", new.clone()).await.is(201).json();
        let id = text(&made["invitationLink"]["id"]);
        let secret = text(&made["link"]).split_once('#').unwrap().1.to_owned();
        let joins = async |address: &str, secret: &str| {
            let browser = Browser::at(&named.server);
            let page = format!("{}/invitation/{}/join", named.server, house.slug());
            let fields = [("invitation", secret), ("address", address), ("name", "")];
            (browser.fill_in(&page, &fields).await, browser)
        };

        let asks = follow(&Browser::at(&named.server), &named.server, house.slug(), &secret).await.is(200);
        assert!(asks.text.contains("name=\"address\"") && asks.text.contains(&secret), "{}", asks.text);
        for address in ["hana@acme.example", "ken@acme.example"] {
            // Without a mail server they go on at once, each to an invitation of their own.
            let (page, browser) = joins(address, &secret).await;
            let mut device = Authenticator::at(&named.server);
            let answer = device.registers(&page.is(200));
            let fields = [("answer", answer.as_str()), ("name", "Mine")];
            browser.fill_in(&named.page(house.slug(), "/registered"), &fields).await.is(200);
        }
        joins("hana@acme.example", &secret).await.0.page(403, "not-accepted");
        let people = house.0.api.get("/users?status=active").await.is(200).json();
        let roles: Vec<&Value> =
            people["items"].as_array().unwrap().iter().map(|it| &it["roles"][0]["role"]).collect();
        assert_eq!(roles, ["general", "general"], "{people}");

        let one = format!("/invitation-links/{id}");
        let frozen = house.0.api.change(&one, json!({"frozen": true})).await.is(200).json();
        assert_eq!((&frozen["frozen"], &frozen["uses"]), (&json!(true), &json!(2)));
        let again = follow(&Browser::at(&named.server), &named.server, house.slug(), &secret).await;
        again.page(403, "not-accepted");
        joins("mina@acme.example", &secret).await.0.page(403, "not-accepted");
        house.0.api.change(&one, json!({"frozen": false})).await.is(200);
        joins("mina@acme.example", &secret).await.0.is(200);
        house.0.api.delete(&one).await.is(204);
        joins("nina@acme.example", &secret).await.0.page(403, "not-accepted");
        House::of("momos").await.0.api.post("/invitation-links", new).await.problem(409, "conflict");
    });
}

/// LNC-03: the contract's holder is the first to register, and is the administrator then; nobody comes first twice.
#[test]
fn the_first_person_of_a_tenant_comes_to_hold_what_the_product_keeps_for_them() {
    run(async {
        let (house, named) = (House::of("linc_biz").await, Named::get());
        let first = |address: &str| json!({"address": address, "first": true, "mail": false});
        let too_much = json!({"address": "hana@acme.example", "first": true, "gives": [flag("x")]});
        house.invites(None, too_much).await.problem(400, "invalid");

        let made = Made::of(&house.invites(None, first("hana@acme.example")).await.is(201).json());
        assert_eq!(
            house.0.access(&made.user).await["roles"],
            json!([]),
            "nothing before they have registered"
        );
        accept(named, house.slug(), made.secret()).await;

        let held = house.0.access(&made.user).await["roles"].clone();
        assert_eq!((held.as_array().unwrap().len(), &held[0]["role"]), (1, &json!("system_admin")));
        house.invites(None, first("ken@acme.example")).await.problem(409, "conflict");
        house.invites(Some(&made.user), first("ken@acme.example")).await.problem(409, "conflict");
        let other = House::of_branches().await;
        other.invites(None, first("hana@acme.example")).await.problem(409, "conflict");
    });
}
