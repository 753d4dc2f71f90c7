//! A proxy asks. Each test says who gets where, and what becomes of those who do not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use domain::blueprint::{Blueprint, catalog};
use domain::clock::Clock as _;
use domain::token::PlainToken;
use serde_json::{Value, json};
use store::gates::Question;
use usher::system::SystemClock;

use super::world::{Asked, WIKI, World, cookie, page, path_of, script};
use crate::support::http::{Doors, PUBLIC, Reply, agent, db, start};
use crate::support::people::Tenant;
use crate::support::{fresh_slug, new_app, run, urls};

const IDENTITY: [&str; 6] =
    ["x-usher-user", "x-usher-name", "x-usher-email", "x-usher-roles", "x-usher-session", "x-usher-tenant"];

#[test]
fn a_browser_goes_round_once_and_what_stands_behind_the_gate_is_told_who_it_is() {
    run(async {
        let world = World::new().await;

        let pass = world.pass().await;

        assert!(pass.starts_with("__Host-usher-pass=usher_pass_"), "{pass}");
        let through = world.ask(&script("/page").with(&pass)).await.is(200);
        assert_eq!(through.text, "");
        assert_eq!(through.header("x-usher-user"), world.user);
        assert_eq!(through.header("x-usher-name"), "alice");
        assert_eq!(through.header("x-usher-tenant"), world.doors.tenant.slug);
        assert_eq!(through.header("cache-control"), "no-store");
        let sessions = world.doors.api.get(&format!("/users/{}/sessions", world.user)).await.is(200).json();
        assert_eq!(sessions["items"][0]["id"], through.header("x-usher-session"));
        for name in IDENTITY {
            assert!(through.headers.contains_key(name), "{name}");
        }
        let trail = world.doors.audit(&world.gate).await;
        assert_eq!(trail.last().unwrap()["action"], "gate.pass");
        assert_eq!(trail.last().unwrap()["after"]["origin"], WIKI);
    });
}

#[test]
fn whoever_shows_no_page_is_told_that_nobody_is_signed_in() {
    run(async {
        let world = World::new().await;

        let reply = world.ask(&script("/page")).await.problem(401, "unauthenticated");

        assert!(!reply.headers.contains_key("location"));
        let mut form = page("/page");
        form.method = "POST";
        world.ask(&form).await.problem(401, "unauthenticated");
        let cors = |request: reqwest::RequestBuilder| request.header("sec-fetch-mode", "cors");
        world.ask_with(&page("/page"), "/forward-auth", cors).await.problem(401, "unauthenticated");
        world.ask(&script("/assets/logo.svg")).await.is(200);
    });
}

#[test]
fn where_everybody_gets_through_the_headers_are_there_and_say_nothing_of_nobody() {
    run(async {
        let world = World::new().await;

        let nobody = world.ask(&script("/assets/logo.svg")).await.is(200);
        let somebody = world.ask(&script("/assets/logo.svg").with(&world.pass().await)).await.is(200);

        for name in &IDENTITY[..5] {
            assert_eq!(nobody.headers.get(*name).unwrap(), "", "{name}");
        }
        assert_eq!(somebody.header("x-usher-user"), world.user);
    });
}

#[test]
fn the_check_has_three_answers_and_uses_nothing_up() {
    run(async {
        let world =
            World::with(json!({WIKI: [{"path": "/"}, {"path": "/admin", "adminLevel": "admin"}]})).await;
        let check =
            async |asked: Asked| world.ask_with(&asked, "/forward-auth/check", |request| request).await;
        let pass = world.pass().await;

        let through = check(page("/page").with(&pass)).await.is(200);
        assert_eq!(through.header("x-usher-user"), world.user);
        check(page("/page")).await.problem(401, "unauthenticated");
        check(page("/admin").with(&pass)).await.problem(403, "not-allowed");
        check(page("/a/../b").with(&pass)).await.problem(403, "forbidden");
        check(page("/.usher/nothing").with(&pass)).await.problem(401, "unauthenticated");

        let sent = world.ask(&page("/page")).await.is(303);
        let enter = path_of(&world.come(sent.header("location")).await.is(303), WIKI);
        let way = cookie(&sent, "way");
        check(page(&enter).with(&way)).await.problem(401, "unauthenticated");
        world.ask(&page(&enter).with(&way)).await.is(303);
    });
}

#[test]
fn the_longest_rule_decides_and_a_path_below_none_is_closed() {
    run(async {
        let doors = Doors::fresh().await;
        doors.org_unit("sales", Some("Top")).await;
        let world = World::of(doors, json!({WIKI: [{"path": "/open"}]})).await;
        let pass = world.pass().await;
        let gets = async |path: &str| world.ask(&page(path).with(&pass)).await;

        gets("/open/x").await.is(200);
        gets("/elsewhere").await.page(403, "not-allowed");
        gets("/").await.page(403, "not-allowed");

        world
            .set(json!({WIKI: [
                {"path": "/"},
                {"path": "/admin", "adminLevel": "org_admin"},
                {"path": "/admin/help"},
                {"path": "/high", "orgLevel": 0},
                {"path": "/homed", "orgLevel": 1},
            ]}))
            .await;
        gets("/elsewhere").await.is(200);
        for closed in ["/admin", "/ADMIN/", "/%61dmin/users", "/Admin/helpless", "/high", "/homed"] {
            gets(closed).await.page(403, "not-allowed");
        }
        gets("/admin/help/page").await.is(200);
        gets("/administration").await.is(200);

        world.doors.group("sellers", &[&world.user]).await;
        world.doors.rule(10, json!({"group": "sellers"}), json!({"home": {"template": "sales"}})).await;
        gets("/homed").await.is(200);
        gets("/high").await.page(403, "not-allowed");
    });
}

/// A tenant of the product whose people have other roles in each workspace.
async fn with_workspaces() -> Doors {
    let has_them = |text: &str| Blueprint::parse(text).unwrap().restriction("mask_pii").is_some();
    let (id, _) = catalog().iter().find(|(_, text)| has_them(text)).unwrap();
    let doors = Doors::of(Tenant::of_product(&fresh_slug(), id).await).await;
    for key in ["emea", "apac"] {
        doors.api.post("/workspaces", json!({"key": key, "name": key})).await.is(201);
    }
    let gives = json!({"role": {"role": "manager", "scope": {"workspace": "emea"}}});
    doors.rule(10, json!({"group": "managers"}), gives).await;
    doors
}

#[test]
fn roles_and_permissions_are_those_that_are_decided_everywhere() {
    run(async {
        let reports = |at: Value| json!({"permission": "reports", "at": at});
        let hosts = json!({WIKI: [
            {"path": "/managers", "roles": ["owner", "manager"]},
            {"path": "/owners", "roles": ["owner"]},
            {"path": "/emea", "permission": reports(json!({"workspace": "emea"}))},
            {"path": "/apac", "permission": reports(json!({"workspace": "apac"}))},
            {"path": "/all", "permission": reports(json!("environment"))},
            {"path": "/both", "roles": ["manager"], "permission": reports(json!({"workspace": "apac"}))},
        ]});
        let world = World::of(with_workspaces().await, hosts).await;
        let pass = world.pass().await;
        let gets = async |path: &str| world.ask(&script(path).with(&pass)).await.status;
        assert_eq!((gets("/managers").await, gets("/emea").await), (403, 403));

        world.doors.group("managers", &[&world.user]).await;

        for (path, status) in [
            ("/managers", 200),
            ("/owners", 403),
            ("/emea", 200),
            ("/apac", 403),
            ("/all", 403),
            ("/both", 403),
        ] {
            assert_eq!(gets(path).await, status, "{path}");
        }
    });
}

#[test]
fn a_leaver_is_refused_in_the_very_next_request_by_every_replica() {
    run(async {
        let mut world = World::new().await;
        let (_serving, other) = start(new_app(2).into());
        let pass = world.pass().await;
        let one = world.server.clone();
        for server in [&one, &other] {
            world.server.clone_from(server);
            world.ask(&script("/page").with(&pass)).await.is(200);
        }

        world.doors.set_active(&world.user, false).await;

        for server in [&other, &one] {
            world.server.clone_from(server);
            world.ask(&script("/page").with(&pass)).await.problem(401, "unauthenticated");
        }
        world.doors.set_active(&world.user, true).await;
        world.ask(&script("/page").with(&pass)).await.problem(401, "unauthenticated");
    });
}

#[test]
fn a_pass_ends_with_its_session_and_with_its_gate_and_host() {
    run(async {
        let blog = "https://blog.example";
        let both = json!({WIKI: [{"path": "/"}], blog: [{"path": "/"}]});
        let world = World::with(both.clone()).await;
        let pass = world.pass().await;

        world.ask(&script("/").at(blog).with(&pass)).await.problem(401, "unauthenticated");
        let at_blog = world.pass_at(blog).await;
        world.ask(&script("/").at(blog).with(&at_blog)).await.is(200);

        world.set(json!({WIKI: [{"path": "/"}]})).await;
        world.ask(&script("/").at(blog).with(&at_blog)).await.problem(403, "forbidden");
        world.set(both).await;

        let leave = world.ask(&page("/.usher/sign-out").with(&pass)).await.is(303);
        assert_eq!(leave.header("location"), format!("{PUBLIC}/op/{}/end-session", world.doors.tenant.slug));
        assert_eq!(cookie(&leave, "pass"), "__Host-usher-pass=");
        world.ask(&script("/").with(&pass)).await.is(200);
        world.doors.api.delete(&format!("/users/{}/sessions", world.user)).await.is(204);
        for (origin, pass) in [(WIKI, &pass), (blog, &at_blog)] {
            world.ask(&script("/").at(origin).with(pass)).await.problem(401, "unauthenticated");
        }
    });
}

#[test]
fn a_gate_is_nothing_to_another_tenant_or_another_gate() {
    run(async {
        let (mine, mut other) = (World::new().await, World::new().await);
        let pass = mine.pass().await;
        let second =
            mine.doors.api.post("/gates", json!({"name": "Second", "hosts": {WIKI: [{"path": "/"}]}})).await;
        let second = second.is(201).json()["secret"].as_str().unwrap().to_owned();

        other.ask(&script("/").with(&pass)).await.problem(401, "unauthenticated");
        other.secret = second;
        other.ask(&script("/").with(&pass)).await.problem(401, "unauthenticated");
        other.secret = mine.secret.clone();
        other.ask(&script("/").with(&pass)).await.is(200);
        mine.doors.api.delete(&format!("/gates/{}", mine.gate)).await.is(204);
        other.ask(&script("/").with(&pass)).await.problem(401, "unauthenticated");
    });
}

#[test]
fn a_code_is_good_once_in_its_browser_at_its_host_and_its_gate() {
    run(async {
        let blog = "https://blog.example";
        let world = World::with(json!({WIKI: [{"path": "/"}], blog: [{"path": "/"}]})).await;
        let code = async || {
            let sent = world.ask(&page("/page")).await.is(303);
            let back = world.come(sent.header("location")).await.is(303);
            (path_of(&back, WIKI), cookie(&sent, "way"))
        };

        // Somebody else's code in a link: the browser did not set out.
        let (enter, _) = code().await;
        world.ask(&page(&enter)).await.page(400, "no-flow");
        let (enter, way) = code().await;
        let (_, others) = code().await;
        world.ask(&page(&enter).with(&others)).await.page(400, "no-flow");
        world.ask(&page(&enter).with(&way)).await.page(400, "no-flow");
        let (enter, way) = code().await;
        world.ask(&page(&enter).at(blog).with(&way)).await.page(400, "no-flow");
        let (enter, way) = code().await;
        world.ask(&page(&enter).with(&way)).await.is(303);
        world.ask(&page(&enter).with(&way)).await.page(400, "no-flow");
        for nonsense in ["/.usher/enter", "/.usher/enter?code=", "/.usher/enter?code=x%00", "/.usher/enter?x"]
        {
            world.ask(&page(nonsense).with(&way)).await.page(400, "no-flow");
        }
        world.ask(&page("/.usher/elsewhere")).await.page(404, "not_found");
    });
}

#[test]
fn nobody_is_sent_anywhere_but_to_a_host_of_the_gate() {
    run(async {
        let (world, other) = (World::new().await, World::new().await);
        let sent = world.ask(&page("/page?a=b&c=%2F")).await.is(303);
        let location = sent.header("location").to_owned();
        let tenant = &world.doors.tenant.slug;
        let (before, sealed) = location.split_once("request=").unwrap();

        let back = world.come(&location).await.is(303);
        let entered = world.ask(&page(&path_of(&back, WIKI)).with(&cookie(&sent, "way"))).await.is(303);
        assert_eq!(entered.header("location"), "/page?a=b&c=%2F");

        let tampered = format!("{before}request=A{}", sealed.strip_prefix(|_: char| true).unwrap());
        for wrong in
            [format!("{before}request=x"), tampered, format!("{before}request={}", "A".repeat(3_000))]
        {
            let reply = world.come(&wrong).await;
            assert!(matches!(reply.status, 400), "{}: {}", reply.status, reply.text);
        }
        let elsewhere = location.replace(tenant.as_str(), &other.doors.tenant.slug);
        other.come(&elsewhere).await.page(400, "no-flow");
        for hostile in ["//evil.example/", "/\\evil.example", "https://evil.example/", "/..//evil.example"] {
            world.ask(&page(hostile)).await.problem(403, "forbidden");
        }
        world.set(json!({"https://blog.example": [{"path": "/"}]})).await;
        world.come(&location).await.page(400, "foreign-target");
        let login = world.come_with(&location, None).await;
        login.page(400, "foreign-target");
    });
}

#[test]
fn somebody_without_a_session_signs_in_first_and_comes_back_to_the_same_request() {
    run(async {
        let world = World::new().await;
        let sent = world.ask(&page("/page")).await.is(303);

        let login = world.come_with(sent.header("location"), None).await.is(303);

        let to = login.header("location").to_owned();
        assert!(to.starts_with(&format!("/login/{}?return_to=%2Fop%2F", world.doors.tenant.slug)), "{to}");
        let long = world.ask(&page(&format!("/page?{}", "x".repeat(1_500)))).await.is(303);
        let back = world.come(long.header("location")).await.is(303);
        let entered = world.ask(&page(&path_of(&back, WIKI)).with(&cookie(&long, "way"))).await.is(303);
        assert_eq!(entered.header("location"), "/");
        let longest = world.ask(&page(&format!("/page?{}", "x".repeat(1_010)))).await.is(303);
        world.come(longest.header("location")).await.is(303);
    });
}

#[test]
fn two_tabs_that_set_out_at_once_both_come_back() {
    run(async {
        let world = World::new().await;
        let one = world.ask(&page("/one")).await.is(303);
        let way = cookie(&one, "way");
        let two = world.ask(&page("/two").with(&way)).await.is(303);
        assert_eq!(cookie(&two, "way"), way);

        for (sent, to) in [(one, "/one"), (two, "/two")] {
            let back = world.come(sent.header("location")).await.is(303);
            let entered = world.ask(&page(&path_of(&back, WIKI)).with(&way)).await.is(303);
            assert_eq!(entered.header("location"), to);
            world.ask(&script(to).with(&cookie(&entered, "pass"))).await.is(200);
        }
    });
}

#[test]
fn a_proxy_proves_itself_and_asks_about_its_own_hosts_only() {
    run(async {
        let world = World::new().await;
        let with = async |credential| asked_by(&world.server, credential).await.status;

        assert_eq!(with(Some(format!("Bearer {}", world.secret))).await, 200);
        let basic = format!("Basic {}", STANDARD.encode(format!("gate:{}", world.secret)));
        assert_eq!(with(Some(basic)).await, 200);
        assert_eq!(with(None).await, 401);
        let admin = world.doors.api.token.clone().unwrap();
        assert_eq!(with(Some(format!("Bearer {admin}"))).await, 403);
        let last = if world.secret.ends_with('A') { "E" } else { "A" };
        let tampered = format!("{}{last}", world.secret.strip_suffix(|_: char| true).unwrap());
        assert_eq!(with(Some(format!("Bearer {tampered}"))).await, 401);
        for origin in [
            "https://evil.example",
            "http://wiki.example",
            "https://wiki.example:8443",
            "https://wiki.example.",
        ] {
            world.ask(&script("/assets/x").at(origin)).await.problem(403, "forbidden");
        }
    });
}

async fn asked_by(server: &str, credential: Option<String>) -> Reply {
    let mut request = agent()
        .get(format!("{server}/forward-auth"))
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "wiki.example")
        .header("x-forwarded-uri", "/assets/x");
    if let Some(credential) = credential {
        request = request.header("authorization", credential);
    }
    Reply::of("GET /forward-auth".to_owned(), request).await
}

#[test]
fn a_description_that_says_something_twice_or_leaves_it_out_is_refused() {
    run(async {
        let world = World::new().await;
        for header in ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"] {
            let twice = |request: reqwest::RequestBuilder| request.header(header, "/assets");
            world.ask_with(&script("/assets/x"), "/forward-auth", twice).await.problem(403, "forbidden");
        }
        for path in [
            "/assets/../page",
            "/assets/%2e%2e/page",
            "/assets%2f..%2fpage",
            "/assets/..;/page",
            "/assets//x",
        ] {
            world.ask(&script(path)).await.problem(403, "forbidden");
        }
        // What some frameworks believe is nothing to us.
        let original = |request: reqwest::RequestBuilder| {
            request.header("x-original-url", "/assets/x").header("x-rewrite-url", "/assets/x")
        };
        world.ask_with(&script("/page"), "/forward-auth", original).await.problem(401, "unauthenticated");
    });
}

#[test]
fn envoy_asks_with_any_method_and_path_and_none_of_them_passes_by_itself() {
    run(async {
        let world = World::new().await;
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            for (path, status) in [("/page", 401), ("/assets/x", 200)] {
                let mut request = agent()
                    .request(method.parse().unwrap(), format!("{}/forward-auth/envoy{path}", world.server))
                    .bearer_auth(&world.secret);
                for (name, value) in
                    [("method", method), ("proto", "https"), ("host", "wiki.example"), ("uri", path)]
                {
                    request = request.header(format!("x-forwarded-{name}"), value);
                }
                Reply::of(format!("{method} {path}"), request).await.is(status);
            }
            let bare = agent().request(method.parse().unwrap(), format!("{}/forward-auth", world.server));
            Reply::of(format!("{method} bare"), bare).await.is(401);
        }
    });
}

#[test]
fn names_that_headers_cannot_hold_are_encoded() {
    run(async {
        let doors = Doors::fresh().await;
        let connection = doors.connection("y", "https://idp.example").await;
        let name = "zoë, %41\\\u{1f600}";
        let user = doors.person(json!({"userName": name, "emails": [{"value": "zoe@acme.example"}]})).await;
        let mut world = World::of(doors, json!({WIKI: [{"path": "/"}]})).await;
        world.session = world.doors.session(&user, connection).await;

        let through = world.ask(&script("/").with(&world.pass().await)).await.is(200);

        assert_eq!(through.header("x-usher-name"), "zo%C3%AB%2C%20%2541%5C%F0%9F%98%80");
        assert_eq!(through.header("x-usher-email"), "zoe@acme.example");
    });
}

/// So many of everything that a small table is not read from end to end for being small.
const FILL: &str = "
BEGIN;
SELECT set_config('app.tenant_id', '{tenant}', true);
INSERT INTO gate (tenant_id, id, name, hosts, created_at)
SELECT '{tenant}', md5('g' || n)::uuid, 'Gate', '{}', now() FROM generate_series(1, 5000) AS n;
INSERT INTO gate_secret (tenant_id, secret_hash, gate_id, hint, created_at)
SELECT '{tenant}', sha256(('s' || n)::bytea), md5('g' || n)::uuid, '', now() FROM generate_series(1, 5000) AS n;
INSERT INTO session (tenant_id, id, user_id, connection_id, token_hash, created_at, last_seen_at, expires_at)
SELECT tenant_id, md5('x' || n)::uuid, user_id, connection_id, sha256(('t' || n)::bytea), created_at, last_seen_at, expires_at
FROM session, generate_series(1, 5000) AS n WHERE tenant_id = '{tenant}';
INSERT INTO gate_pass (tenant_id, token_hash, gate_id, session_id, origin, created_at)
SELECT '{tenant}', sha256(('p' || n)::bytea), '{gate}', md5('x' || n)::uuid, 'https://wiki.example', now()
FROM generate_series(1, 5000) AS n;
COMMIT;
ANALYZE gate, gate_secret, gate_pass, session;
";

#[test]
fn a_decision_is_one_read_by_indexes_alone() {
    run(async {
        let world = World::new().await;
        let pass = world.pass().await;
        let admin = &world.doors.tenant.admin;
        let tenant = admin.scope().tenant().to_string();
        let fill = FILL.replace("{tenant}", &tenant).replace("{gate}", &world.gate);
        let mut owner = AsyncPgConnection::establish(&urls().owner).await.unwrap();
        owner.batch_execute(&fill).await.unwrap();

        let pass = PlainToken::parse(pass.split_once('=').unwrap().1).unwrap();
        let secret = PlainToken::parse(&world.secret).unwrap();
        let request = world.doors.tenant.app.request_id();
        let question = Question { secret: &secret, origin: WIKI, request, now: SystemClock.now() };
        let plan = db().asking_plan(admin.scope(), question, &pass).await.unwrap().join("\n");

        // The secrets of a gate are few: by their hash or by their gate, which of the two is the same to the planner.
        let secrets = ["gate_secret_pkey", "gate_secret_by_gate"];
        for indexes in [&secrets[..], &["gate_pkey"], &["gate_pass_pkey"], &["session_pkey"]] {
            let used = indexes.iter().flat_map(|index| [format!("using {index} "), format!("on {index}\n")]);
            assert!(
                used.into_iter().any(|used| plan.contains(&used)),
                "none of {indexes:?} is used:\n{plan}"
            );
        }
        for table in ["gate", "gate_secret", "session"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
        }
        assert!(plan.contains("app.tenant_id"), "not behind the barrier:\n{plan}");
    });
}
