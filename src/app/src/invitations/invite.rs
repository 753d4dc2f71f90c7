//! Somebody is invited. Knows what can be chosen with it, and that a seat is kept for them where the product counts those who
//! were invited.

use chrono::Duration;
use domain::access::Policy;
use domain::audit::{Action, AuditEvent};
use domain::blueprint::{Asked, InvitedBy, Role};
use domain::id::{InvitationId, TenantId, UserId};
use domain::mapping::{Outcome, ScopeRef};
use domain::seat::{Door, PoolClass};
use domain::token::{PlainToken, TokenKind};
use scim::dialect::Dialect;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::audit::Outgoing;
use store::invitations::{self, NewInvitation, NewLink};
use store::{AdminScope, DirectoryScope, WriteTx, guards};
use utoipa::ToSchema;

use super::{InvitationView, terms};
use crate::App;
use crate::error::AppError;
use crate::people::{NewPerson, check_address, giver};
use crate::provision::{self, Claims, Start, pool_of};
use crate::tenants::{RuleOutcome, gives};

pub(super) const LINK: &str = "invitation.link";
/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const LONGEST_ADDRESS: usize = 254;
const LANGUAGES: [&str; 3] = ["ja", "en", "fr"];

/// Somebody to invite.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// The address, which is also their user name.
    #[schema(example = "hana@acme.example", min_length = 3, max_length = 254)]
    pub address: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Department, which mapping rules may turn into a home.
    pub department: Option<String>,
    /// What they will hold, of what the product lets choose with an invitation.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub gives: Vec<RuleOutcome>,
    /// Somebody whom the caller sees: all that they were given by hand is given too, but for what ends on a day that was named.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub like: Option<UserId>,
    /// Whether they are the tenant's first person, who comes to hold the role that the product keeps for them, as a contract's holder does.
    /// Refused once somebody holds it.
    #[serde(default)]
    pub first: bool,
    /// The language of the mail: `ja`, `en` or `fr`; the product's own, unless said otherwise.
    #[schema(example = "ja")]
    pub language: Option<String>,
    /// Whether a mail is sent, where mail is set up. Without one, the link is handed on.
    pub mail: Option<bool>,
}

/// Somebody has been invited.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// The invitation.
    pub invitation: InvitationView,
    /// The link by which it is accepted, once; shown this once. Whoever has it is taken for who was invited.
    pub link: String,
}

/// Notes that somebody who is created in this transaction is invited. Returns what to audit.
pub(crate) async fn note_invited(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    new: &NewInvitation,
) -> Result<AuditEvent, AppError> {
    let by = giver(tx).await?;
    invitations::open(tx, user, new, (&by, app.now())).await?;
    tx.announce(Outgoing {
        fact: "invitation.created",
        subject_id: user.to_string(),
        payload: json!({"user": user, "invitation": new.id}),
    });
    let after = json!({"user": user, "address": new.address, "expiresAt": new.link.expires_at});
    Ok(AuditEvent::new(Action::InvitationCreate, new.id).after(after))
}

/// A fresh link: its address, and what is kept of it.
pub(super) struct FreshLink {
    pub(super) address: String,
    pub(super) kept: NewLink,
}

impl App {
    /// Invites somebody: they are there, and hold nothing until they have accepted.
    pub async fn invite(
        &self,
        admin: &AdminScope,
        tenant: &str,
        mut invite: Invite,
    ) -> Result<Invited, AppError> {
        let policy = self.policy_for(admin).await?;
        let like = invite.like.take();
        invite.gives.extend(self.given_to(admin, like).await?);
        if invite.first {
            self.check_first(admin, &policy, &invite).await?;
        }
        self.invite_by(admin, tenant, &policy, invite).await
    }

    /// Whether somebody can be a tenant's first person.
    async fn check_first(
        &self,
        admin: &AdminScope,
        policy: &Policy,
        invite: &Invite,
    ) -> Result<(), AppError> {
        let role = first_role(policy)?;
        if !invite.gives.is_empty() {
            return Err(AppError::Invalid(
                "the first person is given one role, and nothing besides".to_owned(),
            ));
        }
        let mut tx = self.db.read(admin.scope()).await?;
        let holders = guards::holders(&mut tx, role.id(), &[]).await?;
        tx.finish().await?;
        if holders > 0 {
            return Err(AppError::Conflict(format!("somebody holds the role {} already", role.id())));
        }
        Ok(())
    }

    pub(crate) async fn policy_for(&self, admin: &AdminScope) -> Result<std::sync::Arc<Policy>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        tx.finish().await?;
        Ok(policy)
    }

    /// The same by a policy that was read.
    pub(super) async fn invite_by(
        &self,
        admin: &AdminScope,
        tenant: &str,
        policy: &Policy,
        invite: Invite,
    ) -> Result<Invited, AppError> {
        let local = self.local_people(admin).await?;
        self.refuse_if_taken(admin, tenant, policy, &invite).await?;
        let (id, link) = self.bring_invited(&local, tenant, policy, invite).await?;
        Ok(Invited { invitation: self.just_made(admin, policy, id).await?, link })
    }

    /// Does it and keeps nothing of it.
    pub(super) async fn try_to_invite(
        &self,
        admin: &AdminScope,
        tenant: &str,
        policy: &Policy,
        invite: Invite,
    ) -> Result<Option<PoolClass>, AppError> {
        self.refuse_if_taken(admin, tenant, policy, &invite).await?;
        self.rehearse_invitation(admin, tenant, policy, invite).await
    }

    /// Does everything and keeps nothing. Returns in which pool they would have a seat.
    async fn rehearse_invitation(
        &self,
        admin: &AdminScope,
        tenant: &str,
        policy: &Policy,
        invite: Invite,
    ) -> Result<Option<PoolClass>, AppError> {
        let local = self.local_people(admin).await?;
        let (tried, rehearsal) = admin.rehearse(local.directory());
        self.bring_invited(&tried, tenant, policy, invite).await?;
        let mut events = rehearsal.take().events.into_iter();
        Ok(events.find(|event| event.action == Action::SeatGrant).map(|event| pool_of(&event)))
    }

    /// Refuses to invite somebody who is there. Whoever could not invite them anyway is told that instead, so that nobody finds
    /// out here who is there.
    async fn refuse_if_taken(
        &self,
        admin: &AdminScope,
        tenant: &str,
        policy: &Policy,
        invite: &Invite,
    ) -> Result<(), AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let is_taken = invitations::is_taken(&mut tx, invite.address.trim()).await?;
        tx.finish().await?;
        if !is_taken {
            return Ok(());
        }
        if admin.scope().actor().person().is_some() {
            let address = format!("somebody@{}.invalid", admin.scope().tenant());
            let other = Invite { address, ..invite.clone() };
            self.rehearse_invitation(admin, tenant, policy, other).await?;
        }
        Err(AppError::Conflict("somebody of this address is there already".to_owned()))
    }

    /// Somebody of this directory is there and invited. Returns the invitation and the address of its link.
    pub(super) async fn bring_invited(
        &self,
        local: &DirectoryScope,
        tenant: &str,
        policy: &Policy,
        invite: Invite,
    ) -> Result<(InvitationId, String), AppError> {
        let gives = if invite.first {
            proposal(policy, first_role(policy)?)?.into_iter().collect()
        } else {
            chosen(policy, invite.gives.clone())?
        };
        self.bring_with(local, tenant, policy, invite, Start { gives, ..Start::default() }).await
    }

    /// The same for somebody who begins with this, whatever the product lets choose with an invitation.
    pub(crate) async fn bring_with(
        &self,
        local: &DirectoryScope,
        tenant: &str,
        policy: &Policy,
        invite: Invite,
        start: Start,
    ) -> Result<(InvitationId, String), AppError> {
        let address = address_of(&invite.address)?;
        let language = language_of(invite.language.as_deref(), policy)?;
        let link = self.fresh_link(local.scope().tenant(), tenant, policy, invite.mail)?;
        let id = InvitationId::generate(self.now(), &*self.entropy);
        let new = NewPerson {
            user_name: address.clone(),
            display_name: invite.display_name,
            given_name: invite.given_name,
            family_name: invite.family_name,
            email: Some(address.clone()),
            title: None,
            department: invite.department,
            active: None,
            gives: Vec::new(),
            like: None,
        };
        let invitation = NewInvitation { id, address, language, link: link.kept };
        let invited = provision::Invited { invitation, claims: claims(policy) };
        let start = Start { invited: Some(invited), ..start };
        self.create_user_with(local, new.into_scim(), &Dialect::strict(), start).await?;
        Ok((id, link.address))
    }

    /// An invitation that the caller has just made or changed, whom it is of or not.
    pub(crate) async fn just_made(
        &self,
        admin: &AdminScope,
        policy: &Policy,
        id: InvitationId,
    ) -> Result<InvitationView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = invitations::find(&mut tx, id).await?.ok_or(AppError::NotFound("invitation"))?;
        let person = store::people::find(&mut tx, row.user()).await?;
        tx.finish().await?;
        let stands = person.map_or((false, false), |person| (person.active, person.invited));
        Ok(self.view(policy, row, stands))
    }

    /// A link that is good for as long as the product says.
    pub(super) fn fresh_link(
        &self,
        id: TenantId,
        tenant: &str,
        policy: &Policy,
        mail: Option<bool>,
    ) -> Result<FreshLink, AppError> {
        let terms = terms(policy)?;
        let token = PlainToken::mint(TokenKind::Invitation, Some(id), &*self.entropy);
        // Behind the `#`, where browsers keep it to themselves: no log and no other site gets to see it.
        let address = format!("{}invitation/{tenant}#{}", self.public_url, token.expose());
        let is_mailed = self.mailer.is_some() && mail.unwrap_or(true) && terms.by.contains(&InvitedBy::Email);
        let sealed = is_mailed.then(|| self.sealer.seal(LINK, address.as_bytes(), &*self.entropy));
        let expires_at = self.now() + Duration::days(i64::from(terms.expires_days));
        Ok(FreshLink {
            address,
            kept: NewLink { hash: token.hash(), sealed: sealed.transpose()?, expires_at },
        })
    }
}

/// An address to which a mail could go.
pub(crate) fn address_of(text: &str) -> Result<String, AppError> {
    let address = text.trim();
    check_address(Some(address))?;
    if address.len() > LONGEST_ADDRESS || address.chars().any(char::is_control) {
        return Err(AppError::Invalid(
            "address is too long or has characters that no address has".to_owned(),
        ));
    }
    Ok(address.to_owned())
}

pub(super) fn language_of(wanted: Option<&str>, policy: &Policy) -> Result<String, AppError> {
    let language = wanted.unwrap_or_else(|| policy.blueprint.default_locale());
    match LANGUAGES.iter().find(|known| **known == language) {
        Some(known) => Ok((*known).to_owned()),
        None => Err(AppError::Invalid("language is none of ja, en and fr".to_owned())),
    }
}

/// What somebody who is invited asks of the seat pool: a place is kept where the product counts those who were invited.
pub(crate) fn claims(policy: &Policy) -> Claims {
    if policy.blueprint.counts_the_invited() { Claims::At(Door::Invite) } else { Claims::Nothing }
}

/// What is given, if the product lets it be chosen; the role that it proposes, unless another is named.
fn chosen(policy: &Policy, mut wanted: Vec<RuleOutcome>) -> Result<Vec<RuleOutcome>, AppError> {
    let terms = terms(policy)?;
    let proposed =
        policy.blueprint.product().membership.invited_as.as_ref().map(|role| role.get_ref().as_str());
    let lacking = wanted.iter().flat_map(|given| asked_by(given, proposed)).find(|asked| match asked {
        Some(asked) => !terms.asks.contains(asked),
        None => true,
    });
    if let Some(lacking) = lacking {
        let what = lacking.map_or_else(|| "this".to_owned(), |asked| format!("{asked:?}").to_lowercase());
        return Err(AppError::Invalid(format!("{what} is not chosen with an invitation of this product")));
    }
    let has_role = wanted.iter().any(|given| matches!(given, RuleOutcome::Role { .. }));
    if let Some(role) = proposed.and_then(|id| policy.blueprint.role(id)).filter(|_| !has_role) {
        wanted.extend(proposal(policy, role)?);
    }
    Ok(wanted)
}

/// By which questions of an invitation something is chosen; `None` for what never is. The proposed role needs no question.
fn asked_by(given: &RuleOutcome, proposed: Option<&str>) -> Vec<Option<Asked>> {
    match given {
        RuleOutcome::Role { role, restrictions, .. } => {
            let role = (Some(role.as_str()) != proposed).then_some(Some(Asked::Role));
            role.into_iter().chain((!restrictions.is_empty()).then_some(Some(Asked::Restrictions))).collect()
        }
        RuleOutcome::Restrictions { .. } => vec![Some(Asked::Restrictions)],
        RuleOutcome::Flags { .. } | RuleOutcome::Level { .. } => vec![Some(Asked::Flags)],
        RuleOutcome::Home { .. } => vec![Some(Asked::Home)],
        RuleOutcome::SeatClass(_) | RuleOutcome::Block(_) => vec![None],
    }
}

/// The role that the product keeps for a tenant's first person.
fn first_role(policy: &Policy) -> Result<&Role, AppError> {
    let kept = policy.blueprint.product().membership.first_role.as_ref();
    kept.and_then(|id| policy.blueprint.role(id.get_ref())).ok_or_else(|| {
        AppError::Conflict("this product keeps no role for a tenant's first person".to_owned())
    })
}

/// The proposed role where it is held, if there is one such place; one who has the role anyway needs nothing.
fn proposal(policy: &Policy, role: &Role) -> Result<Option<RuleOutcome>, AppError> {
    if policy.blueprint.default_role().map(Role::id) == Some(role.id()) {
        return Ok(None);
    }
    let units = policy.tree.root().map(|root| policy.tree.subtree(root.id)).unwrap_or_default();
    let units = units.iter().filter_map(|id| policy.tree.get(*id)).map(|unit| ScopeRef::OrgUnit(unit.id));
    let workspaces = policy.workspaces.iter().map(|workspace| ScopeRef::Workspace(workspace.id));
    let everywhere = std::iter::once(ScopeRef::Environment).chain(units).chain(workspaces);
    let there = |scope| Outcome::Role { role: role.id().to_owned(), scope, restrictions: Vec::new() };
    let fits =
        |what: &Outcome| what.validate(false, &policy.blueprint, &policy.tree, &policy.workspaces).is_ok();
    let mut places = everywhere.map(there).filter(fits);
    match (places.next(), places.next()) {
        (Some(only), None) => Ok(Some(gives(only, policy))),
        _ => Err(AppError::Invalid(format!("gives does not say where the role {} is to be held", role.id()))),
    }
}
