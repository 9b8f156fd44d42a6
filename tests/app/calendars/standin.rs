//! Providers for tests: `tests/peers/*.py` say what each can do. All share the calls behind the provider's back (`/_/…`).

use crate::peers::python;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// What runs a script: Python, or Node where `npm ci` has brought what it stands on.
fn program(script: &str) -> Command {
    if !script.ends_with(".mjs") {
        return python(script);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(root.join("node_modules").is_dir(), "the Node packages are missing: run `scripts/tools.sh test`");
    let mut command = Command::new("node");
    command.arg(root.join("tests/peers").join(script)).stderr(Stdio::null());
    command
}

/// A provider that runs until it is dropped.
#[derive(Debug)]
pub struct Standin {
    pub port: u16,
    child: Child,
    agent: ureq::Agent,
}

impl Standin {
    /// Starts one of `tests/peers`, with its options.
    pub fn start(script: &str, options: &[&str]) -> Self {
        let mut child = program(script)
            .args(options)
            // It ends with its input, so it never outlives this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().expect("the stand-in says its port").unwrap().parse().unwrap();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build()
            .into();
        Self { port, child, agent }
    }

    /// An address at it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn answer(&self, path: &str, answer: Result<http::Response<ureq::Body>, ureq::Error>) -> Value {
        let mut answer = answer.unwrap();
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        assert!(answer.status().is_success(), "{path}: {} {text}", answer.status());
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A call that must succeed, such as `/_/accounts`.
    pub fn post(&self, path: &str, body: Value) -> Value {
        self.answer(path, self.agent.post(self.url(path)).send_json(body))
    }

    /// A question that must be answered.
    pub fn get(&self, path: &str) -> Value {
        self.answer(path, self.agent.get(self.url(path)).call())
    }

    /// Forgets a list, such as `/_/log`.
    pub fn delete(&self, path: &str) -> Value {
        self.answer(path, self.agent.delete(self.url(path)).call())
    }

    /// A call of the provider's own interface by somebody else, with their token; it must succeed. `Null`: no body.
    pub fn outside(&self, token: &str, method: &str, path: &str, body: Value) -> Value {
        let request = http::Request::builder()
            .method(method)
            .uri(self.url(path))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.answer(path, self.agent.run(request.body(text).unwrap()))
    }

    /// What in requests and answers did not fit the provider's schema. Empty at the end of each test.
    pub fn violations(&self) -> Vec<Value> {
        serde_json::from_value(self.get("/_/violations")).unwrap()
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
