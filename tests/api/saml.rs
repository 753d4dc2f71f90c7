//! Signing in and out by SAML at real identity providers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use crate::support::http::{Client, Doors, PUBLIC, base, session_at, start, text};
use crate::support::provider::{Browser, Form};
use crate::support::saml::{Samlp, SimpleSaml, certificates, connect, simplesaml};
use crate::support::{new_app_at, run};

/// A tenant with a connection `idp` at SimpleSAMLphp, which knows us by our metadata and verifies what we sign.
async fn doors(provider: &SimpleSaml, rules: Value, at_provider: Value) -> Doors {
    let doors = Doors::fresh().await;
    connect(&doors, &provider.metadata_url(), rules).await;
    provider.register(&doors.tenant.slug, &at_provider).await;
    doors
}

async fn last_refusal(doors: &Doors) -> Value {
    let trail = doors.api.get("/audit-events?count=20").await.is(200).json();
    let mut events = trail["events"].as_array().unwrap().iter();
    let event = events.find(|event| event["action"] == "login.refuse");
    event.unwrap_or_else(|| panic!("no refusal in {trail}"))["after"].clone()
}

#[test]
fn somebody_provisioned_signs_in_at_simplesamlphp_once_per_answer_and_in_their_own_browser() {
    run(async {
        let doors = doors(simplesaml(), json!({}), json!({})).await;
        let alice = doors.user("alice").await;
        let (browser, thief) = (Browser::new(), Browser::new());
        let answer = browser.until_answer(&doors.tenant.slug, "alice").await;

        thief.submit(answer.clone()).await.page(400, "no-flow");
        let back = browser.submit(answer.clone()).await.is(303);

        assert_eq!(back.header("location"), "https://app.example/home");
        let body = session_at(base(), &browser.session().unwrap()).await.is(200).json();
        assert_eq!(body["user"]["id"], json!(alice));
        assert!(thief.session().is_none());
        browser.submit(answer).await.page(400, "no-flow");
        let view = doors.api.get("/saml-connections/idp").await.is(200).json();
        assert!(view["certificates"][0]["lastUsedAt"].is_string(), "{view}");
    });
}

#[test]
fn a_response_signed_as_a_whole_is_as_good() {
    run(async {
        let whole = json!({"saml20.sign.response": true, "saml20.sign.assertion": false});
        let doors = doors(simplesaml(), json!({"signed": "response"}), whole).await;
        doors.user("bob").await;

        Browser::new().sign_in_by_saml(&doors.tenant.slug, "bob").await.is(303);
    });
}

#[test]
fn who_is_not_provisioned_or_not_active_is_refused_with_a_reason_for_the_administrator() {
    run(async {
        let doors = doors(simplesaml(), json!({}), json!({})).await;

        Browser::new().sign_in_by_saml(&doors.tenant.slug, "alice").await.page(403, "not-provisioned");

        let alice = doors.user("alice").await;
        doors.set_active(&alice, false).await;
        Browser::new().sign_in_by_saml(&doors.tenant.slug, "alice").await.page(403, "inactive");
        assert_eq!(last_refusal(&doors).await["code"], "inactive");
    });
}

/// Checks 46, 61 and 63.
#[test]
fn nobody_comes_unasked_unless_the_connection_says_so_and_then_once_per_answer() {
    run(async {
        let provider = simplesaml();
        let closed = doors(provider, json!({}), json!({})).await;
        let open = doors(provider, json!({"allowUnsolicited": true}), json!({})).await;
        for doors in [&closed, &open] {
            doors.user("alice").await;
        }
        let unasked = async |doors: &Doors, browser: &Browser| {
            browser.until_form(&provider.unasked(&doors.tenant.slug), "alice", "SAMLResponse").await
        };
        let browser = Browser::new();

        let answer = unasked(&closed, &browser).await;
        browser.submit(answer).await.page(400, "no-flow");
        assert!(text(&last_refusal(&closed).await["detail"]).contains("allowUnsolicited"));
        let answer = unasked(&open, &browser).await;
        let back = browser.submit(answer.clone()).await.is(303);

        assert_eq!(back.header("location"), "https://app.example/home", "the relay state is not ours");
        Browser::new().submit(answer).await.page(400, "replayed");
        // What was asked for by one browser is not unasked in another.
        let asked = Browser::new().until_answer(&open.tenant.slug, "alice").await;
        Browser::new().submit(asked).await.page(400, "flow_mismatch");
        assert_eq!(
            last_refusal(&open).await["detail"],
            "the response answers another request than this browser's (check 46)"
        );
    });
}

/// The request travels in a form of ours, and SimpleSAMLphp verifies the signature in it.
#[test]
fn a_request_is_posted_where_the_provider_takes_no_redirect() {
    run(async {
        let provider = simplesaml();
        let doors = Doors::fresh().await;
        let metadata = Browser::new().get(&provider.metadata_url()).await.is(200).text;
        let redirect = "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
        assert!(metadata.contains(redirect), "{metadata}");
        let posts = metadata.replace(
            redirect,
            "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        );
        let body = json!({
            "slug": "idp", "name": "SAML", "metadata": posts, "linkClaim": "uid", "linkTo": "userName",
            "returnTo": "https://app.example/home",
        });
        doors.api.post("/saml-connections", body).await.is(201);
        provider.register(&doors.tenant.slug, &json!({})).await;
        doors.user("alice").await;
        let browser = Browser::new();

        let address = format!("{PUBLIC}/login/{}/idp", doors.tenant.slug);
        let page = browser.get(&address).await.is(200);

        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        let form = Form::on(&page.text, &address, "alice").unwrap();
        let names: Vec<_> = form.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["SAMLRequest", "RelayState"]);
        browser.sign_in_by_saml(&doors.tenant.slug, "alice").await.is(303);
    });
}

#[test]
fn a_new_certificate_counts_when_an_administrator_has_approved_it() {
    run(async {
        let provider = SimpleSaml::start();
        let doors = doors(&provider, json!({}), json!({})).await;
        doors.user("alice").await;
        let slug = doors.tenant.slug.clone();
        let sign_in = async || Browser::new().sign_in_by_saml(&slug, "alice").await;
        sign_in().await.is(303);

        provider.make_key("new");
        provider.set(&json!({"new_privatekey": "new.key", "new_certificate": "new.crt"}));
        let announced = doors.api.post("/saml-connections/idp/refresh", json!({})).await.is(200).json();

        // It came over http, for which nobody vouches. The provider still signs with the one before.
        let (active, waiting) = (certificates(&announced, "active"), certificates(&announced, "pending"));
        assert_eq!((active.len(), waiting.len()), (1, 1), "{announced}");
        sign_in().await.is(303);
        provider.set(&json!({"privatekey": "new.key", "certificate": "new.crt"}));
        sign_in().await.page(403, "signature");
        let approve = format!("/saml-connections/idp/certificates/{}", waiting[0]);
        let approved = doors.api.post(&approve, json!({})).await.is(200).json();
        assert_eq!(certificates(&approved, "active").len(), 2);
        sign_in().await.is(303);
        doors.api.delete(&format!("/saml-connections/idp/certificates/{}", active[0])).await.is(204);
        sign_in().await.is(303);
        doors
            .api
            .delete(&format!("/saml-connections/idp/certificates/{}", waiting[0]))
            .await
            .problem(409, "conflict");
        doors.api.post(&approve, json!({})).await.problem(404, "not_found");
    });
}

/// Nobody told us of the new key, and whoever makes signatures fail does not make us ask the provider all the time.
#[test]
fn a_signature_by_a_key_that_nobody_knows_has_the_metadata_looked_at_once_a_minute() {
    run(async {
        let provider = SimpleSaml::start();
        let doors = doors(&provider, json!({}), json!({})).await;
        doors.user("alice").await;
        let clock = Arc::new(FixedClock::at(SystemClock.now() + TimeDelta::minutes(2)));
        let (_serving, server) = start(Arc::new(new_app_at(4, clock.clone())));
        let sign_in = async || Browser::at(&server).sign_in_by_saml(&doors.tenant.slug, "alice").await;
        let waiting = async || {
            let view = doors.api.get("/saml-connections/idp").await.is(200).json();
            certificates(&view, "pending")
        };
        let signs_with = |name: &str| {
            provider.make_key(name);
            provider.set(&json!({"privatekey": format!("{name}.key"), "certificate": format!("{name}.crt")}));
        };
        sign_in().await.is(303);
        assert!(waiting().await.is_empty());

        signs_with("second");
        sign_in().await.page(403, "signature");
        let found = waiting().await;
        signs_with("third");
        sign_in().await.page(403, "signature");
        assert_eq!((found.len(), waiting().await), (1, found.clone()));

        clock.advance(TimeDelta::minutes(1));
        sign_in().await.page(403, "signature");
        let newest = waiting().await;
        assert!(newest.len() == 1 && newest != found, "{newest:?}");
        let approve = format!("/saml-connections/idp/certificates/{}", newest[0]);
        doors.api.post(&approve, json!({})).await.is(200);
        sign_in().await.is(303);
    });
}

#[test]
fn an_encrypted_assertion_is_read_also_while_one_key_replaces_the_other() {
    run(async {
        let doors = doors(simplesaml(), json!({}), json!({"assertion.encryption": true})).await;
        doors.user("alice").await;
        let slug = doors.tenant.slug.clone();
        let sign_in = async || Browser::new().sign_in_by_saml(&slug, "alice").await.is(303);
        let states = |view: &Value| -> Vec<String> {
            view["keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key["state"].as_str().unwrap().to_owned())
                .collect()
        };
        sign_in().await;

        let both = doors.api.post("/saml-connections/idp/keys", json!({})).await.is(201).json();
        sign_in().await;
        doors.api.post("/saml-connections/idp/keys", json!({})).await.problem(409, "conflict");
        let switched = doors.api.post("/saml-connections/idp/keys/switch", json!({})).await.is(200).json();

        assert_eq!(states(&both), ["current", "next"]);
        assert_eq!(states(&switched), ["current", "former"]);
        assert_eq!(both["keys"][1]["fingerprint"], switched["keys"][0]["fingerprint"]);
        let metadata = Browser::new().get(&format!("{}/saml/{slug}/idp/metadata", base())).await.is(200).text;
        assert_eq!(metadata.matches("use=\"encryption\"").count(), 2);
        // The provider still has the metadata of before: it verifies by both keys and encrypts to the former.
        simplesaml().register(&slug, &json!({"assertion.encryption": true})).await;
        sign_in().await;
        doors.api.delete("/saml-connections/idp/keys/former").await.is(204);
        doors.api.post("/saml-connections/idp/keys/switch", json!({})).await.problem(409, "conflict");
    });
}

/// The shape of Entra ID and Auth0: AES-256-GCM, signed inside, the response not signed.
#[test]
fn samlp_encrypts_what_it_signs() {
    run(async {
        for path in ["/sso", "/sso-signed", "/sso-encrypted"] {
            let provider = Samlp::start(path, "redirect");
            let doors = Doors::fresh().await;
            connect(&doors, &provider.metadata_url(), json!({"groupsAttribute": "groups"})).await;
            provider.know(&doors.tenant.slug).await;
            doors.user("bob").await;

            let browser = Browser::new();
            browser.sign_in_by_saml(&doors.tenant.slug, "bob").await.is(303);

            session_at(base(), &browser.session().unwrap()).await.is(200);
        }
    });
}

#[test]
fn who_signs_out_at_the_provider_is_signed_out_here_and_the_provider_is_told() {
    run(async {
        let provider = simplesaml();
        let doors = doors(provider, json!({}), json!({})).await;
        let slug = doors.tenant.slug.clone();
        doors.user("alice").await;
        doors.user("bob").await;
        let (browser, elsewhere, other) = (Browser::new(), Browser::new(), Browser::new());
        browser.sign_in_by_saml(&slug, "alice").await.is(303);
        elsewhere.sign_in_by_saml(&slug, "alice").await.is(303);
        other.sign_in_by_saml(&slug, "bob").await.is(303);
        let session = browser.session().unwrap();

        let asked =
            browser.until_address(&provider.sign_out(), &format!("{PUBLIC}/saml/{slug}/idp/slo")).await;
        let answered = browser.get(&asked).await.is(303);

        assert!(
            answered.header("location").starts_with(&provider.address),
            "{}",
            answered.header("location")
        );
        session_at(base(), &session).await.is(401);
        session_at(base(), &elsewhere.session().unwrap()).await.is(200);
        session_at(base(), &other.session().unwrap()).await.is(200);
        // SimpleSAMLphp verifies our answer and goes on to where it was asked to.
        let done =
            browser.until_address(answered.header("location"), &format!("{}bye", provider.address)).await;
        assert!(done.ends_with("bye"), "{done}");
        browser.get(&asked).await.page(400, "replayed");
    });
}

#[test]
fn who_signs_out_here_is_signed_out_at_simplesamlphp_too() {
    run(async {
        let provider = simplesaml();
        let doors = doors(provider, json!({}), json!({})).await;
        let slug = doors.tenant.slug.clone();
        doors.user("alice").await;
        let bob = doors.user("bob").await;
        let (browser, stranger) = (Browser::new(), Browser::new());
        browser.sign_in_by_saml(&slug, "alice").await.is(303);
        let session = browser.session().unwrap();

        let asked = browser.sign_out().await.is(303);

        session_at(base(), &session).await.is(401);
        let asked = asked.header("location");
        assert!(asked.starts_with(&provider.address) && asked.contains("Signature="), "{asked}");
        let back = browser.until_address(asked, &format!("{PUBLIC}/saml/{slug}/idp/slo")).await;
        stranger.get(&back).await.page(400, "no-flow");
        browser.get(&back).await.page(200, "signed-out");
        browser.get(&back).await.page(400, "no-flow");
        // Its own session is over, too: it asks who this is.
        browser.sign_in_by_saml(&slug, "bob").await.is(303);
        let body = session_at(base(), &browser.session().unwrap()).await.is(200).json();
        assert_eq!(body["user"]["id"], json!(bob));
    });
}

#[test]
fn samlp_takes_and_sends_logouts_by_both_bindings() {
    run(async {
        for logout in ["redirect", "post"] {
            let provider = Samlp::start("/sso", logout);
            let doors = Doors::fresh().await;
            connect(&doors, &provider.metadata_url(), json!({})).await;
            let slug = doors.tenant.slug.clone();
            provider.know(&slug).await;
            doors.user("bob").await;
            let (slo, at_provider) =
                (format!("{PUBLIC}/saml/{slug}/idp/slo"), format!("{}/logout", provider.address));
            let browser = Browser::new();

            browser.sign_in_by_saml(&slug, "bob").await.is(303);
            let session = browser.session().unwrap();
            let asked = browser.sign_out().await;
            session_at(base(), &session).await.is(401);
            let answered = browser.onward(asked, &at_provider).await;
            browser.onward(answered, &slo).await.page(200, "signed-out");

            browser.sign_in_by_saml(&slug, "bob").await.is(303);
            let session = browser.session().unwrap();
            let asked = browser.get(&at_provider).await;
            let answered = browser.onward(asked, &slo).await;
            session_at(base(), &session).await.is(401);
            browser.onward(answered, &at_provider).await.is(200);
        }
    });
}

#[test]
fn an_answer_that_does_not_hold_does_not_promise_that_all_sessions_are_over() {
    run(async {
        let provider = Samlp::start("/sso", "post");
        let doors = Doors::fresh().await;
        connect(&doors, &provider.metadata_url(), json!({})).await;
        let slug = doors.tenant.slug.clone();
        provider.know(&slug).await;
        doors.user("bob").await;
        let browser = Browser::new();
        browser.sign_in_by_saml(&slug, "bob").await.is(303);
        let asked = browser.sign_out().await;
        let answered = browser.onward(asked, &format!("{}/logout", provider.address)).await;
        let mut form = Form::on(&answered.text, &provider.address, "").unwrap();
        let both = [form.fields.clone(), vec![("SAMLRequest".to_owned(), "x".to_owned())]].concat();
        browser.submit(Form { action: form.action.clone(), fields: both }).await.page(400, "parameter");
        let document = STANDARD.decode(&form.fields[0].1).unwrap();
        let changed =
            String::from_utf8(document).unwrap().replace("Version=\"2.0\"", "Version=\"2.0\" Consent=\"x\"");
        form.fields[0].1 = STANDARD.encode(changed);

        let last = browser.submit(form).await.page(200, "signed-out");

        assert!(last.text.contains("did not confirm"), "{}", last.text);
    });
}

#[test]
fn who_was_to_be_signed_out_and_was_not_reads_so_and_the_administrator_why() {
    run(async {
        let doors = doors(simplesaml(), json!({}), json!({})).await;
        doors.user("alice").await;
        let slug = doors.tenant.slug.clone();
        let browser = Browser::new();
        browser.sign_in_by_saml(&slug, "alice").await.is(303);
        let slo = format!("{PUBLIC}/saml/{slug}/idp/slo");
        let provider = doors.api.get("/connections/idp").await.is(200).json();
        let unsigned = format!(
            r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_l1" Version="2.0" IssueInstant="{}" Destination="{slo}"><saml:Issuer>{}</saml:Issuer><saml:NameID>x</saml:NameID></samlp:LogoutRequest>"#,
            SystemClock.now().format("%Y-%m-%dT%H:%M:%SZ"),
            text(&provider["issuer"]),
        );

        for _ in 0..2 {
            let fields = vec![("SAMLRequest".to_owned(), STANDARD.encode(&unsigned))];
            let page = browser.submit(Form { action: slo.clone(), fields }).await.page(403, "token_invalid");
            assert!(page.text.contains("You were not signed out here"), "{}", page.text);
            assert!(!page.text.contains("nobody was signed in") && !page.text.contains("Sign in again"));
        }

        session_at(base(), &browser.session().unwrap()).await.is(200);
        let trail = doors.audit(&text(&provider["id"])).await;
        let refused = |event: &&Value| event["action"] == "connection.logout_refuse";
        let details: Vec<_> = trail.iter().filter(refused).map(|it| text(&it["after"]["detail"])).collect();
        assert!(details.len() == 1 && details[0].contains("is not signed"), "{details:?}");
    });
}

#[test]
fn a_connection_says_what_it_has_and_when_that_ends() {
    run(async {
        let doors = Doors::fresh().await;
        let view = connect(&doors, &simplesaml().metadata_url(), json!({"clockSkewSeconds": 10})).await;
        let published = async || {
            let metadata = format!("/saml/{}/idp", doors.tenant.slug);
            Client::at(&metadata).get("/metadata").await.is(200).text.clone()
        };
        let format =
            "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>";
        assert!(published().await.contains(format));
        doors
            .api
            .change("/saml-connections/idp", json!({"rules": {"subjectAttribute": "uid"}}))
            .await
            .is(200);
        assert!(!published().await.contains("NameIDFormat"), "another attribute names people");
        doors.api.change("/saml-connections/idp", json!({"rules": {"clockSkewSeconds": 10}})).await.is(200);

        assert_eq!(view["connection"]["kind"], "saml");
        assert_eq!(view["rules"]["clockSkewSeconds"], 10);
        assert_eq!(view["connection"]["redirectUri"], format!("{PUBLIC}/saml/{}/idp/acs", doors.tenant.slug));
        assert_eq!(doors.api.get("/connections/idp").await.is(200).json(), view["connection"]);
        let calendar = doors.api.get("/certificate-calendar").await.is(200).json();
        let kinds: Vec<_> =
            calendar["items"].as_array().unwrap().iter().map(|it| it["kind"].clone()).collect();
        assert_eq!(kinds, ["certificate", "key"]);
        assert_eq!(calendar["items"][0]["daysLeft"], 3 * 365 - 1);

        let rules = json!({"rules": {"allowUnsolicited": true}});
        let changed = doors.api.change("/saml-connections/idp", rules).await.is(200).json();
        assert_eq!(
            (&changed["rules"]["allowUnsolicited"], &changed["rules"]["clockSkewSeconds"]),
            (&json!(true), &json!(60))
        );
        for refused in [
            json!({"rules": {"clockSkewSeconds": 301}}),
            json!({"rules": {"nameIdFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}}),
            json!({"metadata": "<a/>"}),
            json!({"metadata": "<a/>", "metadataUrl": "https://idp.example"}),
            json!({"metadataUrl": "http://10.0.0.1/metadata"}),
        ] {
            doors.api.change("/saml-connections/idp", refused).await.is(400);
        }
        doors.connection("op", "https://idp.example").await;
        doors.api.get("/saml-connections/op").await.problem(404, "not_found");
        doors.api.get("/saml-connections/nothing").await.problem(404, "not_found");
    });
}

/// Checks 1, 2 and 3 at the door.
#[test]
fn the_door_takes_one_form_at_the_address_of_a_connection_that_is_open() {
    run(async {
        let doors = doors(simplesaml(), json!({}), json!({})).await;
        doors.user("alice").await;
        let browser = Browser::new();
        let answer = browser.until_answer(&doors.tenant.slug, "alice").await;
        let address = answer.action.clone();
        let with = |action: &str, fields: &[(String, String)]| Form {
            action: action.to_owned(),
            fields: fields.to_vec(),
        };

        browser.get(&address).await.is(405);
        browser.submit(with(&address, &[])).await.page(400, "parameter");
        browser
            .submit(with(&address, &[answer.fields.clone(), answer.fields.clone()].concat()))
            .await
            .page(400, "parameter");
        let long = [("SAMLResponse".to_owned(), "A".repeat(400 * 1024))];
        browser.submit(with(&address, &long)).await.is(413);
        browser
            .submit(with(&address.replace("/idp/", "/other/"), &answer.fields))
            .await
            .page(404, "unknown-door");
        doors.api.change("/connections/idp", json!({"state": "paused"})).await.is(200);
        browser.submit(answer).await.page(403, "paused");
        doors.api.change("/connections/idp", json!({"state": "active"})).await.is(200);
        browser.sign_in_by_saml(&doors.tenant.slug, "alice").await.is(303);
    });
}
