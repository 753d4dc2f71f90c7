//! `/tenants/{tenant}/apps`: the product's apps, which sign people in through us.

use actix_web::web::{Data, Path};
use app::apps::{AppView, ChangeApp, CreatedApp, NewApp, RotateSecret, RotatedAppSecret};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All apps, without their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/apps",
    operation_id = "list_apps",
    tag = "Apps",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<AppView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_apps(&caller.scope).await?))
}

/// Registers an app. Its secret, if it proves itself by one, is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/apps",
    operation_id = "create_app",
    tag = "Apps",
    params(InTenant),
    request_body = NewApp,
    responses((status = 201, description = "It is there now.", body = CreatedApp), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewApp = body.json(&state).await?;
    Ok(answer::created(&state.app.create_app(&caller.scope, new).await?))
}

/// One app.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/apps/{id}",
    operation_id = "show_app",
    tag = "Apps",
    params(InTenant, ById),
    responses((status = 200, description = "The app.", body = AppView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_app(&caller.scope, id_of(&address.1, "app")?).await?))
}

/// Changes an app. What is not said stays; lists are replaced. What it has got already stays as it is.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/apps/{id}",
    operation_id = "change_app",
    tag = "Apps",
    params(InTenant, ById),
    request_body = ChangeApp,
    responses((status = 200, description = "The app as it is now.", body = AppView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "app")?;
    let change: ChangeApp = body.json(&state).await?;
    Ok(answer::ok(&state.app.change_app(&caller.scope, id, change).await?))
}

/// Gives an app another secret, which is in this answer and nowhere else. The one before is good beside it for a while.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/apps/{id}/rotate-secret",
    operation_id = "rotate_app_secret",
    tag = "Apps",
    params(InTenant, ById),
    request_body = RotateSecret,
    responses((status = 200, description = "The new secret.", body = RotatedAppSecret), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn rotate(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "app")?;
    let how: RotateSecret = body.json(&state).await?;
    Ok(answer::ok(&state.app.rotate_app_secret(&caller.scope, id, how).await?))
}

/// Deletes an app: every code and token that it had is refused from the next request on.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/apps/{id}",
    operation_id = "delete_app",
    tag = "Apps",
    params(InTenant, ById),
    responses((status = 204, description = "It is gone."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn delete(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.delete_app(&caller.scope, id_of(&address.1, "app")?).await?;
    Ok(answer::done())
}
