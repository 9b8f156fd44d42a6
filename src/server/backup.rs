//! Backup and restore of a SQLite installation: the database and the secret that links depend on.

use super::{clock, config::Config, store::Db};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DATABASE: &str = "meridian.sqlite";
const SECRET: &str = "secret";

/// Copies a file that only its owner may read.
fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut target = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

/// The file behind a `sqlite:` URL.
fn sqlite_file(url: &str) -> Result<PathBuf, Failure> {
    let rest =
        url.strip_prefix("sqlite:").ok_or("PostgreSQL is backed up with pg_dump and restored with psql.")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    Ok(PathBuf::from(rest.split('?').next().unwrap_or(rest)))
}

/// Writes the database and the secret into a new folder. The server may go on meanwhile.
/// Migrates nothing: a newer program must be able to back up what an older one runs on.
pub async fn backup(config: &Config, folder: &Path) -> Result<String, Failure> {
    let source = sqlite_file(&config.database_url)?;
    if !source.is_file() {
        return Err(format!("There is no database at {}.", source.display()).into());
    }
    fs::DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .map_err(|error| format!("The folder {} can't be made: {error}.", folder.display()))?;
    let file = folder.join(DATABASE);
    let db = Db::open(&config.database_url, 2).await?;
    db.copy_to(&file).await?;
    db.close().await;
    let size = fs::metadata(&file)?.len() / 1024;
    let secret = config.data_dir.join(SECRET);
    let given = std::env::var_os("MERIDIAN_SECRET").is_some();
    let about_secret = if given || !secret.is_file() {
        " The secret is NOT in it: keep MERIDIAN_SECRET yourself."
    } else {
        copy_private(&secret, &folder.join(SECRET))?;
        ""
    };
    Ok(format!("Backed up {size} KiB to {}.{about_secret}", folder.display()))
}

/// Puts a backup in place, after checking that it opens.
pub async fn restore(config: &Config, folder: &Path, replace: bool) -> Result<String, Failure> {
    let source = folder.join(DATABASE);
    if !source.is_file() {
        return Err(format!("{} is not a backup: it has no {DATABASE}.", folder.display()).into());
    }
    let target = sqlite_file(&config.database_url)?;
    config.make_data_dir()?;
    if target.exists() && !replace {
        return Err(
            format!("{} exists. Use --replace to keep it under another name.", target.display()).into()
        );
    }
    let fresh = target.with_extension("restoring");
    copy_private(&source, &fresh)?;
    let checked = async {
        let db = Db::open(&format!("sqlite:{}", fresh.display()), 2).await?;
        db.migrate().await?;
        db.close().await;
        Ok::<(), super::store::StoreError>(())
    };
    if let Err(error) = checked.await {
        fs::remove_file(&fresh)?;
        return Err(format!("The backup can't be read: {error}.").into());
    }
    // A name of its own each time: what was kept before is never overwritten.
    let kept = format!("before-restore-{}", clock::now().format("%Y%m%dT%H%M%S%6f"));
    for extension in ["", "-wal", "-shm"] {
        let name = |path: &Path| PathBuf::from(format!("{}{extension}", path.display()));
        let old = name(&target);
        if old.exists() {
            fs::rename(&old, name(&PathBuf::from(format!("{}.{kept}", target.display()))))?;
        }
    }
    fs::rename(&fresh, &target)?;
    let secret = folder.join(SECRET);
    if secret.is_file() {
        let own = config.data_dir.join(SECRET);
        if own.exists() {
            fs::rename(&own, config.data_dir.join(format!("{SECRET}.{kept}")))?;
        }
        copy_private(&secret, &config.data_dir.join(SECRET))?;
    }
    Ok(format!("Restored {}.", target.display()))
}
