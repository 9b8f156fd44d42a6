//! Addresses that mails lead to. Each carries a token of its own purpose, and a GET on it changes nothing.

use super::crypto::Secret;
use crate::domain::ids::{BookingId, InviteeId, MemberId, OrderId, RowId, WebhookId};

/// What links are made from.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// How the outside reaches this server; no slash at the end.
    pub public_url: &'a str,
    /// Tokens are derived from it.
    pub secret: &'a Secret,
}

impl Links<'_> {
    /// An invitee's appointment.
    pub fn appointment(&self, invitee: &InviteeId) -> String {
        format!("{}/appointment/{}", self.public_url, self.secret.appointment_token(invitee))
    }

    /// Where a member approves or declines a pending booking, without signing in.
    pub fn approval(&self, booking: &BookingId, member: &MemberId) -> String {
        let token = self.secret.decision_token(booking, member);
        format!("{}/approval/{booking}.{member}.{token}", self.public_url)
    }

    /// Where an order's address is verified. The code in it is what only the mail knows: the rest of the address is also
    /// in the browser that ordered.
    pub fn verify(&self, order: &OrderId) -> String {
        let (token, code) = (self.secret.order_token(order), self.secret.order_code(order));
        format!("{}/verify/{token}?code={code}", self.public_url)
    }

    /// Where an invitee ends the reminders of an appointment.
    pub fn unsubscribe(&self, invitee: &InviteeId) -> String {
        format!("{}/unsubscribe/{invitee}.{}", self.public_url, self.secret.unsubscribe_token(invitee))
    }

    /// Where a mailed link signs in to the portal of a workspace.
    pub fn portal(&self, workspace_slug: &str, link: &RowId) -> String {
        format!("{}/my/{workspace_slug}/enter/{}", self.public_url, self.secret.portal_token(link))
    }

    /// The feed of all appointments of an address.
    pub fn feed(&self, feed: &RowId) -> String {
        format!("{}/my/feed/{}.ics", self.public_url, self.secret.feed_token(feed))
    }

    /// The bookings page of those who are signed in.
    pub fn bookings(&self) -> String {
        format!("{}/booking", self.public_url)
    }

    /// The calendars of whoever is signed in.
    pub fn calendars(&self) -> String {
        format!("{}/booking/calendars", self.public_url)
    }

    /// A webhook's own page.
    pub fn webhook(&self, webhook: &WebhookId) -> String {
        format!("{}/booking/webhooks/{webhook}", self.public_url)
    }
}
