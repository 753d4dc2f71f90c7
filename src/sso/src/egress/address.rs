//! Which addresses are outside. Knows the special-purpose ranges; does not know names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a connection to this address may be opened.
pub(super) fn is_allowed(address: IpAddr, allow_loopback: bool) -> bool {
    let address = address.to_canonical();
    if address.is_loopback() {
        return allow_loopback;
    }
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Everything that the IANA special-purpose registry does not call globally reachable is inside.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT, RFC 6598
        || (a == 192 && b == 0 && c == 0) // protocol assignments, RFC 6890
        || (a == 192 && b == 88 && c == 99) // 6to4 relay, RFC 7526
        || (a == 198 && (b == 18 || b == 19)); // benchmarking, RFC 2544
    !special
}

/// Only `2000::/3` is globally routed; inside it, ranges that carry or document other addresses are refused.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    match first {
        // protocol assignments and Teredo (RFC 2928, RFC 4380), documentation (RFC 3849)
        0x2001 => second >= 0x0200 && second != 0x0db8,
        // 6to4 (RFC 3056)
        0x2002 => false,
        // documentation (RFC 9637)
        0x3fff => second >= 0x1000,
        other => other & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::is_allowed;

    const STRICT: bool = false;
    const DEVELOPMENT: bool = true;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn public_addresses_are_allowed() {
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"] {
            assert!(is_allowed(address(text), STRICT), "{text}");
        }
    }

    #[test]
    fn inside_addresses_are_refused_also_in_development() {
        let inside = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "100.127.255.255",
            "100.100.100.200",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "::ffff:0:10.0.0.1",
            "fec0::1",
            "100::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
        ];
        for text in inside {
            assert!(!is_allowed(address(text), STRICT), "{text}");
            assert!(!is_allowed(address(text), DEVELOPMENT), "{text}");
        }
    }

    #[test]
    fn loopback_is_allowed_in_development_only() {
        for text in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(!is_allowed(address(text), STRICT), "{text}");
            assert!(is_allowed(address(text), DEVELOPMENT), "{text}");
        }
    }
}
