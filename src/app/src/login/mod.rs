//! Signing in and out. Knows the order of a sign-in; what is proven, `sso` proves.
//!
//! A sign-in is two requests of one browser. [`App::start_login`](crate::App::start_login) remembers a flow and sends
//! the browser to the identity provider; when it comes back, the protocol's own part takes the flow and has the answer
//! verified. From there on no protocol is known: the admission finds the person that a verified identity means, and opens
//! a session. Between the two requests nothing is kept but the flow's row and the browser's binding cookie.

mod admission;
mod client_proof;
mod enforcement;
mod flow;
mod home_realm;
mod initiate_login;
mod newcomer;
mod openid;
mod openid_rules;
mod passkey_ceremony;
mod passkeys;
mod provider_logout;
mod saml;
mod sessions;
mod settings;
mod sign_out;
mod start_login;
mod trial;
mod turned_away;

pub use admission::SignedIn;
pub use client_proof::{CLIENT_KEYS_MAX_AGE, ClientAuthentication};
pub(crate) use enforcement::keep_a_way_back;
pub use enforcement::{EnforcementView, ProtectedView, SetEnforcement};
pub use flow::FLOW_LIFETIME;
pub use home_realm::{Doors, WayIn};
pub use initiate_login::Initiation;
pub(crate) use openid::OpenIdSettings;
pub use openid::Return;
pub use openid_rules::{OpenIdRules, SecretMethod};
pub use passkey_ceremony::{Answered, CEREMONY_LIFETIME, Question};
pub use passkeys::{PasskeyInvitationView, PasskeyView, RenamePasskey};
pub(crate) use provider_logout::end_at_provider;
pub use saml::{Brought, Carried, NewCertificates, Place, PlaceBinding, Posted, SamlRules, SignedPart};
pub(crate) use saml::{SamlSettings, Turns as SamlTurns, believe};
pub(crate) use sessions::{End, all_revoked, over, sign_out_everywhere};
pub use sessions::{SessionPolicyView, SessionView};
pub use settings::{ConnectionState, JustInTime, LinkTo};
pub(crate) use settings::{Protocol, Settings};
pub use sign_out::{AtProvider, SignedOut};
pub use sso::oidc::CallbackParams;
pub use start_login::{Departure, SettingOut, Way};
pub use trial::{Check, CheckView, TrialView, Verdict};
pub(crate) use turned_away::TurnedAway;
