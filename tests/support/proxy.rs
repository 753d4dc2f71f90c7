//! Real proxies, nginx and Caddy, unpacked by `./x setup`, set up as `docs/forward-auth.md` says: what stands there is what is tried.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program::{Program, Up};
use super::provider::state;

const PAGE: &str = "docs/forward-auth.md";

/// A proxy that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Nginx, Self::Caddy];
}

/// A proxy in a folder of its own.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    _program: Program,
}

/// The host behind the proxy at this port.
pub fn origin(port: u16) -> String {
    format!("http://localhost:{port}")
}

impl Proxy {
    /// At this port, since its host is known before its gate is. In front of `behind`, asking `usher`, both `host:port`, with the secret of a gate.
    pub fn start(kind: Kind, port: u16, secret: &str, usher: &str, behind: &str) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let said = |text: String| {
            text.replace("usher.internal:9000", usher)
                .replace("127.0.0.1:3000", behind)
                .replace("usher_gate_…", secret)
        };
        let root = state().join("proxies/root");
        let command = match kind {
            Kind::Nginx => nginx(&root, &folder, port, said),
            Kind::Caddy => caddy(&root, &folder, port, secret, said),
        };
        Self { port, _program: Program::start(&command, Up::Listens(port)) }
    }

    /// Sends these lines and returns the status and everything that was answered. They end with an empty line.
    pub fn raw(&self, lines: &[&str]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let request = format!("{}\r\n\r\n", lines.join("\r\n"));
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_default(), answer)
    }

    /// The same for this target, with a `Host`, these headers, and the end of the connection.
    pub fn get(&self, target: &str, headers: &[&str]) -> (u16, String) {
        let (line, host) = (format!("GET {target} HTTP/1.1"), format!("Host: localhost:{}", self.port));
        let mut lines = vec![line.as_str(), host.as_str(), "Connection: close"];
        lines.extend(headers);
        self.raw(&lines)
    }
}

/// A block of a page, by the mark in front of it.
pub fn block(page: &str, name: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = std::fs::read_to_string(page).unwrap();
    let behind = page.split(&format!("<!-- tested: {name} -->\n```")).nth(1);
    let behind = behind.unwrap_or_else(|| panic!("the page has no block {name}"));
    let block = behind.split("```").next().unwrap();
    block.split_once('\n').unwrap().1.to_owned()
}

/// As the page says, save that it listens here without a certificate.
fn nginx(root: &Path, folder: &Path, port: u16, said: impl Fn(String) -> String) -> Command {
    let ask = folder.join("usher.conf");
    std::fs::write(&ask, said(block(PAGE, "nginx ask"))).unwrap();
    let server = said(block(PAGE, "nginx"))
        .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
        .replace("server_name wiki.example;", "server_name localhost;")
        .replace("/etc/nginx/usher.conf", ask.to_str().unwrap());
    let server: String = server
        .lines()
        .filter(|line| !line.trim().starts_with("ssl_"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let at = folder.display();
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {at}/{what};"))
        .join("\n");
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log {at}/error.log;\nevents {{}}\n\
         http {{\naccess_log off;\n{temp}\n{server}\n}}\n"
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, whole).unwrap();
    let mut command = Command::new(program(root, "usr/sbin/nginx"));
    command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(config);
    command
}

fn caddy(root: &Path, folder: &Path, port: u16, secret: &str, said: impl Fn(String) -> String) -> Command {
    let site = said(block(PAGE, "caddy")).replace("wiki.example {", &format!("http://localhost:{port} {{"));
    let options = "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n";
    let config = folder.join("Caddyfile");
    std::fs::write(&config, format!("{options}{site}")).unwrap();
    let mut command = Command::new(program(root, "usr/bin/caddy"));
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.env("USHER_GATE", secret);
    command
}

fn program(root: &Path, path: &str) -> PathBuf {
    let program = root.join(path);
    assert!(program.exists(), "{} is not there: run `./x setup` first", program.display());
    program
}
