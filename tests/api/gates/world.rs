//! A tenant with a gate and somebody who is signed in, a proxy's questions, and a browser's way to a pass.

use reqwest::{RequestBuilder, Url};
use serde_json::{Value, json};

use crate::support::http::{COOKIE, Doors, PUBLIC, Reply, agent, base, text};

pub const WIKI: &str = "https://wiki.example";
pub const PAGE: &str = "text/html,*/*;q=0.8";

#[derive(Clone)]
pub struct World {
    pub doors: Doors,
    pub user: String,
    /// The session cookie of the browser, which only we are shown.
    pub session: String,
    pub gate: String,
    pub secret: String,
    /// The server that is asked.
    pub server: String,
}

/// A request that a proxy asks about.
#[derive(Clone)]
pub struct Asked {
    pub origin: String,
    pub method: &'static str,
    pub uri: String,
    pub accept: &'static str,
    pub cookie: Option<String>,
}

/// A script's request for this path of the wiki.
pub fn script(uri: &str) -> Asked {
    Asked { origin: WIKI.to_owned(), method: "GET", uri: uri.to_owned(), accept: "*/*", cookie: None }
}

/// A browser's request for this page of the wiki.
pub fn page(uri: &str) -> Asked {
    Asked { accept: PAGE, ..script(uri) }
}

impl Asked {
    pub fn with(mut self, cookie: &str) -> Self {
        self.cookie = Some(cookie.to_owned());
        self
    }

    pub fn at(mut self, origin: &str) -> Self {
        self.origin = origin.to_owned();
        self
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(json!({WIKI: [{"path": "/"}, {"path": "/assets", "public": true}]})).await
    }

    /// With a gate for these hosts.
    pub async fn with(hosts: Value) -> Self {
        Self::of(Doors::fresh().await, hosts).await
    }

    pub async fn of(doors: Doors, hosts: Value) -> Self {
        let user = doors.user("alice").await;
        let connection = doors.connection("x", "https://idp.example").await;
        let session = doors.session(&user, connection).await;
        let made = doors.api.post("/gates", json!({"name": "Edge", "hosts": hosts})).await.is(201).json();
        let (gate, secret) = (text(&made["id"]), text(&made["secret"]));
        Self { doors, user, session, gate, secret, server: base().to_owned() }
    }

    pub async fn set(&self, hosts: Value) {
        let wanted = json!({"name": "Edge", "hosts": hosts});
        self.doors.api.put(&format!("/gates/{}", self.gate), wanted).await.is(200);
    }

    /// What a proxy is answered.
    pub async fn ask(&self, asked: &Asked) -> Reply {
        self.ask_with(asked, "/forward-auth", |request| request).await
    }

    pub async fn ask_with(
        &self,
        asked: &Asked,
        address: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Reply {
        let (scheme, host) = asked.origin.split_once("://").unwrap();
        let mut request = agent()
            .get(format!("{}{address}", self.server))
            .bearer_auth(&self.secret)
            .header("x-forwarded-method", asked.method)
            .header("x-forwarded-proto", scheme)
            .header("x-forwarded-host", host)
            .header("x-forwarded-uri", &asked.uri)
            .header("accept", asked.accept);
        if let Some(cookie) = &asked.cookie {
            request = request.header("cookie", cookie);
        }
        Reply::of(format!("{} {}{}", asked.method, asked.origin, asked.uri), change(request)).await
    }

    /// Comes to us from a host, with the session's cookie.
    pub async fn come(&self, location: &str) -> Reply {
        self.come_with(location, Some(&self.session)).await
    }

    pub async fn come_with(&self, location: &str, session: Option<&str>) -> Reply {
        let path = location.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("not to us: {location}"));
        let mut request = agent().get(format!("{}{path}", self.server));
        if let Some(session) = session {
            request = request.header("cookie", format!("{COOKIE}={session}"));
        }
        Reply::of(format!("GET {location}"), request).await
    }

    /// Goes the whole way from a page of a host, and returns the cookie of the pass there.
    pub async fn pass_at(&self, origin: &str) -> String {
        let sent = self.ask(&page("/start?x=1").at(origin)).await.is(303);
        let way = cookie(&sent, "way");
        let back = self.come(sent.header("location")).await.is(303);
        let entered = self.ask(&page(&path_of(&back, origin)).at(origin).with(&way)).await.is(303);
        assert_eq!(entered.header("location"), "/start?x=1");
        cookie(&entered, "pass")
    }

    pub async fn pass(&self) -> String {
        self.pass_at(WIKI).await
    }
}

/// Path and query of where a browser is sent on a host.
#[track_caller]
pub fn path_of(reply: &Reply, origin: &str) -> String {
    let url = Url::parse(reply.header("location")).unwrap();
    assert_eq!(url.origin().ascii_serialization(), origin);
    url.as_str().strip_prefix(origin).unwrap().to_owned()
}

/// A cookie that an answer sets on a host behind a gate: `name=value`.
#[track_caller]
pub fn cookie(reply: &Reply, what: &str) -> String {
    let set = reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let mut found = set.filter_map(|cookie| cookie.split(';').next()).filter(|cookie| {
        let name = cookie.split('=').next().unwrap();
        name == format!("usher-{what}") || name == format!("__Host-usher-{what}")
    });
    found.next().unwrap_or_else(|| panic!("{} sets no {what}: {:?}", reply.asked, reply.headers)).to_owned()
}
