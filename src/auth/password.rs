//! Passwords: Argon2id (RFC 9106). The number of concurrent hashes is limited, because each takes 19 MiB and a core.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::fair_semaphore::{FairSemaphore, Overloaded, Requester};
use crate::model::error::{Error, Result};
use crate::model::opaque_string::normalize_password;

/// Bytes of salt (RFC 9106 section 3.1).
const SALT_BYTES: usize = 16;
/// The hash that is verified for an unknown address, so that it takes as long as a wrong password.
const DECOY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gYWNjb3VudCBoZXJlIQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Hashes and verifies passwords on blocking threads.
pub struct Passwords {
    permits: FairSemaphore,
}

impl Passwords {
    /// At most `most` concurrently.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { permits: FairSemaphore::new(most) }
    }

    /// Hashes a password that a verified caller sets, in its normal form (RFC 8265).
    ///
    /// # Errors
    /// [`Error::Internal`] if it is empty; [`Error::Unavailable`] if too many requests are waiting, or the system has
    /// no random numbers.
    pub async fn hash(&self, password: String) -> Result<String> {
        let hash = self.run_in_turn(None, move || {
            let mut salt = [0; SALT_BYTES];
            aws_lc_rs::rand::fill(&mut salt)
                .map_err(|_| Error::Unavailable("the system has no random numbers".to_owned()))?;
            let password = normalize_password(&password);
            if password.is_empty() {
                return Err(Error::Internal("a password must not be empty".to_owned()));
            }
            let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
                .map_err(|error| Error::Internal(format!("a password cannot be hashed: {error}")))
        });
        hash.await.unwrap_or_else(|_| Err(busy_error()))
    }

    /// Whether `hash` is the hash of the password that `requester` sends. Without a hash the result is `false`, after
    /// the same time.
    ///
    /// A password that is not in its normal form is compared as sent as well, because earlier releases hashed it so.
    /// That takes twice as long whatever the results, so the time depends only on what the requester sends.
    ///
    /// # Errors
    /// [`Overloaded`] if too many passwords are waiting; [`Error::Internal`] if `hash` is not an Argon2 hash.
    pub async fn verify(
        &self,
        requester: Requester,
        password: String,
        hash: Option<String>,
    ) -> std::result::Result<Result<bool>, Overloaded> {
        self.run_in_turn(requester, move || {
            let text = hash.as_deref().unwrap_or(DECOY_HASH);
            let parsed = PasswordHash::new(text)
                .map_err(|error| Error::Internal(format!("a stored password hash is invalid: {error}")))?;
            let is_hashed = |text: &str| Argon2::default().verify_password(text.as_bytes(), &parsed).is_ok();
            let normalized = normalize_password(&password);
            let is_right = is_hashed(&normalized);
            // Not `||`, which would skip the second hash if the first one matches.
            let is_right = if normalized == password { is_right } else { is_hashed(&password) | is_right };
            Ok(is_right && !password.is_empty() && hash.is_some())
        })
        .await
    }

    #[expect(clippy::disallowed_methods, reason = "hashing takes a core for a while and needs no database")]
    async fn run_in_turn<T: Send + 'static>(
        &self,
        requester: Requester,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> std::result::Result<Result<T>, Overloaded> {
        let permit = self.permits.acquire(requester).await?;
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if the request is cancelled.
            let _permit = permit;
            work()
        });
        // The error may be the message of a panic, which may contain the password.
        Ok(done.await.unwrap_or_else(|_| Err(Error::Internal("hashing a password failed".to_owned()))))
    }
}

/// The error when too many passwords are being hashed.
#[must_use]
pub fn busy_error() -> Error {
    Error::Unavailable("too many passwords are being hashed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches_its_hash() {
        let passwords = Passwords::new(1);
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("correct"));
        assert_ne!(hash, passwords.hash("correct horse".to_owned()).await.unwrap(), "salted");
        assert_eq!(passwords.verify(None, "correct horse".to_owned(), Some(hash.clone())).await, Ok(Ok(true)));
        assert_eq!(passwords.verify(None, "wrong horse".to_owned(), Some(hash)).await, Ok(Ok(false)));
        assert_eq!(passwords.verify(None, "correct horse".to_owned(), None).await, Ok(Ok(false)));
    }

    #[tokio::test]
    async fn a_password_matches_in_every_normal_form_and_as_it_was_hashed() {
        let passwords = Passwords::new(1);
        let (composed, decomposed) = ("d\u{e9}j\u{e0} vu", "de\u{301}ja\u{300}\u{a0}vu");
        let earlier = Argon2::default().hash_password_with_salt(decomposed.as_bytes(), &[7; SALT_BYTES]);
        let earlier = earlier.unwrap().to_string();
        let of_composed = passwords.hash(composed.to_owned()).await.unwrap();
        let of_decomposed = passwords.hash(decomposed.to_owned()).await.unwrap();
        for (hash, sent, is_right) in [
            (&of_composed, composed, true),
            (&of_composed, decomposed, true),
            (&of_decomposed, composed, true),
            (&of_decomposed, decomposed, true),
            (&of_composed, "deja vu", false),
            (&of_composed, "D\u{e9}j\u{e0} vu", false),
            (&earlier, decomposed, true),
            (&earlier, composed, false),
        ] {
            let verified = passwords.verify(None, sent.to_owned(), Some(hash.clone())).await;
            assert_eq!(verified, Ok(Ok(is_right)), "{sent:?}");
        }
        assert!(passwords.hash(String::new()).await.is_err());
    }

    #[tokio::test]
    async fn a_panic_hides_the_password_and_releases_its_permit() {
        let passwords = Passwords::new(1);
        for _ in 0..2 {
            let failed = passwords
                .run_in_turn::<()>(None, || panic!("{}", "correct horse".to_owned()))
                .await
                .unwrap()
                .unwrap_err();
            assert!(!format!("{failed:?}").contains("horse"), "{failed:?}");
        }
    }

    #[tokio::test]
    async fn the_decoy_hash_costs_as_much_as_a_real_one() {
        let decoy = PasswordHash::new(DECOY_HASH).unwrap();
        let hash = Passwords::new(1).hash("any".to_owned()).await.unwrap();
        let real = PasswordHash::new(&hash).unwrap();
        assert_eq!((decoy.algorithm, decoy.version, &decoy.params), (real.algorithm, real.version, &real.params));
        assert_eq!(decoy.hash.unwrap().len(), real.hash.unwrap().len());
    }
}
