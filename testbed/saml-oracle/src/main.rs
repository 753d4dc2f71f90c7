//! `saml-oracle DOCUMENTS` prints what saml-rs makes of each document, a line of JSON each. Knows saml-rs; does not know which
//! documents are hostile.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Instant, SystemTime};

use saml_rs::{
    AcsEndpoint, AudienceValidationPolicy, BrowserInput, ClockSkew, Credentials, EntityId, FormField, IdpDescriptor,
    MetadataTrustPolicy, PendingAuthnRequest, PendingSnapshot, PrivateKeyPem, RelayStateParam, ReplayPolicy, Saml,
    SamlValidationContext, SpConfig, SpValidationPolicy, SsoResponse, XmlSignatureProfile,
};
use serde_json::{Value, json};

const SKEW_MS: i64 = 60_000;

fn main() -> Result<(), Box<dyn Error>> {
    let documents = std::env::args().nth(1).ok_or("usage: saml-oracle DOCUMENTS")?;
    let mut lines = BufReader::new(File::open(documents)?).lines();
    let setting: Value = serde_json::from_str(&lines.next().ok_or("no documents")??)?;
    let text = |name: &str| setting[name].as_str().unwrap_or_default().to_owned();
    let now: SystemTime = chrono::DateTime::parse_from_rfc3339(&text("now"))?.into();
    let (idp, acs) = (text("idp"), text("acs"));
    let descriptor = IdpDescriptor::from_metadata_xml_for(
        EntityId::try_new(idp.clone())?,
        &metadata(&setting)?,
        MetadataTrustPolicy::UnsignedForCompatibility,
    )?;
    let pending = PendingAuthnRequest::from_snapshot(PendingSnapshot::authn_request(
        text("request"),
        RelayStateParam::absent(),
        idp,
        "post",
        acs.clone(),
        "post",
    ))?;
    // As strict as it can be; of algorithms on curves its strict profile knows none.
    let sp = |xml_signatures| {
        Saml::sp(
            SpConfig::builder(EntityId::try_new(text("sp"))?)
                .acs_endpoint(AcsEndpoint::post(acs.clone())?)
                .credentials(Credentials { decryption_key: Some(PrivateKeyPem::new(text("key"))), ..Credentials::default() })
                .validation(SpValidationPolicy {
                    xml_signatures,
                    audience: AudienceValidationPolicy::Validate,
                    ..SpValidationPolicy::recommended()
                })
                .build()?,
        )
    };
    let strict = sp(XmlSignatureProfile::StrictRsaSha2)?;
    let on_curves = sp(XmlSignatureProfile::AllowProviderSupportedForCompatibility)?;
    let mut out = std::io::stdout().lock();
    for line in lines {
        let document: Value = serde_json::from_str(&line?)?;
        let message = document["message"].as_str().ok_or("no message")?;
        let sp = if document["curve"] == true { &on_curves } else { &strict };
        let began = Instant::now();
        let verdict = catch_unwind(AssertUnwindSafe(|| {
            sp.finish_sso(
                &descriptor,
                &pending,
                BrowserInput::<SsoResponse>::post(vec![FormField::new("SAMLResponse", message)]),
                SamlValidationContext::new(now, ReplayPolicy::DisabledForCompatibility)
                    .with_clock_skew(ClockSkew::from_millis(-SKEW_MS, SKEW_MS)),
            )
        }));
        let ms = began.elapsed().as_secs_f64() * 1000.0;
        let verdict = match verdict {
            Ok(Ok(session)) => json!({"name": session.name_id().value().trim(), "ms": ms}),
            Ok(Err(error)) => json!({"name": null, "refused": error.to_string(), "ms": ms}),
            Err(_) => json!({"name": null, "crashed": "a panic", "ms": ms}),
        };
        writeln!(out, "{verdict}")?;
    }
    Ok(())
}

/// The provider's metadata, with both its certificates.
fn metadata(setting: &Value) -> Result<String, Box<dyn Error>> {
    let keys: String = setting["certificates"]
        .as_array()
        .ok_or("no certificates")?
        .iter()
        .filter_map(Value::as_str)
        .map(|pem| {
            let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
            format!(r#"<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{base64}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"#)
        })
        .collect();
    let idp = setting["idp"].as_str().ok_or("no idp")?;
    Ok(format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{idp}"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{keys}<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
    ))
}
