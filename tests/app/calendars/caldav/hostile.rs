//! Servers that mean harm, or are broken beyond use. Nothing they say may hang, crash or mislead.

use super::{
    Member, Mirror, draft,
    fake::{Answer, Asked, Fake, Shelf, WORK, answer, has, multistatus},
    object,
};
use meridian::server::calendars::fault::Fault;

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let megabyte = "x".repeat(1024 * 1024);
    let huge = move |_: &Asked, _: &mut Shelf| Some(Answer { times: 64, ..answer(207, &megabyte) });
    let fake = Fake::start(huge);
    let rosa = fake.rosa();
    let known = meridian::server::calendars::event::Known { id: format!("{WORK}1.ics"), etag: None };
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    for fault in [rosa.calendars().await.unwrap_err(), rosa.page(WORK, None, None).await.unwrap_err()] {
        assert!(matches!(&fault, Fault::Refused(why) if why.contains("16 MB")), "{fault:?}");
    }
    let fault = rosa.update(WORK, &known, &ours).await.unwrap_err();
    assert!(!matches!(fault, Fault::Changed | Fault::NotFound), "{fault:?}");
    assert!(Member::new(&fake.url, "rosa", "secret").account().await.is_err());
}

/// Each is small enough, all together are not: they are fetched in smaller lots; one that is too large alone is named.
#[tokio::test]
async fn large_objects_are_fetched_in_smaller_lots() {
    let fake = Fake::good();
    let pad = format!("X-PAD:{}", "y".repeat(5 * 1024 * 1024));
    for n in 0..6 {
        fake.shelf().put(
            &format!("{n}.ics"),
            &object(&format!("u{n}"), &format!("Large {n}"), "20261201T090000Z", &pad),
        );
    }
    let giant = format!("X-PAD:{}", "z".repeat(17 * 1024 * 1024));
    fake.shelf().put("giant.ics", &object("giant", "Giant", "20261201T090000Z", &giant));
    let mirror = Mirror::of(&fake.rosa(), WORK).await;
    assert_eq!(mirror.events.len(), 6, "{:?}", mirror.titles());
    assert!(mirror.unreadable[&format!("{WORK}giant.ics")].contains("16 MB"), "{:?}", mirror.unreadable);
}

/// The XML reader expands nothing: documents with a DOCTYPE are refused before anything is made of them.
#[tokio::test]
async fn entity_bombs_are_refused() {
    let mut bomb = r#"<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a0 "ha">"#.to_owned();
    for n in 1..30 {
        let again = format!("&a{};", n - 1).repeat(10);
        bomb.push_str(&format!("<!ENTITY a{n} \"{again}\">"));
    }
    bomb.push_str(
        r#"]><d:multistatus xmlns:d="DAV:"><d:response><d:href>&a29;</d:href></d:response></d:multistatus>"#,
    );
    let outside = r#"<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d:multistatus xmlns:d="DAV:"><d:response><d:href>&x;</d:href></d:response></d:multistatus>"#;
    let unknown =
        r#"<d:multistatus xmlns:d="DAV:"><d:response><d:href>&a;</d:href></d:response></d:multistatus>"#;
    for body in [bomb.as_str(), outside, unknown] {
        let body = body.to_owned();
        let fake = Fake::start(move |_, _| Some(answer(207, &body)));
        let rosa = fake.rosa();
        assert_eq!(rosa.calendars().await, Err(Fault::unreadable()));
        assert_eq!(rosa.page(WORK, None, None).await, Err(Fault::unreadable()));
    }
}

#[tokio::test]
async fn addresses_on_other_hosts_are_refused_in_every_answer() {
    let trap = Fake::good();
    let there = trap.url.replace("127.0.0.1", "localhost");
    for word in ["supported-calendar-component-set", "calendar-query", "calendar-multiget"] {
        let evil = format!("{there}rosa/work/1.ics");
        let fake = Fake::start(move |asked, _| {
            let kind = "<d:resourcetype><c:calendar/></d:resourcetype><d:getetag>\"1\"</d:getetag>";
            asked.has(word).then(|| multistatus(&has(&evil, kind)))
        });
        fake.shelf().fill(1);
        let rosa = fake.rosa();
        let fault = match rosa.calendars().await {
            Err(fault) => fault,
            Ok(_) => rosa.page(WORK, None, None).await.unwrap_err(),
        };
        assert!(matches!(&fault, Fault::Refused(why) if why.contains("localhost")), "{word}: {fault:?}");
    }
    assert!(trap.shelf().asked.is_empty());
}

#[tokio::test]
async fn nonsense_in_every_place_is_no_more_than_a_fault() {
    let bodies = [
        "",
        "<",
        "<d:multistatus xmlns:d=\"DAV:\"/>",
        "<d:multistatus xmlns:d=\"DAV:\"><d:response/></d:multistatus>",
        "<d:multistatus xmlns:d=\"DAV:\"><d:response><d:href/></d:response></d:multistatus>",
        "<d:multistatus xmlns:d=\"DAV:\"><d:response><d:href>http://[</d:href><d:status>x</d:status></d:response></d:multistatus>",
        "<d:multistatus xmlns:d=\"DAV:\"><d:response><d:href>/%zz/%</d:href><d:status>HTTP/1.1 99999999999</d:status></d:response></d:multistatus>",
        "<d:error xmlns:d=\"DAV:\"><d:valid-sync-token/></d:error>",
        "\u{0}\u{1}",
    ];
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    for body in bodies {
        for status in [200, 204, 207, 304, 400, 409, 412, 599] {
            let body = body.to_owned();
            let fake = Fake::start(move |_, _| {
                Some(answer(status, if status == 204 || status == 304 { "" } else { &body }))
            });
            let rosa = fake.rosa();
            let known = meridian::server::calendars::event::Known { id: format!("{WORK}1.ics"), etag: None };
            // That they come back at all is what is asked of them.
            let _ = Member::new(&fake.url, "rosa", "secret").account().await;
            let _ = rosa.calendars().await;
            let _ = rosa.page(WORK, None, None).await;
            let _ = rosa.create(WORK, &ours).await;
            let _ = rosa.update(WORK, &known, &ours).await;
            let _ = rosa.delete(WORK, &known).await;
        }
    }
}

/// A home that was kept by another version, or never.
#[tokio::test]
async fn an_account_whose_home_is_not_known_says_so() {
    for home in ["", "nonsense", "=", "mailto:rosa@example.com"] {
        let member = Member { home: home.to_owned(), ..Member::new("http://127.0.0.1:9/", "rosa", "secret") };
        assert!(matches!(member.calendars().await, Err(Fault::Refused(_))), "{home}");
        assert!(matches!(member.page(WORK, None, None).await, Err(Fault::Refused(_))), "{home}");
    }
}

/// Connecting says nothing that could be told to others.
#[tokio::test]
async fn the_password_is_in_no_sentence() {
    let fake = Fake::start(|asked, _| Some(answer(401, asked.header("authorization").unwrap())));
    let fault = Member::new(&fake.url, "rosa", "correct-horse").account().await.unwrap_err();
    let said = format!("{fault} {fault:?}");
    assert!(!said.contains("correct-horse") && !said.contains("cm9zYTpjb3Jy"), "{said}");
}
