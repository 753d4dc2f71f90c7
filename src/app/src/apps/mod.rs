//! The product's apps: they sign people in through us, by OpenID Connect. Knows what an app is, what it gets and when that ends;
//! does not know forms, headers or cookies.
//!
//! What an app gets by a sign-in is one row that refers to the session (`app_grant`). Every token refers to that row, and
//! whatever ends the session takes the row along, in the same transaction.

mod addresses;
mod authorize;
mod claims;
mod device;
mod exchange;
mod introspect;
mod issue;
mod keys;
mod leave;
mod logout_token;
mod possession;
mod proof;
mod pushed;
mod registry;
mod release;
mod resume;
mod settings;
mod userinfo;
mod views;

pub use addresses::Addresses;
pub(crate) use addresses::with_params;
pub use authorize::Step;
pub use claims::SCOPES;
pub(crate) use claims::email;
pub use device::{DEVICE_GRANT, DeviceAnswer, DeviceAsked, DeviceStep, WaitingDevice};
pub use exchange::AppTokenRequest;
pub use introspect::Shown;
pub use issue::IssuedTokens;
pub(crate) use keys::KeyCache;
pub use leave::{Leave, Left};
pub use possession::{ShownAccess, ShownProof};
pub use proof::Claimed;
pub use registry::{ChangeApp, RotateSecret};
pub use settings::{AppProof, IdTokenAlg, NewApp};
pub use views::{AppView, CreatedApp, RotatedAppSecret, SecretView};
