//! `[database]`. Knows where the data lives; does not know SQL or processes.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};
use url::Url;

use super::source::{Section, Source};

pub(super) const KEYS: &[&str] =
    &["url", "migrate_url", "pool_size", "query_timeout_seconds", "data_dir", "server_bin_dir"];

/// A server of the operator's, or the folder of the private one.
#[derive(Debug, Clone, Serialize)]
pub struct DatabaseConfig {
    /// The running role's address on the operator's own server; without it Usher starts a private cluster.
    pub url: Option<DatabaseUrl>,
    /// The migrating role's address on that server; without it `url` serves.
    pub migrate_url: Option<DatabaseUrl>,
    /// The most connections one Usher process holds.
    pub pool_size: usize,
    /// How long the database may look for what one list or count is about, before the client is asked for a narrower filter.
    pub query_timeout_seconds: u32,
    /// Folder of the private cluster and of the key file, absolute.
    pub data_dir: PathBuf,
    /// Folder of the Postgres server binaries; without it they are looked for.
    pub server_bin_dir: Option<PathBuf>,
    /// The folders of `PATH`, where the server binaries are looked for.
    #[serde(skip)]
    pub search_path: Vec<PathBuf>,
}

/// The address of a database, which may hold a password: `Debug` and `Serialize` mask it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (_, rest) = text
            .split_once("://")
            .filter(|(scheme, _)| matches!(*scheme, "postgres" | "postgresql"))
            .ok_or("must begin with postgres://")?;
        if rest.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("must be an address like postgres://user:password@host:5432/database");
        }
        Ok(Self(text.to_owned()))
    }

    /// The whole address, for the one who connects.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The address with `***` in place of a password, in its authority as in its query.
    pub fn masked(&self) -> String {
        let Ok(mut url) = Url::parse(&self.0) else {
            // The socket form (`postgres:///usher?host=…`) parses; what does not is not shown at all.
            return "***".to_owned();
        };
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return "***".to_owned();
        }
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if pairs.iter().any(|(key, _)| key.contains("password")) {
            let mut query = url.query_pairs_mut();
            query.clear();
            for (key, value) in &pairs {
                query.append_pair(key, if key.contains("password") { "***" } else { value });
            }
        }
        url.into()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

impl DatabaseConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("database");
        let url = section.parsed("url", DatabaseUrl::parse);
        let migrate_url = section.parsed("migrate_url", DatabaseUrl::parse);
        if url.is_none() && migrate_url.is_some() {
            section.problem(
                "migrate_url",
                "is set without database.url: set both, or neither to use the private cluster",
            );
        }
        let pool_size = section.integer("pool_size", 1..=150, 16);
        let query_timeout_seconds = section.integer("query_timeout_seconds", 1..=600, 20_u32);
        let data_dir = section.path("data_dir").unwrap_or_else(|| default_data_dir(&section));
        let data_dir = std::path::absolute(&data_dir).unwrap_or(data_dir);
        let server_bin_dir = section.path("server_bin_dir");
        let search_path =
            section.system("PATH").map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
        Self { url, migrate_url, pool_size, query_timeout_seconds, data_dir, server_bin_dir, search_path }
    }
}

/// `$XDG_DATA_HOME/usher` where that variable is set, else `.usher/data` below the current directory.
fn default_data_dir(section: &Section<'_>) -> PathBuf {
    section
        .system("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .map_or_else(|| PathBuf::from(".usher/data"), |home| home.join("usher"))
}
