//! Facts about the configuration as a whole.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use domain::clock::Entropy;

use super::{Config, ConfigError, LogFormat};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Config::assemble(Some((PathBuf::from("usher.toml"), file.to_owned())), variables)
}

fn problems(file: &str, environment: &[(&str, &str)]) -> String {
    load(file, environment).expect_err("the configuration is wrong").to_string()
}

#[test]
fn an_empty_configuration_is_complete() {
    let config = load("", &[]).unwrap();

    assert_eq!(config.http.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(config.http.public_url, "http://127.0.0.1:9000");
    assert_eq!(config.http.max_body_bytes, 1024 * 1024);
    assert_eq!(config.limits.per_credential_per_second.get(), 100);
    assert_eq!(config.limits.per_tenant_per_second.get(), 400);
    assert!(config.database.url.is_none());
    assert!(config.database.data_dir.is_absolute());
    assert!(config.database.data_dir.ends_with(".usher/data"));
    assert!(!config.egress.allow_loopback);
}

#[test]
fn the_environment_overrides_the_file() {
    let file = "[http]\nlisten = \"0.0.0.0:80\"\nworkers = 3\n[log]\nformat = \"json\"\n";

    let config = load(
        file,
        &[
            ("USHER_HTTP_LISTEN", "[::1]:8080"),
            ("USHER_HTTP_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("USHER_EGRESS_ALLOW_LOOPBACK", "true"),
            ("HTTP_LISTEN", "ignored"),
        ],
    )
    .unwrap();

    assert_eq!(config.http.listen.to_string(), "[::1]:8080");
    assert_eq!(config.http.public_url, "http://[::1]:8080");
    assert_eq!(config.http.workers, 3);
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.egress.allow_loopback);
}

#[test]
fn an_unknown_key_is_fatal_and_the_nearest_is_named() {
    let text = problems("[http]\nlisten_on = \"127.0.0.1:1\"\n[htpp]\nx = 1\n[colour]\n", &[]);

    assert!(
        text.contains("usher.toml: the key http.listen_on is not known; did you mean http.listen?"),
        "{text}"
    );
    assert!(text.contains("the section [htpp] is not known; did you mean http?"), "{text}");
    assert!(text.contains("the section [colour] is not known; known are http, database,"), "{text}");
}

#[test]
fn an_unknown_variable_of_a_section_is_fatal() {
    let text = problems("", &[("USHER_HTTP_LISTN", "127.0.0.1:1"), ("USHER_HTPP_WORKERS", "3")]);

    assert!(text.contains("USHER_HTTP_LISTN is not known; did you mean USHER_HTTP_LISTEN?"), "{text}");
    assert!(load("", &[("USHER_CONFIG", "x"), ("USHER_DEMO_PORT", "1")]).is_ok());
}

#[test]
fn every_problem_is_named_at_once_with_its_place() {
    let file = "[http]\nlisten = \"localhost\"\nmax_body_bytes = 10\n[log]\nlevel = \"loud\"\n";

    let text = problems(file, &[("USHER_HTTP_WORKERS", "many")]);

    assert!(text.contains("http.listen (in usher.toml) must be an IP address and a port"), "{text}");
    assert!(
        text.contains("http.max_body_bytes (in usher.toml) must be a whole number from 1024 to 67108864.")
    );
    assert!(text.contains("USHER_HTTP_WORKERS (in the environment) must be a whole number from 1 to 256."));
    assert!(text.contains("log.level (in usher.toml) must be error, warn, info, debug or trace."), "{text}");
}

#[test]
fn broken_toml_names_the_line_and_keeps_its_text_to_itself() {
    let text = problems("[[secrets.keys]]\nid = \"a\"\nkey = hunter2\n", &[]);

    assert!(text.contains("line 3"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_credential_is_guaranteed_twenty_five_requests_a_second() {
    assert!(problems("[limits]\nper_credential_per_second = 24\n", &[]).contains("from 25 to"));
    assert!(problems("[limits]\nper_tenant_per_second = 24\n", &[]).contains("from 25 to"));
    assert_eq!(load("[limits]\nper_credential_per_second = 25\n", &[]).unwrap().limits.burst.get(), 50);
}

#[test]
fn a_public_url_without_tls_is_for_loopback_only() {
    let url = |url: &str| load(&format!("[http]\npublic_url = \"{url}\"\n"), &[]);

    assert_eq!(url("https://id.example.com/").unwrap().http.public_url, "https://id.example.com");
    assert!(url("https://id.example.com").unwrap().http.is_https());
    assert!(url("http://localhost:9000").unwrap().http.is_loopback());
    for refused in
        ["http://id.example.com", "https://id.example.com/usher", "https://a:b@c.example", "id", "ftp://x"]
    {
        assert!(url(refused).is_err(), "{refused}");
    }
    assert!(
        problems("[http]\npublic_url = \"https://a.example\"\n[development]\ninsecure_cookies = true\n", &[])
            .contains("only for a public_url on loopback")
    );
}

#[test]
fn an_operators_database_needs_sealing_keys() {
    let url = "[database]\nurl = \"postgres://usher:hunter2@db.example/usher\"\n";

    assert!(problems(url, &[]).contains("secrets.keys is missing"));
    assert!(load(url, &[("USHER_SECRETS_KEYS", &format!("one:{KEY}"))]).is_ok());
    assert!(problems("[database]\nmigrate_url = \"postgres://x\"\n", &[]).contains("without database.url"));
    assert!(problems("[database]\nurl = \"mysql://x\"\n", &[]).contains("must begin with postgres://"));
}

#[test]
fn several_keys_need_an_active_one_and_ids_are_unique() {
    let two = format!("one:{KEY},two:{KEY}");

    assert!(problems("", &[("USHER_SECRETS_KEYS", &two)]).contains("secrets.active is missing"));
    let config = load("[secrets]\nactive = \"two\"\n", &[("USHER_SECRETS_KEYS", &two)]).unwrap();
    assert_eq!(config.secrets.active, "two");
    let twice = format!("one:{KEY},one:{KEY}");
    assert!(problems("", &[("USHER_SECRETS_KEYS", &twice)]).contains("names the key \"one\" twice"));
    let file = "[[secrets.keys]]\nid = \"one\"\nkey = \"dG9vIHNob3J0\"\n";
    assert!(problems(file, &[]).contains("must be 32 bytes in base64"));
    assert!(problems("[[secrets.keys]]\nid = \"one\"\n", &[]).contains("either key or key_file"));
}

#[test]
fn the_masked_configuration_shows_no_secret() {
    let file = format!(
        "[database]\nurl = \"postgres://usher:hunter2@db.example/usher\"\n\
         migrate_url = \"postgresql:///usher?host=/run/pg&password=hunter3\"\n\
         [[secrets.keys]]\nid = \"one\"\nkey = \"{KEY}\"\n"
    );

    let config = load(&file, &[]).unwrap();
    let shown = config.masked();

    assert!(shown.contains("url = \"postgres://usher:***@db.example/usher\""), "{shown}");
    assert!(shown.contains("id = \"one\""), "{shown}");
    for text in [shown, format!("{config:?}")] {
        assert!(!text.contains("hunter") && !text.contains(KEY), "{text}");
    }
}

#[test]
fn the_masked_configuration_can_be_read_again() {
    let shown = load("[http]\nworkers = 2\ntrusted_proxies = [\"10.0.0.0/8\"]\n", &[]).unwrap().masked();
    let without_secrets = shown.replace("[secrets]\nactive = \"\"\nkeys = []\n", "");

    let again = load(&without_secrets, &[]).unwrap();

    assert_eq!(again.masked(), shown);
}

#[test]
fn the_private_database_makes_its_key_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("[database]\ndata_dir = \"{}/data\"\n", folder.path().display());
    let mut first = load(&file, &[]).unwrap();
    let mut second = load(&file, &[]).unwrap();

    first.ensure_secrets(&Sevens).unwrap();
    second.ensure_secrets(&Sevens).unwrap();

    assert_eq!(first.secrets.keys, second.secrets.keys);
    assert_eq!(first.secrets.keys[0].expose(), &[7; 32]);
    assert_eq!(first.secrets.active, first.secrets.keys[0].id);
    let path = folder.path().join("data/sealing.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path().join("data")).unwrap().count(), 1);

    std::fs::write(&path, "spoilt").unwrap();
    let error = load(&file, &[]).unwrap().ensure_secrets(&Sevens).unwrap_err();
    assert!(error.to_string().contains("is damaged"), "{error}");
}

#[test]
fn the_mail_server_is_spoken_to_over_tls_unless_it_is_on_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("password");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let login =
        format!("user = \"usher\"\npassword_file = {secret:?}\nfrom = \"Usher <usher@example.com>\"\n");

    let config = load(&format!("[mail]\nhost = \"smtp.example.com\"\n{login}"), &[]).unwrap();

    assert_eq!((config.mail.port, config.mail.tls), (587, super::MailTls::StartTls));
    assert_eq!(config.mail.password.as_ref().unwrap().expose(), "s3cret");
    let shown = config.masked() + &format!("{config:?}");
    assert!(shown.contains("***") && !shown.contains("s3cret"), "{shown}");
    let plain = "[mail]\ntls = \"off\"\nfrom = \"usher@example.com\"\n";
    assert_eq!(load(&format!("{plain}host = \"localhost\"\n"), &[]).unwrap().mail.port, 25);
    assert!(problems(&format!("{plain}host = \"smtp.example.com\"\n"), &[]).contains("mail.tls"));
    assert!(problems("[mail]\nhost = \"localhost\"\n", &[]).contains("mail.from"));
    assert!(problems("[mail]\nfrom = \"usher@example.com\"\n", &[]).contains("mail.host"));
    assert!(
        problems("[mail]\nhost = \"localhost\"\nfrom = \"a@b\\r\\nBcc: c@d\"\n", &[]).contains("mail.from")
    );
    assert!(
        problems(&format!("[mail]\nhost = \"x\"\n{}", login.replace("password_file", "#")), &[])
            .contains("mail.user")
    );
}
