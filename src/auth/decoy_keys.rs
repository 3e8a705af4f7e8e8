//! Keys for requests of unknown clients, so that refusing them takes the same time as refusing known ones.

use std::sync::LazyLock;

use crate::auth::keys;
use crate::auth::rsa::RsaKey;

/// One key of each usual size, the smallest first. Their private keys were discarded.
static DECOY_KEYS: LazyLock<Vec<RsaKey>> = LazyLock::new(|| {
    let key = |pem: &&str| RsaKey::new(&keys::parse_rsa_pem(pem.as_bytes()).ok()?, true);
    PEMS.iter().filter_map(key).collect()
});

/// The key that takes as long to reject a signature of this many bytes as the key of a client.
pub(super) fn select_key(signature_bytes: usize) -> Option<&'static RsaKey> {
    DECOY_KEYS.iter().find(|key| key.bytes() >= signature_bytes).or(DECOY_KEYS.last())
}

const PEMS: [&str; 3] = [
    "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzHq6SbvC/qrQ+l9gefyt\n\
qBOlAMrlJe/19vrhAZZnZHTPlCs0zC5+yTdH1tiIelO1CALV/wQQCN+wAlRMtgUs\n\
V8Nd+xHkWk/iLOI9aAjZ9CU0bLYjMNuBKc2sLzq/ffsDf7jDsKYifKycVKGQgb5F\n\
I3bAH9j5zgdjgckUJBTxU2nv2W+ND18Qkfo2l2KQKG2XE8gA3E/KDO+WJtLR+i88\n\
HyQSJl29WNkEaKkhK+jxlDFFVXVsU5f4GvyWAuTwJN9H5E+kgf5t51hUbXx3xmaf\n\
IPwUBtIyeDS4ikf1bxWg7q0GMWV2zaYC+kqefd96N2cSVlrLl0L8ujVxrSCw2k2Y\n\
IwIDAQAB\n\
-----END PUBLIC KEY-----\n\
",
    "\
-----BEGIN PUBLIC KEY-----\n\
MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEA2djjVMCWBj8pI110Qcd2\n\
4lq/vAIAK2E65c2FrpuhpUi3maR1QZ+TrjduldS6vHQ5ceN1mzPIQyWVXG1ETux9\n\
UQU5FJFG2TxKLYcOQESTzfG8okOTZliAF/z98xyftJNjMffuSL4ygZwq68M5TSYq\n\
8/gU1KjghyBaTaO0Sg0P76X31mKGbcWHZU3/EHLDln1sUyOSHieLLaSHVAlZ3H1/\n\
0Akb3Ygm4EG4MX9BBixks29Sfm2ig5xmQueoInQ8RBYeXfBkPkRtdWIDFuF2z8JB\n\
NOqx0tq2oeCrNYjBSoZy2RGnwZjxOFJpM2v6V4hlBUc+4o3JFK3ZJ0OlE3guVVge\n\
/s4Jxx6cW7RoeKw9CJKUnI762P12XT4UUdBu5rvZuUz6yojYN4bn2Wb8xijiST5N\n\
xwIZT5k7LMTurkfULf8iTdr8kbU1tTVw8DzBOcCG1sPVXlOei+ia+PasiYUqkmA9\n\
h1zwALg6rbkE6xZtRPY5h1Enh3y316KKgawfRLlNR+CZAgMBAAE=\n\
-----END PUBLIC KEY-----\n\
",
    "\
-----BEGIN PUBLIC KEY-----\n\
MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAjl0g94TibWd6hnc8pN6X\n\
I24VQVCEZJpdSDzIBf/TWJ7BoMPbKe7zEpA72zh67J0LH47qJoB5b5IGG1fFQrgp\n\
eEYOPn+BwSD6zpxUsGtnYM8oM8xNJ59MeqlPAAJD9xtmhbHWYaeFqJYwQmLT1SAt\n\
DewQydmMz41AQid9Yg/dXEy26O0OUYZReoGdrNHEEqf98nQmIL6LjcnYPeUZz9bu\n\
umHfEMF1dy507+WSc1krk2Hmi9Cx4E2/yWl2xtCDqA5nUWejbpdGOVmLNGw4g9cQ\n\
DSZH8f+ffKrDCujUk0DXtgdp/0Xsy3C5mhpzvVRMwM9KVw5qEMUhvRbDQjPILddj\n\
PI+lX9XBUy4FnT6VRcCPwkAH06BxsK9sH8L4MlasCx++xMXy6icfJOzVA17XE//x\n\
NSPvx/ftVJ7cJkuyeJmNLA1tedLaIDkR3k5zsfZgUJIbOtkg6iZB2o4UHgSI+r+N\n\
80hVWGc7dBiYFR+NC9Cwi/+RO3CVD19hqnJy5ynzG0Ng0/4dIgb3m6abKmfRgVTi\n\
eRBJbWPSpl0XsCPb9t8FsCNOwPkCbEbLdo+vFFU1pnttpHcLlWNagjHHgdgPnLQO\n\
tREfTXJZ6LlJNCt/+aWCNsRPHxzi3s0c7XojqR/mXBnEeyh7pnJPyxfKODKFcQX9\n\
UZ1nmyIi4BrySbq0+9rxa2ECAwEAAQ==\n\
-----END PUBLIC KEY-----\n\
",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_decoy_key_of_every_usual_size() {
        let sizes: Vec<_> = DECOY_KEYS.iter().map(|key| key.bytes()).collect();
        assert_eq!(sizes, [256, 384, 512]);
        for (signature, bytes) in [(0, 256), (256, 256), (257, 384), (512, 512), (1024, 512)] {
            assert_eq!(select_key(signature).map(RsaKey::bytes), Some(bytes), "{signature}");
        }
    }
}
