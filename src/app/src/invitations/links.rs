//! Links by which several people invite themselves, where the product has them: made, made to rest, removed, followed. Knows that
//! each who follows one gets an invitation of their own, at the address that they say.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{InvitationLinkId, RequestId};
use domain::token::{PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::invitation_links::{self, LinkRow};
use store::invitations;
use store::{AdminScope, directories, newcomers};
use utoipa::ToSchema;

use super::invite::{Invite, language_of};
use super::{Opened, terms};
use crate::App;
use crate::error::{AppError, Refusal};
use crate::people::giver;
use crate::tenants::{RuleOutcome, display_name};

/// The most links that a tenant has at once.
const MOST_LINKS: usize = 50;

/// A link to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInvitationLink {
    /// What it is called.
    #[schema(example = "Support team", min_length = 1, max_length = 200)]
    pub name: String,
    /// What those who come by it will hold, of what the product lets choose with an invitation.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub gives: Vec<RuleOutcome>,
    /// The language in which they are written to: `ja`, `en` or `fr`.
    #[schema(example = "ja")]
    pub language: Option<String>,
}

/// A link is changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeInvitationLink {
    /// Whether it rests: nobody comes by it meanwhile.
    pub frozen: bool,
}

/// A link by which several people invite themselves.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationLinkView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: InvitationLinkId,
    /// What it is called.
    pub name: String,
    /// Whether it rests.
    pub frozen: bool,
    /// How many were invited by it.
    pub uses: i32,
    /// The language in which they are written to.
    pub language: String,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

impl From<LinkRow> for InvitationLinkView {
    fn from(row: LinkRow) -> Self {
        let id = row.link_id();
        let LinkRow { name, frozen, uses, language, made_by, created_at, expires_at, .. } = row;
        Self { id, name, frozen, uses, language, made_by, created_at, expires_at }
    }
}

/// A link was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeInvitationLink {
    /// The link as it is kept.
    pub invitation_link: InvitationLinkView,
    /// Its address; shown this once.
    pub link: String,
}

/// Somebody who follows such a link.
#[derive(Debug)]
pub struct Joining {
    /// The link's secret.
    pub link: String,
    /// Their address.
    pub address: String,
    /// What they are called.
    pub name: Option<String>,
}

/// What somebody who followed such a link is to do next.
#[derive(Debug)]
pub enum Joined {
    /// Follow the link in the mail that is on its way.
    ReadMail,
    /// Go on as with a link of their own.
    GoOn(Opened),
}

impl App {
    /// Makes a link by which several people invite themselves.
    pub async fn make_invitation_link(
        &self,
        admin: &AdminScope,
        tenant: &str,
        new: NewInvitationLink,
    ) -> Result<MadeInvitationLink, AppError> {
        let policy = self.policy_for(admin).await?;
        let terms = terms(&policy)?;
        if !terms.multi_use {
            return Err(AppError::Conflict("this product has no links for several people".to_owned()));
        }
        let (name, language) = (display_name(&new.name)?, language_of(new.language.as_deref(), &policy)?);
        // Tried with somebody who is nobody: what cannot be given to them is refused now.
        let nobody = format!("link@{}.invalid", admin.scope().tenant());
        let tried = Invite { address: nobody, gives: new.gives.clone(), ..Invite::default() };
        match self.try_to_invite(admin, tenant, &policy, tried).await {
            // That there is no seat today says nothing of tomorrow.
            Ok(_) | Err(AppError::SeatsTaken) => {}
            Err(error) => return Err(error),
        }
        let now = self.now();
        let token = PlainToken::mint(TokenKind::Invitation, Some(admin.scope().tenant()), &*self.entropy);
        let mut tx = self.db.begin(admin.scope()).await?;
        if invitation_links::all(&mut tx).await?.len() >= MOST_LINKS {
            return Err(AppError::Conflict(format!("a tenant has at most {MOST_LINKS} such links")));
        }
        let id = InvitationLinkId::generate(now, &*self.entropy);
        let row = LinkRow {
            id: id.as_uuid(),
            name,
            link_hash: token.hash().as_bytes().to_vec(),
            gives: json!(new.gives),
            language,
            frozen: false,
            uses: 0,
            made_by: giver(&mut tx).await?,
            created_at: now,
            expires_at: now + Duration::days(i64::from(terms.expires_days)),
        };
        invitation_links::add(&mut tx, &row).await?;
        let after = json!({"name": row.name, "gives": row.gives, "expiresAt": row.expires_at});
        let event = AuditEvent::new(Action::InvitationLinkCreate, id).after(after);
        self.commit(tx, Audit::of(event), now).await?;
        let link = format!("{}invitation/{tenant}#{}", self.public_url, token.expose());
        Ok(MadeInvitationLink { invitation_link: row.into(), link })
    }

    /// The tenant's links, oldest first.
    pub async fn list_invitation_links(
        &self,
        admin: &AdminScope,
    ) -> Result<Vec<InvitationLinkView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = invitation_links::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(InvitationLinkView::from).collect())
    }

    /// Lets a link rest, or be good again.
    pub async fn change_invitation_link(
        &self,
        admin: &AdminScope,
        id: InvitationLinkId,
        change: ChangeInvitationLink,
    ) -> Result<InvitationLinkView, AppError> {
        let policy = self.policy_for(admin).await?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = invitation_links::freeze(&mut tx, id, change.frozen).await?;
        let row = row.ok_or(AppError::NotFound("invitation link"))?;
        if !terms(&policy)?.can_be_frozen {
            return Err(AppError::Conflict("links of this product do not rest".to_owned()));
        }
        let event = AuditEvent::new(Action::InvitationLinkUpdate, id).after(json!({"frozen": row.frozen}));
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(row.into())
    }

    /// Removes a link. Who was invited by it stays so.
    pub async fn remove_invitation_link(
        &self,
        admin: &AdminScope,
        id: InvitationLinkId,
    ) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        if !invitation_links::remove(&mut tx, id).await? {
            return Err(AppError::NotFound("invitation link"));
        }
        let event = AuditEvent::new(Action::InvitationLinkDelete, id);
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(())
    }

    /// Invites whoever follows a link for several, at the address that they say. That somebody of this address is there already
    /// is not said: they are asked to read their mail like everybody else.
    pub async fn join_by_link(
        &self,
        tenant: &str,
        joining: Joining,
        request: RequestId,
    ) -> Result<Joined, AppError> {
        let bad =
            || AppError::from(Refusal::NotAccepted("the link is unknown, resting or too old".to_owned()));
        let scope = self.sign_in_scope(tenant, request).await?;
        let token = PlainToken::parse(&joining.link).or(Err(bad()))?;
        let mut tx = self.db.read(&scope).await?;
        let row = invitation_links::open(&mut tx, token.hash().as_bytes(), self.now()).await?;
        let local = directories::local(&mut tx).await?;
        let is_taken = invitations::is_taken(&mut tx, joining.address.trim()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        tx.finish().await?;
        let (row, local) = row.zip(local).ok_or_else(bad)?;
        if is_taken {
            return if self.mailer.is_some() { Ok(Joined::ReadMail) } else { Err(bad()) };
        }
        let id = row.link_id();
        let gives = serde_json::from_value(row.gives)
            .map_err(|error| AppError::Internal(format!("a stored invitation link: {error}")))?;
        let invite = Invite {
            address: joining.address,
            display_name: joining.name,
            gives,
            language: Some(row.language),
            ..Invite::default()
        };
        let local = newcomers::by_link(&scope, local);
        let (invitation, link) = self.bring_invited(&local, tenant, &policy, invite).await?;
        let mut tx = self.db.begin(&scope).await?;
        invitation_links::count(&mut tx, id).await?;
        let event = AuditEvent::new(Action::InvitationLinkUse, id).after(json!({"invitation": invitation}));
        self.commit(tx, Audit::of(event), self.now()).await?;
        if self.mailer.is_some() {
            return Ok(Joined::ReadMail);
        }
        let secret = link.split_once('#').map(|(_, secret)| secret).unwrap_or_default();
        self.open_invitation(tenant, secret, request).await.map(Joined::GoOn)
    }
}
