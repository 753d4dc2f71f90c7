//! The addresses that a browser may be sent to. Knows RFC 9700 §2.1 and RFC 8252; does not know whose address it is.

use url::{Host, Url};

/// What kind of app has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// It can keep a secret.
    Confidential,
    /// It cannot: it runs in a browser or on somebody's machine.
    Public,
}

/// Why an address cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// It is no absolute address.
    #[error("is no absolute address in its plain spelling")]
    Malformed,
    /// It has a fragment (RFC 6749 §3.1.2).
    #[error("has a fragment")]
    Fragment,
    /// It has a name or a password in it.
    #[error("has a user in it")]
    User,
    /// It goes over a wire in the clear.
    #[error("is http beyond this machine")]
    Clear,
    /// It is http on this machine, and the app is not one that runs there (RFC 9700 §2.6).
    #[error(
        "is http, which an app with a secret has only while it is developed: where we are at http on loopback ourselves"
    )]
    NotNative,
    /// A scheme that is no app's own (RFC 8252 §7.1).
    #[error(
        "has a scheme that is not the app's own: one has a domain name backwards in it, and only public apps have one"
    )]
    Scheme,
}

/// The longest address that is kept.
const LONGEST: usize = 1_024;

/// Whether an app may have this address: https, or for a public app http on this machine or a scheme of its own.
///
/// RFC 9700 §2.6: no `http` "except for native clients that use loopback interface redirection". Where we are at http on loopback
/// ourselves (`in_the_clear`), all that is said is said on one machine, and any app may have its address there.
pub fn check_redirect_uri(text: &str, kind: ClientKind, in_the_clear: bool) -> Result<(), AddressRefused> {
    let url = Url::parse(text).or(Err(AddressRefused::Malformed))?;
    let plain = text.len() <= LONGEST
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '*'));
    if !plain || text.contains("/../") || text.ends_with("/..") {
        return Err(AddressRefused::Malformed);
    }
    if text.contains('#') {
        return Err(AddressRefused::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressRefused::User);
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if !is_this_machine(&url) => Err(AddressRefused::Clear),
        "http" if kind == ClientKind::Public || in_the_clear => Ok(()),
        "http" => Err(AddressRefused::NotNative),
        // RFC 8252 §7.1: "use a URI scheme based on a domain name under their control, expressed in reverse order"
        scheme if kind == ClientKind::Public && scheme.contains('.') => Ok(()),
        _ => Err(AddressRefused::Scheme),
    }
}

fn is_this_machine(url: &Url) -> bool {
    is_loopback(url) || url.host_str() == Some("localhost")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    }
}

/// RFC 9700 §2.1: "authorization servers MUST utilize exact string matching except for port numbers in localhost redirection
/// URIs of native apps".
pub fn is_registered(shown: &str, registered: &str, kind: ClientKind) -> bool {
    shown == registered
        || (kind == ClientKind::Public
            && without_loopback_port(shown).is_some_and(|it| Some(it) == without_loopback_port(registered)))
}

/// What stands before and behind the port of an address on loopback.
fn without_loopback_port(text: &str) -> Option<(&str, &str)> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && is_loopback(url))?;
    let rest = text.strip_prefix("http://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at_checked(at)?;
    let host = match url.port() {
        Some(port) => authority.strip_suffix(&format!(":{port}"))?,
        None => authority,
    };
    (!host.contains('@')).then_some((host, behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClientKind::{Confidential, Public};

    #[test]
    fn an_address_is_https_or_of_this_machine_or_of_the_app_alone() {
        for (text, kind, expected) in [
            ("https://app.example/callback?x=1", Confidential, Ok(())),
            ("http://127.0.0.1:3000/callback", Confidential, Err(AddressRefused::NotNative)),
            ("http://localhost:3000/callback", Confidential, Err(AddressRefused::NotNative)),
            ("http://[::1]/callback", Public, Ok(())),
            ("http://localhost:3000/callback", Public, Ok(())),
            ("com.example.app:/callback", Public, Ok(())),
            ("com.example.app:/callback", Confidential, Err(AddressRefused::Scheme)),
            ("myapp:/callback", Public, Err(AddressRefused::Scheme)),
            ("javascript:alert(1)", Public, Err(AddressRefused::Scheme)),
            ("http://app.example/callback", Confidential, Err(AddressRefused::Clear)),
            ("https://app.example/callback#x", Confidential, Err(AddressRefused::Fragment)),
            ("https://u@app.example/callback", Confidential, Err(AddressRefused::User)),
            ("https://*.app.example/callback", Confidential, Err(AddressRefused::Malformed)),
            ("/callback", Confidential, Err(AddressRefused::Malformed)),
            ("https://app.example/a/../b", Confidential, Err(AddressRefused::Malformed)),
        ] {
            assert_eq!(check_redirect_uri(text, kind, false), expected, "{text}");
        }
    }

    #[test]
    fn where_we_are_on_loopback_ourselves_every_app_may_be() {
        for (text, expected) in [
            ("http://127.0.0.1:3000/callback", Ok(())),
            ("http://localhost:3000/callback", Ok(())),
            ("http://app.example/callback", Err(AddressRefused::Clear)),
        ] {
            assert_eq!(check_redirect_uri(text, Confidential, true), expected, "{text}");
        }
    }

    #[test]
    fn only_the_very_same_text_is_registered() {
        let registered = "https://app.example/callback";
        assert!(is_registered(registered, registered, Confidential));
        for other in [
            "https://app.example/callback/",
            "https://app.example/callback?x=1",
            "https://APP.example/callback",
            "https://app.example:443/callback",
            "https://app.example/callback/../evil",
            "https://app.example.evil.test/callback",
            "https://app.example@evil.test/callback",
            "http://app.example/callback",
        ] {
            assert!(!is_registered(other, registered, Confidential), "{other}");
        }
    }

    #[test]
    fn a_native_app_may_have_any_port_on_loopback() {
        let registered = "http://127.0.0.1/callback";
        assert!(is_registered("http://127.0.0.1:51004/callback", registered, Public));
        assert!(is_registered("http://[::1]:51004/c", "http://[::1]:1/c", Public));
        assert!(!is_registered("http://127.0.0.1:51004/callback", registered, Confidential));
        for other in [
            "http://127.0.0.1:51004/other",
            "http://127.0.0.1:51004/callback?x=1",
            "http://127.0.0.2:51004/callback",
            "http://localhost:51004/callback",
            "https://127.0.0.1:51004/callback",
            "http://127.0.0.1:51004@evil.test/callback",
            "http://x@127.0.0.1:51004/callback",
        ] {
            assert!(!is_registered(other, registered, Public), "{other}");
        }
        assert!(
            !is_registered("http://localhost:2/c", "http://localhost:1/c", Public),
            "a name is no address"
        );
    }
}
