//! IP networks in CIDR notation, such as `10.0.0.0/8`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IP network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The first address: every bit after the prefix is zero.
    start: IpAddr,
    /// The length of the prefix in bits.
    prefix: u8,
}

impl Network {
    /// Whether the network contains an address. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.start.is_ipv4() == address.is_ipv4() && clear_host_bits(address, self.prefix) == self.start
    }
}

/// The first address of the network that one client controls: the /64 of an IPv6 address, or the IPv4 address itself.
#[must_use]
pub fn client_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address @ IpAddr::V6(_) => clear_host_bits(address, 64),
        address @ IpAddr::V4(_) => address,
    }
}

/// Clears the bits of an address after the prefix.
fn clear_host_bits(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            Ipv4Addr::from(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            Ipv6Addr::from(address.to_bits() & mask).into()
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Parses `10.0.0.0/8`, `fd00::/8`, or a single address.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a network; write an address, or `address/bits`, for example `10.0.0.0/8`");
        let (start, prefix) = text.split_once('/').map_or((text, None), |(start, prefix)| (start, Some(prefix)));
        let start: IpAddr = start.parse().map_err(|_| wrong())?;
        let bits = if start.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                return Err(wrong());
            }
            Some(digits) => digits.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(wrong)?,
        };
        let first = clear_host_bits(start, prefix);
        if first != start {
            return Err(format!("`{text}` has bits set after its prefix; write `{first}/{prefix}`"));
        }
        // An IPv4-mapped network has the 32 bits of IPv4 after the first 96.
        match (start.to_canonical(), prefix.checked_sub(96)) {
            (start @ IpAddr::V4(_), Some(prefix)) if bits == 128 => Ok(Self { start, prefix }),
            _ => Ok(Self { start, prefix }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.start, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_contains_the_addresses_with_its_prefix() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.168.1.4/31", "192.168.1.5", "192.168.1.6"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::1", "::1", "::2"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:11.1.1.1"),
            ("::ffff:10.0.0.0/104", "10.1.1.1", "11.1.1.1"),
        ] {
            assert!(contains(network, inside) && !contains(network, outside), "{network}");
        }
    }

    #[test]
    fn an_invalid_network_is_an_error_with_the_syntax() {
        for bad in
            ["", "/", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0/8", "a", "10.0.0.0/8/8", " 10.0.0.1"]
        {
            assert!(bad.parse::<Network>().unwrap_err().contains("write"), "{bad:?}");
        }
        assert!("10.1.0.0/8".parse::<Network>().unwrap_err().contains("`10.0.0.0/8`"));
    }

    proptest! {
        #[test]
        fn every_network_parses_as_printed(text in "[0-9a-f:./]{0,24}") {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            }
        }

        #[test]
        fn a_network_of_an_address_contains_it(bits in any::<u32>(), prefix in 0_u8..=32) {
            let address = IpAddr::from(Ipv4Addr::from(bits));
            let network: Network = format!("{}/{prefix}", clear_host_bits(address, prefix)).parse().unwrap();
            prop_assert!(network.contains(address));
        }
    }
}
