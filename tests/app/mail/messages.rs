//! What mails say and when: an event type's, and a member's own reminders.

use super::{Member, beside, world};
use crate::{
    harness::{Database, Server, both},
    world::{World, rules},
};

both!(
    an_event_types_messages_are_edited,
    what_cant_be_sent_is_refused_at_its_field,
    members_choose_their_own_reminders,
);

fn an_event_types_messages_are_edited(database: Database) {
    const RULES: &str = "SELECT rules FROM event_types WHERE slug = 'talk'";
    let mut shared = rules(30);
    shared.slots.seats = 5;
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
        world.add(db, "class", &shared).await;
    });
    let server = Server::start(&database);
    let manager = Member::new(&database, &server, "manager", "w");
    let form = [
        ("amount-1", "2"),
        ("unit-1", "hours"),
        ("to-1", "invitee"),
        ("amount-2", ""),
        ("unit-2", "hours"),
        ("to-2", "invitee"),
        ("amount-3", "1"),
        ("unit-3", "days"),
        ("to-3", "both"),
        ("approval", "yes"),
        ("hold", "36"),
        ("hold_unit", "hours"),
        ("verify_email", "yes"),
        ("subject", "See you, {{first_name}} <b>"),
        ("paragraph", "Bring\r\npens & </textarea>."),
    ];
    // A preview shows it and keeps nothing.
    let before = database.texts(RULES);
    let preview = manager.post("/booking/messages/talk", &[&form[..], &[("preview", "yes")]].concat());
    assert_eq!(preview.status, 200);
    assert!(preview.text.contains("See you, Ada &lt;b&gt;"), "{}", preview.text);
    assert!(preview.text.contains("srcdoc=") && !preview.text.contains("<b>"), "{}", preview.text);
    assert_eq!(database.texts(RULES), before);
    manager.does("/booking/messages/talk", &form);
    let kept: serde_json::Value = serde_json::from_str(&database.texts(RULES)[0]).unwrap();
    assert_eq!(
        kept["reminders"],
        serde_json::json!([{ "minutes": 1440, "to": "both" }, { "minutes": 120, "to": "invitee" }])
    );
    assert_eq!(kept["approval"]["hold_minutes"], 36 * 60);
    assert_eq!(kept["verify_email"], true);
    assert_eq!(kept["mail"]["paragraph"], "Bring\npens & </textarea>.");
    // Nothing else changed.
    let was: serde_json::Value = serde_json::from_str(&before[0]).unwrap();
    for field in ["lengths", "slots", "location", "policy", "guests"] {
        assert_eq!(kept[field], was[field], "{field}");
    }
    let page = manager.get("/booking/messages").text;
    for words in
        ["1 day before, to invitee and hosts", "2 hours before, to the invitee", "1 day 12 hours at most"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let editor = manager.get("/booking/messages/talk").text;
    assert!(editor.contains("pens &amp; &lt;/textarea&gt;.</textarea>"), "{editor}");
    assert_eq!(database.number("SELECT COUNT(*) FROM audit_log WHERE action = 'event_type.messages'"), 1);
    // Everything off again; and where seats are shared nothing waits for approval.
    manager.does("/booking/messages/talk", &[]);
    assert_eq!(database.texts(RULES), before);
    let refused = manager.post("/booking/messages/class", &form);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("People share the seats"), "{}", refused.text);
}

fn what_cant_be_sent_is_refused_at_its_field(database: Database) {
    const RULES: &str = "SELECT rules FROM event_types WHERE slug = 'talk'";
    world(&database, "w");
    let server = Server::start(&database);
    let admin = Member::new(&database, &server, "admin", "w");
    let before = database.texts(RULES);
    let long = "x".repeat(2_001);
    for (field, wrong) in [
        ("subject", "Hello {{nmae}}"),
        ("subject", "Hello {{name"),
        ("subject", "a\r\nBcc: x@y.example"),
        ("subject", &long),
        ("paragraph", "Hello {{nmae}}"),
        ("paragraph", "a\u{0}b"),
        ("paragraph", &long),
        ("amount-1", "0"),
        ("amount-1", "-5"),
        ("amount-1", "31 days"),
        ("amount-1", "1000"),
        ("hold", ""),
        ("hold", "0"),
        ("hold", "721"),
    ] {
        let form = [
            ("subject", "fine"),
            ("paragraph", "fine"),
            ("amount-1", "1"),
            ("unit-1", "hours"),
            ("to-1", "both"),
            ("approval", "yes"),
            ("hold", "1"),
            ("hold_unit", "hours"),
        ]
        .map(|(name, value)| (name, if name == field { wrong } else { value }));
        for action in [&[][..], &[("preview", "yes")]] {
            let refused = admin.post("/booking/messages/talk", &[&form[..], action].concat());
            assert_eq!(refused.status, 422, "{field} {wrong:.40}");
            assert!(beside(&refused.text, field).is_some(), "{field} {wrong:.40}: {}", refused.text);
            assert_eq!(refused.text.matches("field-error").count(), 1, "{field} {wrong:.40}");
        }
    }
    let unknown = admin.post("/booking/messages/talk", &[("subject", "Hello {{nmae}}")]);
    assert!(beside(&unknown.text, "subject").unwrap().contains("{{nmae}}"), "{}", unknown.text);
    assert_eq!(database.texts(RULES), before);
}

fn members_choose_their_own_reminders(database: Database) {
    const CHOSEN: &str = "SELECT COALESCE(reminders, 'default') FROM members WHERE name = 'Some One'";
    world(&database, "w");
    let server = Server::start(&database);
    let staff = Member::new(&database, &server, "staff", "w");
    let page = staff.get("/booking/messages").text;
    assert!(page.contains("You host no event type yet") && !page.contains(">Edit<"), "{page}");
    let own =
        [("mode", "own"), ("amount-1", "10"), ("unit-1", "minutes"), ("amount-2", "1"), ("unit-2", "days")];
    staff.does("/booking/messages", &own);
    assert_eq!(database.texts(CHOSEN), ["[1440,10]"]);
    assert!(staff.get("/booking/messages").text.contains("value=\"10\""));
    for (field, wrong) in [
        ("amount-1", &[("mode", "own")][..]),
        ("amount-2", &[("mode", "own"), ("amount-2", "soon"), ("unit-2", "hours")]),
        ("amount-1", &[("mode", "own"), ("amount-1", "31"), ("unit-1", "days")]),
        ("amount-1", &[("mode", "own"), ("amount-1", "1"), ("unit-1", "years")]),
        ("mode", &[("mode", "always")]),
        ("mode", &[]),
    ] {
        let refused = staff.post("/booking/messages", wrong);
        assert_eq!(refused.status, 422, "{wrong:?}");
        assert!(beside(&refused.text, field).is_some(), "{wrong:?}: {}", refused.text);
    }
    assert_eq!(database.texts(CHOSEN), ["[1440,10]"]);
    staff.does("/booking/messages", &[("mode", "none"), ("amount-1", "5"), ("unit-1", "hours")]);
    assert_eq!(database.texts(CHOSEN), ["[]"]);
    staff.does("/booking/messages", &[("mode", "default")]);
    assert_eq!(database.texts(CHOSEN), ["default"]);
}
