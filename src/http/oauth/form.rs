//! The form of a client. Knows where its parameters and its proof stand in a request; does not know whether the proof holds.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use app::TokenRefusal;
use app::connections::Proof;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// RFC 9449 §4.1.
const DPOP: &str = "dpop";

/// The parameters of a request.
pub(in super::super) struct Form(Vec<(String, String)>);

impl Form {
    /// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once." But for `resource` (RFC 8707 §2).
    pub(in super::super) fn new(pairs: Vec<(String, String)>) -> Result<Self, TokenRefusal> {
        let mut names: Vec<&str> =
            pairs.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "resource").collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(TokenRefusal::Request("a parameter is given more than once"));
        }
        Ok(Self(pairs))
    }

    /// RFC 6749 §3.2: "Parameters sent without a value MUST be treated as if they were omitted from the request."
    pub(in super::super) fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(given, value)| given == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    }

    /// Every one of them.
    pub(in super::super) fn params(&self) -> &[(String, String)] {
        &self.0
    }
}

/// How the client proves that it is itself. RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in
/// each request."
pub(in super::super) fn proof(request: &HttpRequest, form: &Form) -> Result<Option<Proof>, TokenRefusal> {
    let missing = || TokenRefusal::Request("client_id is missing");
    match (basic(request)?, form.get("client_secret"), assertion(form)?) {
        (None, None, None) => Ok(None),
        (Some((client_id, secret)), None, None) => Ok(Some(Proof::Secret { client_id, secret })),
        (None, Some(secret), None) => {
            let client_id = form.get("client_id").ok_or_else(missing)?;
            Ok(Some(Proof::Secret { client_id, secret }))
        }
        (None, None, Some(assertion)) => Ok(Some(Proof::Assertion(assertion))),
        _ => Err(TokenRefusal::Request("the client proves itself in more than one way")),
    }
}

/// The proof that the client holds a key. RFC 9449 §4.3, 1: there is one such header at most.
pub(in super::super) fn dpop(request: &HttpRequest) -> Result<Option<String>, TokenRefusal> {
    let mut headers = request.headers().get_all(DPOP);
    let Some(header) = headers.next() else { return Ok(None) };
    let proof = header.to_str().ok().filter(|_| headers.next().is_none());
    let proof =
        proof.ok_or_else(|| TokenRefusal::Proof("the DPoP header is given more than once".to_owned()))?;
    Ok(Some(proof.to_owned()))
}

fn assertion(form: &Form) -> Result<Option<String>, TokenRefusal> {
    match (form.get("client_assertion_type").as_deref(), form.get("client_assertion")) {
        (None, None) => Ok(None),
        (Some(JWT_BEARER), Some(assertion)) => Ok(Some(assertion)),
        (Some(JWT_BEARER), None) => Err(TokenRefusal::Request("client_assertion is missing")),
        (None, Some(_)) => Err(TokenRefusal::Request("client_assertion_type is missing")),
        (Some(_), _) => Err(TokenRefusal::Request("the client_assertion_type is not supported")),
    }
}

/// RFC 6749 §2.3.1: name and secret, each form-encoded, as Basic credentials.
fn basic(request: &HttpRequest) -> Result<Option<(String, String)>, TokenRefusal> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(TokenRefusal::Request("the Authorization header is given more than once"));
    }
    let credentials = header.to_str().ok().and_then(|text| {
        let (scheme, encoded) = text.split_once(' ')?;
        let decoded =
            STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let (name, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some((decoded_form(name)?, decoded_form(secret)?))
    });
    credentials.map(Some).ok_or_else(TokenRefusal::client)
}

/// A form-encoded text. None of ours has a character that would end it.
fn decoded_form(text: &str) -> Option<String> {
    form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(header: Option<&str>, form: &str) -> Result<Option<(String, String)>, &'static str> {
        let mut request = TestRequest::post();
        if let Some(header) = header {
            request = request.insert_header((AUTHORIZATION, header));
        }
        let pairs = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let form = Form::new(pairs).map_err(|error| error.code())?;
        let proof = proof(&request.to_http_request(), &form).map_err(|error| error.code())?;
        Ok(proof.map(|proof| match proof {
            Proof::Secret { client_id, secret } => (client_id, secret),
            Proof::Assertion(assertion) => ("assertion".to_owned(), assertion),
        }))
    }

    fn shown(name: &str, secret: &str) -> (String, String) {
        (name.to_owned(), secret.to_owned())
    }

    #[test]
    fn a_client_proves_itself_in_one_of_three_ways() {
        let basic = format!("Basic {}", STANDARD.encode("client:s%65cret"));
        let assertion = format!("client_assertion_type={JWT_BEARER}&client_assertion=a.b.c");

        assert_eq!(read(Some(&basic), ""), Ok(Some(shown("client", "secret"))));
        assert_eq!(
            read(Some(&basic.replace("Basic", "basic")), "client_id=client"),
            Ok(Some(shown("client", "secret")))
        );
        assert_eq!(read(None, "client_id=client&client_secret=secret"), Ok(Some(shown("client", "secret"))));
        assert_eq!(read(None, &assertion), Ok(Some(shown("assertion", "a.b.c"))));
        assert_eq!(read(None, "client_id=client&client_secret="), Ok(None));
    }

    #[test]
    fn two_proofs_or_half_of_one_are_refused() {
        let basic = format!("Basic {}", STANDARD.encode("client:secret"));
        let assertion = format!("client_assertion_type={JWT_BEARER}&client_assertion=a.b.c");
        let three = format!("{assertion}&client_id=c&client_secret=x");

        for (header, form) in [
            (Some(basic.as_str()), "client_secret=x"),
            (Some(basic.as_str()), assertion.as_str()),
            (None, three.as_str()),
            (None, "client_secret=x"),
            (None, "client_assertion=a.b.c"),
            (None, "client_assertion_type=saml&client_assertion=a.b.c"),
            (None, "client_id=c&client_secret=x&client_secret=y"),
            (None, "scope=&scope="),
        ] {
            assert_eq!(read(header, form), Err("invalid_request"), "{header:?} {form}");
        }
        for header in ["Bearer x", "Basic", "Basic !", &format!("Basic {}", STANDARD.encode("nocolon"))] {
            assert_eq!(read(Some(header), ""), Err("invalid_client"), "{header}");
        }
    }
}
