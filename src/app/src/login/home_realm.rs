//! Which connection somebody signs in at who has not said: by the domain of their address, or by name among the tenant's connections. Knows domains that tenants have verified; never looks for an address.

use domain::email_domain::EmailDomain;
use domain::id::RequestId;
use store::connections::{self, ConnectionRow};

use super::settings::{ConnectionState, Settings};
use crate::App;
use crate::error::{AppError, Refusal};

/// The ways in at a tenant.
#[derive(Debug)]
pub struct Doors {
    /// Slug of the tenant.
    pub tenant: String,
    /// At least one, by slug.
    pub ways: Vec<WayIn>,
}

/// A connection at which people can sign in.
#[derive(Debug)]
pub struct WayIn {
    /// Its slug.
    pub connection: String,
    /// Its display name.
    pub name: String,
    /// The domains whose people are sent there.
    domains: Vec<String>,
}

impl App {
    /// The ways in at a tenant.
    pub async fn doors(&self, tenant: &str, request: RequestId) -> Result<Doors, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let rows = connections::all(&mut tx).await?;
        tx.finish().await?;
        let only_enforced = rows.iter().any(|row| row.enforced);
        let is_open = |row: &&ConnectionRow| {
            ConnectionState::of(row) == ConnectionState::Active && (row.enforced || !only_enforced)
        };
        let mut ways = Vec::new();
        for row in rows.iter().filter(is_open) {
            let domains = Settings::of(row)?.domains;
            ways.push(WayIn { connection: row.slug.clone(), name: row.name.clone(), domains });
        }
        match (ways.is_empty(), rows.is_empty()) {
            (false, _) => Ok(Doors { tenant: tenant.to_owned(), ways }),
            (true, false) => Err(Refusal::Paused.into()),
            (true, true) => Err(Refusal::UnknownDoor.into()),
        }
    }

    /// The ways in for an address: those of the tenant that has verified its domain, and of these the ones that the
    /// domain is sent to. Whether somebody has the address is not asked, so the answer cannot tell.
    pub async fn doors_of(&self, address: &str, request: RequestId) -> Result<Option<Doors>, AppError> {
        let domain = address.trim().rsplit_once('@').and_then(|(_, domain)| EmailDomain::parse(domain).ok());
        let Some(domain) = domain else { return Ok(None) };
        let Some(tenant) = self.db.tenant_by_email_domain(&domain).await? else { return Ok(None) };
        let doors = match self.doors(&tenant, request).await {
            // Nobody is to learn which tenants there are that nobody can sign in at.
            Err(AppError::SignIn(Refusal::UnknownDoor)) => return Ok(None),
            doors => doors?,
        };
        Ok(Some(doors.for_domain(domain.as_str())))
    }
}

impl Doors {
    fn for_domain(self, domain: &str) -> Self {
        let (named, others): (Vec<WayIn>, Vec<WayIn>) =
            self.ways.into_iter().partition(|way| way.domains.iter().any(|it| it == domain));
        let (of_any, of_others): (Vec<WayIn>, Vec<WayIn>) =
            others.into_iter().partition(|way| way.domains.is_empty());
        // A tenant that has sent every connection its domains, and forgot this one, still has a way in.
        let ways = [named, of_any, of_others].into_iter().find(|ways| !ways.is_empty()).unwrap_or_default();
        Self { tenant: self.tenant, ways }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(list: &[(&str, &[&str])], domain: &str) -> Vec<String> {
        let ways = list.iter().map(|(name, domains)| WayIn {
            connection: (*name).to_owned(),
            name: (*name).to_owned(),
            domains: domains.iter().copied().map(str::to_owned).collect(),
        });
        let doors = Doors { tenant: "acme".to_owned(), ways: ways.collect() };
        doors.for_domain(domain).ways.into_iter().map(|way| way.connection).collect()
    }

    #[test]
    fn a_domain_leads_to_its_own_connections_before_the_others() {
        let list: &[(&str, &[&str])] =
            &[("entra", &["acme.example"]), ("okta", &["acme.example", "b.example"]), ("any", &[])];

        assert_eq!(ways(list, "acme.example"), ["entra", "okta"]);
        assert_eq!(ways(list, "b.example"), ["okta"]);
        assert_eq!(ways(list, "c.example"), ["any"]);
        assert_eq!(ways(&[("entra", &["acme.example"])], "c.example"), ["entra"]);
    }
}
