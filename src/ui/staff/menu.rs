//! What stands above every page of those who are signed in: whose it is, and the ways to the others.

use crate::api::staff::Me;
use leptos::prelude::*;

/// Address, words, and who sees it: everyone, managers and admins, or admins.
const PAGES: [(&str, &str, &[&str]); 9] = [
    ("/booking", "Bookings", &["staff", "manager", "admin"]),
    ("/booking/events", "Events", &["staff", "manager", "admin"]),
    ("/booking/calendars", "Calendars", &["staff", "manager", "admin"]),
    ("/booking/feeds", "Feeds", &["staff", "manager", "admin"]),
    ("/booking/messages", "Messages", &["staff", "manager", "admin"]),
    ("/booking/mail", "Mail", &["admin"]),
    ("/booking/mailbox", "Mailbox", &["admin"]),
    ("/booking/webhooks", "Webhooks", &["admin"]),
    ("/booking/queue", "Queue", &["admin"]),
];

/// The menu; `here` is the address of the page that it stands on.
pub(crate) fn menu(me: &Me, here: &'static str) -> AnyView {
    let role = me.role.clone();
    let links = PAGES
        .into_iter()
        .filter(|(_, _, roles)| roles.contains(&role.as_str()))
        .map(|(href, words, _)| {
            let current = (href == here).then_some("page");
            view! { <li><a class="menu-link" rel="external" href=href aria-current=current>{words}</a></li> }
        })
        .collect_view();
    view! {
        <div class="menu">
            <p class="menu-name">{me.workspace.clone()}</p>
            <p class="menu-who hint">"Signed in as " <strong>{me.name.clone()}</strong> " (" {role} ")"</p>
            <form method="post" action="/sign-out">
                <button type="submit" class="button button-small">"Sign out"</button>
            </form>
            <nav class="menu-pages" aria-label="Workspace">
                <ul>{links}</ul>
            </nav>
        </div>
    }
    .into_any()
}
