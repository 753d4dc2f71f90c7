//! The mails with invitations, at a real mail server: sent once, tried again, given up, and never more than one header long.

use std::sync::Arc;

use app::App;
use app::invitations::{Invite, Invited};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::grant_rules::House;
use crate::support::http::{db, text};
use crate::support::passkey::Named;
use crate::support::program::free_port;
use crate::support::provider::Browser;
use crate::support::run;
use crate::support::smtp::{MailServer, app_mailing};

/// A tenant, and an application that sends its mails.
struct Post {
    house: House,
    app: Arc<App>,
}

impl Post {
    async fn of(app: Arc<App>) -> Self {
        Self { house: House::of("momos").await, app }
    }

    async fn invite(&self, address: &str, language: &str) -> Invited {
        let invite =
            Invite { address: address.to_owned(), language: Some(language.to_owned()), ..Invite::default() };
        let tenant = &self.house.0.tenant;
        self.app.invite(&tenant.admin, &tenant.slug, invite).await.unwrap()
    }

    async fn send(&self) {
        self.app.send_invitations(self.house.0.tenant.admin.scope().tenant()).await.unwrap();
    }

    async fn mail(&self, made: &Invited) -> Value {
        let id = made.invitation.id;
        let shown = self.app.show_invitation(&self.house.0.tenant.admin, id).await.unwrap();
        serde_json::to_value(shown).unwrap()["mail"].clone()
    }
}

/// The header of this name, and the body, of a mail with lines of any length.
fn parts(mail: &Value) -> (Vec<String>, String) {
    let data = text(&mail["data"]).replace("\r\n", "\n");
    let (head, body) = data.split_once("\n\n").unwrap();
    (head.replace("\n ", " ").lines().map(str::to_owned).collect(), decoded(head, body))
}

/// A body as it was before it was made fit for the wire.
fn decoded(head: &str, body: &str) -> String {
    use base64::Engine as _;
    let lower = head.to_ascii_lowercase();
    if lower.contains("content-transfer-encoding: base64") {
        let text: String = body.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        return String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    }
    if !lower.contains("content-transfer-encoding: quoted-printable") {
        return body.to_owned();
    }
    let body = body.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = body.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'=', [high, low, more @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = more;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// MOM-14, MOM-19
#[test]
fn a_mail_leaves_in_the_invitees_language_with_the_link_that_is_accepted() {
    run(async {
        let server = MailServer::start();
        let post = Post::of(server.app()).await;
        for language in ["ja", "en", "fr"] {
            let made = post.invite(&format!("{language}@acme.example"), language).await;
            assert_eq!(post.mail(&made).await["state"], "waiting");

            post.send().await;

            let mail = server.mails(1).remove(0);
            assert_eq!(
                (&mail["from"], &mail["to"]),
                (&json!("usher@mail.example"), &json!([format!("{language}@acme.example")]))
            );
            let (headers, body) = parts(&mail);
            assert!(headers.iter().any(|line| line == "From: Usher <usher@mail.example>"), "{headers:?}");
            assert!(
                headers.iter().any(|line| line.starts_with(&format!("Message-ID: <{}.", made.invitation.id))),
                "{headers:?}"
            );
            assert!(body.contains(&format!("\n{}\n", made.link)), "{body}");
            let after = post.mail(&made).await;
            assert_eq!((&after["state"], &after["from"]), (&json!("sent"), &json!("usher@mail.example")));
            let advice: Vec<&Value> = after["help"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
            assert_eq!(advice, ["check_address", "look_in_spam"]);
            let spam = text(&after["help"][1]["text"][language]);
            assert!(spam.contains("usher@mail.example"), "{spam}");
            let secret = made.link.split_once('#').unwrap().1;
            let named = Named::get();
            let page = format!("{}/invitation/{}", named.server, post.house.0.tenant.slug);
            Browser::at(&named.server).fill_in(&page, &[("invitation", secret)]).await.is(200);
        }
        post.send().await;
        server.mails(0);
    });
}

/// MOM-18, MOM-20
#[test]
fn what_the_mail_server_refuses_is_said_with_its_words_and_with_advice() {
    run(async {
        let server = MailServer::start();
        let post = Post::of(server.app()).await;
        let made = post.invite("refused@acme.example", "en").await;

        post.send().await;

        let mail = post.mail(&made).await;
        assert_eq!((&mail["state"], &mail["attempts"]), (&json!("refused"), &json!(1)));
        assert!(
            text(&mail["answer"]).contains("550") && text(&mail["answer"]).contains("No such mailbox here"),
            "{mail}"
        );
        let advice: Vec<&Value> = mail["help"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        assert_eq!(advice, ["check_address", "bounced", "domain_blocks_us"]);
        let trail = post.house.0.audit(&made.invitation.id.to_string()).await;
        assert_eq!(trail.last().unwrap()["action"], "invitation.undelivered");
        post.send().await;
        server.mails(0);
        // The link that the answer had is as good as ever, and is what can be handed on.
        let secret = made.link.split_once('#').unwrap().1;
        let named = Named::get();
        let page = format!("{}/invitation/{}", named.server, post.house.0.tenant.slug);
        Browser::at(&named.server).fill_in(&page, &[("invitation", secret)]).await.is(200);
    });
}

#[test]
fn what_is_refused_for_now_is_tried_again_and_given_up_in_the_end() {
    run(async {
        let server = MailServer::start();
        let post = Post::of(server.app()).await;
        let (later, never) =
            (post.invite("later@acme.example", "en").await, post.invite("never@acme.example", "en").await);

        post.send().await;

        let sent = post.mail(&later).await;
        assert_eq!((&sent["state"], &sent["attempts"]), (&json!("sent"), &json!(2)));
        let given_up = post.mail(&never).await;
        assert_eq!((&given_up["state"], &given_up["attempts"]), (&json!("given_up"), &json!(3)));
        assert!(text(&given_up["answer"]).contains("451"), "{given_up}");
        assert_eq!(server.mails(1)[0]["to"], json!(["later@acme.example"]));
    });
}

#[test]
fn a_server_that_is_away_loses_no_mail() {
    run(async {
        let away = Post::of(app_mailing(free_port())).await;
        let made = away.invite("hana@acme.example", "en").await;
        away.send().await;
        let mail = away.mail(&made).await;
        assert_eq!(mail["state"], "given_up");
        assert!(text(&mail["answer"]).to_lowercase().contains("refused"), "{mail}");

        let server = MailServer::start();
        let back = Post { app: server.app(), ..away };
        let (tenant, resend) = (&back.house.0.tenant, app::invitations::Resend::default());
        let again = back
            .app
            .resend_invitation(&tenant.admin, &tenant.slug, made.invitation.id, resend)
            .await
            .unwrap();
        back.send().await;
        let (_, body) = parts(&server.mails(1)[0]);
        assert!(body.contains(&again.link) && again.link != made.link, "{body}");
    });
}

/// A process takes a mail and dies: nobody else sends it while its time lasts, and somebody does afterwards.
#[test]
fn of_several_processes_one_sends_and_one_that_died_is_followed() {
    run(async {
        let server = MailServer::start();
        let post = Post::of(server.app()).await;
        let addresses: Vec<String> = (0..12).map(|n| format!("guest{n}@acme.example")).collect();
        for address in &addresses {
            post.invite(address, "en").await;
        }
        let others: Vec<Post> =
            (0..3).map(|_| Post { app: server.app(), house: House(post.house.0.clone()) }).collect();

        join_all(others.iter().map(Post::send)).await;

        let mut sent: Vec<String> = server.mails(12).iter().map(|mail| text(&mail["to"][0])).collect();
        sent.sort();
        let mut expected = addresses.clone();
        expected.sort();
        assert_eq!(sent, expected);

        let late = post.invite("late@acme.example", "en").await;
        let scope = post.house.0.tenant.admin.scope();
        let mut tx = db().begin(scope).await.unwrap();
        assert_eq!(store::invitations::take_mails(&mut tx, 8).await.unwrap(), [late.invitation.id]);
        tx.commit_trace_of_use().await.unwrap();
        post.send().await;
        server.mails(0);
        crate::support::at_the_owners_seat(
            &post.house.0.tenant,
            &format!("UPDATE invitation SET mail_due_at = now() WHERE id = '{}'", late.invitation.id),
        )
        .await;
        post.send().await;
        assert_eq!(server.mails(1)[0]["to"], json!(["late@acme.example"]));
    });
}

#[test]
fn names_and_addresses_add_no_headers_and_addresses_of_the_world_arrive() {
    run(async {
        let server = MailServer::start();
        let post = Post::of(server.app()).await;
        crate::support::at_the_owners_seat(&post.house.0.tenant, &format!(
            "UPDATE tenant SET name = E'Evil\\r\\nBcc: eve@evil.example\\r\\n\\r\\nClick here' WHERE slug = '{}'",
            post.house.0.tenant.slug
        ))
        .await;
        post.invite("花子@例え.example", "ja").await;
        post.invite("o'hara+new@acme.example", "en").await;

        post.send().await;

        for mail in server.mails(2) {
            let (headers, body) = parts(&mail);
            assert!(headers.iter().all(|line| !line.to_lowercase().starts_with("bcc")), "{headers:?}");
            assert_eq!(mail["to"].as_array().unwrap().len(), 1, "{mail}");
            assert!(body.contains("Evil  Bcc: eve@evil.example"), "{body}");
        }

        let plain = MailServer::of(false);
        let old = Post { app: plain.app(), ..post };
        let made = old.invite("次郎@acme.example", "ja").await;
        old.send().await;
        assert_eq!(old.mail(&made).await["state"], "refused", "the server knows no such addresses");
        plain.mails(0);
    });
}

#[test]
fn without_a_mail_server_the_link_is_handed_on() {
    run(async {
        let house = House::of("momos").await;
        let made =
            house.0.api.post("/invitations", json!({"address": "hana@acme.example"})).await.is(201).json();

        let mail = &made["invitation"]["mail"];

        assert_eq!((&mail["state"], &mail["from"], &mail["help"]), (&json!("off"), &json!(null), &json!([])));
        assert!(text(&made["link"]).contains("/invitation/"), "{made}");
    });
}
