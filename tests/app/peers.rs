//! Programs that nobody here wrote, to hold what is sent against: a mail server, and a reader of mails and calendars.
//! Both are Python; `tests/peers/` says what they do.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A program of `tests/peers`.
pub fn python(script: &str) -> Command {
    let python = std::env::var("MERIDIAN_TEST_PYTHON").expect(
        "MERIDIAN_TEST_PYTHON is not set: `make test` sets it; else run `scripts/tools.sh test` and source scripts/env.sh",
    );
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script));
    command
}

/// What an independent reader finds in mails (or in calendar files), one object for each; see `tests/peers/mail.py`.
pub fn parse_all<T: AsRef<[u8]>>(mails: &[T]) -> Vec<Value> {
    if mails.is_empty() {
        return Vec::new();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = python("mail.py");
    for (number, mail) in mails.iter().enumerate() {
        let path = folder.path().join(format!("{number}.eml"));
        std::fs::write(&path, mail).unwrap();
        command.arg(path);
    }
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "a mail can't be read");
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found.len(), mails.len());
    found
}

/// [`parse_all`] for one.
pub fn parse(mail: &[u8]) -> Value {
    parse_all(&[mail]).remove(0)
}

/// What `recurring-ical-events` finds in calendars; see `tests/peers/expand.py`.
pub fn expand(asked: &[Value]) -> Vec<Value> {
    let mut child = python("expand.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    serde_json::to_writer(&mut input, asked).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "calendars can't be expanded");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it finds in the calendars that come with it and with `icalendar`.
pub fn expand_fixtures(from: &str, until: &str, zone: &str) -> Vec<Value> {
    let output = python("expand.py")
        .args(["--fixtures", from, until, zone])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the fixtures can't be expanded");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `vdirsyncer`, `khal` and `icalendar` make of a feed; see `tests/peers/subscribe.py`.
pub fn subscribe(url: &str, folder: &Path, days_and_zone: &[&str; 3]) -> Value {
    let output = python("subscribe.py")
        .arg(url)
        .arg(folder)
        .args(days_and_zone)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the feed can't be subscribed to");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A mail that the server took.
#[derive(Debug)]
pub struct Mail {
    /// Its bytes.
    pub raw: Vec<u8>,
    /// What the server was told: `from`, `to`, `options`, `tls`, `user`.
    pub envelope: Value,
    /// What a reader finds in it.
    pub read: Value,
}

impl Mail {
    /// Whom it was for.
    pub fn to(&self) -> &str {
        self.envelope["to"][0].as_str().unwrap()
    }

    pub fn subject(&self) -> &str {
        self.read["subject"].as_str().unwrap()
    }

    pub fn text(&self) -> &str {
        self.read["text"].as_str().unwrap()
    }
}

/// A mail server that keeps what it gets, and misbehaves when a recipient asks for it; see `tests/peers/smtp.py`.
pub struct Smtp {
    pub port: u16,
    folder: TempDir,
    child: Child,
}

impl Smtp {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With options such as `--starttls` or `--auth user:password`.
    pub fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = python("smtp.py")
            .arg(folder.path())
            .args(options)
            // It ends with its input, so it never outlives this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().expect("the mail server says its port").unwrap().parse().unwrap();
        Self { port, folder, child }
    }

    /// What makes a Meridian use it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("MERIDIAN_SMTP_HOST", "localhost".to_owned()),
            ("MERIDIAN_SMTP_PORT", self.port.to_string()),
            ("MERIDIAN_SMTP_SECURITY", "none".to_owned()),
            ("MERIDIAN_MAIL_FROM", "Studio Rosa <hello@studio.example>".to_owned()),
        ]
    }

    /// The certificate of the authority that signed the server's own.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// From now on every mail is answered with this; `None`: as usual.
    pub fn answer(&self, answer: Option<&str>) {
        let path = self.folder.path().join("answer");
        match answer {
            Some(answer) => std::fs::write(path, answer).unwrap(),
            None => drop(std::fs::remove_file(path)),
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        files.sort();
        files
    }

    /// How many mails it took.
    pub fn count(&self) -> usize {
        self.files().len()
    }

    /// All that it took, in order. Each must be without any defect.
    pub fn mails(&self) -> Vec<Mail> {
        let files = self.files();
        let raws: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
        let read = parse_all(&raws);
        files
            .into_iter()
            .zip(raws)
            .zip(read)
            .map(|((path, raw), read)| {
                let envelope = std::fs::read(path.with_extension("json")).unwrap();
                let envelope = serde_json::from_slice(&envelope).unwrap();
                assert_eq!(read["defects"], serde_json::json!([]), "{}", String::from_utf8_lossy(&raw));
                Mail { raw, envelope, read }
            })
            .collect()
    }

    /// Waits until it took `n` mails, and returns them (and those that came meanwhile).
    pub fn wait_for(&self, n: usize) -> Vec<Mail> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.count() < n {
            assert!(Instant::now() < deadline, "{} of {n} mails came", self.count());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.mails()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
