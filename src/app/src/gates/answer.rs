//! A proxy asks about a request. Knows who is let through, and what becomes of those who are not; does not know in which headers
//! the question stands.

use chrono::{DateTime, Utc};
use domain::access::{Policy, Scope as Held};
use domain::gate::Wanted;
use domain::id::{RequestId, SessionId, UserId};
use domain::token::PlainToken;
use std::sync::Arc;
use store::LiveSession;
use store::gates::{Asking, Question};

use super::rules::{self, GateRule};
use crate::App;
use crate::apps::email;
use crate::error::{AppError, Refusal};

/// Below this path of every host, requests are for us and for nothing behind the gate.
const OURS: &str = "/.usher";

/// What a proxy asks.
#[derive(Debug)]
pub struct GateQuestion {
    /// By which it proves that it is itself.
    pub secret: PlainToken,
    /// Which host the request is for.
    pub origin: String,
    /// Path and query of it.
    pub wanted: Wanted,
    /// The pass that the browser shows.
    pub pass: Option<PlainToken>,
    /// What a browser holds that was sent to sign in from this host.
    pub way: Option<PlainToken>,
    /// Whether it is a browser that shows a page next, and so can be sent elsewhere.
    pub navigates: bool,
    /// For the log.
    pub request: RequestId,
}

/// What becomes of the request.
#[derive(Debug)]
pub enum GateAnswer {
    /// It passes.
    Through(LetThrough),
    /// Nobody is signed in, and the browser is sent to change that. It keeps `way` and comes back with it.
    SignIn {
        /// Where to.
        to: String,
        /// What it keeps meanwhile, on this host.
        way: PlainToken,
    },
    /// Somebody comes back from signing in, and goes where they wanted to go.
    Back {
        /// What the browser shows from now on.
        pass: PlainToken,
        /// When that ends at the latest.
        until: DateTime<Utc>,
        /// Path and query.
        to: String,
    },
    /// Somebody wants to sign out, and goes where they are asked.
    Leave {
        /// Where to.
        to: String,
    },
    /// Nobody is signed in.
    NotSignedIn,
}

/// A request that passes, as it is told to what stands behind the gate.
#[derive(Debug)]
pub struct LetThrough {
    /// The tenant's slug.
    pub tenant: String,
    /// Who it is; nobody, where everybody gets through.
    pub person: Option<Person>,
}

/// Somebody who passes.
#[derive(Debug)]
pub struct Person {
    /// Id.
    pub user: UserId,
    /// User name.
    pub name: String,
    /// Their address, if they have one.
    pub email: Option<String>,
    /// The roles that they hold everywhere.
    pub roles: Vec<String>,
    /// Id of the session.
    pub session: SessionId,
}

impl From<LiveSession> for Person {
    fn from(live: LiveSession) -> Self {
        let everywhere = live.access.roles.into_iter().filter(|held| held.scope == Held::Environment);
        Self {
            user: live.user,
            name: live.resource.user_name().unwrap_or_default().to_owned(),
            email: email(live.resource.as_map()).map(str::to_owned),
            roles: everywhere.map(|held| held.role).collect(),
            session: live.id,
        }
    }
}

impl App {
    /// Answers a proxy: by one read, if the browser shows a pass that is in force.
    pub async fn ask_gate(&self, question: GateQuestion) -> Result<GateAnswer, AppError> {
        let asked = Question {
            secret: &question.secret,
            origin: &question.origin,
            request: question.request,
            now: self.now(),
        };
        let found = self.db.asking(asked, question.pass.as_ref(), self.longest_lifetimes()).await?;
        let (mut asking, live) = found.ok_or(AppError::Unauthorized)?;
        let rules = asking.rules.take().ok_or_else(|| {
            AppError::Forbidden(format!("the gate may not ask about {:?}", question.origin))
        })?;
        if let Some(verb) = ours(&question.wanted) {
            return self.own_address(verb, &asking, &question).await;
        }
        let rules: Vec<GateRule> = serde_json::from_value(rules)
            .map_err(|error| AppError::Internal(format!("the rules of a gate cannot be read: {error}")))?;
        let rule = rules::of_path(&rules, question.wanted.path());
        if rule.is_some_and(|rule| rule.public) {
            return Ok(through(asking, live));
        }
        let Some(live) = live else { return self.nobody(&asking, &question) };
        let policy = self.policy_of(&asking).await?;
        match rule {
            Some(rule) if rule.lets(&live.access, &policy) => Ok(through(asking, Some(live))),
            _ => Err(Refusal::NotAllowed.into()),
        }
    }

    /// Whether this is the secret of a gate.
    pub async fn check_gate(&self, secret: &PlainToken, request: RequestId) -> Result<(), AppError> {
        let asked = Question { secret, origin: "", request, now: self.now() };
        let found = self.db.asking(asked, None, self.longest_lifetimes()).await?;
        found.map(drop).ok_or(AppError::Unauthorized)
    }

    /// Nobody shows a pass that holds.
    fn nobody(&self, asking: &Asking, question: &GateQuestion) -> Result<GateAnswer, AppError> {
        if question.navigates { self.send_to_pass(asking, question) } else { Ok(GateAnswer::NotSignedIn) }
    }

    async fn own_address(
        &self,
        verb: &str,
        asking: &Asking,
        question: &GateQuestion,
    ) -> Result<GateAnswer, AppError> {
        match verb {
            "enter" => self.enter_by_code(asking, question).await,
            "sign-out" => Ok(GateAnswer::Leave { to: self.app_addresses(&asking.tenant).of("end-session") }),
            _ => Err(AppError::NotFound("address")),
        }
    }

    /// The policy in force, which this process knows unless it changed just now.
    async fn policy_of(&self, asking: &Asking) -> Result<Arc<Policy>, AppError> {
        if let Some(known) = self.policies.known(asking.scope.tenant(), asking.policy_version) {
            return Ok(known);
        }
        let mut tx = self.db.read(&asking.scope).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        tx.finish().await?;
        Ok(policy)
    }
}

fn through(asking: Asking, live: Option<LiveSession>) -> GateAnswer {
    GateAnswer::Through(LetThrough { tenant: asking.tenant, person: live.map(Person::from) })
}

/// Whether a request is for us, and for nothing behind the gate.
pub fn is_ours(wanted: &Wanted) -> bool {
    ours(wanted).is_some()
}

/// What of ours is wanted, if it is anything of ours.
fn ours(wanted: &Wanted) -> Option<&str> {
    let rest = wanted.path().as_str().strip_prefix(OURS)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_addresses_are_below_one_path_of_every_host() {
        let verb = |path: &str| ours(&Wanted::parse(path).unwrap()).map(str::to_owned);

        assert_eq!(verb("/.usher/enter?code=x"), Some("enter".to_owned()));
        assert_eq!(verb("/.Usher/sign-out"), Some("sign-out".to_owned()));
        assert_eq!((verb("/.usher"), verb("/.usher/x/y")), (Some(String::new()), Some("x/y".to_owned())));
        assert_eq!((verb("/.usherette"), verb("/a/.usher/enter"), verb("/")), (None, None, None));
    }
}
