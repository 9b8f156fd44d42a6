//! What every use case needs: the database, the configuration, the secret.

use super::{config::Config, crypto::Secret, limits::Limiter, store::Db};
use std::sync::Arc;

/// Cheap to clone; one for each process.
#[derive(Debug, Clone)]
pub struct Context {
    /// The database.
    pub db: Db,
    /// The configuration that the process started with.
    pub config: Arc<Config>,
    /// Links are derived from it.
    pub secret: Secret,
    /// Rate limits.
    pub limiter: Arc<Limiter>,
}
