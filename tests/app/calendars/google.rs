//! The adapter for google.

use super::standin::Standin;
use serde_json::json;

#[test]
fn the_official_client_passes() {
    let google = Standin::start("google.py", &[]);
    let client = crate::peers::python("google_client.py").arg(google.url("")).output().unwrap();
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stdout));
    google.post("/_/accounts", json!({ "email": "a@example.com" }));
    assert_eq!(google.violations(), Vec::<serde_json::Value>::new());
}
