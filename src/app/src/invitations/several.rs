//! Several are invited at once, each by themselves: what is wrong with one keeps nobody else out. Knows lists of addresses; a
//! preview tries each and keeps nothing.

use std::collections::BTreeMap;

use domain::access::Policy;
use domain::seat::{AtLimit, Door, PoolClass};
use serde::Deserialize;
use store::{AdminScope, seat_pools};
use utoipa::ToSchema;

use super::invite::{Invite, Invited};
use crate::App;
use crate::error::AppError;
use crate::tenants::RuleOutcome;

/// The most who are invited at once.
const MOST: usize = 200;

/// Several to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InviteSeveral {
    /// Addresses, with commas, semicolons or line breaks between them: what is typed or pasted, or the column of a file.
    #[schema(example = "hana@acme.example, ken@acme.example")]
    pub addresses: Option<String>,
    /// People of whom more is known, such as the rows of a file.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub people: Vec<Invitee>,
    /// What all of them will hold.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub gives: Vec<RuleOutcome>,
    /// The language of the mails.
    pub language: Option<String>,
    /// Whether mails are sent.
    pub mail: Option<bool>,
    /// Whether it is only tried: what would become of each, and nothing is kept.
    #[serde(default)]
    pub dry_run: bool,
}

/// One of several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invitee {
    /// The address.
    #[schema(example = "hana@acme.example")]
    pub address: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// What they will hold besides what all will.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub gives: Vec<RuleOutcome>,
}

/// What became of one of several.
#[derive(Debug)]
pub struct Row {
    /// The address, as it was given.
    pub address: String,
    /// The invitation; nothing if it was only tried and would be.
    pub outcome: Result<Option<Invited>, AppError>,
}

impl App {
    /// Invites several, or tries it.
    pub async fn invite_several(
        &self,
        admin: &AdminScope,
        tenant: &str,
        several: InviteSeveral,
    ) -> Result<Vec<Row>, AppError> {
        let policy = self.policy_for(admin).await?;
        let only_tried = several.dry_run;
        let invites = invites(several)?;
        let mut seats =
            if only_tried { self.seats_left(admin, &policy).await? } else { SeatsLeft::default() };
        let mut rows: Vec<Row> = Vec::with_capacity(invites.len());
        for invite in invites {
            let address = invite.address.clone();
            let key = scim::text::fold(&address);
            let outcome = if rows.iter().any(|row| scim::text::fold(&row.address) == key) {
                Err(AppError::Conflict("the address is there twice".to_owned()))
            } else {
                self.one_of_several(admin, tenant, &policy, invite, (only_tried, &mut seats)).await
            };
            match outcome {
                Err(error) if rows.is_empty() && error.is_about_the_whole() => return Err(error),
                outcome => rows.push(Row { address, outcome }),
            }
        }
        Ok(rows)
    }

    async fn one_of_several(
        &self,
        admin: &AdminScope,
        tenant: &str,
        policy: &Policy,
        invite: Invite,
        (only_tried, seats): (bool, &mut SeatsLeft),
    ) -> Result<Option<Invited>, AppError> {
        if !only_tried {
            return self.invite_by(admin, tenant, policy, invite).await.map(Some);
        }
        let Some(pool) = self.try_to_invite(admin, tenant, policy, invite).await? else { return Ok(None) };
        match seats.get_mut(&pool) {
            Some(0) => Err(AppError::SeatsTaken),
            Some(left) => {
                *left = left.saturating_sub(1);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// How many more can be invited to each pool of which nobody is invited without a seat.
    async fn seats_left(&self, admin: &AdminScope, policy: &Policy) -> Result<SeatsLeft, AppError> {
        let product = policy.blueprint.at_limit(Door::Invite);
        let mut tx = self.db.read(admin.scope()).await?;
        let pools = seat_pools::all(&mut tx).await?;
        tx.finish().await?;
        let refuse = pools.iter().filter(|pool| pool.chosen.at(Door::Invite, product) == AtLimit::Refuse);
        Ok(refuse.map(|pool| (pool.class.clone(), pool.state.free())).collect())
    }
}

/// How many seats are left in pools.
type SeatsLeft = BTreeMap<PoolClass, u32>;

/// Everybody who is named, each once for each time that they are.
fn invites(several: InviteSeveral) -> Result<Vec<Invite>, AppError> {
    let InviteSeveral { addresses, people, gives, language, mail, .. } = several;
    let listed = addresses.unwrap_or_default();
    let listed =
        listed.split([',', ';', '\n', '\r', '、', '，']).map(str::trim).filter(|text| !text.is_empty());
    let plain = |address: &str| Invite { address: address.to_owned(), ..Invite::default() };
    let more = people.into_iter().map(|person| Invite {
        address: person.address,
        display_name: person.display_name,
        given_name: person.given_name,
        family_name: person.family_name,
        department: person.department,
        gives: person.gives,
        ..Invite::default()
    });
    let all: Vec<Invite> = listed.map(plain).chain(more).collect();
    if all.is_empty() || all.len() > MOST {
        return Err(AppError::Invalid(format!("1 to {MOST} people are invited at once")));
    }
    let each = |mut invite: Invite| {
        invite.gives.extend(gives.iter().cloned());
        Invite { language: language.clone(), mail, ..invite }
    };
    Ok(all.into_iter().map(each).collect())
}
