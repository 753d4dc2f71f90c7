//! A browser sets out to an identity provider that speaks SAML.

use domain::token::PlainToken;
use serde::{Deserialize, Serialize};
use sso::saml::{self, Outgoing};
use store::Scope;
use store::connections::ConnectionRow;

use super::{SamlSettings, best};
use crate::App;
use crate::error::{AppError, Refusal};
use crate::login::flow::Wish;
use crate::login::start_login::{Departure, Way};

/// What is remembered of a request until its answer comes.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    /// Its id.
    pub(super) request: String,
    /// Whether the person is to prove anew who they are.
    pub(super) is_fresh: bool,
    /// The session that the browser had when it set out. The answer comes from another site, without the cookie.
    pub(super) earlier: Option<String>,
}

impl App {
    pub(in crate::login) async fn depart_by_saml(
        &self,
        scope: &Scope,
        tenant: &str,
        row: &ConnectionRow,
        settings: &SamlSettings,
        (wish, earlier, anew): (&Wish, Option<&PlainToken>, bool),
    ) -> Result<Departure, AppError> {
        let mut tx = self.db.read(scope).await?;
        let ours = self.our_side(&mut tx, tenant, row, settings).await?;
        tx.finish().await?;
        let place = best(&settings.single_sign_on).ok_or_else(unusable)?;
        let key = ours.signing.first().ok_or_else(unusable)?;
        let force = anew || settings.rules.force_authentication;
        let asked = saml::Wish { force, ..saml::Wish::default() };
        let handle = saml::new_id(&*self.entropy);
        let request = saml::start(
            &ours.connection,
            &place.endpoint(),
            key,
            asked,
            Some(&handle),
            self.now(),
            &*self.entropy,
        )
        .ok_or_else(unusable)?;
        let kept = Kept {
            request: request.id,
            is_fresh: force,
            earlier: earlier.map(|token| token.expose().to_owned()),
        };
        let browser = self.begin_flow(scope, row, &handle, &kept, wish).await?;
        Ok(Departure {
            way: Way::from(request.outgoing),
            browser,
            connection: row.slug.clone(),
            is_posted_back: true,
        })
    }
}

impl From<Outgoing> for Way {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Redirect(location) => Self::Redirect(location),
            Outgoing::Post { action, fields } => Self::Post { action, fields },
        }
    }
}

/// A connection without an address or a key was not made by us.
pub(super) fn unusable() -> AppError {
    Refusal::Provider(saml::Refusal::NoCertificate.into()).into()
}
