//! Whose people an issuer may vouch for.

use serde_json::{Value, json};
use sso::SsoError;
use sso::oidc::Tenancy;

use crate::world::World;

const TENANT: &str = "9f0e4a1c-1111-2222-3333-444455556666";
const OBJECT: &str = "0a1b2c3d-1111-2222-3333-444455556666";

async fn entra() -> World {
    let mut world = World::new().await;
    world.connection.tenancy = Tenancy::Entra { tenant: TENANT.to_owned() };
    world
}

/// 31
#[tokio::test]
async fn somebody_of_entra_id_is_their_object_in_their_tenant() {
    let world = entra().await;

    let identity = world.finish_claiming(json!({"tid": TENANT, "oid": OBJECT.to_uppercase()})).await.unwrap();

    assert_eq!(identity.subject, format!("{TENANT}/{OBJECT}"));
}

/// 31
#[tokio::test]
async fn another_entra_tenant_or_no_object_is_refused() {
    let world = entra().await;
    let outcome = async |change: Value| world.finish_claiming(change).await.unwrap_err();

    assert_eq!(outcome(json!({"tid": OBJECT, "oid": OBJECT})).await, SsoError::EntraTenantMismatch);
    assert_eq!(outcome(json!({"oid": OBJECT})).await, SsoError::ClaimMissing("tid"));
    assert_eq!(outcome(json!({"tid": TENANT})).await, SsoError::ClaimMissing("oid"));
    for odd in [json!(""), json!("a b"), json!("x".repeat(65)), json!(7), json!("\u{e9}")] {
        let refused = outcome(json!({"tid": TENANT, "oid": odd.clone()})).await;
        assert_eq!(refused, SsoError::ClaimMalformed("oid"), "{odd}");
    }
}

/// 31
#[tokio::test]
async fn neither_email_nor_upn_changes_who_somebody_of_entra_id_is() {
    let world = entra().await;
    let change = json!({"tid": TENANT, "oid": OBJECT, "email": "ceo@acme.test", "upn": "ceo@acme.test"});

    let identity = world.finish_claiming(change).await.unwrap();

    assert_eq!(identity.subject, format!("{TENANT}/{OBJECT}"));
}

/// 32
#[tokio::test]
async fn google_vouches_for_the_people_of_the_connections_domain_alone() {
    let mut world = World::new().await;
    world.connection.tenancy = Tenancy::Google { domain: "acme.test".to_owned() };

    assert_eq!(world.finish_claiming(json!({"hd": "ACME.test"})).await.unwrap().subject, "alice");
    for hosted in
        [json!("evil.test"), json!("(absent)"), json!(null), json!(["acme.test"]), json!("acme.test.evil")]
    {
        let outcome = world.finish_claiming(json!({"hd": hosted.clone(), "email": "ceo@acme.test"})).await;
        assert_eq!(outcome.unwrap_err(), SsoError::HostedDomainMismatch, "{hosted}");
    }
}
