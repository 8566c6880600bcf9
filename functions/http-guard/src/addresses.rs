//! Which addresses are public: pure rules, after IANA's special-purpose registries (RFC 6890 and its successors).
//!
//! IPv4 is refused by list. IPv6 is allowed by list: global unicast is one block, and whatever is outside of it (loopback,
//! mapped and compatible IPv4, unique local, link-local, multicast, what is yet to be assigned) is not public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, third: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), prefix)
}

const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT, and a cloud's metadata service (100.100.100.200)
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // another cloud's host
    v4(169, 254, 0, 0, 16),   // link-local, metadata services among them
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments, and yet another metadata service
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // relays of 6to4
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved
    v4(255, 255, 255, 255, 32),
];

const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23),      // protocol assignments: Teredo, which embeds IPv4, benchmarks, ORCHID
    v6(0x2001, 0x0db8, 0, 32), // documentation
    v6(0x2002, 0, 0, 16),      // 6to4, which embeds IPv4
    v6(0x3fff, 0, 0, 20),      // documentation
];

/// What a network without IPv4 reaches IPv4 by: the last four bytes are where it leads.
const NAT64: Ipv6Net = v6(0x0064, 0xff9b, 0, 96);

/// Whether everybody could reach this address: neither of this machine or network nor of special use.
///
/// ```
/// use http_guard::addresses::is_public;
///
/// assert!(is_public("93.184.216.34".parse().unwrap()));
/// assert!(!is_public("169.254.169.254".parse().unwrap()));
/// assert!(!is_public("::ffff:10.0.0.1".parse().unwrap()));
/// ```
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) if NAT64.contains(&address) => is_public_v4(embedded(address)),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    GLOBAL_UNICAST.contains(&address) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address))
}

fn embedded(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().expect("an address"))
    }

    #[test]
    fn what_is_of_special_use_is_not_public() {
        let refused = [
            ["this network", "0.0.0.0", "0.255.255.255"],
            ["private", "10.0.0.0", "10.255.255.255"],
            ["private", "172.16.0.0", "172.31.255.255"],
            ["private", "192.168.0.0", "192.168.255.255"],
            ["carrier-grade NAT", "100.64.0.1", "100.127.255.255"],
            ["loopback", "127.0.0.1", "127.255.255.254"],
            ["metadata", "169.254.169.254", "169.254.170.2"],
            ["other clouds' metadata", "100.100.100.200", "168.63.129.16"],
            ["protocol assignments", "192.0.0.1", "192.0.0.192"],
            ["documentation", "192.0.2.1", "198.51.100.7"],
            ["documentation, benchmarks", "203.0.113.9", "198.19.255.255"],
            ["6to4 relays", "192.88.99.1", "192.88.99.255"],
            ["multicast", "224.0.0.1", "239.255.255.255"],
            ["reserved, broadcast", "240.0.0.1", "255.255.255.255"],
            ["unspecified, loopback", "::", "::1"],
            ["mapped", "::ffff:10.0.0.1", "::ffff:8.8.8.8"],
            ["compatible", "::127.0.0.1", "::a00:1"],
            ["unique local, metadata", "fc00::1", "fd00:ec2::254"],
            ["link-local, site-local", "fe80::1", "fec0::1"],
            ["multicast", "ff02::1", "ff0e::1"],
            ["NAT64 of what is private", "64:ff9b::a00:5", "64:ff9b::169.254.169.254"],
            ["NAT64, local use", "64:ff9b:1::808:808", "64:ff9b:1:fffe::1"],
            ["6to4", "2002:7f00:1::1", "2002:a00:5::1"],
            ["Teredo, benchmarks", "2001::1", "2001:2::1"],
            ["documentation", "2001:db8::1", "3fff::1"],
            ["discard, not assigned", "100::1", "4000::1"],
        ];
        for [why, first, last] in refused {
            assert!(!public(first) && !public(last), "{why}: {first}, {last}");
        }
    }

    #[test]
    fn their_neighbours_are_public() {
        let allowed = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
        ];
        for address in allowed {
            assert!(public(address), "{address}");
        }
    }
}
