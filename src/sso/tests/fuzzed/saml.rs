//! What must hold for any document. Knows what the provider has signed; does not know who makes the bytes.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use sso::saml::logout::{self, Incoming};
use sso::saml::{self, Accepted, Connection, Expected, Refusal, metadata};

use crate::world::{self, ACS, IDP, REQUEST, SP, between, now, provider};

static CONNECTION: LazyLock<Connection> = LazyLock::new(world::connection);
static ASSERTION: LazyLock<String> = LazyLock::new(|| provider().sign(&world::assertion()));
static RESPONSE: LazyLock<String> = LazyLock::new(world::signed_response);

fn accept(message: &str) -> Result<Accepted, Refusal> {
    let expected =
        Expected { connection: &CONNECTION, request: Some(REQUEST), fresh_since: None, now: now() };
    saml::accept(message, &expected)
}

/// Bytes arrive at every door that reads XML. Where they say `{assertion}`, `{response}` or `{signature}`, there stands what the
/// provider has signed, or the signature of the assertion. Nobody but whom the provider named is believed, and says whether they
/// are.
pub(crate) fn document(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let _ = accept(&text).is_ok_and(|_| panic!("nobody signed this"));
    for incoming in [
        Incoming::Form { message: &STANDARD.encode(bytes), relay_state: None },
        Incoming::Form { message: &text, relay_state: None },
        Incoming::Query(&text),
    ] {
        assert!(logout::request(incoming, ACS, &CONNECTION, now()).is_err(), "nobody signed this");
        assert!(logout::response(incoming, ACS, &CONNECTION, REQUEST, now()).is_err(), "nobody signed this");
    }
    if let Ok(read) = metadata::read(&text, Some(IDP), now()) {
        assert_eq!(read.entity_id, IDP);
    }
    let is_signed = ["{assertion}", "{response}", "{signature}"].iter().any(|part| text.contains(part));
    let whole = text.replacen("{response}", &RESPONSE, 2).replacen("{assertion}", &ASSERTION, 4).replacen(
        "{signature}",
        between(&ASSERTION, "<ds:Signature", "</ds:Signature>"),
        4,
    );
    let Ok(accepted) = accept(&STANDARD.encode(&whole)) else { return false };
    assert!(is_signed, "nobody signed this");
    assert_eq!((accepted.subject.as_str(), accepted.id.as_str()), ("p-1001", "_a1"), "{whole}");
    assert_eq!(accepted.attributes.of("uid"), ["momo"], "{whole}");
    true
}

/// Bytes are an assertion, which the provider signs. What is believed of it is what it says; and says whether it is.
pub(crate) fn assertion(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    // The one signature is the provider's; what is refused before it is looked at need not be signed first.
    if ["Signature", "<!", "<?"].iter().any(|part| text.contains(part)) {
        return false;
    }
    let Some(signed) = provider().try_to_sign_with(text, |template| template) else { return false };
    let Ok(accepted) = accept(&STANDARD.encode(world::response(&signed))) else { return false };
    // Whoever signs may have mended what was no XML. No reference to a character, so that what is said stands there as it is.
    if !signed.contains('&') {
        assert!(signed.contains(&accepted.subject), "{}", accepted.subject);
        assert!(signed.contains(&accepted.id), "{}", accepted.id);
    }
    assert!((1..=256).contains(&accepted.subject.len()));
    for part in [IDP, SP, ACS, REQUEST] {
        assert!(signed.contains(part), "believed without {part}");
    }
    let skew = CONNECTION.clock_skew;
    assert!(accepted.issued_at <= now() + skew && accepted.issued_at >= now() - Duration::minutes(10) - skew);
    assert!(accepted.authn_instant <= now() + skew);
    assert!(accepted.session_not_on_or_after.is_none_or(|end| now() < end + skew));
    assert!(accepted.remember_until > now());
    true
}
