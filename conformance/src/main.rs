//! `conformance`: checks a SCIM 2.0 server from outside. Knows HTTP and the RFCs; does not know any server.

mod behaviours;
mod catalogue;
mod client;
mod deviations;
mod expect;
mod features;
mod files;
mod native;
mod pointer;
mod report;
mod session;
mod vars;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use futures_util::future::join_all;

use catalogue::Catalogue;
use client::Client;

/// The dialects: the two strict profiles, and one for each identity provider with transcripts.
pub(crate) const DIALECTS: [&str; 9] =
    ["rfc", "interop", "entra", "okta", "onelogin", "jumpcloud", "ping", "authentik", "keycloak"];

/// Checks a SCIM 2.0 server against its RFCs and against what identity providers really send.
///
/// Use an empty tenant: what a run creates it deletes again, but filters such as `userName pr` also find what others left there.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Where the SCIM endpoints begin, such as <https://example.com/scim/v2>
    #[arg(long)]
    base_url: String,
    /// The bearer token
    #[arg(long, env = "CONFORMANCE_TOKEN", hide_env_values = true, default_value = "")]
    token: String,
    /// Whose requests to send; may be given several times [default: rfc]
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(DIALECTS))]
    dialect: Vec<String>,
    /// The token for one dialect, where a server keeps the dialect with the token
    #[arg(long, value_name = "DIALECT=TOKEN")]
    token_for: Vec<String>,
    /// Where to write the tables as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Known deviations, as lines ``- `name of a check` (dialects): reason``; one that passes is an error
    #[arg(long, value_name = "FILE")]
    deviations: Option<PathBuf>,
    /// Behaviours that are proved elsewhere, as TOML lines `number = ["where"]`
    #[arg(long, value_name = "FILE")]
    elsewhere: Option<PathBuf>,
    /// Ask what is the same in every dialect only in the first one
    #[arg(long)]
    quick: bool,
    /// List the behaviours with their checks and state
    #[arg(long)]
    behaviours: bool,
    /// Behaviours that nobody proves yet, with their reasons; any other without a proof is a failure
    #[arg(long, value_name = "FILE", requires = "behaviours")]
    unproved: Option<PathBuf>,
}

fn main() -> ExitCode {
    let asked = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|trouble| trouble.to_string())
        .and_then(|runtime| runtime.block_on(run(Options::parse())));
    match asked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("conformance: {trouble}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: Options) -> Result<bool, String> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|trouble| format!("{}: {trouble}", path.display()))
    };
    let catalogue = Catalogue::read()?;
    let known = options.deviations.as_ref().map(read).transpose()?.unwrap_or_default();
    let known = deviations::read(&known)?;
    let elsewhere = options.elsewhere.as_ref().map(read).transpose()?.unwrap_or_default();
    let elsewhere = behaviours::elsewhere(&elsewhere)?;
    let mut dialects = options.dialect.clone();
    if dialects.is_empty() {
        dialects.push("rfc".to_owned());
    }
    dialects.dedup();

    let clients = dialects.iter().map(|dialect| Client::new(&options.base_url, token(&options, dialect)));
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    let asked =
        dialects.iter().zip(&clients).enumerate().map(|(at, (dialect, client))| {
            session::run(&catalogue, client, dialect, at == 0 || !options.quick)
        });
    let (mut entries, mut left_behind) = (Vec::new(), Vec::new());
    for run in join_all(asked).await {
        entries.extend(run.entries);
        left_behind.extend(run.left_behind);
    }

    let names = catalogue.files.iter().flat_map(|file| &file.check).map(|check| check.name.clone());
    let judged = deviations::judge(&known, &entries, &names.collect::<Vec<_>>());
    let provided = catalogue.files.iter().filter(|file| file.is_asked_of(&dialects));
    let sources =
        provided.filter_map(|file| Some((file.title.clone(), file.source.clone()?))).collect::<Vec<_>>();
    let report = report::Report {
        dialects: &dialects,
        entries: &entries,
        judged: &judged,
        left_behind: &left_behind,
        sources: &sources,
    };
    let behaviours = behaviours::table(&entries, &judged.known, &elsewhere)?;
    print!("{}", report.text());
    if options.behaviours {
        print!("{}", behaviours::text(&behaviours));
    }
    if let Some(path) = &options.markdown {
        let text = report.markdown(&behaviours);
        std::fs::write(path, text).map_err(|trouble| format!("{}: {trouble}", path.display()))?;
    }
    let unproved = options.unproved.as_ref().map(read).transpose()?;
    let unproved = unproved.map(|text| behaviours::unproved(&text)).transpose()?;
    let lacking = unproved.map(|unproved| behaviours::lacking(&behaviours, &unproved)).unwrap_or_default();
    for line in &lacking {
        println!("✗ {line}");
    }
    let (passed, failed) = report.sums();
    let failed = failed + lacking.len();
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0 && passed > 0)
}

fn token<'a>(options: &'a Options, dialect: &str) -> &'a str {
    let own = options.token_for.iter().filter_map(|it| it.split_once('='));
    own.filter(|(name, _)| *name == dialect).map(|(_, token)| token).next().unwrap_or(&options.token)
}
