//! Objects that can't be had or can't be read: what the adapter says of them.

use super::{
    Mirror,
    fake::{Answer, Asked, Fake, Shelf, WORK, answer, has, is, multistatus},
    object,
};
use meridian::server::calendars::{event::Change, fault::Fault};
use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

/// A fake that answers so to whatever asks for one of its objects, alone or with others.
fn refusing(name: &'static str, status: &Arc<AtomicU16>) -> Fake {
    let status = Arc::clone(status);
    Fake::start(move |asked: &Asked, shelf: &mut Shelf| -> Option<Answer> {
        let status = status.load(Ordering::SeqCst);
        if status == 0 {
            return None;
        }
        let path = format!("{WORK}{name}");
        if asked.has("calendar-multiget") {
            let body = shelf.good(asked).body;
            let parts = body.split("<d:response>").skip(1).map(|part| match part.contains(name) {
                true => is(&path, status),
                false => format!("<d:response>{}</d:response>", part.split("</d:response>").next().unwrap()),
            });
            return Some(multistatus(&parts.collect::<String>()));
        }
        asked.is("GET", &path).then(|| answer(status, ""))
    })
}

/// In a calendar that is listed, and in one that is followed by token.
#[tokio::test]
async fn what_is_refused_for_one_object_is_asked_for_again() {
    for (events, status) in [(3, 403), (3, 500), (3, 507), (150, 403), (150, 500)] {
        let status = Arc::new(AtomicU16::new(status));
        let fake = refusing("odd.ics", &status);
        fake.shelf().fill(events);
        fake.shelf().put("odd.ics", &object("odd", "Odd", "20261201T090000Z", ""));
        let rosa = fake.rosa();
        let mut mirror = Mirror::of(&rosa, WORK).await;
        assert_eq!(mirror.events.len(), events);
        let path = format!("{WORK}odd.ics");
        let why = mirror.unreadable[&path].clone();
        assert!(why.contains(&status.load(Ordering::SeqCst).to_string()), "{why}");
        // Nothing changes, and it is asked for again at each round, and nothing else is.
        let asked = fake.shelf().count("GET", "");
        let round = mirror.follow(&rosa, WORK).await.unwrap();
        assert_eq!((round.changes, round.anew, fake.shelf().count("GET", "")), (1, false, asked + 1));
        status.store(0, Ordering::SeqCst);
        let round = mirror.follow(&rosa, WORK).await.unwrap();
        assert_eq!((round.changes, mirror.events.len()), (1, events + 1));
        assert!(mirror.unreadable.is_empty());
        let round = mirror.follow(&rosa, WORK).await.unwrap();
        assert!(round.unchanged, "{round:?}");
        // It is deleted while it is refused.
        status.store(500, Ordering::SeqCst);
        fake.shelf().put("odd.ics", &object("odd", "Odd", "20261202T090000Z", ""));
        mirror.follow(&rosa, WORK).await.unwrap();
        assert!(mirror.events.contains_key(&path), "what was known of it stays");
        fake.shelf().delete("odd.ics");
        status.store(0, Ordering::SeqCst);
        mirror.follow(&rosa, WORK).await.unwrap();
        assert!(!mirror.events.contains_key(&path) && mirror.unreadable.is_empty());
    }
}

/// When everything fails it is not because of one object: nothing is taken for unreadable, and the reading is made again.
#[tokio::test]
async fn a_server_that_gives_nothing_out_is_broken() {
    let fake = Fake::start(|asked, _| {
        (asked.has("calendar-multiget") || asked.method == "GET").then(|| answer(500, ""))
    });
    fake.shelf().fill(20);
    let fault = fake.rosa().page(WORK, None, None).await.unwrap_err();
    assert!(matches!(fault, Fault::Temporary(_)), "{fault:?}");
}

#[tokio::test]
async fn an_object_that_is_half_nonsense_is_half_read() {
    let fake = Fake::good();
    let series = object("s", "Series", "20261201T090000Z", "RRULE:FREQ=DAILY");
    fake.shelf().put("s.ics", &series);
    let rosa = fake.rosa();
    let mut mirror = Mirror::of(&rosa, WORK).await;
    let odd = "BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID:nonsense\r\nDTSTART:20261202T150000Z\r\nEND:VEVENT\r\n";
    let text = series.replace("END:VCALENDAR", &format!("{odd}END:VCALENDAR")).replace("Series", "Renamed");
    fake.shelf().put("s.ics", &text);
    let page = rosa.page(WORK, mirror.cursor.as_deref(), None).await.unwrap();
    let path = format!("{WORK}s.ics");
    let said = &page.changes[..];
    assert!(
        matches!(said, [Change::Resource { events, unread, .. }, Change::Unreadable { id, .. }]
            if events.len() == 1 && *unread == [path.clone()] && *id == path),
        "{said:?}"
    );
    mirror.follow(&rosa, WORK).await.unwrap();
    mirror.titled("Renamed");
    assert!(mirror.unreadable[&path].contains("RECURRENCE-ID"));
}

/// A server that can't tell when an object is leaves it out of its answer to what is not over. At a first reading nobody knows
/// of it; later it is not taken to be gone.
#[tokio::test]
async fn a_large_calendar_that_is_read_anew_is_read_whole() {
    let fake = Fake::start(|asked, shelf| {
        let by_time = asked.has("time-range") || asked.has("prop-filter");
        by_time.then(|| {
            let parts = shelf.objects.iter().filter(|(path, _)| !path.contains("odd"));
            let parts = parts.map(|(path, it)| has(path, &format!("<d:getetag>{}</d:getetag>", it.etag)));
            multistatus(&parts.collect::<String>())
        })
    });
    fake.shelf().fill(320);
    fake.shelf().put("odd.ics", &object("odd", "Odd", "20261201T090000Z", ""));
    let rosa = fake.rosa();
    let read = async |known: bool| {
        let mut mirror = Mirror { known, ..Mirror::default() };
        mirror.follow(&rosa, WORK).await.unwrap();
        mirror.events.len()
    };
    assert_eq!((read(false).await, read(true).await), (320, 321));
}
