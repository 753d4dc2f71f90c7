//! Bad input at every door: refused by 4xx, in the door's own voice, early, and never with 5xx.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::http::{Doors, Reply, agent, base, encoded, patch, raw};
use crate::support::run;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The voice that a refusal is said in, by its media type.
fn voice(reply: &Reply) -> &'static str {
    match reply.header("content-type") {
        "application/scim+json" => "scim",
        "application/problem+json" => "problem",
        "text/html; charset=utf-8" => "page",
        _ => "none",
    }
}

/// The addresses that read a body, with the credential that opens each.
fn writes(doors: &Doors) -> Vec<(&'static str, String, String)> {
    let (scim, api) = (doors.scim.token.clone().unwrap(), doors.api.token.clone().unwrap());
    let here = format!("/api/v1/tenants/{}", doors.tenant.slug);
    let nobody = "00000000-0000-7000-8000-000000000000";
    let mut all: Vec<(&'static str, String, String)> = [
        ("POST", "/Users".to_owned()),
        ("PUT", format!("/Users/{nobody}")),
        ("PATCH", format!("/Users/{nobody}")),
        ("POST", "/Users/.search".to_owned()),
        ("POST", "/Groups".to_owned()),
        ("PUT", format!("/Groups/{nobody}")),
        ("PATCH", format!("/Groups/{nobody}")),
        ("POST", "/Groups/.search".to_owned()),
        ("POST", "/.search".to_owned()),
    ]
    .into_iter()
    .map(|(method, path)| (method, format!("/scim/v2{path}"), scim.clone()))
    .collect();
    for (method, path) in [
        ("POST", "org-units"),
        ("POST", "workspaces"),
        ("POST", "directories"),
        ("PATCH", "directories/directory"),
        ("POST", "credentials"),
        ("POST", "credentials/00000000-0000-7000-8000-000000000000/rotate"),
        ("POST", "oauth-clients"),
        ("POST", "token-issuers"),
        ("POST", "connections"),
        ("POST", "mapping-rules"),
        ("PUT", "seat-pool"),
    ] {
        all.push((method, format!("{here}/{path}"), api.clone()));
    }
    all
}

async fn send(
    method: &str,
    path: &str,
    token: &str,
    media_type: &str,
    body: impl Into<reqwest::Body>,
) -> Reply {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = agent().request(method.clone(), format!("{}{path}", base())).bearer_auth(token);
    Reply::of(format!("{method} {path}"), request.header("content-type", media_type).body(body)).await
}

fn in_the_voice_of(path: &str, reply: &Reply, status: u16) {
    let expected = if path.starts_with("/scim") { "scim" } else { "problem" };
    assert_eq!((reply.status, voice(reply)), (status, expected), "{}: {}", reply.asked, reply.text);
}

#[test]
fn bodies_that_are_no_json_are_refused_by_every_address_that_reads_one() {
    run(async {
        let doors = Doors::fresh().await;
        let mut bodies: Vec<Vec<u8>> = [
            "",
            "{",
            "nonsense",
            "{\"a\":1}}",
            "{\"a\":1,\"a\":2}",
            "[1,]",
            "{\"userName\":\"a\\u0000b\"}",
            "\u{feff}{}",
            "{\"a\": 1e99999}",
            "{\"a\":\"\\ud800\"}",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec();
        bodies.push(b"{\"userName\":\"\xff\"}".to_vec());
        bodies.push(b"{\"userName\":\"a\0b\"}".to_vec());
        bodies.push("[".repeat(10_000).into_bytes());
        bodies.push(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes());
        bodies.push(format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)).into_bytes());
        for (method, path, token) in writes(&doors) {
            for body in &bodies {
                let reply = send(method, &path, &token, "application/json", body.clone()).await;
                in_the_voice_of(&path, &reply, 400);
            }
        }
    });
}

#[test]
fn json_of_another_shape_is_refused_by_every_address_that_reads_one() {
    run(async {
        let doors = Doors::fresh().await;
        let bodies = [
            json!(null),
            json!(1),
            json!("x"),
            json!([]),
            json!([{}]),
            json!({"unknown": 1}),
            json!({"schemas": 1}),
            json!({"slug": [], "name": {}}),
        ];
        for (method, path, token) in writes(&doors) {
            for body in &bodies {
                let reply = send(method, &path, &token, "application/json", body.to_string()).await;
                // What is read only in the light of the resource is refused for the resource that is not there.
                let status = if method == "PUT" && path.contains("/Users/") { 404 } else { 400 };
                in_the_voice_of(&path, &reply, status);
            }
        }
    });
}

#[test]
fn other_media_types_and_codings_are_refused_unread() {
    run(async {
        let doors = Doors::fresh().await;
        for (method, path, token) in writes(&doors) {
            for media_type in [
                "text/plain",
                "application/xml",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "nonsense",
                "application/jsonx",
            ] {
                let reply = send(method, &path, &token, media_type, "{}").await;
                in_the_voice_of(&path, &reply, 415);
            }
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            for coding in ["gzip", "br", "deflate", "x"] {
                let request =
                    agent().request(method.clone(), format!("{}{path}", base())).bearer_auth(&token);
                let request = request
                    .header("content-type", "application/json")
                    .header("content-encoding", coding)
                    .body("{}");
                in_the_voice_of(&path, &Reply::of(format!("{method} {path} {coding}"), request).await, 415);
            }
        }
    });
}

/// 50 MB are never read: announced, they are refused by the head of the request; streamed, by the first byte too many.
#[test]
fn fifty_megabytes_are_refused_early() {
    run(async {
        let doors = Doors::fresh().await;
        for (method, path, token) in writes(&doors) {
            let head = |rest: &str| {
                format!(
                    "{method} {path} HTTP/1.1\r\nhost: usher.test\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\nconnection: close\r\n{rest}\r\n\r\n"
                )
            };
            // Announced and never sent: the answer cannot have waited for it.
            let (status, answer) = raw(&[head("content-length: 52428800").as_bytes()]).await;
            assert_eq!(status, 413, "{method} {path}: {answer}");
            let expected =
                if path.starts_with("/scim") { "application/scim+json" } else { "application/problem+json" };
            assert!(answer.contains(expected), "{method} {path}: {answer}");
        }
        let head = format!(
            "POST /scim/v2/Users HTTP/1.1\r\nhost: usher.test\r\nauthorization: Bearer {}\r\ncontent-type: application/scim+json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
            doors.tenant.scim_token
        );
        let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
        let mut parts = vec![head.as_bytes()];
        parts.extend(std::iter::repeat_n(chunk.as_bytes(), 800));
        let (status, answer) = raw(&parts).await;
        assert_eq!(status, 413, "{answer}");
        assert!(answer.contains("\"status\":\"413\""), "{answer}");
    });
}

#[test]
fn a_stranger_with_fifty_megabytes_is_a_stranger() {
    run(async {
        for path in ["/scim/v2/Users", "/api/v1/tenants", "/logout", "/login/acme", "/nowhere", "/healthz"] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 52428800\r\n\r\n"
            );
            let (status, answer) = raw(&[head.as_bytes()]).await;
            assert!((400..500).contains(&status) || path == "/logout" && status == 204, "{path}: {answer}");
        }
    });
}

#[test]
fn a_body_that_breaks_off_changes_nothing() {
    run(async {
        let doors = Doors::fresh().await;
        // What is broken is noticed at once; while the database is asked who this is and how they speak, the web
        // framework would end the connection without an answer.
        doors.scim.get("/Users").await.is(200);
        let head = format!(
            "POST /scim/v2/Users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
            doors.tenant.scim_token
        );
        let (status, answer) = raw(&[head.as_bytes(), b"zz\r\nnot a chunk\r\n"]).await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(doors.scim.get("/Users").await.is(200).json()["totalResults"], 0);
    });
}

/// Addresses with every kind of bad text in them. Whatever stands in a path or a query, it is never our failure.
#[test]
fn bad_texts_in_addresses_are_refused_by_every_door() {
    run(async {
        let doors = Doors::fresh().await;
        let (scim, api, slug) =
            (&doors.tenant.scim_token, doors.api.token.as_ref().unwrap(), &doors.tenant.slug);
        let long = "a".repeat(7_000);
        let texts = [
            "%00",
            "a%00b",
            "%ff%fe",
            "%c3%28",
            "%",
            "%zz",
            "%e2%80%ae",
            "..%2f..",
            "%2e%2e",
            "'%20or%20'1'='1",
            "%F0%9F%98%80",
            "-1",
            "%20",
            "%0d%0aset-cookie:x",
            long.as_str(),
        ];
        let places = [
            "/scim/v2/Users/{}",
            "/scim/v2/Groups/{}",
            "/scim/v2/Schemas/{}",
            "/scim/v2/ResourceTypes/{}",
            "/scim/v2/{}",
            "/api/v1/tenants/{}/users",
            "/api/v1/tenants/SLUG/users/{}/access",
            "/api/v1/tenants/SLUG/{}",
            "/api/v1/{}",
            "/login/{}",
            "/login/SLUG/{}",
            "/oidc/{}/op/callback?state=x",
            "/oidc/SLUG/{}/callback?state=x",
            "/oidc/{}",
            "/session/{}",
            "/logout/{}",
            "/{}",
        ];
        for place in places {
            for text in texts {
                let path = place.replace("SLUG", slug).replace("{}", text);
                let token = if place.starts_with("/scim") { scim } else { api };
                let request = format!(
                    "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\naccept: text/html\r\nconnection: close\r\n\r\n"
                );
                let (status, answer) = raw(&[request.as_bytes()]).await;
                // An address that ends in a space or a dot is the collection above it to a reader who normalises.
                assert!((400..500).contains(&status) || status == 200, "{path}: {answer}");
                assert!(status != 200 || matches!(text, "%20" | "%2e%2e" | "..%2f.."), "{path}: {answer}");
                let media_type = match place.split('/').nth(1).unwrap() {
                    "scim" => "application/scim+json",
                    "api" | "session" | "logout" => "application/problem+json",
                    _ => "text/html",
                };
                // A head that cannot be read at all (431, 414, broken encoding) is refused before there is a door.
                assert!(status == 200 || answer.contains(media_type) || text == long, "{path}: {answer}");
            }
        }
    });
}

#[test]
fn bad_texts_in_queries_are_refused_or_ignored_and_never_our_failure() {
    run(async {
        let doors = Doors::fresh().await;
        let (scim, api, slug) =
            (&doors.tenant.scim_token, doors.api.token.as_ref().unwrap(), &doors.tenant.slug);
        doors.connection("op", "https://idp.example").await;
        let long = "a".repeat(20_000);
        let texts = [
            "%00",
            "%ff",
            "%c3%28",
            "%",
            "99999999999999999999",
            "-1",
            "1.5",
            "NaN",
            "%F0%9F%98%80",
            "%ED%A0%80",
            "[[[",
            "\"",
            long.as_str(),
            "",
        ];
        for (path, names) in [
            (
                "/scim/v2/Users".to_owned(),
                &[
                    "filter",
                    "attributes",
                    "excludedAttributes",
                    "startIndex",
                    "count",
                    "cursor",
                    "sortBy",
                    "sortOrder",
                ][..],
            ),
            ("/scim/v2/Groups".to_owned(), &["filter", "attributes", "startIndex", "count"]),
            ("/scim/v2".to_owned(), &["filter", "count", "cursor", "sortBy"]),
            ("/scim/v2/Schemas".to_owned(), &["filter"]),
            (format!("/api/v1/tenants/{slug}/users"), &["userName", "offset", "count"]),
            (format!("/api/v1/tenants/{slug}/audit-events"), &["target", "before", "count"]),
            (format!("/oidc/{slug}/op/callback"), &["state", "code", "iss", "error"]),
        ] {
            for name in names {
                for text in texts {
                    let token = if path.starts_with("/scim") { scim } else { api };
                    let request = format!(
                        "GET {path}?{name}={text} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
                    );
                    let (status, answer) = raw(&[request.as_bytes()]).await;
                    assert!(
                        (200..500).contains(&status),
                        "{path}?{name}={}: {}",
                        text.get(..20).unwrap_or(text),
                        answer
                    );
                }
            }
        }
    });
}

#[test]
fn huge_heads_and_unknown_methods_are_refused() {
    run(async {
        let doors = Doors::fresh().await;
        let token = &doors.tenant.scim_token;
        let huge = format!(
            "GET /scim/v2/Users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nx-huge: {}\r\nconnection: close\r\n\r\n",
            "x".repeat(1_000_000)
        );
        let many = format!(
            "GET /scim/v2/Users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{}connection: close\r\n\r\n",
            "x-many: x\r\n".repeat(5_000)
        );
        let path = format!(
            "GET /scim/v2/Users/{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "x".repeat(1_000_000)
        );
        for request in [huge, many, path] {
            let (status, answer) = raw(&[request.as_bytes()]).await;
            assert!((400..500).contains(&status), "{answer}");
        }
        for (path, media_type) in [
            ("/scim/v2/Users", "application/scim+json"),
            ("/api/v1/tenants", "application/problem+json"),
            ("/session", "application/problem+json"),
            ("/login/acme", "text/html"),
        ] {
            for method in ["BREW", "TRACE", "PROPFIND", "get", "CONNECT"] {
                let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
                let (status, answer) = raw(&[request.as_bytes()]).await;
                assert!(
                    status == 405 && answer.contains(media_type) || status == 400,
                    "{method} {path}: {answer}"
                );
            }
        }
        for garbage in [
            "\0\0\0\0\r\n\r\n",
            "GET\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "GET /scim/v2/Users HTTP/1.1\r\nbad header\r\n\r\n",
            "GET /scim/v2/\u{e9} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        ] {
            let (status, answer) = raw(&[garbage.as_bytes()]).await;
            assert!((400..500).contains(&status), "{garbage:?}: {answer}");
        }
    });
}

/// Texts that a database index or column could choke on.
#[test]
fn long_and_strange_texts_are_kept_or_refused() {
    run(async {
        let doors = Doors::fresh().await;
        // Nothing that compresses: an index entry has a bounded size.
        let noise = |length: usize| {
            let mut state = 88_172_645_463_325_252_u64;
            let next = |_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                char::from_u32(0x4e00 + u32::try_from(state % 20_000).unwrap()).unwrap()
            };
            (0..length).map(next).collect::<String>()
        };
        let group = "urn:ietf:params:scim:schemas:core:2.0:Group";
        let mut statuses = BTreeSet::new();
        for length in [1_000, 4_000, 100_000] {
            let long = noise(length);
            for attributes in [
                json!({"userName": long}),
                json!({"userName": format!("d{length}"), "displayName": long}),
                json!({"userName": format!("x{length}"), "externalId": long}),
                json!({"userName": format!("e{length}"), "emails": [{"value": long}]}),
                json!({"userName": format!("t{length}"), "title": long}),
            ] {
                let mut body = attributes;
                body["schemas"] = json!([USER]);
                let reply = doors.scim.post("/Users", body).await;
                assert!(reply.status < 500, "{length}: {}", reply.text);
                statuses.insert(reply.status);
            }
            for attributes in [
                json!({"displayName": long}),
                json!({"displayName": format!("g{length}"), "externalId": long}),
            ] {
                let mut body = attributes;
                body["schemas"] = json!([group]);
                let reply = doors.scim.post("/Groups", body).await;
                assert!(reply.status < 500, "{length}: {}", reply.text);
            }
            let id = doors.user(&format!("p{length}")).await;
            for path in ["userName", "displayName", "externalId", "emails", "title"] {
                let value = if path == "emails" { json!([{"value": long}]) } else { json!(long) };
                let body = json!([{"op": "replace", "path": path, "value": value}]);
                let reply = doors.scim.patch(&format!("/Users/{id}"), body).await;
                assert!(reply.status < 500, "{path} {length}: {}", reply.text);
            }
        }
        assert_eq!(statuses, BTreeSet::from([201, 400]));
        let many: Vec<Value> = (0..5_000).map(|n| json!({"value": format!("{n}@acme.example")})).collect();
        let reply =
            doors.scim.post("/Users", json!({"schemas": [USER], "userName": "many", "emails": many})).await;
        assert!(reply.status < 500, "{}", reply.text);
        let more: Vec<Value> = (0..33_000).map(|n| json!({"value": format!("{n}@a")})).collect();
        let reply =
            doors.scim.post("/Users", json!({"schemas": [USER], "userName": "more", "emails": more})).await;
        assert!(reply.status < 500, "{}", reply.text);
    });
}

#[test]
fn strange_patches_are_refused() {
    run(async {
        let doors = Doors::fresh().await;
        let id = doors.user("mina").await;
        let group = doors.group("Sales", &[&id]).await;
        for operations in [
            json!([]),
            json!({}),
            json!([{}]),
            json!([{"op": "jump"}]),
            json!([{"op": "add"}]),
            json!([{"op": "add", "path": "\u{0}", "value": "x"}]),
            json!([{"op": "add", "path": "a".repeat(100_000), "value": "x"}]),
            json!([{"op": "remove", "path": format!("emails[{}value pr{}]", "(".repeat(5_000), ")".repeat(5_000))}]),
            json!([{"op": "remove", "path": "members[value eq \"a\\u0000b\"]"}]),
            json!([{"op": "replace", "path": "id", "value": "x"}]),
            json!([{"op": "replace", "path": "meta.version", "value": "x"}]),
        ] {
            for path in [format!("/Users/{id}"), format!("/Groups/{group}")] {
                let shown: String = operations.to_string().chars().take(100).collect();
                let reply =
                    doors.scim.send("PATCH", &path, |request| request.json(&patch(operations.clone()))).await;
                assert!((400..500).contains(&reply.status), "{shown}: {} {}", reply.status, reply.text);
                assert_eq!(voice(&reply), "scim");
            }
        }
        let thousands: Vec<Value> =
            (0..5_000).map(|n| json!({"op": "replace", "path": "title", "value": n.to_string()})).collect();
        let reply = doors.scim.patch(&format!("/Users/{id}"), Value::Array(thousands)).await;
        assert!(reply.status < 500, "{}", reply.text);
        let filter = format!("userName eq \"{}\"", "x".repeat(4_000));
        doors.scim.get(&format!("/Users?filter={}", encoded(&filter))).await.is(200);
    });
}
