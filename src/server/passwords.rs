//! Passwords: argon2id, off the async threads.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The fewest characters of a password (NIST SP 800-63B-4 asks for 15 where it is the only factor; we ask for 12
/// and no rules about which).
pub const FEWEST: usize = 12;
/// The most, so that hashing can't be made slow by its input.
pub const MOST: usize = 256;

/// Each hash takes 19 MiB and a core: this many at once, however many ask.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// How long someone waits for their turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Too many passwords are being checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Hashing was not possible.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
pub struct HashingFailed(String);

/// Hashes a password with a fresh salt.
pub async fn hash(password: String) -> Result<String, HashingFailed> {
    let failed = |error: &dyn std::fmt::Display| HashingFailed(error.to_string());
    tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| HashingFailed(error.to_string()))
    })
    .await
    .map_err(|error| failed(&error))?
}

/// Does the password belong to the hash? Without a hash (unknown address) as much work is done, so that the
/// duration does not tell who has an account.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool, Busy> {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let _turn = match tokio::time::timeout(PATIENCE, AT_ONCE.acquire()).await {
        Ok(Ok(turn)) => turn,
        _ => return Err(Busy),
    };
    let verified = tokio::task::spawn_blocking(move || {
        let known = stored.is_some();
        let text = stored.unwrap_or_else(|| NOBODY.to_owned());
        let matches = PasswordHash::new(&text)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        matches && known
    });
    Ok(verified.await.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_person_verifies() {
        let stored = hash("correct horse battery".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify("correct horse battery".into(), Some(stored.clone())).await.unwrap());
        assert!(!verify("correct horse".into(), Some(stored)).await.unwrap());
        assert!(!verify("anything at all".into(), None).await.unwrap());
    }
}
