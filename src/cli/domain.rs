//! `usher domain`. Knows its flags and tables; does not know DNS.

use app::domains::{DomainView, NewDomain};
use clap::{Args, Subcommand};

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Claim a domain; the answer says which TXT record proves it
    #[command(after_help = "Example:\n  usher domain claim --tenant acme --name acme.example")]
    Claim(Named),
    /// Look for the record now
    Verify(Named),
    /// Give a claim up
    Release(Named),
    /// All claims
    List(OfTenant),
}

#[derive(Debug, Args)]
pub(super) struct Named {
    #[command(flatten)]
    of: OfTenant,
    /// The domain, as it stands behind the @
    #[arg(long)]
    name: String,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Claim(Named { of, name }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.claim_domain(&admin, NewDomain { name }).await?;
                Answer::new(&view, shown(&view))
            }
            Self::Verify(Named { of, name }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.verify_domain(&admin, &name).await?;
                Answer::new(&view, shown(&view))
            }
            Self::Release(Named { of, name }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.release_domain(&admin, &name).await?;
                Answer::new(&serde_json::json!({"released": name}), "Given up.")
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_domains(&admin).await?;
                let mut table = Table::new(&["DOMAIN", "STATE", "VERIFIED", "CHECKED"]);
                for view in &views {
                    table.row([
                        view.name.clone(),
                        name_of(&view.state),
                        or_dash(view.verified_at.map(moment)),
                        or_dash(view.checked_at.map(moment)),
                    ]);
                }
                Answer::new(&views, table.or("No domains claimed; `usher domain claim` claims one."))
            }
        }
    }
}

fn shown(view: &DomainView) -> String {
    record(&[
        ("domain", view.name.clone()),
        ("state", name_of(&view.state)),
        ("TXT record at", view.record_name.clone()),
        ("it says", view.record_value.clone()),
        ("checked", or_dash(view.checked_at.map(moment))),
        ("lapses", or_dash(view.lapses_at.map(moment))),
    ])
}
