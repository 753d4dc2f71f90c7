//! The doors over HTTP: one server for the run, on a free port, and a client that keeps what it was answered.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use app::connections::{IssueCredential, NewConnection};
use app::login::{LinkTo, OpenIdRules};
use app::tenants::{NewOrgUnit, SeatLimit, SetSeatPool};
use app::{App, Operator, Scope};
use domain::id::{ConnectionId, SessionId, UserId};
use domain::seat::PoolClass;
use domain::token::{PlainToken, TokenKind};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use store::{Db, DbOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use usher::config::Config;
use usher::http::metrics::Metrics;
use usher::http::{AppState, Serving};
use usher::system::{SystemClock, SystemEntropy};

use super::people::Tenant;

/// The address under which browsers and identity providers know the servers of the tests.
pub const PUBLIC: &str = "http://127.0.0.1:9000";
pub const COOKIE: &str = "usher-dev";
pub const SCIM_JSON: &str = "application/scim+json";

const SETTINGS: &str = r#"
[http]
listen = "127.0.0.1:0"
public_url = "http://127.0.0.1:9000"
workers = 2

[limits]
per_credential_per_second = 1000000
burst = 1000000
per_address_per_second = 1000000

[development]
insecure_cookies = true
"#;

/// Where the server of the run listens: `http://127.0.0.1:port`.
pub fn base() -> &'static str {
    static SERVER: OnceLock<(Serving, String)> = OnceLock::new();
    let (_, base) = SERVER.get_or_init(|| start(super::app()));
    base
}

/// Another server, of this application.
pub fn start(app: Arc<App>) -> (Serving, String) {
    start_at(app, 0)
}

/// The same on this port.
pub fn start_at(app: Arc<App>, port: u16) -> (Serving, String) {
    start_with(app, &SETTINGS.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")))
}

/// One that lets each address ask so often in a second, and each tenant and connection.
pub fn start_limited(app: Arc<App>, (address, tenant): (u32, u32)) -> (Serving, String) {
    let address = format!("per_tenant_per_second = {tenant}\nper_address_per_second = {address}");
    start_with(app, &SETTINGS.replace("per_address_per_second = 1000000", &address))
}

fn start_with(app: Arc<App>, settings: &str) -> (Serving, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usher.toml");
    std::fs::write(&file, settings).unwrap();
    let config = Config::load(Some(&file)).unwrap();
    let metrics = Arc::new(Metrics::new());
    let state = AppState::new(app, Arc::new(SystemClock), Arc::new(SystemEntropy), metrics, &config);
    let _inside = super::runtime().enter();
    let serving = usher::http::serve(state, &config.http).unwrap();
    let base = format!("http://{}", serving.addresses().first().unwrap());
    (serving, base)
}

/// A client that goes where it is told and nowhere else.
#[expect(clippy::disallowed_methods, reason = "tests talk to servers on loopback")]
pub fn agent() -> &'static reqwest::Client {
    static AGENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let agent = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        agent.timeout(Duration::from_mins(1)).build().unwrap()
    });
    &AGENT
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    /// Method and address, for messages.
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub async fn of(asked: String, request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        Self { asked, status, headers, text }
    }

    /// The same, once it is known to have this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}: {}", self.asked, self.status, self.text);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn id(&self) -> String {
        text(&self.json()["id"])
    }

    /// A refusal in the words of RFC 7644 §3.12.
    #[track_caller]
    pub fn scim_error(self, status: u16, scim_type: Option<&str>) -> Self {
        let reply = self.is(status);
        assert_eq!(reply.header("content-type"), SCIM_JSON, "{}", reply.asked);
        let body = reply.json();
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(body["status"], status.to_string(), "{body}");
        assert_eq!(body["scimType"].as_str(), scim_type, "{}: {body}", reply.asked);
        reply
    }

    /// A refusal in the words of RFC 9457.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let reply = self.is(status);
        assert_eq!(reply.header("content-type"), "application/problem+json", "{}", reply.asked);
        let body = reply.json();
        assert_eq!(
            (&body["status"], body["code"].as_str()),
            (&json!(status), Some(code)),
            "{}: {body}",
            reply.asked
        );
        reply
    }

    /// A refusal as a page.
    #[track_caller]
    pub fn page(self, status: u16, code: &str) -> Self {
        let reply = self.is(status);
        assert!(reply.header("content-type").starts_with("text/html"), "{}: {}", reply.asked, reply.text);
        assert!(reply.text.contains(code), "{} has no {code}: {}", reply.asked, reply.text);
        reply
    }
}

/// The text of a JSON string.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}

/// Somebody in front of a door.
#[derive(Debug, Clone)]
pub struct Client {
    pub base: String,
    pub token: Option<String>,
}

impl Client {
    /// Below this path of the run's server, without a credential.
    pub fn at(path: &str) -> Self {
        Self { base: format!("{}{path}", base()), token: None }
    }

    pub fn with(&self, token: &str) -> Self {
        Self { base: self.base.clone(), token: Some(token.to_owned()) }
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = agent().request(method, Url::parse(&format!("{}{path}", self.base)).unwrap());
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Reply {
        Reply::of(format!("{method} {path}"), with(self.request(method, path))).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, |request| request).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, |request| request).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, |request| request.json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, |request| request.json(&body)).await
    }

    /// A PATCH of the administration door.
    pub async fn change(&self, path: &str, change: Value) -> Reply {
        self.send("PATCH", path, |request| request.json(&change)).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Reply {
        self.send("PATCH", path, |request| request.json(&patch(operations))).await
    }
}

/// A PATCH body of these operations.
pub fn patch(operations: Value) -> Value {
    let mut body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]});
    body["Operations"] = operations;
    body
}

/// A query parameter, encoded as RFC 3986 has it: a space is no `+`.
pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A tenant and its doors.
#[derive(Clone)]
pub struct Doors {
    pub tenant: Tenant,
    /// `/scim/v2` with the credential of its directory.
    pub scim: Client,
    /// `/api/v1/tenants/{tenant}` with an admin credential.
    pub api: Client,
}

impl Doors {
    pub async fn fresh() -> Self {
        Self::of(Tenant::fresh().await).await
    }

    pub async fn of(tenant: Tenant) -> Self {
        let wanted = IssueCredential::default();
        let admin = tenant.app.issue_credential(&tenant.admin, wanted).await.unwrap().token;
        let scim = Client::at("/scim/v2").with(&tenant.scim_token);
        let api = Client::at(&format!("/api/v1/tenants/{}", tenant.slug)).with(&admin);
        Self { tenant, scim, api }
    }

    /// Sets the dialect of the directory.
    pub async fn dialect(&self, name: &str) {
        let body = json!({"dialect": name});
        self.api.send("PATCH", "/directories/directory", |request| request.json(&body)).await.is(200);
    }

    pub async fn seats(&self, purchased: i32) {
        let set = SetSeatPool { purchased, at_limit: Some(SeatLimit::Waitlist), ..SetSeatPool::default() };
        self.tenant.app.set_seat_pool(&self.tenant.admin, PoolClass::default(), set).await.unwrap();
    }

    /// Somebody follows, so that facts are kept.
    pub async fn keep_facts(&self) {
        self.api.post("/receivers", serde_json::json!({"kind": "stream", "name": "Stream"})).await.is(201);
    }

    /// A person with only a name; their id.
    pub async fn user(&self, user_name: &str) -> String {
        self.person(json!({"userName": user_name})).await
    }

    /// A person with these attributes; their id.
    pub async fn person(&self, attributes: Value) -> String {
        let mut body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]});
        body.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        self.scim.post("/Users", body).await.is(201).id()
    }

    /// A group of these people; its id.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members});
        self.scim.post("/Groups", body).await.is(201).id()
    }

    pub async fn org_unit(&self, key: &str, parent: Option<&str>) {
        self.unit_of_kind(key, parent, None).await;
    }

    pub async fn unit_of_kind(&self, key: &str, parent: Option<&str>, kind: Option<&str>) {
        let new = NewOrgUnit {
            key: key.to_owned(),
            name: key.to_owned(),
            parent: parent.map(str::to_owned),
            kind: kind.map(str::to_owned),
        };
        self.tenant.app.create_org_unit(&self.tenant.admin, new).await.unwrap();
    }

    /// A mapping rule; its id.
    pub async fn rule(&self, priority: i32, matches: Value, gives: Value) -> String {
        let body = json!({"priority": priority, "match": matches, "gives": gives});
        self.api.post("/mapping-rules", body).await.is(201).id()
    }

    pub async fn access(&self, user: &str) -> Value {
        self.api.get(&format!("/users/{user}/access")).await.is(200).json()
    }

    pub async fn set_active(&self, user: &str, active: bool) {
        let operation = json!([{"op": "replace", "path": "active", "value": active}]);
        self.scim.patch(&format!("/Users/{user}"), operation).await.is(200);
    }

    /// The audit trail of one thing, oldest first.
    pub async fn audit(&self, target: &str) -> Vec<Value> {
        let page = self.api.get(&format!("/audit-events?count=200&target={target}")).await.is(200).json();
        page["events"].as_array().unwrap().iter().rev().cloned().collect()
    }

    /// A domain that the tenant has proved to be its own.
    pub async fn verified_domain(&self, name: &str) {
        let claim = self.api.post("/domains", json!({"name": name})).await.is(201).json();
        super::dns::server().publish(&text(&claim["recordName"]), &[&text(&claim["recordValue"])]);
        self.api.send("POST", &format!("/domains/{name}/verify"), |request| request).await.is(200);
    }

    /// An OpenID connection of the tenant.
    pub async fn connection(&self, slug: &str, issuer: &str) -> ConnectionId {
        let new = NewConnection {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            directory: None,
            issuer: issuer.to_owned(),
            client_id: "gateway".to_owned(),
            client_secret: Some("gateway-secret".to_owned()),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
            link_claim: "preferred_username".to_owned(),
            link_to: LinkTo::UserName,
            return_to: "https://app.example/home".to_owned(),
            rules: OpenIdRules::default(),
        };
        self.tenant.app.create_connection(&self.tenant.admin, &self.tenant.slug, new).await.unwrap().id
    }

    /// A session that nobody signed in for, for tests that are not about signing in: the value of its cookie.
    pub async fn session(&self, user: &str, connection: ConnectionId) -> String {
        let scope: &Scope = self.tenant.admin.scope();
        let (now, entropy) = (self.tenant.app.now(), SystemEntropy);
        let token = PlainToken::mint(TokenKind::Session, Some(scope.tenant()), &entropy);
        let new = store::sessions::NewSession {
            id: SessionId::generate(now, &entropy),
            user: user.parse::<UserId>().unwrap(),
            connection: Some(connection),
            token: token.hash(),
            provider_session: None,
            provider_name: None,
            logout_hint_sealed: None,
            expires_at: now + chrono::Duration::hours(1),
            proven: store::sessions::Proven::default(),
        };
        let mut tx = db().begin(scope).await.unwrap();
        store::sessions::open(&mut tx, &new, now).await.unwrap();
        tx.commit_trace_of_use().await.unwrap();
        token.expose().to_owned()
    }
}

/// Lets people sign in through this connection only, although nobody has tried it out.
pub async fn enforce_untried(doors: &Doors, connection: &str) {
    let mut tx = db().begin(doors.tenant.admin.scope()).await.unwrap();
    let row = store::connections::by_slug(&mut tx, connection).await.unwrap().unwrap();
    store::connections::enforce(&mut tx, &[row.id]).await.unwrap();
    tx.commit_trace_of_use().await.unwrap();
}

/// The run's database below the use cases.
pub fn db() -> &'static Db {
    static DB: LazyLock<Db> = LazyLock::new(|| {
        let options = DbOptions {
            url: super::urls().app.clone(),
            pool_size: 2,
            wait: Duration::from_secs(30),
            patience: Duration::from_secs(30),
        };
        Db::open(&options, super::runtime().handle()).unwrap()
    });
    &DB
}

/// The token of a fresh operator's credential.
pub async fn operator_token() -> String {
    let app = super::app();
    let operator = Operator::at_the_console(app.request_id());
    app.issue_operator_credential(&operator, None).await.unwrap().token
}

/// `GET /session` with this cookie, at a server.
pub async fn session_at(server: &str, cookie: &str) -> Reply {
    let request = agent().get(format!("{server}/session")).header("cookie", format!("{COOKIE}={cookie}"));
    Reply::of("GET /session".to_owned(), request).await
}

/// Sends these bytes and returns the status and the whole answer, for requests that no honest client makes. The server
/// may answer, and close, before everything is sent.
pub async fn raw(parts: &[&[u8]]) -> (u16, String) {
    let address = base().strip_prefix("http://").unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let answered = async {
        let mut answer = Vec::new();
        let mut chunk = [0_u8; 4_096];
        // A reset after the answer is the server's right: it did not read everything.
        while let Ok(read @ 1..) = reading.read(&mut chunk).await {
            answer.extend_from_slice(&chunk[..read]);
            if is_whole(&String::from_utf8_lossy(&answer)) {
                break;
            }
        }
        answer
    };
    let asked = async {
        for part in parts {
            if writing.write_all(part).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = tokio::time::timeout(Duration::from_secs(30), answered) => answer.expect("an answer within 30 s"),
        () = asked => unreachable!(),
    };
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer but {answer:?}")), answer)
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length) || head.contains(" 204 ")
}
