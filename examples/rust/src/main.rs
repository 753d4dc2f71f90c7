//! An app that signs people in through Usher, asks what they may do, and hears when they are gone.
//!
//! ```text
//! env $(cat app.env) cargo run      (docs/integrate.md says how app.env is made)
//!
//! APP_URL, PORT             where browsers find this app, and the port at which it listens (of APP_URL, if not said)
//! ISSUER                    Usher as the OpenID provider of one tenant
//! CLIENT_ID, CLIENT_SECRET  what `usher app create` printed
//! API, API_TOKEN            the tenant's API, and a credential that may ask there
//! PERMISSION                what is asked about
//! ```
//!
//! Sessions are in memory: an app of several processes keeps them in a database, so that each hears of every end.

mod logout_token;
mod provider;

use std::collections::HashMap;
use std::env::var;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{Data, Form, FormConfig, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, get, post};
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use serde::{Deserialize, Serialize};

use provider::{Provider, SignedIn, Who};

const HOURS: i64 = 12;

struct Product {
    app_url: String,
    api: String,
    api_token: String,
    permission: String,
    usher: Provider,
    /// What the browser's cookie names.
    sessions: Mutex<HashMap<String, Session>>,
}

/// Who is signed in, and until when.
struct Session {
    signed_in: SignedIn,
    until: DateTime<Utc>,
}

impl Product {
    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn who(&self, request: &HttpRequest) -> Option<Who> {
        let sessions = self.sessions();
        let session = sessions.get(self.cookie(request, "session")?.value())?;
        (session.until > Utc::now()).then(|| session.signed_in.who.clone())
    }

    fn end(&self, request: &HttpRequest) -> Option<Session> {
        self.sessions().remove(self.cookie(request, "session")?.value())
    }
}

// ---- Signing in

/// What is kept in the browser that asks to be signed in: the answer counts there alone.
#[derive(Serialize, Deserialize)]
struct Flow {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

#[get("/login")]
async fn login(product: Data<Product>) -> Result<HttpResponse, Trouble> {
    let (address, state, nonce, verifier) = product.usher.begin().await?;
    let flow = serde_json::to_string(&Flow { state, nonce, verifier }).map_err(Box::<dyn Error>::from)?;
    let kept = product.set_cookie("flow", encoded(&flow), Duration::minutes(10));
    Ok(go_to(address.as_str()).cookie(kept).finish())
}

/// What the browser brings: a code, or why there is none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: String,
    state: String,
    error: Option<String>,
}

#[get("/callback")]
async fn callback(product: Data<Product>, request: HttpRequest, answer: Query<Answer>) -> HttpResponse {
    let spent = product.set_cookie("flow", String::new(), Duration::ZERO);
    match signs_in(&product, &request, answer.into_inner()).await {
        Ok(signed_in) => {
            // Whoever signs in gets another session, never the one before.
            product.end(&request);
            let id = CsrfToken::new_random_len(32).into_secret();
            let until = Utc::now() + TimeDelta::hours(HOURS);
            let mut sessions = product.sessions();
            sessions.retain(|_, session| session.until > Utc::now());
            sessions.insert(id.clone(), Session { signed_in, until });
            go_to("/")
                .cookie(spent)
                .cookie(product.set_cookie("session", id, Duration::hours(HOURS)))
                .finish()
        }
        Err(error) => {
            eprintln!("a sign-in failed: {error}");
            let said = page(r#"<p>The sign-in did not work. <a href="/login">Try again</a></p>"#);
            HttpResponse::BadRequest().cookie(spent).content_type(HTML).body(said)
        }
    }
}

async fn signs_in(
    product: &Product,
    request: &HttpRequest,
    answer: Answer,
) -> Result<SignedIn, Box<dyn Error>> {
    let kept = product.cookie(request, "flow").ok_or("this browser did not ask")?;
    let flow: Flow =
        serde_json::from_slice(&logout_token::decoded(kept.value()).ok_or("not a flow of ours")?)?;
    if flow.state.secret() != &answer.state {
        return Err("not the answer to what this browser asked".into());
    }
    if let Some(error) = answer.error {
        return Err(error.into());
    }
    product.usher.finish(answer.code, &flow.nonce, flow.verifier).await
}

// ---- What somebody may do

#[derive(Deserialize)]
struct Decision {
    allowed: bool,
    obligations: Vec<Obligation>,
    reasons: Vec<Reason>,
}

/// A condition that only the product knows: it is a yes if the product sees to it.
#[derive(Deserialize)]
struct Obligation {
    en: String,
}

#[derive(Deserialize)]
struct Reason {
    sentence: String,
}

impl Product {
    /// May this person do this where they belong, and why? Usher says no of whoever is gone; without an answer it is no, too.
    async fn decide(&self, who: &Who, permission: &str) -> Decision {
        let asked = self.usher.ask(&self.api, &self.api_token, who, permission).await;
        asked.and_then(|said| Ok(serde_json::from_slice(&said)?)).unwrap_or_else(|error| {
            eprintln!("nothing was decided: {error}");
            let sentence = "The question could not be asked.".to_owned();
            Decision { allowed: false, obligations: Vec::new(), reasons: vec![Reason { sentence }] }
        })
    }
}

#[get("/")]
async fn home(product: Data<Product>, request: HttpRequest) -> HttpResponse {
    let Some(who) = product.who(&request) else {
        let said = page(r#"<p>Nobody is signed in. <a href="/login">Sign in</a></p>"#);
        return HttpResponse::Ok().content_type(HTML).body(said);
    };
    let decision = product.decide(&who, &product.permission).await;
    let conditions =
        decision.obligations.iter().map(|obligation| format!("To be seen to: {}.", obligation.en));
    let reasons = decision.reasons.iter().map(|reason| reason.sentence.clone());
    let why = conditions.chain(reasons).map(|line| format!("<li>{}</li>", escaped(&line)));
    HttpResponse::Ok().content_type(HTML).body(page(&format!(
        r#"<p>Signed in: <b>{}</b></p>
        <p>Roles: {}. Workspaces: {}.</p>
        <p>{}: <b>{}</b></p>
        <ul>{}</ul>
        <form method="post" action="/logout"><button>Sign out</button></form>"#,
        escaped(&who.name),
        escaped(&listed(&who.roles)),
        escaped(&listed(&who.workspaces)),
        escaped(&product.permission),
        if decision.allowed { "allowed" } else { "refused" },
        why.collect::<String>(),
    )))
}

// ---- Signing out, here and elsewhere

#[post("/logout")]
async fn logout(product: Data<Product>, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let over = product.set_cookie("session", String::new(), Duration::ZERO);
    let to = match product.end(&request) {
        Some(session) => {
            product.usher.leave(&session.signed_in.id_token, format!("{}/", product.app_url)).await?
        }
        None => "/".to_owned(),
    };
    Ok(go_to(&to).cookie(over).finish())
}

#[derive(Deserialize)]
struct Told {
    logout_token: String,
}

/// `OpenID` Connect Back-Channel Logout 1.0 §2.6. Told twice, it ends nothing twice.
#[post("/backchannel-logout")]
async fn backchannel_logout(product: Data<Product>, told: Form<Told>) -> HttpResponse {
    match product.usher.ended(&told.logout_token).await {
        Ok(sid) => {
            product.sessions().retain(|_, session| session.signed_in.who.sid != sid);
            HttpResponse::NoContent().finish()
        }
        Err(error) => {
            eprintln!("a logout token was refused: {error}");
            HttpResponse::BadRequest().finish()
        }
    }
}

// ---- HTTP

const HTML: &str = "text/html; charset=utf-8";

impl Product {
    /// With https no other host can set these cookies (`__Host-`).
    fn named(&self, name: &str) -> String {
        let host = if self.app_url.starts_with("https:") { "__Host-" } else { "" };
        format!("{host}rust-example-{name}")
    }

    fn cookie(&self, request: &HttpRequest, name: &str) -> Option<Cookie<'static>> {
        request.cookie(&self.named(name))
    }

    fn set_cookie(&self, name: &str, value: String, age: Duration) -> Cookie<'static> {
        Cookie::build(self.named(name), value)
            .path("/")
            .max_age(age)
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.app_url.starts_with("https:"))
            .finish()
    }
}

/// What went wrong is for the log; whoever asked is told that something did.
#[derive(Debug)]
struct Trouble;

impl From<Box<dyn Error>> for Trouble {
    fn from(error: Box<dyn Error>) -> Self {
        eprintln!("something went wrong: {error}");
        Self
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Something went wrong.")
    }
}

impl actix_web::ResponseError for Trouble {}

fn go_to(address: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((LOCATION, address));
    answer
}

fn page(body: &str) -> String {
    format!(r#"<!doctype html><html lang="en"><title>Rust example</title><h1>Rust example</h1>{body}</html>"#)
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| if "&<>\"'".contains(c) { format!("&#{};", u32::from(c)) } else { c.to_string() })
        .collect()
}

fn encoded(text: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app_url = var("APP_URL").unwrap_or_else(|_| "http://127.0.0.1:3003".to_owned());
    let port = match var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => actix_web::http::Uri::try_from(&app_url)?.port_u16().ok_or("PORT is not said")?,
    };
    let product = Data::new(Product {
        api: var("API")?,
        api_token: var("API_TOKEN")?,
        permission: var("PERMISSION").unwrap_or_else(|_| "materials.approve".to_owned()),
        usher: Provider::new(
            var("ISSUER")?,
            var("CLIENT_ID")?,
            var("CLIENT_SECRET")?,
            format!("{app_url}/callback"),
        )?,
        sessions: Mutex::default(),
        app_url,
    });
    println!("The app is at {}", product.app_url);
    let always = || {
        DefaultHeaders::new()
            .add((CACHE_CONTROL, "no-store"))
            .add((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
    };
    HttpServer::new(move || {
        let routes = (home, login, callback, logout, backchannel_logout);
        App::new()
            .app_data(product.clone())
            .app_data(FormConfig::default().limit(65_536))
            .wrap(always())
            .service(routes)
    })
    .workers(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await?;
    Ok(())
}
