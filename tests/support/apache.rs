//! A real Apache with `mod_auth_openidc`, a relying party that the OpenID Foundation has certified, set up as `docs/apps.md` says: what
//! stands there is what is tried.

use std::path::Path;
use std::process::Command;

use super::http::PUBLIC;
use super::program::{Program, Up};
use super::proxy::block;

const MODULES: &str = "/usr/lib/apache2/modules";
const NEEDED: [&str; 7] =
    ["mpm_prefork", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc"];

/// The app that it is the relying party of.
pub struct Party<'a> {
    /// Where it listens, on localhost.
    pub port: u16,
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub secret: &'a str,
    /// The server behind [`PUBLIC`].
    pub server: &'a str,
    /// What stands behind it, `host:port`.
    pub behind: &'a str,
    /// What stands besides in its settings.
    pub more: &'a str,
}

/// Starts it.
pub fn start(party: &Party<'_>) -> Program {
    let folder = tempfile::tempdir().unwrap().keep();
    let at = folder.display();
    let here = format!("http://localhost:{}", party.port);
    let said = block("docs/apps.md", "apache")
        .replace("https://app.example/op/acme", party.issuer)
        .replace("https://schedule.example", &here)
        .replace("127.0.0.1:3000", party.behind)
        .replace("0197c5e2-…", party.client_id)
        .replace("usher_app_…", party.secret);
    let modules = NEEDED.map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"));
    // The provider believes to be at an address where nobody listens: requests for it are sent to the server as a proxy.
    let server = party.server.strip_prefix("http://").unwrap();
    assert!(party.issuer.starts_with(PUBLIC), "the way to it is the server's");
    let (port, more, modules) = (party.port, party.more, modules.concat());
    let whole = format!(
        "ServerRoot {at}\nServerName {here}\nUseCanonicalName On\nPidFile {at}/pid\nErrorLog {at}/error.log\nMutex sem\n\
         {modules}User nobody\nGroup nogroup\nStartServers 1\nMinSpareServers 1\nMaxSpareServers 2\nListen 127.0.0.1:{port}\n\
         OIDCOutgoingProxy {server}\n{said}\n{more}\n"
    );
    let config = folder.join("apache.conf");
    std::fs::write(&config, whole).unwrap();
    let program = Path::new("/usr/sbin/apache2");
    let module = Path::new(MODULES).join("mod_auth_openidc.so");
    assert!(program.exists() && module.exists(), "no Apache with mod_auth_openidc: run `./x setup` first");
    let mut command = Command::new(program);
    command.args(["-D", "FOREGROUND", "-f"]).arg(config);
    Program::start(&command, Up::Listens(port))
}
