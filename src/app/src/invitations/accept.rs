//! Somebody follows the link of an invitation. Knows by which way they prove that they are who was invited, and what follows.
//!
//! An address in a domain that the tenant has verified is proved at one of its connections, if it has any: the identity says that
//! very address, and is linked to the person from then on. Everybody else registers a passkey: the link that came to their
//! address is their proof.

use domain::audit::{Action, AuditEvent};
use domain::blueprint::Consequence;
use domain::id::RequestId;
use domain::seat::Door;
use domain::token::{PlainToken, TokenHash, TokenKind};
use scim::text::fold;
use serde_json::json;
use sso::VerifiedIdentity;
use store::audit::Outgoing;
use store::invitations::{self, End, InvitationRow};
use store::{Reads, WriteTx, access, connections, domains, invitation_links, rules};

use crate::App;
use crate::access::load_policy;
use crate::error::{AppError, Refusal};
use crate::externals::places_of_external;
use crate::login::{ConnectionState, Question, Settings};
use crate::provision::{Claims, claim};

/// What somebody with a link is to do.
#[derive(Debug)]
pub enum Opened {
    /// Sign in through one of the tenant's connections, in the browser that keeps the link's secret.
    SignIn {
        /// The secret.
        link: PlainToken,
    },
    /// Register a passkey.
    Passkey(Question),
    /// Say their address: the link is for several people.
    Join,
}

/// A link that opens nothing. The browser is not told why.
fn not_accepted() -> AppError {
    Refusal::NotAccepted("the link is unknown, used, taken back or too old".to_owned()).into()
}

impl App {
    /// What somebody who shows the secret of a link is to do.
    pub async fn open_invitation(
        &self,
        tenant: &str,
        link: &str,
        request: RequestId,
    ) -> Result<Opened, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let token = PlainToken::parse(link).or(Err(not_accepted()))?;
        if token.kind() != TokenKind::Invitation || token.tenant() != Some(scope.tenant()) {
            return Err(not_accepted());
        }
        let mut tx = self.db.begin(&scope).await?;
        let hash = token.hash();
        let found = invitations::by_link(&mut tx, hash.as_bytes(), self.now()).await?;
        let Some(row) = found else {
            let link = invitation_links::open(&mut tx, hash.as_bytes(), self.now()).await?;
            tx.nothing_changed().await?;
            return link.map(|_| Opened::Join).ok_or_else(not_accepted);
        };
        let all = connections::all(&mut tx).await?;
        let open = all.iter().any(|it| ConnectionState::of(it) != ConnectionState::Paused);
        if open && domains::speaks_for(&mut tx, &row.address).await? {
            tx.nothing_changed().await?;
            return Ok(Opened::SignIn { link: token });
        }
        self.ask_who_was_invited(tx, &scope, row.user(), token.hash()).await.map(Opened::Passkey)
    }

    /// The invitation of a link, if it is still good. An identity that does not prove its address is refused.
    pub(crate) async fn invitation_of(
        &self,
        tx: &mut WriteTx,
        link: TokenHash,
        settings: &Settings,
        identity: &VerifiedIdentity,
    ) -> Result<Option<InvitationRow>, AppError> {
        let Some(row) = invitations::by_link(tx, link.as_bytes(), self.now()).await? else { return Ok(None) };
        if !proves(tx, settings, identity, &row.address).await? {
            return Err(Refusal::NotInvited.into());
        }
        Ok(Some(row))
    }

    /// Whoever was invited is in: the locked person holds from now on what they were given. Returns what to audit.
    pub(crate) async fn accept_invitation(
        &self,
        tx: &mut WriteTx,
        row: &InvitationRow,
        by: serde_json::Value,
    ) -> Result<Vec<AuditEvent>, AppError> {
        let (id, user) = (row.invitation_id(), row.user());
        if !invitations::end(tx, id, user, End::Accepted, self.now()).await? {
            return Err(not_accepted());
        }
        let policy = load_policy(tx).await?;
        let mut effects = policy.blueprint.acceptance().map(|it| it.effects.clone()).unwrap_or_default();
        let mut joins =
            policy.blueprint.product().membership.joins.as_ref().map(|variant| variant.get_ref().as_str());
        let access = access::facts(tx, &[user]).await?.pop().and_then(|person| person.stored);
        let places = access.map(|stored| stored.access()).transpose()?;
        let places = places.and_then(|access| places_of_external(&policy, &access));
        if places.is_some() {
            // They join the places that they were let into, and nothing that is everybody's.
            effects.retain(|it| !matches!(it, Consequence::JoinDefaultPlace | Consequence::GiveDefaultRole));
            joins = None;
        }
        let mut payload = json!({"user": user, "invitation": id, "effects": effects, "joins": joins});
        if let (Some(at), Some(payload)) = (places, payload.as_object_mut()) {
            payload.insert("at".to_owned(), json!(at));
        }
        tx.announce(Outgoing { fact: "invitation.accepted", subject_id: user.to_string(), payload });
        let mut events =
            vec![AuditEvent::new(Action::InvitationAccept, id).after(json!({"user": user, "by": by}))];
        if !policy.blueprint.counts_the_invited() {
            rules::hold(tx);
            let seat = claim(self, tx, &[user], Claims::At(Door::Acceptance)).await;
            events.extend(seat.map_err(AppError::said_at_the_door)?);
        }
        Ok(events)
    }
}

/// Whether an identity says this very address, in a domain that the tenant has verified, as its e-mail address or its name.
async fn proves(
    tx: &mut impl Reads,
    settings: &Settings,
    identity: &VerifiedIdentity,
    address: &str,
) -> Result<bool, AppError> {
    let is_it = |text: &str| fold(text) == fold(address);
    let email = identity.email.as_ref().filter(|email| email.verified != Some(false));
    let says =
        email.is_some_and(|email| is_it(&email.address)) || settings.name_of(identity).is_some_and(is_it);
    Ok(says && domains::speaks_for(tx, address).await?)
}
