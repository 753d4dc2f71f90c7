//! `[secrets]`. Knows the sealing keys and their file; does not know what is sealed with them.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use domain::clock::Entropy;
use serde::{Serialize, Serializer};
use toml::{Table, Value};

use super::source::{Given, Section, Source, Tables};
use super::{ConfigError, key_text};

pub(super) const KEYS: &[&str] = &["keys", "active"];

/// The key file of the private database, in its data folder.
const KEY_FILE: &str = "sealing.key";
/// The id of the key in that file.
const KEY_FILE_ID: &str = "local";
const NOT_A_KEY: &str = "must be 32 bytes in base64, as `openssl rand -base64 32` prints them";

/// The keys under which stored secrets are sealed: new ones under `active`, old ones opened with any.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SecretsConfig {
    /// The id of the key that seals.
    pub active: String,
    /// Every key that opens.
    pub keys: Vec<SecretKey>,
}

/// One sealing key; `Debug` and `Serialize` mask it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SecretKey {
    /// Its name, kept beside what it sealed.
    pub id: String,
    #[serde(rename = "key", serialize_with = "mask")]
    bytes: [u8; 32],
}

impl SecretKey {
    /// The key itself.
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("id", &self.id).field("bytes", &"***").finish()
    }
}

fn mask<S: Serializer>(_: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}

impl SecretsConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("secrets");
        let mut keys: Vec<SecretKey> = Vec::new();
        if let Some(Given { value, place }) = section.tables("keys") {
            let read = match value {
                Tables::File(tables) => tables.into_iter().map(key_of_table).collect::<Vec<_>>(),
                Tables::Variable(text) => text.split(',').map(key_of_text).collect(),
            };
            for key in read {
                match key {
                    Ok(key) if keys.iter().any(|known| known.id == key.id) => {
                        section.problem_at(&place, format!("names the key {:?} twice", key.id));
                    }
                    Ok(key) => keys.push(key),
                    Err(problem) => section.problem_at(&place, problem),
                }
            }
        }
        let active = active(&mut section, &keys);
        Self { active, keys }
    }
}

/// The id that seals: the configured one, or the only one there is.
fn active(section: &mut Section<'_>, keys: &[SecretKey]) -> String {
    match (section.text("active"), keys) {
        (Some(given), _) => {
            if !keys.iter().any(|key| key.id == given.value) {
                section.problem_at(
                    &given.place,
                    format!("names {:?}, which is not in secrets.keys", given.value),
                );
            }
            given.value
        }
        (None, [only]) => only.id.clone(),
        (None, []) => String::new(),
        (None, _) => {
            section.problem("active", "is missing: with several keys it names the one that seals");
            String::new()
        }
    }
}

fn key_of_table(table: Table) -> Result<SecretKey, String> {
    let (mut id, mut key, mut file) = (None, None, None);
    for (name, value) in table {
        let Value::String(text) = value else {
            return Err(format!("has a {name:?} that is not a text"));
        };
        match name.as_str() {
            "id" => id = Some(text),
            "key" => key = Some(text),
            "key_file" => file = Some(PathBuf::from(text)),
            _ => return Err(format!("has {name:?}, which is not known; known are id, key and key_file")),
        }
    }
    let id = id.ok_or("has a key without an id")?;
    match (key, file) {
        (Some(key), None) => parse_key(&id, &key),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path).map_err(|error| {
                format!("names for {id:?} the file {}, which cannot be read: {error}", path.display())
            })?;
            parse_key(&id, text.trim_end())
        }
        _ => Err(format!("needs for {id:?} either key or key_file")),
    }
}

/// `id:base64`, the form of the environment.
fn key_of_text(text: &str) -> Result<SecretKey, String> {
    let (id, key) = text.trim().split_once(':').ok_or("must be a list of id:base64, separated by commas")?;
    parse_key(id, key)
}

fn parse_key(id: &str, key: &str) -> Result<SecretKey, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 32 || !id.chars().all(plain) {
        return Err("has an id that is not 1 to 32 letters, digits, `-`, `_` or `.`".to_owned());
    }
    let bytes = key_text::decode(key).ok_or_else(|| format!("is wrong for {id:?}: the key {NOT_A_KEY}"))?;
    Ok(SecretKey { id: id.to_owned(), bytes })
}

/// The key in the data folder, made on first use.
pub(super) fn from_data_dir(data_dir: &Path, entropy: &dyn Entropy) -> Result<SecretsConfig, ConfigError> {
    let path = data_dir.join(KEY_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            create(data_dir, &path, entropy).map_err(|error| {
                ConfigError::KeyFile(format!(
                    "Cannot make the key file {}: {error}. Make its folder writable, or set database.data_dir.",
                    path.display()
                ))
            })?
        }
        Err(error) => {
            return Err(ConfigError::KeyFile(format!(
                "Cannot read the key file {}: {error}. Run Usher as the user that made it.",
                path.display()
            )));
        }
    };
    let key = parse_key(KEY_FILE_ID, text.trim_end()).map_err(|_problem| {
        ConfigError::KeyFile(format!(
            "The key file {} is damaged: it {NOT_A_KEY}. Restore it from a backup; without it what it sealed is lost.",
            path.display()
        ))
    })?;
    Ok(SecretsConfig { active: key.id.clone(), keys: vec![key] })
}

/// Writes a fresh key so that it is there whole or not at all, and returns the text that is there afterwards:
/// of two processes that make it at once, both read the first one's.
fn create(data_dir: &Path, path: &Path, entropy: &dyn Entropy) -> std::io::Result<String> {
    // Mode 711, for as root the private Postgres runs as another user below this folder.
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(data_dir)?;
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    let draft = data_dir.join(format!("{KEY_FILE}.{}.draft", std::process::id()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", key_text::encode(&bytes))?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => std::fs::File::open(data_dir)?.sync_all()?,
    }
    std::fs::read_to_string(path)
}
