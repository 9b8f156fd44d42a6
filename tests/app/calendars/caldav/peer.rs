//! Real servers, and a real client beside us; see `tests/peers/caldav_server.py` and `caldav_client.py`.

use super::Member;
use crate::peers::python;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Makes a test of `async fn name(kind: Kind)` for each server.
macro_rules! each_server {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn radicale() {
                super::$name($crate::calendars::caldav::peer::Kind::Radicale).await;
            }
            #[tokio::test]
            async fn xandikos() {
                super::$name($crate::calendars::caldav::peer::Kind::Xandikos).await;
            }
            #[tokio::test]
            #[ignore = "tests/peers/cyrus.sh gets Cyrus and runs these"]
            async fn cyrus() {
                super::$name($crate::calendars::caldav::peer::Kind::Cyrus).await;
            }
        }
    )+};
}
pub(super) use each_server;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Radicale,
    Xandikos,
    Cyrus,
}

/// A program that is asked on its input and answers on its output.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Talk {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let mut child = python(script)
            .args(arguments)
            // It ends with its input, so it never outlives this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), child, output }
    }

    fn line(&mut self) -> String {
        self.output.next().expect("it says something").unwrap()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // Both end with their input, and Cyrus takes its own children along.
        drop(self.input.take());
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server with a calendar `Work` of Rosa's, and another program that works in it.
pub struct Peer {
    pub url: String,
    /// Rosa's own address.
    pub principal: String,
    /// The address of `Work`.
    pub work: String,
    client: Talk,
    _server: Talk,
    _folder: TempDir,
}

impl Peer {
    pub fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = match kind {
            Kind::Radicale => "radicale",
            Kind::Xandikos => "xandikos",
            Kind::Cyrus => "cyrus",
        };
        let mut server = Talk::start("caldav_server.py", &[name, folder.path().to_str().unwrap()]);
        let url = format!("http://127.0.0.1:{}/", server.line());
        let principal = match kind {
            Kind::Radicale | Kind::Xandikos => format!("{url}rosa/"),
            Kind::Cyrus => format!("{url}dav/principals/user/rosa/"),
        };
        let client = Talk::start("caldav_client.py", &[&principal, "rosa", "secret"]);
        let mut peer = Self { url, principal, work: String::new(), client, _server: server, _folder: folder };
        peer.work = peer.make("Work", &["VEVENT"]);
        peer
    }

    /// Rosa, and the id of her calendar `Work`.
    pub(in crate::calendars::caldav) async fn rosa(&self) -> (Member, String) {
        let rosa = Member::rosa(&self.url).await;
        let work = rosa.calendar("Work").await;
        (rosa, work)
    }

    fn ask(&mut self, command: &Value) -> Value {
        let input = self.client.input.as_mut().unwrap();
        writeln!(input, "{command}").unwrap();
        input.flush().unwrap();
        serde_json::from_str(&self.client.line()).unwrap()
    }

    fn ask_of_work(&mut self, command: &str, given: &[&str]) -> Value {
        let mut command = vec![json!(command), json!(self.work)];
        command.extend(given.iter().map(|given| json!(given)));
        self.ask(&Value::Array(command))
    }

    /// Makes a calendar; its address.
    pub fn make(&mut self, name: &str, kinds: &[&str]) -> String {
        self.ask(&json!(["make", name, kinds])).as_str().unwrap().to_owned()
    }

    /// Stores objects in `Work`.
    pub fn put(&mut self, objects: &[&str]) {
        self.ask_of_work("put", objects);
    }

    /// The object with this UID in `Work`.
    pub fn read(&mut self, uid: &str) -> Option<String> {
        self.ask_of_work("read", &[uid]).as_str().map(str::to_owned)
    }

    /// Replaces text in an object: before, after, and again, all in one change.
    pub fn replace(&mut self, uid: &str, texts: &[&str]) {
        self.ask_of_work("replace", &[&[uid], texts].concat());
    }

    /// Adds a component to an object.
    pub fn insert(&mut self, uid: &str, component: &str) {
        self.ask_of_work("insert", &[uid, component]);
    }

    /// Deletes objects.
    pub fn delete(&mut self, uids: &[&str]) {
        self.ask_of_work("delete", uids);
    }

    /// How many events there are in `Work`.
    pub fn count(&mut self) -> u64 {
        self.ask_of_work("count", &[]).as_u64().unwrap()
    }
}

/// Stores an object (or, without one, deletes what is there) past the client's library; the status.
pub fn raw(url: &str, object: Option<&str>) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let rosa = "Basic cm9zYTpzZWNyZXQ=";
    let answer = match object {
        Some(object) => agent
            .put(url)
            .header("authorization", rosa)
            .header("content-type", "text/calendar; charset=utf-8")
            .send(object),
        None => agent.delete(url).header("authorization", rosa).call(),
    };
    answer.unwrap().status().as_u16()
}
