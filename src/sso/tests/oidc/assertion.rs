//! A client's assertion (RFC 7523 section 3): one honest, and for each rule one that breaks it.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use sso::client_assertion::{Assertion, AssertionError, ClientKeys, Expected, claimed_client, verify};
use sso::jose::{JwsError, KeySet, PublishedKeys};

use crate::provider::{HostileProvider, JWKS, Reply};
use crate::signer::{Signer, encode};
use crate::world::{development, now};

const CLIENT: &str = "usher_client_a_b";
const ISSUER: &str = "https://usher.example";
const ENDPOINT: &str = "https://usher.example/oauth/token";

fn honest() -> Value {
    let now = now().timestamp();
    json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "once", "iat": now, "exp": now + 300})
}

/// The honest claims with some changed, or taken out by null.
fn claiming(changes: &Value) -> Value {
    let mut claims = honest();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn keys(signers: &[&Signer]) -> ClientKeys {
    let jwks: Vec<&Value> = signers.iter().map(|signer| &signer.jwk).collect();
    ClientKeys::Given(Arc::new(KeySet::read(json!({"keys": jwks})).unwrap()))
}

async fn judged(token: &str, keys: &ClientKeys) -> Result<Assertion, AssertionError> {
    let expected = Expected { client: CLIENT, audiences: &[ISSUER, ENDPOINT], now: now() };
    verify(&development(), token, keys, expected).await
}

async fn refusal(changes: Value) -> AssertionError {
    let signer = Signer::es256(7, "first");
    judged(&signer.token(&claiming(&changes)), &keys(&[&signer])).await.unwrap_err()
}

#[tokio::test]
async fn an_honest_assertion_is_believed_whichever_way_it_names_us_and_with_every_allowed_algorithm() {
    for signer in
        [Signer::es256(7, "first"), Signer::ed25519(7, "first"), Signer::rsa("RS256"), Signer::rsa("PS256")]
    {
        for audience in [json!(ISSUER), json!(ENDPOINT), json!([ENDPOINT])] {
            let believed =
                judged(&signer.token(&claiming(&json!({"aud": audience}))), &keys(&[&signer])).await;

            let forget_at = now() + TimeDelta::seconds(360);
            assert_eq!(believed, Ok(Assertion { id: "once".to_owned(), forget_at }), "{}", signer.algorithm);
        }
    }
}

#[tokio::test]
async fn what_the_assertion_calls_itself_is_nothing_or_one_of_two_types() {
    let signer = Signer::es256(7, "first");
    let typed = |kind: Value| {
        let mut header = signer.header();
        header["typ"] = kind;
        signer.token_with(&header, &honest())
    };

    for kind in ["JWT", "client-authentication+jwt", "application/client-authentication+jwt"] {
        assert!(judged(&typed(json!(kind)), &keys(&[&signer])).await.is_ok(), "{kind}");
    }
    for kind in [json!("at+jwt"), json!("logout+jwt"), json!("secevent+jwt"), json!(1)] {
        let refused = judged(&typed(kind.clone()), &keys(&[&signer])).await;
        assert_eq!(refused, Err(AssertionError::Envelope(JwsError::TypeRefused)), "{kind}");
    }
}

#[tokio::test]
async fn it_is_by_the_client_and_about_the_client() {
    assert_eq!(refusal(json!({"iss": "usher_client_a_c"})).await, AssertionError::IssuerMismatch);
    assert_eq!(refusal(json!({"sub": "usher_client_a_c"})).await, AssertionError::SubjectMismatch);
    assert_eq!(refusal(json!({"iss": null})).await, AssertionError::ClaimMissing("iss"));
    assert_eq!(refusal(json!({"sub": null})).await, AssertionError::ClaimMissing("sub"));
    assert_eq!(refusal(json!({"sub": [CLIENT]})).await, AssertionError::ClaimMalformed("sub"));
}

#[tokio::test]
async fn it_is_for_us_and_nobody_else() {
    for other in ["https://usher.example/", "https://usher.example.evil", "", "HTTPS://USHER.EXAMPLE"] {
        assert_eq!(refusal(json!({"aud": other})).await, AssertionError::AudienceMismatch, "{other}");
    }
    let also = json!({"aud": [ISSUER, "https://elsewhere.example"]});
    assert_eq!(refusal(also).await, AssertionError::AudienceNotAlone);
    assert_eq!(refusal(json!({"aud": [ISSUER, ENDPOINT]})).await, AssertionError::AudienceNotAlone);
    assert_eq!(refusal(json!({"aud": []})).await, AssertionError::AudienceMismatch);
    assert_eq!(refusal(json!({"aud": null})).await, AssertionError::ClaimMissing("aud"));
    assert_eq!(refusal(json!({"aud": [1]})).await, AssertionError::ClaimMalformed("aud"));
}

#[tokio::test]
async fn it_has_an_end_that_is_near_and_not_past() {
    let at = now().timestamp();
    assert_eq!(refusal(json!({"exp": at - 60})).await, AssertionError::Expired);
    assert_eq!(refusal(json!({"exp": at + 3661})).await, AssertionError::ValidTooLong);
    assert_eq!(refusal(json!({"exp": null})).await, AssertionError::ClaimMissing("exp"));
    assert_eq!(refusal(json!({"exp": "soon"})).await, AssertionError::ClaimMalformed("exp"));
    assert_eq!(refusal(json!({"nbf": at + 61})).await, AssertionError::NotYetValid);
    assert_eq!(refusal(json!({"iat": at + 61})).await, AssertionError::IssuedInTheFuture);

    let signer = Signer::es256(7, "first");
    for fine in
        [json!({"exp": at - 59}), json!({"exp": at + 3660}), json!({"nbf": at + 60}), json!({"iat": null})]
    {
        assert!(judged(&signer.token(&claiming(&fine)), &keys(&[&signer])).await.is_ok(), "{fine}");
    }
}

#[tokio::test]
async fn it_has_an_id_by_which_it_can_be_spent() {
    assert_eq!(refusal(json!({"jti": null})).await, AssertionError::ClaimMissing("jti"));
    assert_eq!(refusal(json!({"jti": ""})).await, AssertionError::ClaimMalformed("jti"));
    assert_eq!(refusal(json!({"jti": "x".repeat(256)})).await, AssertionError::ClaimMalformed("jti"));
    assert_eq!(refusal(json!({"jti": 1})).await, AssertionError::ClaimMalformed("jti"));
}

#[tokio::test]
async fn another_algorithm_key_or_payload_is_refused() {
    let (signer, stranger) = (Signer::es256(7, "first"), Signer::es256(66, "first"));
    let known = keys(&[&signer]);
    let envelope = |error| Err(AssertionError::Envelope(error));

    let symmetric = Signer::hs256(signer.jwk.to_string().as_bytes(), Some("first")).token(&honest());
    assert_eq!(judged(&symmetric, &known).await, envelope(JwsError::AlgorithmRefused));
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(honest().to_string()));
    assert_eq!(judged(&unsigned, &known).await, envelope(JwsError::AlgorithmRefused));
    let longer = Signer::rsa("RS512");
    assert_eq!(
        judged(&longer.token(&honest()), &keys(&[&longer])).await,
        envelope(JwsError::AlgorithmRefused)
    );
    assert_eq!(judged(&stranger.token(&honest()), &known).await, envelope(JwsError::SignatureInvalid));
    let renamed = Signer::es256(7, "second").token(&honest());
    assert_eq!(judged(&renamed, &known).await, envelope(JwsError::KeyUnknown));

    let token = signer.token(&honest());
    let parts: Vec<&str> = token.split('.').collect();
    let changed =
        format!("{}.{}.{}", parts[0], encode(claiming(&json!({"jti": "twice"})).to_string()), parts[2]);
    assert_eq!(judged(&changed, &known).await, envelope(JwsError::SignatureInvalid));
    for (header, value) in [("jwk", stranger.jwk.clone()), ("jku", json!("https://evil.example"))] {
        let named = json!({"alg": "ES256", "kid": "first", header: value});
        let token = stranger.token_with(&named, &honest());
        assert_eq!(judged(&token, &known).await, envelope(JwsError::SignatureInvalid), "{header}");
    }
    let critical = json!({"alg": "ES256", "kid": "first", "crit": ["exp"]});
    let token = signer.token_with(&critical, &honest());
    assert_eq!(judged(&token, &known).await, envelope(JwsError::HeaderRefused("crit")));
}

#[tokio::test]
async fn published_keys_are_asked_for_again_once_when_none_fits() {
    let (old, new) = (Signer::es256(7, "old"), Signer::es256(8, "new"));
    let provider = HostileProvider::start().await;
    provider.says(JWKS, Reply::json(&json!({"keys": [old.jwk]})));
    let location = format!("{}{JWKS}", provider.issuer()).parse().unwrap();
    let keys = ClientKeys::Published(Arc::new(PublishedKeys::at(&development(), &location).await.unwrap()));
    assert!(judged(&old.token(&honest()), &keys).await.is_ok());

    provider.says(JWKS, Reply::json(&json!({"keys": [new.jwk]})));

    assert!(judged(&new.token(&honest()), &keys).await.is_ok());
    for _ in 0..3 {
        let refused = judged(&old.token(&honest()), &keys).await;
        assert_eq!(refused, Err(AssertionError::Envelope(JwsError::KeyUnknown)));
    }
    assert_eq!(provider.seen(JWKS).len(), 2);
}

#[test]
fn whom_an_assertion_claims_to_be_of_is_read_without_believing_it() {
    let token = Signer::es256(66, "anything").token(&honest());

    assert_eq!(claimed_client(&token).as_deref(), Some(CLIENT));
    for nothing in
        ["", "a.b.c", "a", &format!("a.{}.c", encode("[1]")), &format!("a.{}.c", encode("{\"sub\":1}"))]
    {
        assert_eq!(claimed_client(nothing), None, "{nothing}");
    }
}

/// The payload of RFC 7515 appendices A.2 and A.3, and the two published signatures over it.
const PUBLISHED: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// They lack a subject, which is looked at only when the signature is by the key.
#[tokio::test]
async fn the_published_signatures_of_rfc_7515_are_by_their_published_keys() {
    let elliptic = json!({
        "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let rsa = json!({"kty": "RSA", "e": "AQAB", "n": concat!(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ",
        "S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2",
        "R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD",
        "TW9gb54h4FRWyuXpoQ",
    )});
    let by_elliptic =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let by_rsa = concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU",
        "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d",
        "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig",
        "cN_IoypGlUPQGe77Rw",
    );

    for (header, jwk, signature) in
        [("eyJhbGciOiJFUzI1NiJ9", elliptic, by_elliptic), ("eyJhbGciOiJSUzI1NiJ9", rsa, by_rsa)]
    {
        let keys = ClientKeys::Given(Arc::new(KeySet::read(json!({"keys": [jwk]})).unwrap()));
        let expected = Expected { client: "joe", audiences: &[ISSUER], now: now() };
        let judged = async |payload: &str| {
            let token = format!("{header}.{payload}.{signature}");
            verify(&development(), &token, &keys, expected).await.unwrap_err()
        };

        assert_eq!(judged(PUBLISHED).await, AssertionError::ClaimMissing("sub"));
        let changed = PUBLISHED.replace("qb2Ui", "qb2Uj");
        assert_ne!(changed, PUBLISHED);
        assert_eq!(judged(&changed).await, AssertionError::Envelope(JwsError::SignatureInvalid));
    }
}
