//! How long discovered knowledge is used.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::clock::CountingEntropy;
use domain::id::ConnectionId;
use serde_json::json;
use sso::SsoError;
use sso::oidc::ProviderCache;

use crate::provider::{DISCOVERY, HostileProvider, Reply};
use crate::signer::Signer;
use crate::world::{development, honest_document, honest_provider, now};

fn id() -> ConnectionId {
    ConnectionId::generate(now(), &CountingEntropy::new())
}

async fn hostile() -> HostileProvider {
    honest_provider(&Signer::es256(7, "first")).await
}

fn breaks(hostile: &HostileProvider) {
    hostile.says(DISCOVERY, Reply::new(503, "text/plain", "later"));
}

#[tokio::test]
async fn a_provider_is_discovered_once_an_hour() {
    let hostile = hostile().await;
    let (cache, egress, id) = (ProviderCache::new(), development(), id());

    let first = cache.get(&egress, id, &hostile.issuer(), now()).await.unwrap();
    let second = cache.get(&egress, id, &hostile.issuer(), now() + TimeDelta::minutes(59)).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(hostile.seen(DISCOVERY).len(), 1);

    cache.get(&egress, id, &hostile.issuer(), now() + TimeDelta::minutes(60)).await.unwrap();
    assert_eq!(hostile.seen(DISCOVERY).len(), 2);
}

#[tokio::test]
async fn old_knowledge_serves_for_a_day_while_the_provider_is_down() {
    let hostile = hostile().await;
    let (cache, egress, id) = (ProviderCache::new(), development(), id());
    cache.get(&egress, id, &hostile.issuer(), now()).await.unwrap();
    breaks(&hostile);

    let after_an_hour = cache.get(&egress, id, &hostile.issuer(), now() + TimeDelta::hours(2)).await;
    let after_a_day = cache.get(&egress, id, &hostile.issuer(), now() + TimeDelta::hours(24)).await;

    assert!(after_an_hour.is_ok());
    assert_eq!(after_a_day.unwrap_err(), SsoError::DiscoveryStatus(503));
}

#[tokio::test]
async fn a_failed_provider_is_left_alone_for_ten_seconds() {
    let hostile = hostile().await;
    breaks(&hostile);
    let (cache, egress, id) = (ProviderCache::new(), development(), id());

    for seconds in [0, 1, 9] {
        let outcome = cache.get(&egress, id, &hostile.issuer(), now() + TimeDelta::seconds(seconds)).await;
        assert_eq!(outcome.unwrap_err(), SsoError::DiscoveryStatus(503));
    }
    assert_eq!(hostile.seen(DISCOVERY).len(), 1);

    hostile.says(DISCOVERY, Reply::json(&honest_document(&hostile)));
    let recovered = cache.get(&egress, id, &hostile.issuer(), now() + TimeDelta::seconds(10)).await;
    assert!(recovered.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_sign_ins_discover_once() {
    let hostile = hostile().await;
    hostile.says(DISCOVERY, Reply::json(&honest_document(&hostile)).after(Duration::from_millis(100)));
    let (cache, egress, id) = (Arc::new(ProviderCache::new()), development(), id());

    let burst: Vec<_> = (0..8)
        .map(|_| {
            let (cache, egress, issuer) = (Arc::clone(&cache), egress.clone(), hostile.issuer());
            tokio::spawn(async move { cache.get(&egress, id, &issuer, now()).await.is_ok() })
        })
        .collect();

    for one in burst {
        assert!(one.await.unwrap());
    }
    assert_eq!(hostile.seen(DISCOVERY).len(), 1);
}

#[tokio::test]
async fn a_forgotten_connection_is_discovered_anew() {
    let hostile = hostile().await;
    let (cache, egress, id) = (ProviderCache::new(), development(), id());
    cache.get(&egress, id, &hostile.issuer(), now()).await.unwrap();

    cache.forget(id);
    cache.get(&egress, id, &hostile.issuer(), now()).await.unwrap();

    assert_eq!(hostile.seen(DISCOVERY).len(), 2);
}

/// 9, 51
#[tokio::test]
async fn a_connection_with_a_new_issuer_never_gets_the_old_provider() {
    let (old, new) = (hostile().await, hostile().await);
    let (cache, egress, id) = (ProviderCache::new(), development(), id());
    cache.get(&egress, id, &old.issuer(), now()).await.unwrap();

    let provider = cache.get(&egress, id, &new.issuer(), now()).await.unwrap();
    breaks(&old);

    assert_eq!(provider.issuer(), new.issuer());
}

/// 51
#[tokio::test]
async fn a_document_that_speaks_for_another_issuer_disowns_what_was_known() {
    let hostile = hostile().await;
    let (cache, egress, id) = (ProviderCache::new(), development(), id());
    cache.get(&egress, id, &hostile.issuer(), now()).await.unwrap();
    let mut document = honest_document(&hostile);
    document["issuer"] = json!("https://evil.example");
    hostile.says(DISCOVERY, Reply::json(&document));

    for minutes in [60, 61] {
        let outcome = cache.get(&egress, id, &hostile.issuer(), now() + TimeDelta::minutes(minutes)).await;
        assert_eq!(outcome.unwrap_err(), SsoError::DiscoveryIssuerMismatch, "{minutes}");
    }
}
