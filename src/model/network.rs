//! Networks of addresses, as `10.0.0.0/8` names them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Its first address; every bit behind the prefix is zero.
    start: IpAddr,
    /// How many bits its addresses have in common.
    prefix: u8,
}

impl Network {
    /// Whether an address is one of it. IPv4 written as IPv6 (`::ffff:10.0.0.1`) is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.start.is_ipv4() == address.is_ipv4() && begin(address, self.prefix) == self.start
    }
}

/// The addresses that one client may use as it likes, by the first of them: whoever has one of IPv6 has its whole /64.
#[must_use]
pub fn client_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address @ IpAddr::V6(_) => begin(address, 64),
        address @ IpAddr::V4(_) => address,
    }
}

/// The address with all bits behind the prefix cleared.
fn begin(address: IpAddr, prefix: u8) -> IpAddr {
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

    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address.
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
        let first = begin(start, prefix);
        if first != start {
            return Err(format!("`{text}` has bits set after its prefix; write `{first}/{prefix}`"));
        }
        // An IPv4 network that is written as IPv6 has its 32 bits behind the first 96.
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
    fn a_network_has_the_addresses_with_its_first_bits() {
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
    fn what_is_no_network_is_told_with_what_is() {
        for bad in
            ["", "/", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0/8", "a", "10.0.0.0/8/8", " 10.0.0.1"]
        {
            assert!(bad.parse::<Network>().unwrap_err().contains("write"), "{bad:?}");
        }
        assert!("10.1.0.0/8".parse::<Network>().unwrap_err().contains("`10.0.0.0/8`"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_network_or_an_error_and_what_is_printed_is_read_back(text in "[0-9a-f:./]{0,24}") {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            }
        }

        #[test]
        fn a_network_of_an_address_contains_it(bits in any::<u32>(), prefix in 0_u8..=32) {
            let address = IpAddr::from(Ipv4Addr::from(bits));
            let network: Network = format!("{}/{prefix}", begin(address, prefix)).parse().unwrap();
            prop_assert!(network.contains(address));
        }
    }
}
