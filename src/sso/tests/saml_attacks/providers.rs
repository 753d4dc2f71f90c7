//! Responses as the identity providers of this world write them. Knows their prefixes, their order, their line breaks; the
//! values are the tests' own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::rsa::Padding;
use openssl::symm::Cipher;
use samael::crypto::{Crypto, CryptoProvider as _};

use crate::base::*;
use crate::sealing::{OAEP, element, sealed, wrapped_key};
use crate::world::{ACS, IDP, REQUEST, SP, between, changed, in_lines, provider};

const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const MAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const XS: &str =
    "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

/// What a provider sends.
pub(crate) struct Sent {
    pub(crate) provider: &'static str,
    pub(crate) document: String,
    /// The format of its names.
    pub(crate) format: &'static str,
}

/// How a provider writes a signature.
#[derive(Clone, Copy)]
struct Hand {
    /// With its colon; or nothing.
    prefix: &'static str,
    /// What `InclusiveNamespaces` lists.
    prefixes: Option<&'static str>,
    /// What stands before and behind the certificate in the key info.
    key_info: (&'static str, &'static str),
    /// The end of a line of base64.
    line: &'static str,
    bits: u16,
}

const PLAIN: Hand = Hand { prefix: "ds:", prefixes: None, key_info: ("", ""), line: "", bits: 256 };

impl Hand {
    fn template(self, id: &str) -> String {
        let (p, bits) = (self.prefix, self.bits);
        let declaration =
            if p.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{}", p.trim_end_matches(':')) };
        let list = self.prefixes.map_or(String::new(), |list| {
            format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{list}\"/>")
        });
        let certificate = STANDARD.encode(provider().certificate.to_der().unwrap());
        let certificate = if self.line.is_empty() { certificate } else { in_lines(&certificate, self.line) };
        let (before, behind) = self.key_info;
        format!(
            r##"<{p}Signature {declaration}="{XMLDSIG}"><{p}SignedInfo><{p}CanonicalizationMethod Algorithm="{EXCLUSIVE}"/><{p}SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}"/><{p}Reference URI="#{id}"><{p}Transforms><{p}Transform Algorithm="{XMLDSIG}enveloped-signature"/><{p}Transform Algorithm="{EXCLUSIVE}">{list}</{p}Transform></{p}Transforms><{p}DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha{bits}"/><{p}DigestValue/></{p}Reference></{p}SignedInfo><{p}SignatureValue/><{p}KeyInfo>{before}<{p}X509Data><{p}X509Certificate>{certificate}</{p}X509Certificate></{p}X509Data>{behind}</{p}KeyInfo></{p}Signature>"##
        )
    }

    /// Fills in the signature whose template stands for `mark`, and breaks its value into lines.
    fn sign(self, document: &str, mark: &str, id: &str) -> String {
        let signed = Crypto::sign_xml(
            changed(document, mark, &self.template(id)),
            &provider().key.private_key_to_der().unwrap(),
        );
        let signed = signed.unwrap();
        let signed = signed.split_once("?>").map_or(signed.as_str(), |(_, rest)| rest.trim()).to_owned();
        if self.line.is_empty() {
            return signed;
        }
        let (open, close) =
            (format!("<{}SignatureValue>", self.prefix), format!("</{}SignatureValue>", self.prefix));
        let value = between(&signed, &open, &close).to_owned();
        let inner = value.strip_prefix(&open).and_then(|rest| rest.strip_suffix(&close)).unwrap();
        let compact: String = inner.split_whitespace().collect();
        changed(&signed, &value, &format!("{open}{}{close}", in_lines(&compact, self.line)))
    }
}

fn sent(provider: &'static str, format: &'static str, document: impl Into<String>) -> Sent {
    Sent { provider, document: document.into(), format }
}

/// `@A` and `@R` stand for the signatures of the assertion and of the response.
fn signed(hand: Hand, document: &str, assertion: &str, response: &str) -> String {
    let mut document = document.to_owned();
    if document.contains("@A") {
        document = hand.sign(&document, "@A", assertion);
    }
    if document.contains("@R") {
        document = hand.sign(&document, "@R", response);
    }
    document
}

/// One of each.
pub(crate) fn all() -> Vec<Sent> {
    vec![
        entra(),
        adfs(),
        okta(),
        google(),
        onelogin(),
        ping(),
        keycloak(),
        simplesamlphp(),
        shibboleth(),
        auth0(),
        jumpcloud(),
        salesforce(),
        many_groups(),
        much_else(),
    ]
}

fn entra() -> Sent {
    let document = format!(
        r#"<samlp:Response ID="_8e8dc5f6-9a98-4cc1-8e2f-2f6a1a3e4b5c" Version="2.0" IssueInstant="2026-11-22T09:59:59.413Z" Destination="{ACS}" InResponseTo="{REQUEST}" xmlns:samlp="{PROTOCOL}"><Issuer xmlns="{ASSERTION}">{IDP}</Issuer><samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status><Assertion ID="_3f2c1d00-51aa-4b1f-a1b2-66d1f0a0b500" IssueInstant="2026-11-22T09:59:59.408Z" Version="2.0" xmlns="{ASSERTION}"><Issuer>{IDP}</Issuer>@A<Subject><NameID Format="{PERSISTENT}">p-1001</NameID><SubjectConfirmation Method="{BEARER}"><SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:28:59.314Z" Recipient="{ACS}"/></SubjectConfirmation></Subject><Conditions NotBefore="2026-11-22T09:54:59.314Z" NotOnOrAfter="2026-11-22T10:59:59.314Z"><AudienceRestriction><Audience>{SP}</Audience></AudienceRestriction></Conditions><AttributeStatement><Attribute Name="http://schemas.microsoft.com/identity/claims/tenantid"><AttributeValue>f2a1</AttributeValue></Attribute><Attribute Name="http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"><AttributeValue>a1</AttributeValue><AttributeValue>a2</AttributeValue></Attribute><Attribute Name="http://schemas.microsoft.com/claims/authnmethodsreferences"><AttributeValue>http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password</AttributeValue></Attribute></AttributeStatement><AuthnStatement AuthnInstant="2026-11-22T09:59:57.301Z" SessionIndex="_3f2c1d00-51aa-4b1f-a1b2-66d1f0a0b500"><AuthnContext><AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion></samlp:Response>"#
    );
    let hand = Hand { prefix: "", ..PLAIN };
    sent("Entra ID", PERSISTENT, signed(hand, &document, "_3f2c1d00-51aa-4b1f-a1b2-66d1f0a0b500", ""))
}

fn adfs() -> Sent {
    let document = format!(
        r#"<samlp:Response ID="_r1" Version="2.0" IssueInstant="2026-11-22T09:59:59.000Z" Destination="{ACS}" Consent="urn:oasis:names:tc:SAML:2.0:consent:unspecified" InResponseTo="{REQUEST}" xmlns:samlp="{PROTOCOL}"><Issuer xmlns="{ASSERTION}">{IDP}</Issuer>@R<samlp:Status><samlp:StatusCode Value="{SUCCESS}" /></samlp:Status><Assertion ID="_a1" IssueInstant="2026-11-22T09:59:59.000Z" Version="2.0" xmlns="{ASSERTION}"><Issuer>{IDP}</Issuer>@A<Subject><NameID Format="{MAIL}">p-1001@acme.test</NameID><SubjectConfirmation Method="{BEARER}"><SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:04:59.000Z" Recipient="{ACS}" /></SubjectConfirmation></Subject><Conditions NotBefore="2026-11-22T09:59:59.000Z" NotOnOrAfter="2026-11-22T10:59:59.000Z"><AudienceRestriction><Audience>{SP}</Audience></AudienceRestriction></Conditions><AttributeStatement><Attribute Name="http://schemas.xmlsoap.org/claims/Group"><AttributeValue>Domain Users</AttributeValue></Attribute></AttributeStatement><AuthnStatement AuthnInstant="2026-11-22T09:59:50.000Z" SessionIndex="_a1"><AuthnContext><AuthnContextClassRef>{PASSWORD}</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion></samlp:Response>"#
    );
    sent("ADFS", MAIL, signed(PLAIN, &document, "_a1", "_r1"))
}

fn okta() -> Sent {
    let document = format!(
        r#"<saml2p:Response Destination="{ACS}" ID="id38937413" InResponseTo="{REQUEST}" IssueInstant="2026-11-22T09:59:59.113Z" Version="2.0" xmlns:saml2p="{PROTOCOL}" xmlns:xs="http://www.w3.org/2001/XMLSchema"><saml2:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity" xmlns:saml2="{ASSERTION}">{IDP}</saml2:Issuer>@R<saml2p:Status xmlns:saml2p="{PROTOCOL}"><saml2p:StatusCode Value="{SUCCESS}"/></saml2p:Status><saml2:Assertion ID="id38937414" IssueInstant="2026-11-22T09:59:59.113Z" Version="2.0" xmlns:saml2="{ASSERTION}" xmlns:xs="http://www.w3.org/2001/XMLSchema"><saml2:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity" xmlns:saml2="{ASSERTION}">{IDP}</saml2:Issuer>@A<saml2:Subject xmlns:saml2="{ASSERTION}"><saml2:NameID Format="{UNSPECIFIED}">p-1001</saml2:NameID><saml2:SubjectConfirmation Method="{BEARER}"><saml2:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:04:59.113Z" Recipient="{ACS}"/></saml2:SubjectConfirmation></saml2:Subject><saml2:Conditions NotBefore="2026-11-22T09:54:59.113Z" NotOnOrAfter="2026-11-22T10:04:59.113Z" xmlns:saml2="{ASSERTION}"><saml2:AudienceRestriction><saml2:Audience>{SP}</saml2:Audience></saml2:AudienceRestriction></saml2:Conditions><saml2:AuthnStatement AuthnInstant="2026-11-22T09:59:50.000Z" SessionIndex="{REQUEST}" xmlns:saml2="{ASSERTION}"><saml2:AuthnContext><saml2:AuthnContextClassRef>{PASSWORD}</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement><saml2:AttributeStatement xmlns:saml2="{ASSERTION}"><saml2:Attribute Name="groups" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"><saml2:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">Everyone</saml2:AttributeValue></saml2:Attribute></saml2:AttributeStatement></saml2:Assertion></saml2p:Response>"#
    );
    let hand = Hand { prefixes: Some("xs"), line: "&#13;\n", ..PLAIN };
    let document = signed(hand, &document, "id38937414", "id38937413");
    sent("Okta", UNSPECIFIED, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{document}"))
}

fn google() -> Sent {
    let document = format!(
        r#"<saml2p:Response xmlns:saml2p="{PROTOCOL}" Destination="{ACS}" ID="_1f6b0c2b0a9d4f6e8d7c6b5a49382716" InResponseTo="{REQUEST}" IssueInstant="2026-11-22T09:59:59.746Z" Version="2.0"><saml2:Issuer xmlns:saml2="{ASSERTION}">{IDP}</saml2:Issuer>@R<saml2p:Status><saml2p:StatusCode Value="{SUCCESS}"/></saml2p:Status><saml2:Assertion xmlns:saml2="{ASSERTION}" ID="_0c9a" IssueInstant="2026-11-22T09:59:59.746Z" Version="2.0"><saml2:Issuer>{IDP}</saml2:Issuer><saml2:Subject><saml2:NameID Format="{MAIL}">p-1001@acme.test</saml2:NameID><saml2:SubjectConfirmation Method="{BEARER}"><saml2:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:04:59.746Z" Recipient="{ACS}"/></saml2:SubjectConfirmation></saml2:Subject><saml2:Conditions NotBefore="2026-11-22T09:54:59.746Z" NotOnOrAfter="2026-11-22T10:04:59.746Z"><saml2:AudienceRestriction><saml2:Audience>{SP}</saml2:Audience></saml2:AudienceRestriction></saml2:Conditions><saml2:AttributeStatement><saml2:Attribute Name="department"/></saml2:AttributeStatement><saml2:AuthnStatement AuthnInstant="2026-11-22T09:40:20.000Z" SessionIndex="_0c9a"><saml2:AuthnContext><saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement></saml2:Assertion></saml2p:Response>"#
    );
    let hand = Hand { line: "\n", key_info: ("", ""), ..PLAIN };
    let document = signed(hand, &document, "", "_1f6b0c2b0a9d4f6e8d7c6b5a49382716");
    sent(
        "Google Workspace",
        MAIL,
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n{document}"),
    )
}

fn onelogin() -> Sent {
    let document = format!(
        r#"<samlp:Response xmlns:saml="{ASSERTION}" xmlns:samlp="{PROTOCOL}" ID="R5f6e7d8c" Version="2.0" IssueInstant="2026-11-22T09:59:59Z" Destination="{ACS}" InResponseTo="{REQUEST}"><saml:Issuer>{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status><saml:Assertion {XS} Version="2.0" ID="pfx41d8ef22-e612-8c50-9960-1b16f15741b3" IssueInstant="2026-11-22T09:59:59Z"><saml:Issuer>{IDP}</saml:Issuer>@A<saml:Subject><saml:NameID Format="{MAIL}">p-1001@acme.test</saml:NameID><saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-22T10:02:59Z" Recipient="{ACS}" InResponseTo="{REQUEST}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-22T09:56:59Z" NotOnOrAfter="2026-11-22T10:02:59Z"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-11-22T09:59:58Z" SessionNotOnOrAfter="2026-11-23T09:59:59Z" SessionIndex="_6a1c"><saml:AuthnContext><saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic" Name="memberOf"><saml:AttributeValue xsi:type="xs:string"/></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#
    );
    sent("OneLogin", MAIL, signed(PLAIN, &document, "pfx41d8ef22-e612-8c50-9960-1b16f15741b3", ""))
}

fn ping() -> Sent {
    let document = format!(
        r#"<samlp:Response Version="2.0" ID="Nq.R7x_b-0k5o" IssueInstant="2026-11-22T09:59:59.001Z" InResponseTo="{REQUEST}" Destination="{ACS}" xmlns:samlp="{PROTOCOL}"><saml:Issuer xmlns:saml="{ASSERTION}">{IDP}</saml:Issuer>@R<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status><saml:Assertion ID="ZbQ.9dTn-uW_1" IssueInstant="2026-11-22T09:59:59.040Z" Version="2.0" xmlns:saml="{ASSERTION}"><saml:Issuer>{IDP}</saml:Issuer><saml:Subject><saml:NameID Format="{UNSPECIFIED}">p-1001</saml:NameID><saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData Recipient="{ACS}" NotOnOrAfter="2026-11-22T10:04:59.040Z" InResponseTo="{REQUEST}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-22T09:54:59.040Z" NotOnOrAfter="2026-11-22T10:04:59.040Z"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement SessionIndex="ZbQ.9dTn-uW_1" AuthnInstant="2026-11-22T09:59:58.040Z"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement {XS}><saml:Attribute Name="member_status" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic"><saml:AttributeValue xsi:type="xs:string" xmlns:xs="http://www.w3.org/2001/XMLSchema">Gold</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#
    );
    sent("PingFederate", UNSPECIFIED, signed(Hand { line: "\n", ..PLAIN }, &document, "", "Nq.R7x_b-0k5o"))
}

fn keycloak() -> Sent {
    let document = format!(
        r#"<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" Destination="{ACS}" ID="ID_0b0a2f6d-4a7c-44a5-93a9-9be1a4a2a7f1" InResponseTo="{REQUEST}" IssueInstant="2026-11-22T09:59:59.821Z" Version="2.0"><saml:Issuer>{IDP}</saml:Issuer>@R<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status><saml:Assertion xmlns="{ASSERTION}" ID="ID_1c8c" IssueInstant="2026-11-22T09:59:59.816Z" Version="2.0"><saml:Issuer>{IDP}</saml:Issuer>@A<saml:Subject><saml:NameID Format="{PERSISTENT}">p-1001</saml:NameID><saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:04:57.816Z" Recipient="{ACS}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-22T09:59:57.816Z" NotOnOrAfter="2026-11-22T10:00:57.816Z"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-11-22T09:59:59.823Z" SessionIndex="9e3b::c1" SessionNotOnOrAfter="2026-11-22T19:59:59.823Z"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute FriendlyName="surname" Name="urn:oid:2.5.4.4" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri" xmlns:x500="urn:oasis:names:tc:SAML:2.0:profiles:attribute:X500" x500:Encoding="LDAP"><saml:AttributeValue {XS} xsi:type="xs:string">佐藤</saml:AttributeValue></saml:Attribute><saml:Attribute Name="Role"><saml:AttributeValue {XS} xsi:nil="true"/></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#
    );
    let hand = Hand {
        prefix: "dsig:",
        key_info: (
            "<dsig:KeyName>mZ3x</dsig:KeyName>",
            "<dsig:KeyValue><dsig:RSAKeyValue><dsig:Modulus>AQ==</dsig:Modulus><dsig:Exponent>AQAB</dsig:Exponent></dsig:RSAKeyValue></dsig:KeyValue>",
        ),
        line: "&#13;\n",
        ..PLAIN
    };
    sent(
        "Keycloak",
        PERSISTENT,
        signed(hand, &document, "ID_1c8c", "ID_0b0a2f6d-4a7c-44a5-93a9-9be1a4a2a7f1"),
    )
}

fn simplesamlphp() -> Sent {
    let document = format!(
        r#"<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" ID="_7b1f" Version="2.0" IssueInstant="2026-11-22T09:59:59Z" Destination="{ACS}" InResponseTo="{REQUEST}"><saml:Issuer>{IDP}</saml:Issuer>@R<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status><saml:Assertion {XS} ID="_9d2e" Version="2.0" IssueInstant="2026-11-22T09:59:59Z"><saml:Issuer>{IDP}</saml:Issuer>@A<saml:Subject><saml:NameID NameQualifier="{IDP}" SPNameQualifier="{SP}" Format="{PERSISTENT}">p-1001</saml:NameID><saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-22T10:04:59Z" Recipient="{ACS}" InResponseTo="{REQUEST}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-22T09:59:29Z" NotOnOrAfter="2026-11-22T10:04:59Z"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-11-22T09:59:59Z" SessionNotOnOrAfter="2026-11-22T17:59:59Z" SessionIndex="_c5f6"><saml:AuthnContext><saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="uid" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic"><saml:AttributeValue xsi:type="xs:string">momo</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#
    );
    sent("SimpleSAMLphp", PERSISTENT, signed(Hand { bits: 512, ..PLAIN }, &document, "_9d2e", "_7b1f"))
}

/// Encrypted, with the key beside the data's address, and an attribute whose value is a name identifier.
fn shibboleth() -> Sent {
    let assertion = format!(
        r#"<saml2:Assertion xmlns:saml2="{ASSERTION}" ID="_5d0b" IssueInstant="2026-11-22T09:59:59.310Z" Version="2.0" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><saml2:Issuer>{IDP}</saml2:Issuer>@A<saml2:Subject><saml2:NameID Format="{PERSISTENT}" NameQualifier="{IDP}" SPNameQualifier="{SP}">p-1001</saml2:NameID><saml2:SubjectConfirmation Method="{BEARER}"><saml2:SubjectConfirmationData Address="198.51.100.7" InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:04:59.317Z" Recipient="{ACS}"/></saml2:SubjectConfirmation></saml2:Subject><saml2:Conditions NotBefore="2026-11-22T09:59:59.310Z" NotOnOrAfter="2026-11-22T10:04:59.310Z"><saml2:AudienceRestriction><saml2:Audience>{SP}</saml2:Audience></saml2:AudienceRestriction></saml2:Conditions><saml2:AuthnStatement AuthnInstant="2026-11-22T09:59:58.123Z" SessionIndex="_2a0f"><saml2:SubjectLocality Address="198.51.100.7"/><saml2:AuthnContext><saml2:AuthnContextClassRef>{PASSWORD}</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement><saml2:AttributeStatement><saml2:Attribute FriendlyName="eduPersonTargetedID" Name="urn:oid:1.3.6.1.4.1.5923.1.1.1.10" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri"><saml2:AttributeValue><saml2:NameID Format="{PERSISTENT}" NameQualifier="{IDP}" SPNameQualifier="{SP}">targeted</saml2:NameID></saml2:AttributeValue></saml2:Attribute></saml2:AttributeStatement></saml2:Assertion>"#
    );
    let hand = Hand { prefixes: Some("xsd"), line: "&#13;\n", ..PLAIN };
    let (cipher, key) = (Cipher::aes_128_gcm(), vec![9; 16]);
    let sealed = sealed(&signed(hand, &assertion, "_5d0b", ""), cipher, &key);
    let encrypted = element("http://www.w3.org/2009/xmlenc11#aes128-gcm", OAEP, &wrapped_key(&key, Padding::PKCS1_OAEP), &sealed)
        .replace("saml:", "saml2:")
        .replace("<xenc:EncryptedData ", "<xenc:EncryptedData Id=\"_e1\" ")
        .replace("<xenc:EncryptedKey>", &format!("<xenc:EncryptedKey Id=\"_e2\" Recipient=\"{SP}\">"))
        .replace(&format!("\"{OAEP}\"/>"), &format!("\"{OAEP}\"><ds:DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/></xenc:EncryptionMethod>"));
    let document = format!(
        r#"<saml2p:Response xmlns:saml2p="{PROTOCOL}" xmlns:saml2="{ASSERTION}" Destination="{ACS}" ID="_4c1e" InResponseTo="{REQUEST}" IssueInstant="2026-11-22T09:59:59.310Z" Version="2.0"><saml2:Issuer>{IDP}</saml2:Issuer>@R<saml2p:Status><saml2p:StatusCode Value="{SUCCESS}"/></saml2p:Status>{encrypted}</saml2p:Response>"#
    );
    sent("Shibboleth", PERSISTENT, signed(Hand { prefixes: None, ..hand }, &document, "", "_4c1e"))
}

fn auth0() -> Sent {
    let document = format!(
        r#"<samlp:Response xmlns:samlp="{PROTOCOL}" ID="_cb5a" InResponseTo="{REQUEST}" Version="2.0" IssueInstant="2026-11-22T09:59:59Z" Destination="{ACS}"><saml:Issuer xmlns:saml="{ASSERTION}">{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status><saml:Assertion xmlns:saml="{ASSERTION}" Version="2.0" ID="_Xk3" IssueInstant="2026-11-22T09:59:59.910Z"><saml:Issuer>{IDP}</saml:Issuer>@A<saml:Subject><saml:NameID Format="{UNSPECIFIED}">auth0|p-1001</saml:NameID><saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-22T10:29:59.910Z" Recipient="{ACS}" InResponseTo="{REQUEST}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-22T09:59:59.910Z" NotOnOrAfter="2026-11-22T10:59:59.910Z"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-11-22T09:59:59.910Z" SessionIndex="_cz7"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement {XS}><saml:Attribute Name="http://schemas.auth0.com/email_verified" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri"><saml:AttributeValue xsi:type="xs:boolean">true</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#
    );
    sent("Auth0", UNSPECIFIED, signed(Hand { prefix: "", ..PLAIN }, &document, "_Xk3", ""))
}

/// Indented, with the texts on lines of their own.
fn jumpcloud() -> Sent {
    let document = format!(
        r#"<saml2p:Response Destination="{ACS}" ID="J1" InResponseTo="{REQUEST}" IssueInstant="2026-11-22T09:59:59.000Z" Version="2.0" xmlns:saml2p="{PROTOCOL}">
  <saml2:Issuer xmlns:saml2="{ASSERTION}">{IDP}</saml2:Issuer>
  @R
  <saml2p:Status>
    <saml2p:StatusCode Value="{SUCCESS}"/>
  </saml2p:Status>
  <saml2:Assertion ID="J2" IssueInstant="2026-11-22T09:59:59.000Z" Version="2.0" xmlns:saml2="{ASSERTION}">
    <saml2:Issuer>{IDP}</saml2:Issuer>
    @A
    <saml2:Subject>
      <saml2:NameID Format="{UNSPECIFIED}">
        p-1001
      </saml2:NameID>
      <saml2:SubjectConfirmation Method="{BEARER}">
        <saml2:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:09:59.000Z" Recipient="{ACS}"/>
      </saml2:SubjectConfirmation>
    </saml2:Subject>
    <saml2:Conditions NotBefore="2026-11-22T09:49:59.000Z" NotOnOrAfter="2026-11-22T10:09:59.000Z">
      <saml2:AudienceRestriction>
        <saml2:Audience>{SP}</saml2:Audience>
        <saml2:Audience>https://usher.example/</saml2:Audience>
      </saml2:AudienceRestriction>
    </saml2:Conditions>
    <saml2:AuthnStatement AuthnInstant="2026-11-22T09:59:59.000Z" SessionIndex="b3">
      <saml2:AuthnContext>
        <saml2:AuthnContextClassRef>{PASSWORD}</saml2:AuthnContextClassRef>
        <saml2:AuthenticatingAuthority>https://upstream.example</saml2:AuthenticatingAuthority>
      </saml2:AuthnContext>
    </saml2:AuthnStatement>
  </saml2:Assertion>
</saml2p:Response>"#
    );
    sent("JumpCloud", UNSPECIFIED, signed(Hand { line: "\n", ..PLAIN }, &document, "J2", "J1"))
}

/// The response alone is signed, RSA with SHA-384; a second confirmation that is not the bearer's.
fn salesforce() -> Sent {
    let document = format!(
        r#"<samlp:Response xmlns:samlp="{PROTOCOL}" Destination="{ACS}" ID="_27f8" InResponseTo="{REQUEST}" IssueInstant="2026-11-22T09:59:59.222Z" Version="2.0"><saml:Issuer xmlns:saml="{ASSERTION}" Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity">{IDP}</saml:Issuer>@R<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/><samlp:StatusMessage>fine</samlp:StatusMessage></samlp:Status><saml:Assertion xmlns:saml="{ASSERTION}" ID="_8a3c" IssueInstant="2026-11-22T09:59:59.222Z" Version="2.0"><saml:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity">{IDP}</saml:Issuer><saml:Subject><saml:NameID Format="{UNSPECIFIED}">p-1001</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"/><saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-22T10:05:59.222Z" Recipient="{ACS}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-22T09:59:29.222Z" NotOnOrAfter="2026-11-22T10:05:59.222Z"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction><saml:OneTimeUse/></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-11-22T09:59:59.222Z"><saml:AuthnContext><saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement></saml:Assertion></samlp:Response>"#
    );
    sent("Salesforce", UNSPECIFIED, signed(Hand { bits: 512, line: "\n", ..PLAIN }, &document, "", "_27f8"))
}

/// Two thousand groups, which is more than any of them sends.
fn many_groups() -> Sent {
    let value =
        |n: usize| format!("<saml:AttributeValue xsi:type=\"xs:string\">CN=Group {n}</saml:AttributeValue>");
    let values: String = (0..2_000).map(value).collect();
    let one = "<saml:AttributeValue xsi:type=\"xs:string\">momo</saml:AttributeValue>";
    let document = changed(&crate::world::response(&crate::world::assertion()), one, &values);
    sent("two thousand groups", PERSISTENT, Profile::PLAIN.response(provider(), &document))
}

/// What the schema allows and hardly anybody sends.
fn much_else() -> Sent {
    let assertion = crate::world::assertion();
    let proxy = "<saml:ProxyRestriction Count=\"1\"><saml:Audience>https://proxy.example</saml:Audience></saml:ProxyRestriction></saml:Conditions>";
    let assertion = changed(&assertion, "</saml:Conditions>", proxy);
    let value = "<saml:AttributeValue xmlns:x=\"urn:x\"><x:tree><x:leaf>1</x:leaf></x:tree></saml:AttributeValue><saml:AttributeValue xsi:type=\"xs:string\">momo";
    let assertion = changed(&assertion, "<saml:AttributeValue xsi:type=\"xs:string\">momo", value);
    let statement =
        "<saml:AttributeStatement><saml:Attribute Name=\"more\"/></saml:AttributeStatement></saml:Assertion>";
    let assertion = changed(&assertion, "</saml:Assertion>", statement);
    let extensions = "</saml:Issuer><samlp:Extensions><x:hint xmlns:x=\"urn:x\">y</x:hint></samlp:Extensions><samlp:Status>";
    let document = changed(&crate::world::response(&assertion), "</saml:Issuer><samlp:Status>", extensions);
    sent(
        "everything that may be there",
        PERSISTENT,
        Profile { shape: Shape::Both, ..Profile::PLAIN }.response(provider(), &document),
    )
}
