//! The API's document: nothing is missing from it, and it is what the server serves.

use crate::harness::{Database, Server};
use serde_json::Value;

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => {
            document.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("{path} is missing"))
        }
        None => schema,
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(path)) = map.get("$ref") {
                found.push(path.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_whole() {
    let server = Server::start(&Database::sqlite());
    let document = server.get("/api/openapi.json").json;
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, verbs)| verbs.as_object().unwrap().keys().map(move |verb| format!("{verb} {path}")))
        .collect();
    let mut expected = vec![
        "get /api/v1/public/appointments/{token}",
        "get /api/v1/public/book/{workspace}",
        "get /api/v1/public/book/{workspace}/{event}",
        "get /api/v1/public/book/{workspace}/{event}/slots",
        "post /api/v1/public/appointments/{token}/cancel",
        "post /api/v1/public/appointments/{token}/reschedule",
        "post /api/v1/public/book/{workspace}/{event}/book",
    ];
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.sort_unstable();
    expected.sort_unstable();
    assert_eq!(paths, expected);
    let webhooks = document["webhooks"].as_object().unwrap();
    assert!(webhooks.len() == 9 && webhooks.contains_key("booking.rescheduled"), "{webhooks:?}");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for path in found {
        assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path} is missing");
    }
    for (path, verbs) in document["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("429"), "{verb} {path} can be limited");
            for (status, response) in responses.iter().filter(|(status, _)| status.starts_with('4')) {
                let problem = &response["content"]["application/problem+json"]["schema"];
                assert!(
                    resolve(&document, problem)["properties"]["code"].is_object(),
                    "{verb} {path} {status}"
                );
            }
            assert!(
                operation["description"].is_string() || operation["summary"].is_string(),
                "{verb} {path}"
            );
        }
    }
}
