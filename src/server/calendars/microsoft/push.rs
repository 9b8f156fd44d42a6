//! Subscriptions, and what Graph posts to us because of them (learn.microsoft.com/graph/change-notifications-delivery-webhooks,
//! learn.microsoft.com/graph/change-notifications-lifecycle-events).

use super::call::{self, Extras};
use crate::server::calendars::{
    Hint, News, Push, PushRequest, Wish, access::Access, event::Channel, fault::Fault,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{Method, StatusCode};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

/// How long a subscription to events may live, from the newest to the oldest word of the documentation; a little less, for
/// clocks differ.
const LIFETIMES: [TimeDelta; 2] = [TimeDelta::minutes(10_070), TimeDelta::minutes(4_220)];
/// The longest token of a handshake that is answered, in bytes.
const LONGEST_TOKEN: usize = 4096;
/// Pages of subscriptions that are looked through.
const PAGES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    id: String,
    resource: Option<String>,
    notification_url: Option<String>,
    expiration_date_time: DateTime<Utc>,
}

impl Subscription {
    fn channel(self) -> Channel {
        Channel { id: self.id, resource: String::new(), expires: self.expiration_date_time }
    }
}

#[derive(Debug, Deserialize)]
struct Subscriptions {
    value: Vec<Subscription>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

/// Renews the former subscription, or makes one and prunes those that an earlier attempt left behind unknown.
pub(super) async fn watch(access: &Access<'_>, calendar: &str, wish: &Wish<'_>) -> Result<Channel, Fault> {
    if let Some(former) = wish.former {
        match renew(access, former).await {
            Err(Fault::NotFound) => {}
            renewed => return renewed,
        }
    }
    let resource = format!("me/calendars/{calendar}/events");
    prune(access, &resource, wish.address).await?;
    let body = |expires: String| {
        json!({
            "changeType": "created,updated,deleted",
            "notificationUrl": wish.address,
            "lifecycleNotificationUrl": wish.address,
            "resource": resource,
            "expirationDateTime": expires,
            "clientState": wish.secret,
        })
    };
    let url = call::url(access, &["subscriptions"], "")?;
    as_long_as_possible(access, Method::POST, url, body).await
}

async fn renew(access: &Access<'_>, former: &Channel) -> Result<Channel, Fault> {
    let url = call::url(access, &["subscriptions", &former.id], "")?;
    as_long_as_possible(access, Method::PATCH, url, |expires| json!({ "expirationDateTime": expires })).await
}

/// Asks for the longest life first. A service that finds it too long either shortens it or refuses; what it answers counts.
async fn as_long_as_possible(
    access: &Access<'_>,
    method: Method,
    url: Url,
    body: impl Fn(String) -> Value,
) -> Result<Channel, Fault> {
    let mut refused = Fault::unreadable();
    for lifetime in LIFETIMES {
        let expires = (access.now + lifetime).to_rfc3339_opts(SecondsFormat::Secs, true);
        let body = body(expires);
        let extras = Extras { body: Some(&body), ..Extras::default() };
        match call::ask::<Subscription>(access, method.clone(), url.clone(), extras).await {
            Err(fault @ Fault::Refused(_)) => refused = fault,
            answer => return answer.map(Subscription::channel),
        }
    }
    Err(refused)
}

/// Ends subscriptions for the same calendar and the same address, which nobody else uses: an answer that was lost leaves one
/// that nobody knows.
async fn prune(access: &Access<'_>, resource: &str, address: &str) -> Result<(), Fault> {
    let mut url = call::url(access, &["subscriptions"], "")?;
    for _ in 0..PAGES {
        let found: Subscriptions = call::fetch(access, url).await?;
        for held in found.value {
            let same = held.resource.as_deref().map(|text| text.trim_start_matches('/')) == Some(resource);
            if same && held.notification_url.as_deref() == Some(address) {
                end(access, &held.id).await?;
            }
        }
        match found.next {
            Some(next) => url = call::link(access, &next)?,
            None => break,
        }
    }
    Ok(())
}

/// Ends a subscription; one that is unknown counts as ended.
pub(super) async fn end(access: &Access<'_>, id: &str) -> Result<(), Fault> {
    let url = call::url(access, &["subscriptions", id], "")?;
    match call::ask::<Option<Value>>(access, Method::DELETE, url, Extras::default()).await {
        Ok(_) | Err(Fault::NotFound) => Ok(()),
        Err(fault) => Err(fault),
    }
}

#[derive(Debug, Deserialize)]
struct Notifications {
    value: Vec<Notification>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    subscription_id: Option<String>,
    client_state: Option<String>,
    lifecycle_event: Option<String>,
}

/// What was posted. One request can speak for many subscriptions, of several accounts.
pub(super) fn read(request: &PushRequest<'_>) -> Push {
    if let Some(token) = handshake(request.query) {
        if token.len() > LONGEST_TOKEN {
            return Push::refused(StatusCode::BAD_REQUEST);
        }
        return Push { status: StatusCode::OK, body: token, hints: Vec::new() };
    }
    let Ok(Notifications { value }) = serde_json::from_slice(request.body) else {
        return Push::refused(StatusCode::BAD_REQUEST);
    };
    let hints = value.into_iter().filter_map(|told| {
        let news = match told.lifecycle_event.as_deref() {
            None => News::Changed,
            Some("reauthorizationRequired") => News::Renew,
            Some("subscriptionRemoved") => News::Removed,
            // Whatever it may be, looking at everything is never wrong.
            Some(_) => News::Missed,
        };
        Some(Hint { channel: told.subscription_id?, secret: told.client_state.unwrap_or_default(), news })
    });
    Push { status: StatusCode::ACCEPTED, body: String::new(), hints: hints.collect() }
}

/// The token that is to be answered, decoded.
fn handshake(query: &str) -> Option<String> {
    // Any base does: only the query counts.
    let mut url = Url::parse("https://localhost").ok()?;
    url.set_query(Some(query));
    url.query_pairs().find(|(name, _)| name == "validationToken").map(|(_, token)| token.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn posted(query: &str, body: &str) -> Push {
        read(&PushRequest { headers: &HeaderMap::new(), query, body: body.as_bytes() })
    }

    #[test]
    fn a_handshake_is_answered_with_its_token() {
        let query = "validationToken=Validation%3a+Testing+client+application+reachability+%2b%26%C3%A4";
        let push = posted(query, "");
        assert_eq!(push.status, StatusCode::OK);
        assert_eq!(push.body, "Validation: Testing client application reachability +&ä");
        assert_eq!(push.hints, []);
        let long = format!("validationToken={}", "x".repeat(5000));
        assert_eq!(posted(&long, "").status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_batch_speaks_for_many() {
        let body = r##"{"value":[
            {"subscriptionId":"a","clientState":"s1","changeType":"updated","resource":"Users/1/Events/2",
             "resourceData":{"@odata.type":"#Microsoft.Graph.Event","id":"2"},"tenantId":"t"},
            {"subscriptionId":"b","clientState":"s2","lifecycleEvent":"reauthorizationRequired"},
            {"subscriptionId":"c","clientState":"s3","lifecycleEvent":"subscriptionRemoved"},
            {"subscriptionId":"d","lifecycleEvent":"missed"},
            {"clientState":"s5"}
        ]}"##;
        let push = posted("", body);
        assert_eq!(push.status, StatusCode::ACCEPTED);
        let told: Vec<_> =
            push.hints.iter().map(|hint| (&hint.channel[..], &hint.secret[..], hint.news)).collect();
        assert_eq!(
            told,
            [
                ("a", "s1", News::Changed),
                ("b", "s2", News::Renew),
                ("c", "s3", News::Removed),
                ("d", "", News::Missed)
            ]
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for body in ["", "null", "{}", "[]", r#"{"value":{}}"#, r#"{"value":[{"subscriptionId":5}]}"#] {
            assert_eq!(posted("", body).status, StatusCode::BAD_REQUEST, "{body}");
        }
    }
}
