//! An app on a device without a browser is let in from another one (RFC 8628). Knows what the device asks with, what a person is asked,
//! and how often they may guess; does not know pages.
//!
//! Who lets a device in makes a grant of their session, as a code is one: from then on it ends by whatever ends the session.

use chrono::{DateTime, Duration, Utc};
use domain::access::AccessStatus;
use domain::audit::{Action, Audit, AuditEvent};
use domain::clock::Entropy;
use domain::id::{AppGrantId, RequestId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use serde::Serialize;
use serde_json::json;
use sso::op::{Request, resources};
use store::app_grants::{self, GrantRow};
use store::apps::{self, AppRow};
use store::devices::{self, DeviceRow};
use store::{Conflict, LiveSession, Scope, WriteTx};
use url::{Url, form_urlencoded};

use super::authorize::Asked;
use super::proof::{Claimed, Proven};
use crate::App;
use crate::error::{AppError, Refusal, TokenRefusal};

/// The grant type (RFC 8628 §3.4).
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// How long the codes are good: time to find another device and to sign in there.
const LIFE: Duration = Duration::minutes(10);
/// How long the device is told that they have run out, rather than that nobody knows them.
const REMEMBERED: Duration = Duration::minutes(10);
/// Seconds between two questions of a device at first (RFC 8628 §3.2), and by how many more it is slowed down (§3.5).
const PAUSE: i32 = 5;
/// A question may come so much earlier: clocks and networks are not exact.
const EARLY: Duration = Duration::seconds(1);
/// Without vowels, so that no words come of it, and without what looks alike (RFC 8628 §6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Of 20 characters each: one guess in 25,600,000,000 is right.
const LETTERS: usize = 8;
/// So many codes that no device shows may somebody write within [`GUESSING`]; then they wait.
const MOST_GUESSES: i32 = 10;
const GUESSING: Duration = Duration::minutes(10);
/// The longest that somebody may write for a code.
const LONGEST_WRITTEN: usize = 32;

/// A device that waits to be let in (RFC 8628 §3.2).
#[derive(Serialize)]
pub struct WaitingDevice {
    /// What it asks with.
    pub device_code: String,
    /// What it shows.
    pub user_code: String,
    /// Where somebody writes that.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// Seconds until both codes run out.
    pub expires_in: i64,
    /// Seconds between two questions.
    pub interval: i32,
}

impl std::fmt::Debug for WaitingDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitingDevice").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// What somebody is shown who comes for a device.
#[derive(Debug)]
pub enum DeviceStep {
    /// Nobody is signed in; from this address they come back.
    SignIn(String),
    /// They write the code.
    Write {
        /// Whether they wrote one that no device shows.
        is_unknown: bool,
    },
    /// They are asked.
    Ask(DeviceAsked),
    /// It is decided.
    Done {
        /// Whether it is let in.
        is_in: bool,
    },
}

/// What is asked about a device.
#[derive(Debug)]
pub struct DeviceAsked {
    /// Name of the app.
    pub app: String,
    /// Name of the person who is signed in here.
    pub person: String,
    /// The code, as the device shows it.
    pub code: String,
}

/// What somebody says about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceAnswer {
    /// It is let in.
    LetIn,
    /// It is not.
    Refuse,
}

/// A user code in its one spelling, without the hyphen. Not printed.
struct UserCode(String);

impl UserCode {
    fn mint(entropy: &dyn Entropy) -> Self {
        let mut code = String::with_capacity(LETTERS);
        while code.len() < LETTERS {
            let mut byte = [0_u8; 1];
            entropy.fill(&mut byte);
            // 240 is twelve times twenty: what is above would make some letters likelier.
            let [byte] = byte;
            let letter = ALPHABET.get(usize::from(byte % 20)).filter(|_| byte < 240);
            code.extend(letter.map(|letter| char::from(*letter)));
        }
        Self(code)
    }

    /// As somebody writes it: in any case, and with whatever they put between the letters (RFC 8628 §6.1).
    fn parse(written: &str) -> Option<Self> {
        let letters = written.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase());
        let code: String = letters.take(LETTERS + 1).collect();
        let is_one = code.len() == LETTERS
            && written.len() <= LONGEST_WRITTEN
            && code.bytes().all(|letter| ALPHABET.contains(&letter));
        is_one.then_some(Self(code))
    }

    fn shown(&self) -> String {
        let (first, last) = self.0.split_at_checked(LETTERS / 2).unwrap_or((&self.0, ""));
        format!("{first}-{last}")
    }

    /// What is kept of it. It is not taken for the hash of anything else.
    fn hash(&self) -> TokenHash {
        TokenHash::of(&format!("user code {}", self.0))
    }
}

/// Where somebody comes for a device, with the code in it or without.
fn address(tenant: &str, code: Option<&UserCode>) -> String {
    let door = format!("/op/{tenant}/device");
    code.map_or_else(|| door.clone(), |code| format!("{door}?user_code={}", code.shown()))
}

impl App {
    /// Has a device wait to be let in.
    pub async fn device_waits(
        &self,
        tenant: &str,
        claimed: &Claimed,
        params: &[(String, String)],
        request: RequestId,
    ) -> Result<WaitingDevice, AppError> {
        let proven = self.prove_app(tenant, "device-authorization", claimed, request).await?;
        if !proven.app.device_flow {
            return Err(TokenRefusal::Unauthorized.into());
        }
        let asked = asked_for(&proven, params)?;
        let now = self.now();
        let device = PlainToken::mint(TokenKind::AppDevice, Some(proven.scope.tenant()), &*self.entropy);
        let row = DeviceRow {
            device_hash: device.hash().as_bytes().to_vec(),
            app_id: proven.row.id,
            request: serde_json::to_value(asked).map_err(|error| AppError::Internal(error.to_string()))?,
            pause: PAUSE,
            asked_at: None,
            is_refused: false,
            created_at: now,
            ends_at: now + LIFE,
        };
        let mut tx = self.db.begin(&proven.scope).await?;
        let mut code = UserCode::mint(&*self.entropy);
        // Another device may show the same code.
        while !devices::wait(&mut tx, &row, code.hash(), now - REMEMBERED).await? {
            code = UserCode::mint(&*self.entropy);
        }
        tx.commit_trace_of_use().await?;
        let issuer = self.issuer();
        Ok(WaitingDevice {
            device_code: device.expose().to_owned(),
            user_code: code.shown(),
            verification_uri: format!("{issuer}{}", address(&proven.tenant, None)),
            verification_uri_complete: format!("{issuer}{}", address(&proven.tenant, Some(&code))),
            expires_in: LIFE.num_seconds(),
            interval: PAUSE,
        })
    }

    /// Somebody comes for a device, and writes what it shows, if they have it yet.
    pub async fn come_for_device(
        &self,
        tenant: &str,
        written: Option<&str>,
        session: Option<&PlainToken>,
        request: RequestId,
    ) -> Result<DeviceStep, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let Some(live) = self.at_device_door(&scope, session, request).await? else {
            return Ok(sign_in(tenant, written));
        };
        let Some(written) = written else { return Ok(DeviceStep::Write { is_unknown: false }) };
        let Some((tx, row, code)) = self.device_shown(&live, written).await? else {
            return Ok(DeviceStep::Write { is_unknown: true });
        };
        let app = self.app_of_device(tx, &row).await?;
        let person = live.resource.user_name().unwrap_or_default().to_owned();
        Ok(DeviceStep::Ask(DeviceAsked { app: app.name, person, code: code.shown() }))
    }

    /// Somebody has been asked about a device, and answers.
    pub async fn answer_for_device(
        &self,
        tenant: &str,
        written: &str,
        answer: DeviceAnswer,
        session: Option<&PlainToken>,
        request: RequestId,
    ) -> Result<DeviceStep, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let Some(live) = self.at_device_door(&scope, session, request).await? else {
            return Ok(sign_in(tenant, Some(written)));
        };
        let Some((mut tx, row, _)) = self.device_shown(&live, written).await? else {
            return Ok(DeviceStep::Write { is_unknown: true });
        };
        match answer {
            DeviceAnswer::Refuse => {
                devices::refuse(&mut tx, &row).await?;
                tx.commit_trace_of_use().await?;
            }
            DeviceAnswer::LetIn => self.let_device_in(tx, &live, &row).await?,
        }
        Ok(DeviceStep::Done { is_in: answer == DeviceAnswer::LetIn })
    }

    /// Whoever has a session here and may do anything at all.
    async fn at_device_door(
        &self,
        scope: &Scope,
        session: Option<&PlainToken>,
        request: RequestId,
    ) -> Result<Option<LiveSession>, AppError> {
        let live = match session.filter(|token| token.tenant() == Some(scope.tenant())) {
            Some(token) => self.resolve_session(token, request).await?,
            None => None,
        };
        match live {
            Some(live) if live.access.status != AccessStatus::Granted => Err(Refusal::NotAllowed.into()),
            live => Ok(live),
        }
    }

    /// The device that shows this code, held. A code that none shows is a guess, and somebody has only so many.
    async fn device_shown(
        &self,
        live: &LiveSession,
        written: &str,
    ) -> Result<Option<(WriteTx, DeviceRow, UserCode)>, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(&live.scope).await?;
        let guesses = devices::hold_guesses(&mut tx, live.user, now - GUESSING, now).await?;
        if guesses >= MOST_GUESSES {
            tx.commit_trace_of_use().await?;
            return Err(AppError::Busy("too many codes that no device shows".to_owned()));
        }
        if let Some(code) = UserCode::parse(written)
            && let Some(row) = devices::hold_by_user_code(&mut tx, code.hash(), now).await?
        {
            return Ok(Some((tx, row, code)));
        }
        devices::guessed(&mut tx, live.user).await?;
        tx.commit_trace_of_use().await?;
        Ok(None)
    }

    async fn app_of_device(&self, mut tx: WriteTx, row: &DeviceRow) -> Result<AppRow, AppError> {
        let app = apps::find(&mut tx, row.app()).await?.ok_or(Refusal::UnknownDoor)?;
        tx.commit_trace_of_use().await?;
        Ok(app)
    }

    /// The device waits no more: there is a grant of the session under its code.
    async fn let_device_in(
        &self,
        mut tx: WriteTx,
        live: &LiveSession,
        row: &DeviceRow,
    ) -> Result<(), AppError> {
        let now = self.now();
        let id = AppGrantId::generate(now, &*self.entropy);
        let grant = GrantRow {
            id: id.as_uuid(),
            app_id: row.app_id,
            session_id: Some(live.id.as_uuid()),
            request: row.request.clone(),
            code_hash: Some(row.device_hash.clone()),
            exchanged_at: None,
            created_at: now,
            ends_at: Some(row.ends_at),
            bound_to: None,
        };
        match app_grants::add(&mut tx, &grant).await {
            Err(error) if error.conflict() == Some(Conflict::Missing) => {
                return Err(AppError::Conflict("the session is over".to_owned()));
            }
            added => added?,
        }
        devices::end(&mut tx, row).await?;
        let scopes = row.request.get("scopes");
        let event = AuditEvent::new(Action::AppSignIn, row.app()).after(
            json!({"user": live.user, "session": live.id, "grant": id, "scopes": scopes, "device": true}),
        );
        self.commit(tx, Audit::of(event), now).await
    }

    /// A device that nobody has let in yet asks; what it is told (RFC 8628 §3.5), unless it is one that nobody knows.
    pub(super) async fn device_asks(
        &self,
        mut tx: WriteTx,
        row: &DeviceRow,
    ) -> Result<TokenRefusal, AppError> {
        let now = self.now();
        if row.is_refused || row.ends_at <= now {
            tx.nothing_changed().await?;
            return Ok(if row.is_refused { TokenRefusal::Denied } else { TokenRefusal::Expired });
        }
        let is_early = row.asked_at.is_some_and(|before| now < earliest(before, row.pause));
        let pause = if is_early { row.pause.saturating_add(PAUSE) } else { row.pause };
        devices::asked(&mut tx, row, pause, now).await?;
        tx.commit_trace_of_use().await?;
        Ok(if is_early { TokenRefusal::SlowDown } else { TokenRefusal::Pending })
    }

    /// Where a browser goes after a sign-in that wants to go to `return_to`, if that is to come for a device.
    pub(crate) fn wanted_by_device(
        &self,
        tenant: &str,
        return_to: Option<&str>,
    ) -> Result<Option<Url>, AppError> {
        let door = address(tenant, None);
        let Some(rest) = return_to.and_then(|text| text.strip_prefix(&door)) else { return Ok(None) };
        let code = rest.strip_prefix("?user_code=").and_then(UserCode::parse);
        if !rest.is_empty() && code.is_none() {
            return Ok(None);
        }
        let own = self.public_url.join(&address(tenant, code.as_ref()));
        own.map(Some).map_err(|error| AppError::Internal(format!("an address of ours: {error}")))
    }
}

fn earliest(before: DateTime<Utc>, pause: i32) -> DateTime<Utc> {
    before + Duration::seconds(i64::from(pause)) - EARLY
}

/// What is in no code is not taken along.
fn sign_in(tenant: &str, written: Option<&str>) -> DeviceStep {
    let code = written.and_then(UserCode::parse);
    let back = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", &address(tenant, code.as_ref()))
        .finish();
    DeviceStep::SignIn(format!("/login/{tenant}?{back}"))
}

/// RFC 8628 §3.1: scopes, and the resources of RFC 8707. The answer goes to the device, so there is no address and no challenge.
fn asked_for(proven: &Proven, params: &[(String, String)]) -> Result<Asked, AppError> {
    let scope = params.iter().find(|(name, _)| name == "scope").map_or("", |(_, scope)| scope.as_str());
    let resources = resources(params).map_err(TokenRefusal::Asked)?;
    let request = Request::of_device(scope, resources).map_err(TokenRefusal::Asked)?;
    let scopes = proven.app.granted(&request.scopes);
    if scopes.is_empty() {
        return Err(TokenRefusal::Scope.into());
    }
    if !request.resources.iter().all(|resource| proven.app.resources.contains(resource)) {
        return Err(TokenRefusal::Target.into());
    }
    Ok(Asked { redirect_uri: String::new(), request, scopes, person: None })
}

#[cfg(test)]
mod tests {
    use domain::clock::CountingEntropy;

    use super::*;

    /// RFC 8628 §6.1: case makes no difference, nor does what stands between the letters.
    #[test]
    fn a_user_code_is_read_however_it_is_written() {
        let read = |written: &str| UserCode::parse(written).map(|code| code.shown());

        for written in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "W.D.J.B.M.J.H.T"] {
            assert_eq!(read(written), Some("WDJB-MJHT".to_owned()), "{written}");
        }
        for written in ["", "WDJB-MJH", "WDJB-MJHTB", "WDJB-MJHA", "WDJB-MJH0", &"-".repeat(33)] {
            assert_eq!(read(written), None, "{written}");
        }
    }

    #[test]
    fn user_codes_are_of_the_alphabet_and_use_all_of_it() {
        let entropy = CountingEntropy::new();
        let codes: Vec<String> = (0..200).map(|_| UserCode::mint(&entropy).0).collect();

        for letter in ALPHABET {
            assert!(codes.iter().any(|code| code.bytes().any(|one| one == *letter)), "{letter}");
        }
        assert!(codes.iter().all(|code| UserCode::parse(code).is_some_and(|read| read.0 == *code)));
        assert!(!ALPHABET.iter().any(|letter| b"AEIOUY01258".contains(letter)));
    }
}
