//! Workspaces.

use super::{Conn, On, StoreError, micros, row, run};
use crate::domain::{
    ids::WorkspaceId,
    text::{Name, Slug},
};
use chrono::{DateTime, Utc};

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WorkspaceRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: WorkspaceId,
    /// Its part of the address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// A paragraph about it.
    pub intro: String,
    /// The zone that it works in.
    pub zone: String,
}

/// A workspace to make.
#[derive(Debug)]
pub struct NewWorkspace<'a> {
    /// Its id.
    pub id: &'a WorkspaceId,
    /// Its part of the address.
    pub slug: &'a Slug,
    /// Its name.
    pub name: &'a Name,
    /// A paragraph about it.
    pub intro: &'a str,
    /// The zone that it works in.
    pub zone: &'a str,
}

/// The workspace with this address.
pub async fn by_slug(conn: &mut Conn, slug: &str) -> Result<Option<WorkspaceRow>, StoreError> {
    row!(conn, WorkspaceRow, "SELECT id, slug, name, intro, zone FROM workspaces WHERE slug = $1", slug)
}

/// The workspace that was made first, if there is one.
pub async fn first(conn: &mut Conn) -> Result<Option<WorkspaceRow>, StoreError> {
    row!(
        conn,
        WorkspaceRow,
        "SELECT id, slug, name, intro, zone FROM workspaces ORDER BY created_at, id LIMIT 1"
    )
}

/// How many workspaces there are.
pub async fn count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(row!(conn, (i64,), "SELECT COUNT(*) FROM workspaces")?.map_or(0, |(count,)| count))
}

/// Makes a workspace. [`StoreError::Duplicate`] when the address is taken.
pub async fn insert(conn: &mut Conn, new: &NewWorkspace<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO workspaces (id, slug, name, intro, zone, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        new.id.as_str(),
        new.slug.as_str(),
        new.name.as_str(),
        new.intro,
        new.zone,
        micros(now)
    )?;
    Ok(())
}

/// Lets one transaction at a time make the first workspace. SQLite's write lock does that already.
pub async fn lock(conn: &mut Conn) -> Result<(), StoreError> {
    if let On::Postgres(on) = conn.on() {
        sqlx::query("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE").execute(on).await?;
    }
    Ok(())
}
