//! A real OpenID provider, oidc-provider of `testbed/`, and a browser for its forms. One for the run; a test takes one
//! of the callbacks that it was told of beforehand.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use reqwest::Url;
use reqwest::cookie::{CookieStore as _, Jar};
use serde_json::{Value, json};

use super::http::{COOKIE, PUBLIC, Reply, agent, base};
use super::program::{Program, Up, free_port};

/// How many tenants can sign in at the provider during a run.
const TENANTS: usize = 117;
const MOST_HOPS: usize = 20;
/// Everybody's; to oidc-provider any is right.
pub const PASSWORD: &str = "anything";

pub struct Provider {
    pub issuer: String,
    /// The address of the Usher that it knows.
    public: String,
    slugs: Vec<String>,
    taken: AtomicUsize,
    _program: Program,
}

/// The provider of the run.
pub fn provider() -> &'static Provider {
    static PROVIDER: LazyLock<Provider> = LazyLock::new(Provider::start);
    &PROVIDER
}

impl Provider {
    /// One of its own, for tests that change what it is.
    pub fn start() -> Self {
        Self::of((PUBLIC, base()), (0..TENANTS).map(|_| super::fresh_slug()).collect())
    }

    /// One for the tenants of these slugs, of an Usher with this address that really listens at the other.
    pub fn of((public, server): (&str, &str), slugs: Vec<String>) -> Self {
        let program = state().join("node/op.mjs");
        assert!(program.exists(), "{} is not there: run `./x setup` first", program.display());
        let port = free_port();
        let callbacks: Vec<String> =
            slugs.iter().map(|slug| format!("{public}/oidc/{slug}/op/callback")).collect();
        let mut command = Command::new(node());
        command
            .arg(program)
            .env("PORT", port.to_string())
            .env("GATEWAY", public)
            .env("GATEWAY_AT", server)
            .env("REDIRECT_URIS", callbacks.join(","));
        let program = Program::start(&command, Up::Says);
        let issuer = format!("http://127.0.0.1:{port}");
        Self { issuer, public: public.to_owned(), slugs, taken: AtomicUsize::new(0), _program: program }
    }

    /// Registers a client for the connection `op` of this tenant alone. What is registered, with its id and secret.
    pub async fn register(&self, tenant: &str, change: Value) -> Value {
        let ours = |what: &str| format!("{}/oidc/{tenant}/op/{what}", self.public);
        let mut client = json!({
            "redirect_uris": [ours("callback")],
            "post_logout_redirect_uris": [ours("signed-out")],
            "backchannel_logout_uri": ours("backchannel-logout"),
            "backchannel_logout_session_required": true,
        });
        client.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let request = agent().post(format!("{}/reg", self.issuer)).json(&client);
        Reply::of("POST /reg".to_owned(), request).await.is(201).json()
    }

    /// Replaces its signing keys.
    pub async fn rotate(&self) {
        let request = agent().post(format!("{}/rotate", self.issuer));
        Reply::of("POST /rotate".to_owned(), request).await.is(204);
    }

    /// A tenant's slug whose connection `op` the provider knows.
    pub fn slug(&self) -> String {
        let next = self.taken.fetch_add(1, Ordering::Relaxed);
        self.slugs.get(next).expect("more tests sign in than TENANTS says").clone()
    }
}

/// Where `./x setup` puts what it installs.
#[expect(clippy::disallowed_methods, reason = "`./x test` says where by a variable")]
pub fn state() -> PathBuf {
    std::env::var_os("USHER_TESTBED_STATE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".usher"), PathBuf::from)
}

/// The Node that runs the programs of others.
pub fn node() -> PathBuf {
    let own = state().join("node/bin/node");
    if own.exists() { own } else { PathBuf::from("node") }
}

/// A browser: keeps cookies, goes where it is sent on this machine, fills in forms.
pub struct Browser {
    agent: reqwest::Client,
    jar: Arc<Jar>,
    /// The server that it reaches at [`PUBLIC`].
    server: String,
    pub language: &'static str,
}

impl Browser {
    pub fn new() -> Self {
        Self::at(base())
    }

    #[expect(clippy::disallowed_methods, reason = "tests talk to servers on loopback")]
    pub fn at(server: &str) -> Self {
        let jar = Arc::new(Jar::default());
        let agent = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .cookie_provider(Arc::clone(&jar))
            .build()
            .unwrap();
        Self { agent, jar, server: server.to_owned(), language: "en" }
    }

    fn real(&self, address: &str) -> String {
        match address.strip_prefix(PUBLIC) {
            Some(path) => format!("{}{path}", self.server),
            None => address.to_owned(),
        }
    }

    pub async fn get(&self, address: &str) -> Reply {
        let request = self.agent.get(self.real(address)).header("accept-language", self.language);
        Reply::of(format!("GET {address}"), request).await
    }

    /// The same as a browser that shows a page next.
    pub async fn get_page(&self, address: &str) -> Reply {
        let request = self.agent.get(self.real(address)).header("accept", "text/html,*/*;q=0.8");
        Reply::of(format!("GET {address}"), request.header("sec-fetch-mode", "navigate")).await
    }

    /// Sends a form's fields to an address.
    pub async fn fill_in(&self, address: &str, fields: &[(&str, &str)]) -> Reply {
        let request =
            self.agent.post(self.real(address)).header("accept-language", self.language).form(fields);
        Reply::of(format!("POST {address}"), request).await
    }

    /// Signs out at Usher as a page's form does, with the session's cookie.
    pub async fn sign_out(&self) -> Reply {
        let address = format!("{PUBLIC}/logout");
        let request = self.agent.post(self.real(&address)).header("accept", "text/html");
        Reply::of(format!("POST {address}"), request).await
    }

    /// Confirms signing out at the provider, on the page at this address, and returns where that sends the browser to; the
    /// provider's own page, if nowhere.
    pub async fn confirm_sign_out(&self, address: &str) -> Reply {
        let page = self.get(address).await.is(200);
        let form = Form::on(&page.text, address, "");
        let mut form = form.unwrap_or_else(|| panic!("no form: {}", page.text));
        form.fields.push(("logout".to_owned(), "yes".to_owned()));
        self.submit(form).await.is(303)
    }

    /// Sends a form to where it wants to go.
    pub async fn submit(&self, form: Form) -> Reply {
        let request = self.agent.post(self.real(&form.action)).form(&form.fields);
        Reply::of(format!("POST {}", form.action), request).await
    }

    /// Goes from Usher's door through the provider, as this person, up to the callback, which it does not visit.
    pub async fn until_callback(&self, tenant: &str, person: &str) -> String {
        self.until_callback_from(&format!("{PUBLIC}/login/{tenant}/op"), tenant, person).await
    }

    /// The same from another address of the door.
    pub async fn until_callback_from(&self, door: &str, tenant: &str, person: &str) -> String {
        let callback = format!("{PUBLIC}/oidc/{tenant}/op/callback");
        let mut reply = self.get(door).await.is(303);
        for _ in 0..MOST_HOPS {
            if (300..400).contains(&reply.status) {
                let here = reply.asked.split_once(' ').unwrap().1;
                let next = Url::parse(here).unwrap().join(reply.header("location")).unwrap();
                if next.as_str().starts_with(&callback) {
                    return next.to_string();
                }
                reply = self.get(next.as_str()).await;
            } else {
                let here = reply.asked.split_once(' ').unwrap().1;
                let form = Form::on(&reply.text, here, person);
                reply = self.submit(form.unwrap_or_else(|| panic!("no form: {}", reply.text))).await;
            }
        }
        panic!("no end of hops, the last of them {}", reply.asked);
    }

    /// Signs in as this person and returns what the callback answered.
    pub async fn sign_in(&self, tenant: &str, person: &str) -> Reply {
        let callback = self.until_callback(tenant, person).await;
        self.get(&callback).await
    }

    /// Holds the cookie of a session that began elsewhere.
    pub fn hold(&self, session: &str) {
        let server = Url::parse(&self.server).unwrap();
        self.jar.add_cookie_str(&format!("{COOKIE}={session}; Path=/"), &server);
    }

    /// Holds no session any more.
    pub fn forget(&self) {
        let server = Url::parse(&self.server).unwrap();
        self.jar.add_cookie_str(&format!("{COOKIE}=; Path=/; Max-Age=0"), &server);
    }

    /// The value of the cookie that a sign-in at this address is bound to.
    pub fn flow(&self, address: &str, connection: &str) -> Option<String> {
        self.cookie(&self.real(address), &format!("usher-flow-{connection}"))
    }

    /// The value of the session cookie.
    pub fn session(&self) -> Option<String> {
        self.cookie(&format!("{}/", self.server), COOKIE)
    }

    fn cookie(&self, address: &str, name: &str) -> Option<String> {
        let cookies = self.jar.cookies(&Url::parse(address).unwrap())?;
        let cookies = cookies.to_str().unwrap().to_owned();
        cookies.split("; ").find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    }
}

/// A form with its fields filled in.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The first form of the page at this address, for this person.
    pub fn on(page: &str, here: &str, person: &str) -> Option<Self> {
        let form = page.split("<form").nth(1)?.split("</form>").next()?;
        let fields = form.split("<input").skip(1).filter_map(|input| {
            let input = input.split('>').next()?;
            let name = attribute(input, "name")?;
            let value = match name.as_str() {
                "login" | "username" => person.to_owned(),
                "password" => PASSWORD.to_owned(),
                _ => attribute(input, "value").unwrap_or_default(),
            };
            Some((name, value))
        });
        let action = Url::parse(here).ok()?.join(&attribute(form, "action")?).ok()?;
        Some(Self { action: action.into(), fields: fields.collect() })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&quot;", "\"").replace("&#38;", "&").replace("&amp;", "&"))
}
