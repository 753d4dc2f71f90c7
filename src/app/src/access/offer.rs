//! What a tenant has of the product: its plan and features, on which permissions and restrictions can rest. A change computes
//! everybody's access anew.

use std::collections::BTreeSet;

use domain::access::Offer;
use domain::audit::{Action, AuditEvent};
use domain::blueprint::{Blueprint, Named};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{AdminScope, WriteTx, rules, tenants};
use utoipa::ToSchema;

use super::parse_blueprint;
use crate::App;
use crate::error::AppError;

/// What a tenant has of the product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetOffer {
    /// The plan it is on, by its id in the blueprint. Absent: nobody says, and the product checks what rests on plans.
    pub plan: Option<String>,
    /// The features it has, by their ids in the blueprint. Absent: nobody says, and the product checks what rests on features.
    pub features: Option<BTreeSet<String>>,
}

/// What a tenant has of the product, and what there is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferView {
    /// The plan it is on, if somebody said so.
    pub plan: Option<String>,
    /// The features it has, if somebody said so.
    pub features: Option<BTreeSet<String>>,
    /// The plans that the product is sold in.
    pub known_plans: Vec<String>,
    /// The features that a tenant can have.
    pub known_features: Vec<String>,
}

impl App {
    /// What the tenant has of the product.
    pub async fn show_offer(&self, admin: &AdminScope) -> Result<OfferView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, blueprint) = tenants::current(&mut tx).await?;
        let offer = rules::offer(&mut tx).await?;
        tx.finish().await?;
        Ok(view(&parse_blueprint(&blueprint)?, offer))
    }

    /// Says what the tenant has of the product.
    pub async fn set_offer(&self, admin: &AdminScope, set: SetOffer) -> Result<OfferView, AppError> {
        let set = async |tx: &mut WriteTx| {
            let (_, blueprint) = tenants::current(tx).await?;
            let blueprint = parse_blueprint(&blueprint)?;
            let offer = Offer { plan: set.plan.clone(), features: set.features.clone() };
            let product = blueprint.product();
            check("plan", offer.plan.iter(), &product.plans)?;
            check("feature", offer.features.iter().flatten(), &product.features)?;
            let before = rules::offer(tx).await?;
            rules::set_offer(tx, &offer).await?;
            let event = AuditEvent::new(Action::OfferSet, admin.scope().tenant())
                .before(json!({"plan": before.plan, "features": before.features}))
                .after(json!({"plan": offer.plan, "features": offer.features}));
            Ok((view(&blueprint, offer), vec![event]))
        };
        Ok(self.change_policy(admin, set).await?.0)
    }
}

fn check<'a>(what: &str, ids: impl IntoIterator<Item = &'a String>, known: &[Named]) -> Result<(), AppError> {
    let names = || known.iter().map(|it| it.id.get_ref().as_str());
    match ids.into_iter().find(|id| !names().any(|known| known == id.as_str())) {
        None => Ok(()),
        Some(id) => {
            let all = names().collect::<Vec<_>>().join(", ");
            Err(AppError::Invalid(format!("the product has no {what} {id:?}; known are: {all}")))
        }
    }
}

fn view(blueprint: &Blueprint, offer: Offer) -> OfferView {
    let ids = |known: &[Named]| known.iter().map(|it| it.id.get_ref().clone()).collect();
    let product = blueprint.product();
    OfferView {
        plan: offer.plan,
        features: offer.features,
        known_plans: ids(&product.plans),
        known_features: ids(&product.features),
    }
}
