//! An authenticator without hands: it has one passkey and says of itself what it is told to say. Knows what browsers do with
//! the pages about passkeys; the checks themselves are tried in `src/sso/tests/passkey`.

use std::sync::{Arc, LazyLock};

use app::App;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Clock;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;
use serde_json::{Value, json};
use usher::http::Serving;
use usher::system::SystemClock;

use super::http::{Doors, Reply, start_at};
use super::provider::Browser;

pub struct Authenticator {
    key: PKey<Private>,
    /// Where its browser is.
    origin: String,
    id: [u8; 16],
    /// Whose passkey it has.
    user: String,
    /// How often it was used.
    pub counter: u32,
}

impl Authenticator {
    pub fn at(origin: &str) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut id = [0; 16];
        openssl::rand::rand_bytes(&mut id).unwrap();
        Self { key, origin: origin.to_owned(), id, user: String::new(), counter: 0 }
    }

    /// What the script of this page would send for a new passkey.
    pub fn registers(&mut self, page: &Reply) -> String {
        let options = asked(page);
        self.user = options["user"]["id"].as_str().unwrap().to_owned();
        let mut data = self.data(0b0100_0101);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        json!({
            "clientDataJSON": self.client_data("webauthn.create", &options),
            "authenticatorData": b64(data),
            "publicKey": b64(self.key.public_key_to_der().unwrap()),
            "discoverable": true,
        })
        .to_string()
    }

    /// What it would send to prove that passkey.
    pub fn proves(&mut self, page: &Reply) -> String {
        self.counter += 1;
        let data = self.data(0b0000_0101);
        let client_data = self.client_data("webauthn.get", &asked(page));
        let hash = sha256(&URL_SAFE_NO_PAD.decode(&client_data).unwrap());
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        let signature = signer.sign_oneshot_to_vec(&[data.as_slice(), hash.as_slice()].concat()).unwrap();
        json!({
            "id": b64(self.id), "userHandle": self.user, "clientDataJSON": client_data,
            "authenticatorData": b64(data), "signature": b64(signature),
        })
        .to_string()
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        b64(json!({"type": kind, "challenge": options["challenge"], "origin": self.origin}).to_string())
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = sha256(b"localhost").to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a page has its script ask.
fn asked(page: &Reply) -> Value {
    let text = page.text.split("data-options=\"").nth(1).unwrap_or_else(|| panic!("{}", page.text));
    let text = text.split('"').next().unwrap().replace("&#34;", "\"").replace("&#38;", "&");
    serde_json::from_str::<Value>(&text).unwrap()["publicKey"].clone()
}

/// An application that browsers reach under a host name, and its address.
pub struct Named {
    pub app: Arc<App>,
    pub server: String,
    _serving: Serving,
}

impl Named {
    /// The one of the run.
    pub fn get() -> &'static Self {
        static NAMED: LazyLock<Named> = LazyLock::new(|| Named::at(Arc::new(SystemClock)));
        &NAMED
    }

    /// One with a clock of its own.
    pub fn at(clock: Arc<dyn Clock>) -> Self {
        let port = super::program::free_port();
        let server = format!("http://localhost:{port}");
        let app = Arc::new(super::new_app_named(&server, clock));
        let (serving, _) = start_at(Arc::clone(&app), port);
        Self { app, server, _serving: serving }
    }

    /// The secret in a fresh link to register a passkey.
    pub async fn invite(&self, doors: &Doors, person: &str) -> String {
        let (admin, person) = (&doors.tenant.admin, person.parse().unwrap());
        let link = self.app.invite_passkey(admin, &doors.tenant.slug, person).await.unwrap();
        let (address, secret) = link.address.split_once('#').unwrap();
        assert_eq!(address, self.page(&doors.tenant.slug, "/register"));
        secret.to_owned()
    }

    /// A page about passkeys of a tenant.
    pub fn page(&self, slug: &str, rest: &str) -> String {
        format!("{}/passkey/{slug}{rest}", self.server)
    }

    /// Goes from a link's secret to what is said of the passkey that its authenticator made.
    pub async fn register(&self, browser: &Browser, slug: &str, secret: &str) -> (Authenticator, Reply) {
        let page = browser.fill_in(&self.page(slug, "/register"), &[("invitation", secret)]).await.is(200);
        let mut device = Authenticator::at(&self.server);
        let answer = device.registers(&page);
        let fields = [("answer", answer.as_str()), ("name", "Blue key")];
        (device, browser.fill_in(&self.page(slug, "/registered"), &fields).await)
    }

    /// Somebody local with a passkey: their id and their authenticator.
    pub async fn protected(&self, doors: &Doors, name: &str) -> (String, Authenticator) {
        let person = doors.api.post("/users", json!({"userName": name})).await.is(201).id();
        let secret = self.invite(doors, &person).await;
        let (device, reply) = self.register(&Browser::at(&self.server), &doors.tenant.slug, &secret).await;
        reply.is(200);
        (person, device)
    }

    /// Signs in by this authenticator.
    pub async fn sign_in(&self, browser: &Browser, slug: &str, device: &mut Authenticator) -> Reply {
        let page = browser.get(&self.page(slug, "")).await.is(200);
        let answer = device.proves(&page);
        browser.fill_in(&self.page(slug, ""), &[("answer", answer.as_str())]).await
    }
}
