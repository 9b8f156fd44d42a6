//! Outlook's adapter against a stand-in for Microsoft Graph (`tests/peers/graph.py`), which Microsoft's own client passes
//! against.

mod connecting;
mod engine;
mod pushing;
mod reading;
mod stage;
mod told;
mod writing;

use crate::peers::python;
use std::process::Stdio;

/// Microsoft's own client goes through the whole surface of the stand-in: else that would share our misunderstandings.
#[test]
fn the_official_client_and_the_stand_in_agree() {
    let standin = super::standin::Standin::start("graph.py", &[]);
    let output = python("graph_client.py").arg(standin.url("")).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
}
