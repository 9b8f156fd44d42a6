//! Facts that stand in two files, held together.
#![cfg(feature = "ssr")]

use std::{error::Error, path::Path, process::Command};

type Outcome = Result<(), Box<dyn Error>>;

fn read(path: &str) -> Result<String, Box<dyn Error>> {
    Ok(std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))?)
}

fn toml(path: &str) -> Result<toml::Table, Box<dyn Error>> {
    Ok(read(path)?.parse()?)
}

/// The value under a chain of keys.
fn at<'a>(table: &'a toml::Table, keys: &[&str]) -> Result<&'a toml::Value, Box<dyn Error>> {
    let (last, tables) = keys.split_last().ok_or("no key")?;
    tables
        .iter()
        .try_fold(table, |table, key| table.get(*key)?.as_table())
        .and_then(|table| table.get(*last))
        .ok_or_else(|| format!("{} is missing", keys.join(".")).into())
}

#[test]
fn leptos_options_of_an_installed_server_equal_those_of_the_build() -> Outcome {
    let section = ["package", "metadata", "leptos"];
    let (build, installed) = (toml("Cargo.toml")?, toml("Leptos.toml")?);
    let build = at(&build, &section)?.as_table().ok_or("not a table")?;
    let installed = at(&installed, &section)?.as_table().ok_or("not a table")?;
    for (key, value) in installed.iter().filter(|(key, _)| *key != "env") {
        assert_eq!(Some(value), build.get(key), "{key}");
    }
    for key in ["output-name", "site-pkg-dir", "hash-files"] {
        assert!(installed.contains_key(key), "Leptos.toml lacks {key}");
    }
    assert_eq!(installed.get("env").and_then(toml::Value::as_str), Some("PROD"));
    // Leptos looks for this very line at run time and ignores the file without it.
    assert!(read("Leptos.toml")?.lines().any(|line| line == "[package.metadata.leptos]"));
    Ok(())
}

#[test]
fn wasm_bindgen_is_one_version_everywhere() -> Outcome {
    let manifest = toml("Cargo.toml")?;
    let pinned =
        at(&manifest, &["dependencies", "wasm-bindgen", "version"])?.as_str().ok_or("not a string")?;
    let lock = toml("Cargo.lock")?;
    let locked = at(&lock, &["package"])?
        .as_array()
        .ok_or("not a list")?
        .iter()
        .find(|package| package.get("name").and_then(toml::Value::as_str) == Some("wasm-bindgen"))
        .and_then(|package| package.get("version")?.as_str())
        .ok_or("Cargo.lock has no wasm-bindgen")?;
    assert_eq!(pinned, format!("={locked}"));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/tools.sh");
    let installs = String::from_utf8(Command::new(script).arg("versions").output()?.stdout)?;
    assert!(installs.lines().any(|line| line == format!("wasm-bindgen {locked}")), "{installs}");
    Ok(())
}

#[test]
fn node_packages_are_exact_and_come_from_no_particular_registry() -> Outcome {
    let manifest: serde_json::Value = serde_json::from_str(&read("package.json")?)?;
    for group in ["dependencies", "devDependencies"] {
        let packages = manifest.get(group).and_then(|group| group.as_object()).ok_or("no packages")?;
        for (name, version) in packages {
            let version = version.as_str().ok_or("not a string")?;
            assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{name} {version} is a range");
        }
    }
    assert!(
        !read("package-lock.json")?.contains("\"resolved\""),
        "see CONTRIBUTING.md on adding a Node package"
    );
    Ok(())
}
