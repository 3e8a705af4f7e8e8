//! The hosts of a URL. libpq uses the first of them that accepts the connection, so that without another order all
//! connections lead to the same server.

use super::parts::{UrlParts, decode, pairs};

/// The parameters of libpq that are lists with a value for each host.
const LISTS: [&str; 3] = ["host", "hostaddr", "port"];

/// The URL with its hosts in each cyclic order, the given one first; only the URL itself if it has one host.
pub(super) fn rotate(url: &str) -> Vec<String> {
    let parts = UrlParts::of(url);
    let query = parts.query.unwrap_or_default();
    let is_list = |name: &str| LISTS.contains(&&*decode(name));
    let lists = pairs(query).filter(|(name, _)| is_list(name)).map(|(_, value)| split(value).count());
    let hosts = lists.chain([parts.hosts.split(',').count()]).max().unwrap_or(1);
    let turn = |list: Vec<&str>, by: usize| {
        let mut list = list;
        // A single port is that of all hosts.
        if list.len() == hosts {
            list.rotate_left(by);
        }
        list.join(",")
    };
    let with_order = |by: usize| {
        let mut text = format!("{}://", parts.scheme);
        if let Some(credentials) = parts.credentials {
            text.push_str(credentials);
            text.push('@');
        }
        text.push_str(&turn(parts.hosts.split(',').collect(), by));
        if let Some(name) = parts.name {
            text.push('/');
            text.push_str(name);
        }
        if parts.query.is_some() {
            let pair = |pair: &str| match pair.split_once('=') {
                Some((name, value)) if is_list(name) => format!("{name}={}", turn(split(value).collect(), by)),
                _ => pair.to_owned(),
            };
            text.push('?');
            text.push_str(&query.split('&').map(pair).collect::<Vec<_>>().join("&"));
        }
        text
    };
    (0..hosts).map(with_order).collect()
}

/// The values of a list, whose commas may be encoded.
fn split(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').flat_map(|part| part.split("%2C")).flat_map(|part| part.split("%2c"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_comes_first_once_together_with_its_port() {
        for (url, all) in [
            ("postgres://h/db?sslmode=require", vec!["postgres://h/db?sslmode=require"]),
            ("postgres:///db", vec!["postgres:///db"]),
            (
                "postgres://ann:a%2Cb@a:1,b:2,c/db",
                vec![
                    "postgres://ann:a%2Cb@a:1,b:2,c/db",
                    "postgres://ann:a%2Cb@b:2,c,a:1/db",
                    "postgres://ann:a%2Cb@c,a:1,b:2/db",
                ],
            ),
            (
                "postgres://u@/db?host=/a,%2Fb&port=1,2&options=-c%20x%3D1,2",
                vec![
                    "postgres://u@/db?host=/a,%2Fb&port=1,2&options=-c%20x%3D1,2",
                    "postgres://u@/db?host=%2Fb,/a&port=2,1&options=-c%20x%3D1,2",
                ],
            ),
            (
                "postgres://a,b/db?hostaddr=10.0.0.1%2C10.0.0.2&port=5433",
                vec![
                    "postgres://a,b/db?hostaddr=10.0.0.1,10.0.0.2&port=5433",
                    "postgres://b,a/db?hostaddr=10.0.0.2,10.0.0.1&port=5433",
                ],
            ),
        ] {
            assert_eq!(rotate(url), all);
        }
    }
}
