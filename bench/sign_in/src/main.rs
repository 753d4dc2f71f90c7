//! Verifies one message so many times. Knows which messages there are and two ways to look at each; what that costs,
//! `../sign_in.py` measures from outside.
//!
//! `sign-in make FOLDER` writes a response and an ID token as providers send them, and the keys that they are signed with.
//! `sign-in saml|xmlsec|oidc|jose FOLDER N` looks at one of them N times.

mod oidc;
mod saml;

use std::error::Error;
use std::path::Path;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["make", folder] => {
            saml::make(Path::new(folder))?;
            oidc::make(Path::new(folder))
        }
        ["saml", folder, times] => saml::accept(Path::new(folder), times.parse()?),
        ["xmlsec", folder, times] => saml::check_signature(Path::new(folder), times.parse()?),
        ["oidc", folder, times] => oidc::judge(Path::new(folder), times.parse()?),
        ["jose", folder, times] => oidc::check_signature(Path::new(folder), times.parse()?),
        _ => Err("usage: sign-in make FOLDER | saml|xmlsec|oidc|jose FOLDER N".into()),
    }
}
