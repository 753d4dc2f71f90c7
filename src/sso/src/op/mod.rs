//! Our side as the OpenID provider of the product's apps: what a request may say, which address a browser may be sent to, and
//! how tokens are made. Knows the protocol; does not know apps, sessions or where anything is kept.

mod dpop;
mod keys;
mod pkce;
mod redirect;
mod request;
mod token;

pub use dpop::{HeldKey, ProofError, Proved, verify_proof};
pub use keys::OpKey;
pub use pkce::{is_challenge, proves};
pub use redirect::{AddressRefused, ClientKind, check_redirect_uri, is_registered};
pub use request::{AuthorizationRefusal, Front, Param, Request, ShownPrompt, once, resources};
pub use token::{LONGEST_TOKEN, TokenKind, at_hash, read, sized};
