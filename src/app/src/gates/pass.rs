//! How a browser gets its pass for a host: from there to us with a sealed request, back with a code. Knows what binds the two to the
//! browser and to the host; does not know how people sign in.
//!
//! ```text
//! host                     us, where the session's cookie is        host
//! GET /page ──request────▶ GET /op/{tenant}/pass ──code───────────▶ GET /.usher/enter ──▶ /page
//!   way ◀── cookie            sign-in, if there is no session         way must be there, pass ◀── cookie
//! ```
//!
//! The request is sealed and not kept, so that nobody without a session makes rows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{GateId, RequestId, TenantId};
use domain::token::{PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::gates::{self, Asking, CodeRow};
use store::{Conflict, LiveSession, Scope};
use url::{Url, form_urlencoded};

use super::answer::{GateAnswer, GateQuestion};
use super::views::hosts;
use crate::App;
use crate::apps::{Step, with_params};
use crate::error::{AppError, Refusal};

const PURPOSE: &str = "gate.request";
/// How long somebody may take to sign in: twice what a sign-in under way may, since there can be two.
const REQUEST_LIFE: Duration = Duration::minutes(20);
/// A browser brings its code at once.
const CODE_LIFE: Duration = Duration::seconds(60);
/// The longest address that a browser comes back to; from a longer one it comes back to the host's first page. The sealed request
/// has to fit into an address itself.
const LONGEST_BACK: usize = 1_024;

/// What a browser that is sent to us brings.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    tenant: TenantId,
    gate: GateId,
    origin: String,
    /// Path and query on the host.
    to: String,
    /// Hash of what the browser keeps on the host meanwhile.
    way: String,
    at: DateTime<Utc>,
}

fn way_hash(way: &PlainToken) -> String {
    URL_SAFE_NO_PAD.encode(way.hash().as_bytes())
}

impl App {
    /// Sends a browser to us for a pass.
    pub(super) fn send_to_pass(
        &self,
        asking: &Asking,
        question: &GateQuestion,
    ) -> Result<GateAnswer, AppError> {
        let tenant = asking.scope.tenant();
        // Two tabs that set out share it.
        let way = question.way.clone().filter(|way| way.tenant() == Some(tenant));
        let way = way.unwrap_or_else(|| PlainToken::mint(TokenKind::Browser, Some(tenant), &*self.entropy));
        let wanted = question.wanted.written();
        let request = Request {
            tenant,
            gate: asking.gate,
            origin: question.origin.clone(),
            to: if wanted.len() > LONGEST_BACK { "/".to_owned() } else { wanted.to_owned() },
            way: way_hash(&way),
            at: self.now(),
        };
        let request = serde_json::to_vec(&request).map_err(|error| AppError::Internal(error.to_string()))?;
        let sealed = self.sealer.seal(PURPOSE, &request, &*self.entropy)?;
        let to = format!("{}{}", self.issuer(), address(&asking.tenant, &URL_SAFE_NO_PAD.encode(sealed)));
        Ok(GateAnswer::SignIn { to, way })
    }

    /// A browser comes for a pass: whoever is signed in goes back with a code, everybody else signs in first.
    pub async fn give_pass(
        &self,
        tenant: &str,
        sealed: &str,
        session: Option<&PlainToken>,
        request: RequestId,
    ) -> Result<Step, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let asked = self.asked_for_pass(&scope, sealed).ok_or(Refusal::NoFlow)?;
        let mut tx = self.db.read(&scope).await?;
        let gate = gates::find(&mut tx, asked.gate).await?.ok_or(Refusal::UnknownDoor)?;
        tx.finish().await?;
        if !hosts(&gate)?.contains_key(&asked.origin) {
            return Err(Refusal::ForeignTarget.into());
        }
        let live = match session.filter(|token| token.tenant() == Some(scope.tenant())) {
            Some(token) => self.resolve_session(token, request).await?,
            None => None,
        };
        let code = match &live {
            Some(live) => self.give_gate_code(live, &asked).await?,
            None => None,
        };
        let Some(code) = code else {
            let back = form_urlencoded::Serializer::new(String::new())
                .append_pair("return_to", &address(tenant, sealed))
                .finish();
            return Ok(Step::SignIn(format!("/login/{tenant}?{back}")));
        };
        let enter = format!("{}/.usher/enter", asked.origin);
        Ok(Step::Back(with_params(&enter, &[("code", code.expose())])?))
    }

    /// Where a browser goes after a sign-in that wants to go to `return_to`, if that is to come for a pass.
    pub(crate) fn wanted_by_gate(
        &self,
        scope: &Scope,
        tenant: &str,
        return_to: Option<&str>,
    ) -> Result<Option<Url>, AppError> {
        let sealed = return_to.and_then(|text| text.strip_prefix(&address(tenant, "")));
        let Some(sealed) = sealed.filter(|sealed| self.asked_for_pass(scope, sealed).is_some()) else {
            return Ok(None);
        };
        let own = self.public_url.join(&address(tenant, sealed));
        own.map(Some).map_err(|error| AppError::Internal(format!("an address of ours: {error}")))
    }

    /// What was sealed for this tenant, if it is not too long ago.
    fn asked_for_pass(&self, scope: &Scope, sealed: &str) -> Option<Request> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let asked: Request = serde_json::from_slice(&self.sealer.open(PURPOSE, &sealed).ok()?).ok()?;
        (asked.tenant == scope.tenant() && asked.at + REQUEST_LIFE > self.now()).then_some(asked)
    }

    /// What the browser brings to its host; nothing, if the session is over by now.
    async fn give_gate_code(
        &self,
        live: &LiveSession,
        asked: &Request,
    ) -> Result<Option<PlainToken>, AppError> {
        let now = self.now();
        let code = PlainToken::mint(TokenKind::GateCode, Some(asked.tenant), &*self.entropy);
        let row = CodeRow {
            gate_id: asked.gate.as_uuid(),
            session_id: live.id.as_uuid(),
            origin: asked.origin.clone(),
            path: asked.to.clone(),
            way_hash: URL_SAFE_NO_PAD.decode(&asked.way).unwrap_or_default(),
            ends_at: now + CODE_LIFE,
        };
        let mut tx = self.db.begin(&live.scope).await?;
        match gates::add_code(&mut tx, code.hash(), &row, now).await {
            Err(error) if error.conflict() == Some(Conflict::Missing) => return Ok(None),
            added => added?,
        }
        let event = AuditEvent::new(Action::GatePass, asked.gate)
            .after(json!({"user": live.user, "session": live.id, "origin": asked.origin}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(Some(code))
    }

    /// The browser is back on its host: the code becomes a pass, once, at the gate and host that it is for, and in the browser that
    /// set out from there.
    pub(super) async fn enter_by_code(
        &self,
        asking: &Asking,
        question: &GateQuestion,
    ) -> Result<GateAnswer, AppError> {
        let now = self.now();
        let code = form_urlencoded::parse(question.wanted.query().as_bytes())
            .find(|(name, _)| name == "code")
            .and_then(|(_, value)| PlainToken::parse(&value).ok())
            .filter(|code| code.kind() == TokenKind::GateCode)
            .ok_or(Refusal::NoFlow)?;
        let mut tx = self.db.begin(&asking.scope).await?;
        let row = gates::take_code(&mut tx, code.hash(), now).await?;
        let of_this_browser = |row: &CodeRow| {
            let way = question.way.as_ref().map(PlainToken::hash);
            way.is_some_and(|way| way.as_bytes() == row.way_hash.as_slice())
        };
        let row = row.filter(|row| {
            row.gate_id == asking.gate.as_uuid() && row.origin == question.origin && of_this_browser(row)
        });
        let Some(row) = row else {
            tx.commit_trace_of_use().await?;
            return Err(Refusal::NoFlow.into());
        };
        let pass = PlainToken::mint(TokenKind::GatePass, Some(asking.scope.tenant()), &*self.entropy);
        gates::add_pass(&mut tx, pass.hash(), &row, now).await?;
        let live = self.session_by_id(&mut tx, row.session()).await?.ok_or(Refusal::NoFlow)?;
        tx.commit_trace_of_use().await?;
        Ok(GateAnswer::Back { pass, until: live.expires_at, to: row.path })
    }
}

/// Where a browser comes for a pass.
fn address(tenant: &str, sealed: &str) -> String {
    format!("/op/{tenant}/pass?request={sealed}")
}
