//! The example apps as they stand in `examples/`, set up as `docs/integrate.md` says: a real Usher, a real provider behind it,
//! and somebody who signs in through each app, is told what they may do, and is out of it when their directory says so.

mod stage;

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::PUBLIC;
use crate::support::provider::Browser;
use crate::support::run;
use stage::{Example, Stage};

/// How long an app may take to hear that a session is over, on a machine that is busy with other tests too.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn somebody_signs_in_and_out_through_the_node_app_and_is_out_when_deactivated() {
    run(tried(&Example::node(), "alice"));
}

#[test]
fn somebody_signs_in_and_out_through_the_python_app_and_is_out_when_deactivated() {
    run(tried(&Example::python(), "bob"));
}

#[test]
fn somebody_signs_in_and_out_through_the_rust_app_and_is_out_when_deactivated() {
    run(tried(&Example::rust(), "mallory"));
}

/// Every address in this story is the real one.
fn a_browser() -> Browser {
    Browser::at(PUBLIC)
}

async fn tried(example: &Example, person: &str) {
    let stage = Stage::set().await;
    let user = stage.hires(person, "Somebody <b>Bold</b>").await;
    let app = stage.start(example);
    let browser = a_browser();

    let page = browser.get(&app.at("/")).await.is(200);
    assert!(page.text.contains("Nobody is signed in"), "{}", page.text);

    is_signed_in_and_told_why(stage, &app, &browser, person).await;
    let id_token = signs_out(&app, &browser).await;
    is_signed_in_and_told_why(stage, &app, &browser, person).await;
    nobody_else_ends_it(&app, &browser, &id_token).await;

    stage
        .scim
        .patch(&format!("/Users/{user}"), json!([{"op": "replace", "path": "active", "value": false}]))
        .await
        .is(200);

    let since = Instant::now();
    while !browser.get(&app.at("/")).await.is(200).text.contains("Nobody is signed in") {
        assert!(since.elapsed() < PATIENCE, "the app was not told, or did not believe it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = stage.follow(&browser, &app.at("/login"), person).await;
    assert!(refused.status >= 400, "{}: {}", refused.asked, refused.text);
    assert!(browser.get(&app.at("/")).await.is(200).text.contains("Nobody is signed in"));
}

/// The page names the person, what they have, whether they may do what is asked, and the group that says so.
async fn is_signed_in_and_told_why(stage: &Stage, app: &stage::Running, browser: &Browser, person: &str) {
    let page = stage.follow(browser, &app.at("/login"), person).await.is(200);
    assert_eq!(page.asked, format!("GET {}", app.at("/")));
    assert!(page.text.contains("Signed in:") && !page.text.contains("<b>Bold"), "{}", page.text);
    for said in ["Bold", "general", "materials.approve", "allowed", "two-step approval", "approvers"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    // Another group, another answer, with nobody signing in again.
    stage.take_rights(person).await;
    let page = browser.get(&app.at("/")).await.is(200);
    assert!(page.text.contains("refused"), "{}", page.text);
    stage.give_rights(person).await;
    assert!(browser.get(&app.at("/")).await.is(200).text.contains("allowed"));
}

/// The session is over in the app, at Usher, and at the provider; the browser comes back. Returns the ID token that the app had.
async fn signs_out(app: &stage::Running, browser: &Browser) -> String {
    let away = browser.fill_in(&app.at("/logout"), &[]).await.is(303);
    let leave = reqwest::Url::parse(away.header("location")).unwrap();
    let hint = leave.query_pairs().find(|(name, _)| name == "id_token_hint");
    let hint = hint.map_or_else(|| panic!("no hint: {leave}"), |(_, hint)| hint.into_owned());
    let at_provider = browser.get(leave.as_str()).await.is(303);
    let confirmed = browser.confirm_sign_out(at_provider.header("location")).await;
    let back = browser.get(confirmed.header("location")).await.is(303);
    assert_eq!(back.header("location"), app.at("/"));
    assert!(browser.get(&app.at("/")).await.is(200).text.contains("Nobody is signed in"));
    hint
}

/// Neither a forged token, nor a real one of another kind, nor an answer that this browser did not ask for.
async fn nobody_else_ends_it(app: &stage::Running, browser: &Browser, id_token: &str) {
    let forged = "eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9.e30.";
    for token in ["", "nonsense", forged, id_token] {
        let stranger = a_browser();
        stranger.fill_in(&app.at("/backchannel-logout"), &[("logout_token", token)]).await.is(400);
    }
    browser.get(&app.at("/callback?code=stolen&state=guessed")).await.is(400);
    a_browser().get(&app.at("/callback?code=stolen&state=guessed")).await.is(400);
    a_browser().fill_in(&app.at("/logout"), &[]).await.is(303);
    assert!(browser.get(&app.at("/")).await.is(200).text.contains("Signed in:"));
}
