//! The bodies of webhooks as OpenAPI 3.1 describes them.

use super::{Event, body::Envelope};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(components(schemas(Envelope)))]
struct Bodies;

/// A header that comes with every request.
fn header(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "header", "required": true, "description": description, "schema": schema })
}

/// What is sent for one event.
fn item(event: Event) -> Value {
    let this = json!({ "type": "object", "properties": { "type": { "const": event.as_str() } } });
    let envelope = json!({ "$ref": "#/components/schemas/WebhookEnvelope" });
    json!({
        "post": {
            "operationId": event.as_str(),
            "tags": ["webhooks"],
            "summary": event.description(),
            "description": "Signed as Standard Webhooks 1.0 describes. Sent again, with the same `webhook-id`, for about a \
                            day until it is answered with a 2xx status; in no particular order.",
            "parameters": [
                header("webhook-id", "The same for every attempt: whoever has seen it can ignore it.", &json!({ "type": "string", "format": "uuid" })),
                header("webhook-timestamp", "When this attempt was made, in epoch seconds.", &json!({ "type": "integer" })),
                header("webhook-signature", "`v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`; two with a space between while an old secret is valid.", &json!({ "type": "string" })),
            ],
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": { "allOf": [envelope, this] } } },
            },
            "responses": {
                "2XX": { "description": "Received." },
                "410": { "description": "Switches the webhook off." },
                "default": { "description": "Not received; tried again later. Redirects are not followed." },
            },
        }
    })
}

/// What the API's document says of webhooks: `{ "webhooks": …, "components": { "schemas": … } }`, to be merged into it.
pub fn openapi_webhooks() -> Value {
    let webhooks: Map<String, Value> =
        Event::ALL.into_iter().map(|event| (event.as_str().to_owned(), item(event))).collect();
    let bodies = serde_json::to_value(Bodies::openapi()).unwrap_or_default();
    let schemas = bodies.pointer("/components/schemas").cloned().unwrap_or_else(|| json!({}));
    json!({ "webhooks": webhooks, "components": { "schemas": schemas } })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_event_is_described_and_every_reference_leads_somewhere() {
        let document = openapi_webhooks();
        let webhooks = document["webhooks"].as_object().unwrap();
        assert_eq!(webhooks.len(), Event::ALL.len());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 15, "{found:?}");
        for path in found {
            assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path} is missing");
        }
        let booking = &document["components"]["schemas"]["WebhookBooking"];
        let required: Vec<&str> =
            booking["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert!(required.contains(&"invitee") && !required.contains(&"previous_start"), "{required:?}");
    }
}
