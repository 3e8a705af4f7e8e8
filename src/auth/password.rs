//! Passwords: Argon2id (RFC 9106) with a cap on how many are hashed at once, since each takes 19 MiB and a core.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::turns::{NoTurn, Source, Turns};
use crate::model::error::{Error, Result};

/// Bytes of salt (RFC 9106 section 3.1).
const SALT: usize = 16;
/// What is verified where there is no hash, so that an unknown address takes as long as a wrong password.
const DECOY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gYWNjb3VudCBoZXJlIQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Hashes and verifies passwords, on threads of their own.
pub struct Passwords {
    turns: Turns,
}

impl Passwords {
    /// At most `most` at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { turns: Turns::new(most) }
    }

    /// What is kept of a password that a verified caller sets.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if too many others are waiting, or the system gives no random numbers.
    pub async fn hash(&self, password: String) -> Result<String> {
        let hash = self.in_turn(None, move || {
            let mut salt = [0; SALT];
            aws_lc_rs::rand::fill(&mut salt).map_err(|_| Error::Unavailable("no random numbers".to_owned()))?;
            let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
                .map_err(|error| Error::Internal(format!("a password has no hash: {error}")))
        });
        hash.await.unwrap_or_else(|_| Err(busy()))
    }

    /// Whether `hash` is that of the password that `source` sends. Where there is none it takes as long, and is `false`.
    ///
    /// # Errors
    /// [`NoTurn`] if the source, or all others, have too many passwords waiting; the error of a hash that is none.
    pub async fn verify(
        &self,
        source: Source,
        password: String,
        hash: Option<String>,
    ) -> std::result::Result<Result<bool>, NoTurn> {
        self.in_turn(source, move || {
            let text = hash.as_deref().unwrap_or(DECOY_HASH);
            let kept = PasswordHash::new(text).map_err(|error| Error::Internal(format!("a kept hash: {error}")))?;
            let is_right = Argon2::default().verify_password(password.as_bytes(), &kept).is_ok();
            Ok(is_right && hash.is_some())
        })
        .await
    }

    #[expect(clippy::disallowed_methods, reason = "this is no job of the store, and it takes a core for a while")]
    async fn in_turn<T: Send + 'static>(
        &self,
        source: Source,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> std::result::Result<Result<T>, NoTurn> {
        let turn = self.turns.take(source).await?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept until the work is done, even if the request has been given up.
            let _turn = turn;
            work()
        });
        // Not what the error says: that is the message of a panic, which may be made of the password.
        Ok(done.await.unwrap_or_else(|_| Err(Error::Internal("hashing a password gave no answer".to_owned()))))
    }
}

/// What is answered where there is no turn.
#[must_use]
pub fn busy() -> Error {
    Error::Unavailable("too many passwords are being hashed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let passwords = Passwords::new(1);
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("correct"));
        assert_ne!(hash, passwords.hash("correct horse".to_owned()).await.unwrap(), "salted");
        assert_eq!(passwords.verify(None, "correct horse".to_owned(), Some(hash.clone())).await, Ok(Ok(true)));
        assert_eq!(passwords.verify(None, "wrong horse".to_owned(), Some(hash)).await, Ok(Ok(false)));
        assert_eq!(passwords.verify(None, "correct horse".to_owned(), None).await, Ok(Ok(false)));
    }

    #[tokio::test]
    async fn a_panic_tells_nothing_of_the_password_and_gives_its_turn_back() {
        let passwords = Passwords::new(1);
        for _ in 0..2 {
            let failed =
                passwords.in_turn::<()>(None, || panic!("{}", "correct horse".to_owned())).await.unwrap().unwrap_err();
            assert!(!format!("{failed:?}").contains("horse"), "{failed:?}");
        }
    }

    #[tokio::test]
    async fn what_is_verified_for_nobody_costs_what_a_password_costs() {
        let kept = PasswordHash::new(DECOY_HASH).unwrap();
        let hash = Passwords::new(1).hash("any".to_owned()).await.unwrap();
        let real = PasswordHash::new(&hash).unwrap();
        assert_eq!((kept.algorithm, kept.version, &kept.params), (real.algorithm, real.version, &real.params));
        assert_eq!(kept.hash.unwrap().len(), real.hash.unwrap().len());
    }
}
