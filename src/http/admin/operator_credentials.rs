//! `/operator-credentials`: what opens every tenant. Issued at the console only.

use actix_web::web::{Data, Path};
use app::connections::OperatorCredentialView;

use super::super::caller::OperatorCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, Items, ReadRefusals};
use super::{Answer, answer};

/// All operator credentials, without their tokens.
#[utoipa::path(
    get,
    path = "/api/v1/operator-credentials",
    operation_id = "list_operator_credentials",
    tag = "Tenants",
    responses((status = 200, description = "All of them.", body = Items<OperatorCredentialView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: OperatorCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_operator_credentials(&caller.0).await?))
}

/// Revokes an operator's credential: the next request that shows it is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/operator-credentials/{id}",
    operation_id = "revoke_operator_credential",
    tag = "Tenants",
    params(ById),
    responses((status = 204, description = "It is revoked."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn revoke(caller: OperatorCaller, id: Path<String>, state: Data<AppState>) -> Answer {
    let id = id_of(&id, "live operator credential")?;
    state.app.revoke_operator_credential(&caller.0, id).await?;
    Ok(answer::done())
}
