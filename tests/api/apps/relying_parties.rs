//! Relying parties by others, which check by themselves what the standards have them check: openid-client (certified by the OpenID
//! Foundation) and Authlib.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::world::{CALLBACK, World};
use crate::support::http::{COOKIE, PUBLIC, text};
use crate::support::oauth::Key;
use crate::support::provider::{node, state};
use crate::support::receiver::{Receiver, courier};
use crate::support::run;

const HOME: &str = "https://rp.example/signed-out";

/// What a program prints that acts as this app, given this on its standard input.
fn says(world: &World, program: &[PathBuf], arguments: &[&str], input: &str) -> Value {
    let mut command = Command::new(&program[0]);
    command
        .args(&program[1..])
        .args(arguments)
        .env("ISSUER", world.issuer())
        .env("PUBLIC", PUBLIC)
        .env("SERVER", &world.server)
        .env("CLIENT_ID", &world.app)
        .env("CALLBACK", CALLBACK)
        .env("BACK_TO", HOME)
        .env("COOKIE", format!("{COOKIE}={}", world.cookie))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(secret) = &world.secret {
        command.env("CLIENT_SECRET", secret);
    }
    let mut running = command.spawn().expect("a relying party: run `./x setup` first");
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn openid_client() -> Vec<PathBuf> {
    vec![node(), state().join("relying-party/rp.mjs")]
}

fn authlib() -> Vec<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/relying_party.py");
    vec![state().join("venv/bin/python"), program]
}

#[test]
fn openid_client_signs_in_refreshes_and_signs_out() {
    run(async {
        for change in [
            json!({}),
            json!({"proof": "none"}),
            json!({"pushedRequestsOnly": true}),
            json!({"idTokenSigningAlg": "RS256"}),
            json!({"dpopBoundAccessTokens": true}),
            json!({"dpopBoundAccessTokens": true, "proof": "none", "pushedRequestsOnly": true}),
        ] {
            let mut new = json!({"postLogoutRedirectUris": [HOME]});
            new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let world = World::with(new).await;
            let program = openid_client();
            let alg = change["idTokenSigningAlg"].as_str().unwrap_or("ES256");
            let mut env: Vec<PathBuf> = vec!["env".into(), format!("ID_TOKEN_ALG={alg}").into()];
            if change.get("pushedRequestsOnly").is_some() {
                env.push("PAR=yes".into());
            }
            let is_bound = change.get("dpopBoundAccessTokens").is_some();
            if is_bound {
                env.push("DPOP=yes".into());
            }
            let program = [env, program].concat();

            let said = says(&world, &program, &["sign-in"], "");

            assert_eq!(said["claims"]["sub"], world.user, "{said}");
            assert_eq!(said["kind"], if is_bound { "dpop" } else { "bearer" });
            assert_eq!(said["api"]["cnf"]["jkt"].is_string(), is_bound, "{said}");
            assert_eq!(
                (&said["userinfo"]["sub"], &said["userinfo"]["roles"]),
                (&json!(world.user), &json!(["general"]))
            );
            assert_eq!(
                (&said["api"]["client_id"], &said["api"]["roles"]),
                (&json!(world.app), &json!(["general"]))
            );
            if world.secret.is_some() {
                assert_eq!(
                    (&said["introspected"]["active"], &said["revoked"]["active"]),
                    (&json!(true), &json!(false))
                );
            }
            assert_eq!(said["afterwards"], "invalid_grant");
            assert_eq!(said["left"], json!({"home": HOME, "state": true}));
            assert_eq!(said["outcome"], "login_required");
        }
    });
}

#[test]
fn openid_client_is_let_in_on_a_device_without_a_browser() {
    run(async {
        let world = World::with(json!({"proof": "none", "redirectUris": [], "deviceFlow": true})).await;

        let said = says(&world, &openid_client(), &["device"], "");

        assert_eq!(said["pages"], json!([200, 200]), "{said}");
        assert_eq!(
            (&said["claims"]["sub"], &said["userinfo"]["sub"], &said["userinfo"]["roles"]),
            (&json!(world.user), &json!(world.user), &json!(["general"]))
        );
        assert_eq!(said["api"]["client_id"], world.app);
    });
}

#[test]
fn authlib_signs_in_and_notices_a_stolen_refresh_token() {
    run(async {
        let key = Key::fresh("ES256");
        for method in ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] {
            let change = match method {
                "private_key_jwt" => json!({"proof": "privateKey", "jwks": key.jwks}),
                "none" => json!({"proof": "none", "idTokenSigningAlg": "RS256"}),
                _ => json!({}),
            };
            let world = World::with(change).await;

            let said = says(&world, &authlib(), &[method], &key.private);

            assert_eq!(
                (&said["claims"]["sub"], &said["userinfo"]["sub"]),
                (&json!(world.user), &json!(world.user)),
                "{method}"
            );
            assert_eq!(
                (&said["stolen"], &said["robbed"]),
                (&json!("invalid_grant"), &json!("invalid_grant")),
                "{method}"
            );
            assert_eq!(said["after"], 401, "{method}");
        }
    });
}

#[test]
fn a_logout_token_is_verified_by_others() {
    run(async {
        courier();
        let told = Receiver::start();
        let world = World::with(json!({"backchannelLogoutUri": told.address})).await;
        world.tokens().await;

        world.doors.set_active(&world.user, false).await;

        let got = told.until("a logout token", |got| !got.is_empty()).await;
        let token = got[0].body.strip_prefix("logout_token=").unwrap().to_owned();
        let said = says(&world, &openid_client(), &["logout-token"], &token);
        assert_eq!(text(&said["sub"]), world.user);
    });
}
