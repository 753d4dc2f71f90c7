//! The pages for people in a real browser, by keyboard alone, in every language, looked over by axe. What is done at each
//! page, and what must be seen there, stands in `testbed/pages/pages.mjs`.

use serde_json::{Value, json};

use crate::support::chromium::play;
use crate::support::http::{Doors, text};
use crate::support::passkey::Named;
use crate::support::people::Tenant;
use crate::support::provider::provider;
use crate::support::{fresh_slug, run, saml};

/// A tenant with a verified domain and a connection `op`, whose people land on `/session`; and the domain.
async fn doors(named: &Named) -> (Doors, String) {
    let doors = Doors::of(Tenant::named(&fresh_slug()).await).await;
    let slug = &doors.tenant.slug;
    let callback = format!("{}/oidc/{slug}/op/callback", named.server);
    let client = provider().register(slug, json!({"redirect_uris": [callback]})).await;
    let new = json!({
        "slug": "op", "name": "Acme", "issuer": provider().issuer, "clientId": client["client_id"],
        "clientSecret": client["client_secret"], "scopes": ["profile"], "linkClaim": "preferred_username",
        "linkTo": "userName", "returnTo": format!("{}/session", named.server),
    });
    doors.api.post("/connections", new).await.is(201);
    let domain = format!("{}.example", fresh_slug());
    doors.verified_domain(&domain).await;
    (doors, domain)
}

fn given(named: &Named, doors: &Doors, more: &Value) -> Value {
    let mut given = json!({"base": named.server, "tenant": doors.tenant.slug});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    given
}

#[test]
fn somebody_signs_in_by_keyboard_from_their_address_to_a_session_in_each_language() {
    run(async {
        let named = Named::get();
        let (doors, domain) = doors(named).await;
        doors.user("alice").await;

        play(
            "sign-in",
            given(named, &doors, &json!({"address": format!("alice@{domain}"), "user": "alice"})),
        )
        .await;
    });
}

#[test]
fn an_address_that_nobody_knows_is_said_where_it_was_given() {
    run(async {
        play("unknown", json!({"base": Named::get().server, "address": "alice@nobodys.example"})).await;
    });
}

#[test]
fn somebody_chooses_among_several_connections_by_keyboard() {
    run(async {
        let named = Named::get();
        let (doors, _) = doors(named).await;
        doors.user("alice").await;
        doors.connection("partners", "https://partners.example").await;

        play("choice", given(named, &doors, &json!({"connection": "op", "user": "alice"}))).await;
    });
}

#[test]
fn who_is_refused_reads_why_and_can_go_on_by_keyboard() {
    run(async {
        let named = Named::get();
        let (doors, _) = doors(named).await;

        play("refused", given(named, &doors, &json!({"user": "bob", "code": "not-provisioned"}))).await;
    });
}

#[test]
fn the_form_to_a_saml_provider_goes_by_itself_and_without_scripts_by_a_button() {
    run(async {
        let named = Named::get();
        let (doors, _) = doors(named).await;
        let place = "https://idp.example/sso";
        saml::connect_to(&doors, "saml", "HTTP-POST", place).await;

        play("onward", given(named, &doors, &json!({"connection": "saml", "place": place}))).await;
    });
}

#[test]
fn a_passkey_is_registered_by_a_link_and_signs_in_by_keyboard() {
    run(async {
        let named = Named::get();
        let (doors, _) = doors(named).await;
        let hana = doors.api.post("/users", json!({"userName": "hana"})).await.is(201).id();
        let link = named.page(&doors.tenant.slug, "/register");
        let links: Vec<String> = vec![
            format!("{link}#{}", named.invite(&doors, &hana).await),
            format!("{link}#{}", named.invite(&doors, &hana).await),
        ];

        play("passkey", given(named, &doors, &json!({"links": links, "user": "hana"}))).await;

        let passkeys = doors.api.get(&format!("/users/{hana}/passkeys")).await.is(200).json();
        assert_eq!(passkeys["items"].as_array().unwrap().len(), 1, "{passkeys}");
        assert_eq!(text(&passkeys["items"][0]["name"]), "Blue key");
    });
}
