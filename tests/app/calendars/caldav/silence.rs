//! Cursors, pages and listings on servers that answer oddly.

use super::{
    Mirror, Round, by,
    fake::{Answer, Asked, Fake, Shelf, WORK, answer, has, is, multistatus, refusal, silence},
};
use meridian::server::calendars::fault::Fault;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

fn is_sync(asked: &Asked) -> bool {
    asked.method == "REPORT" && asked.has("sync-collection")
}

/// A fake with 150 events, followed by token, that is odd once it was told to begin.
struct Odd {
    fake: Fake,
    begun: Arc<AtomicUsize>,
}

impl Odd {
    fn start(odd: impl Fn(&Asked, &mut Shelf) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let begun = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&begun);
        let fake = Fake::start(
            move |asked, shelf| {
                if seen.load(Ordering::SeqCst) == 0 { None } else { odd(asked, shelf) }
            },
        );
        fake.shelf().fill(150);
        Self { fake, begun }
    }

    async fn mirror(&self) -> Mirror {
        let mirror = Mirror::of(&self.fake.rosa(), WORK).await;
        assert_eq!((by(mirror.cursor.as_ref()).as_str(), mirror.events.len()), ("token", 150));
        mirror
    }

    fn begin(&self) {
        self.begun.store(1, Ordering::SeqCst);
    }

    /// One deleted, one changed, one new.
    fn change(&self) {
        let mut shelf = self.fake.shelf();
        shelf.delete("0001.ics");
        let text = shelf.objects[&format!("{WORK}0002.ics")].text.replace("Event 2", "Changed");
        shelf.put("0002.ics", &text);
        shelf.put("new.ics", &super::object("new", "New", "20261201T090000Z", ""));
    }

    fn change_again(&self) {
        self.fake.shelf().delete("0003.ics");
    }

    fn assert_in_step(&self, mirror: &Mirror) {
        let shelf = self.fake.shelf();
        let theirs: Vec<&String> = shelf.objects.keys().collect();
        let ours: Vec<&String> = mirror.events.keys().collect();
        assert_eq!(ours, theirs);
        for (path, stored) in &shelf.objects {
            assert_eq!(mirror.events[path].etag.as_ref(), Some(&stored.etag), "{path}");
        }
    }
}

/// Every way in which servers say that they don't know a token.
#[tokio::test]
async fn an_invalid_token_is_understood_in_any_status() {
    let valid = "<d:valid-sync-token/>";
    let ways: Vec<(&str, Answer)> = vec![
        ("Radicale, RFC 6578", refusal(403, valid)),
        ("Xandikos", refusal(412, valid)),
        ("an old one", refusal(409, valid)),
        ("one that crashes", answer(500, "Traceback (most recent call last):")),
        ("one that has forgotten", answer(410, "")),
        ("one that is at a loss", answer(400, "bad token")),
        ("one that has unlearned it", answer(501, "")),
    ];
    for (who, way) in ways {
        let odd = Odd::start(move |asked, _| is_sync(asked).then(|| way.clone()));
        let mut mirror = odd.mirror().await;
        odd.change();
        odd.begin();
        let answer = odd.fake.rosa().page(WORK, mirror.cursor.as_deref(), None).await;
        assert_eq!(answer, Err(Fault::CursorGone), "{who}");
        let round = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
        assert!(round.anew, "{who}");
        odd.assert_in_step(&mirror);
        // The token that comes with it is not relied upon: it would be refused again at each round.
        assert_eq!(by(mirror.cursor.as_ref()), "listing", "{who}");
        odd.change_again();
        let round = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
        assert_eq!((round.changes, round.anew), (1, false), "{who}");
        odd.assert_in_step(&mirror);
    }
}

#[tokio::test]
async fn other_refusals_of_a_round_are_no_invalid_tokens() {
    let ways = [
        (answer(401, ""), "Revoked"),
        (refusal(403, "<d:need-privileges/>"), "Permission"),
        (answer(404, ""), "NotFound"),
        (answer(423, ""), "Temporary"),
        (answer(429, ""), "Limited"),
        (answer(502, ""), "Temporary"),
        (answer(503, ""), "Temporary"),
        (silence(), "Temporary"),
        (answer(207, "<html>"), "Temporary"),
    ];
    for (way, expected) in ways {
        let status = way.status;
        let odd = Odd::start(move |asked, _| is_sync(asked).then(|| way.clone()));
        let mut mirror = odd.mirror().await;
        odd.change();
        odd.begin();
        let fault = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap_err();
        assert!(format!("{fault:?}").starts_with(expected), "{status}: {fault:?}");
        assert_eq!(mirror.events.len(), 150, "nothing was forgotten");
    }
}

#[tokio::test]
async fn a_silent_207_with_everything_is_noticed() {
    let odd = Odd::start(|asked, shelf| {
        // DAViCal: a token that it doesn't know is like none at all.
        is_sync(asked).then(|| {
            let parts = shelf
                .objects
                .iter()
                .map(|(path, it)| has(path, &format!("<d:getetag>{}</d:getetag>", it.etag)));
            let parts: String = parts.collect();
            multistatus(&format!("{parts}<d:sync-token>{}</d:sync-token>", shelf.token()))
        })
    });
    let mut mirror = odd.mirror().await;
    odd.change();
    odd.begin();
    let round = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
    assert!(round.anew);
    odd.assert_in_step(&mirror);
}

#[tokio::test]
async fn a_silent_207_with_nothing_is_noticed() {
    let odd = Odd::start(|asked, shelf| {
        is_sync(asked).then(|| multistatus(&format!("<d:sync-token>{}</d:sync-token>", shelf.token())))
    });
    let mut mirror = odd.mirror().await;
    odd.change();
    odd.begin();
    let round = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
    assert!(round.anew);
    odd.assert_in_step(&mirror);
}

#[tokio::test]
async fn everything_changed_at_once_is_believed_when_there_is_more() {
    let odd = Odd::start(|_, _| None);
    let mut mirror = odd.mirror().await;
    odd.begin();
    {
        let mut shelf = odd.fake.shelf();
        for n in 0..150 {
            shelf.put(
                &format!("more{n}.ics"),
                &super::object(&format!("m{n}"), "More", "20261201T090000Z", ""),
            );
        }
    }
    let round = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
    assert_eq!((round.changes, round.anew), (150, false));
    odd.assert_in_step(&mirror);
}

#[tokio::test]
async fn a_divided_answer_is_followed_with_an_empty_part_in_the_middle() {
    let odd = Odd::start(|asked, shelf| {
        if !is_sync(asked) {
            return None;
        }
        let part = |n: u64, parts: &str| {
            let more = is(WORK, 507);
            multistatus(&format!("{parts}{more}<d:sync-token>http://fake.example/part/{n}</d:sync-token>"))
        };
        let etag = |name: &str| {
            let path = format!("{WORK}{name}");
            has(&path, &format!("<d:getetag>{}</d:getetag>", shelf.objects[&path].etag))
        };
        let own = has(WORK, "<d:getetag>\"self\"</d:getetag>");
        let last =
            format!("{}<d:sync-token>{}</d:sync-token>", is(&format!("{WORK}0001.ics"), 404), shelf.token());
        Some(match asked.body.split("/part/").nth(1).map(|rest| &rest[..1]) {
            None => part(1, &format!("{}{own}", etag("0002.ics"))),
            Some("1") => part(2, ""),
            // Told once more.
            Some("2") => part(3, &format!("{}{}", etag("0002.ics"), etag("new.ics"))),
            _ => multistatus(&last),
        })
    });
    let mut mirror = odd.mirror().await;
    odd.change();
    odd.begin();
    let round = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
    assert_eq!((round.pages, round.anew), (4, false));
    odd.assert_in_step(&mirror);
    assert!(mirror.cursor.as_ref().unwrap().contains("fake.example/sync/"), "the last part's token counts");
}

#[tokio::test]
async fn a_divided_answer_that_repeats_itself_ends() {
    let odd = Odd::start(|asked, _| {
        is_sync(asked).then(|| {
            multistatus(&format!("{}<d:sync-token>http://fake.example/same</d:sync-token>", is(WORK, 507)))
        })
    });
    let mut mirror = odd.mirror().await;
    odd.change();
    odd.begin();
    let answer = mirror.follow(&odd.fake.rosa(), WORK).await;
    assert!(matches!(answer, Err(Fault::Temporary(_))), "{answer:?}");
}

/// The second of three pages fails; the same page works later, and nothing was missed in between.
#[tokio::test]
async fn a_failure_on_page_two_of_three_is_made_good() {
    let failures = [(answer(503, ""), "Temporary"), (answer(401, ""), "Revoked"), (silence(), "Temporary")];
    for (failure, expected) in failures {
        let asked_for = Arc::new(AtomicUsize::new(0));
        let fake = Fake::start(move |asked, _| {
            let failing = asked.has("calendar-multiget") && asked_for.fetch_add(1, Ordering::SeqCst) == 1;
            failing.then(|| failure.clone())
        });
        fake.shelf().fill(150);
        let rosa = fake.rosa();
        let first = rosa.page(WORK, None, None).await.unwrap();
        let meridian::server::calendars::event::Next::Page(second) = first.next else { panic!() };
        let fault = rosa.page(WORK, None, Some(&second)).await.unwrap_err();
        assert!(format!("{fault:?}").starts_with(expected), "{fault:?}");
        // Someone deletes meanwhile what the page is about.
        fake.shelf().delete("0060.ics");
        let mut mirror = Mirror::default();
        mirror.apply(first.changes);
        let mut next = second;
        loop {
            let page = rosa.page(WORK, None, Some(&next)).await.unwrap();
            mirror.apply(page.changes);
            match page.next {
                meridian::server::calendars::event::Next::Page(page) => next = page,
                meridian::server::calendars::event::Next::Cursor(cursor) => {
                    break mirror.cursor = Some(cursor);
                }
            }
        }
        mirror.follow(&rosa, WORK).await.unwrap();
        assert_eq!(mirror.events.len(), 149);
    }
}

/// A crash before the cursor was kept: the same round again brings the same again.
#[tokio::test]
async fn a_round_can_be_repeated() {
    let odd = Odd::start(|_, _| None);
    let mut mirror = odd.mirror().await;
    odd.change();
    let before = mirror.cursor.clone();
    let first = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
    mirror.cursor = before;
    let second = mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
    assert_eq!(first, second);
    odd.assert_in_step(&mirror);
}

/// A plain server: no tokens, a ctag or none, ETags or none, no queries.
#[tokio::test]
async fn servers_without_tokens_are_listed() {
    for (name, ctag, etags, queries) in [
        ("ctag", true, true, true),
        ("nothing", false, true, true),
        ("no ETags", true, false, true),
        ("no queries", true, true, false),
    ] {
        let fake = Fake::start(move |asked, shelf| {
            let mut answer = match asked.method.as_str() {
                "PROPFIND" if asked.has("sync-token") && !ctag => multistatus(&has(WORK, "")),
                "PROPFIND" if asked.has("sync-token") => {
                    multistatus(&has(WORK, &format!("<s:getctag>c{}</s:getctag>", shelf.state)))
                }
                "REPORT" if asked.has("sync-collection") => answer(501, ""),
                "REPORT" if asked.has("calendar-query") && !queries => refusal(403, "<c:supported-filter/>"),
                _ => shelf.good(asked),
            };
            if !etags {
                answer.body = answer.body.replace("d:getetag", "d:nothing");
            }
            Some(answer)
        });
        fake.shelf().fill(150);
        let rosa = fake.rosa();
        let mut mirror = Mirror::of(&rosa, WORK).await;
        assert_eq!((by(mirror.cursor.as_ref()).as_str(), mirror.events.len()), ("listing", 150), "{name}");
        let still = mirror.follow(&rosa, WORK).await.unwrap();
        assert_eq!(still, Round { pages: 1, changes: 0, unchanged: true, anew: false }, "{name}");
        {
            let mut shelf = fake.shelf();
            shelf.delete("0001.ics");
            shelf.put("new.ics", &super::object("new", "New", "20261201T090000Z", ""));
        }
        let round = mirror.follow(&rosa, WORK).await.unwrap();
        assert!(!round.anew, "{name}");
        assert!(etags && round.changes == 2 || !etags && round.changes == 151, "{name}: {round:?}");
        assert_eq!(mirror.events.len(), 150, "{name}");
        mirror.titled("New");
    }
}

type Way = Box<dyn Fn(&Asked, &mut Shelf) -> Answer + Send + Sync>;

#[tokio::test]
async fn a_multiget_that_is_not_answered_in_full_is_made_up_for() {
    let ways: Vec<(&str, Way)> = vec![
        (
            "leaves some out",
            Box::new(|asked, shelf| {
                let whole = shelf.good(asked).body;
                let parts: Vec<&str> = whole.split("<d:response>").skip(1).step_by(2).collect();
                let parts: String = parts
                    .iter()
                    .map(|part| format!("<d:response>{}", part.split("</d:response>").next().unwrap()))
                    .map(|part| format!("{part}</d:response>"))
                    .collect();
                multistatus(&parts)
            }),
        ),
        (
            "spells differently",
            Box::new(|asked, shelf| {
                let mut whole = shelf.good(asked);
                whole.body = whole.body.replace("<d:href>/rosa/", "<d:href>http://127.0.0.1/%72osa/");
                whole
            }),
        ),
        (
            "tells no contents",
            Box::new(|asked, shelf| {
                let mut whole = shelf.good(asked);
                whole.body = whole.body.replace("c:calendar-data", "c:nothing");
                whole
            }),
        ),
        ("is not known", Box::new(|_, _| answer(501, ""))),
        ("is forbidden", Box::new(|_, _| refusal(403, "<d:supported-report/>"))),
        ("crashes", Box::new(|_, _| answer(500, ""))),
    ];
    for (name, way) in ways {
        let fake = Fake::start(move |asked, shelf| asked.has("calendar-multiget").then(|| way(asked, shelf)));
        fake.shelf().fill(7);
        let mirror = Mirror::of(&fake.rosa(), WORK).await;
        assert_eq!(mirror.events.len(), 7, "{name}");
        let shelf = fake.shelf();
        assert!(
            mirror.events.iter().all(|(path, event)| event.etag.as_ref() == Some(&shelf.objects[path].etag)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn no_limit_is_ever_asked_for_and_every_report_says_what_it_is() {
    let odd = Odd::start(|_, _| None);
    let mut mirror = odd.mirror().await;
    odd.change();
    mirror.follow(&odd.fake.rosa(), WORK).await.unwrap();
    let shelf = odd.fake.shelf();
    let bodies = shelf.asked.iter().filter(|asked| matches!(asked.method.as_str(), "REPORT" | "PROPFIND"));
    for asked in bodies {
        assert!(!asked.has("limit"), "{}", asked.body);
        assert_eq!(asked.header("content-type"), Some("application/xml; charset=utf-8"));
        assert!(["0", "1"].contains(&asked.header("depth").unwrap()));
    }
}

#[tokio::test]
async fn an_object_that_makes_no_sense_does_not_stop_the_others() {
    let fake = Fake::good();
    fake.shelf().fill(3);
    let rosa = fake.rosa();
    let mut mirror = Mirror::of(&rosa, WORK).await;
    for text in ["", "nonsense", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x", "<html>"] {
        fake.shelf().put("0001.ics", text);
        let number = fake.shelf().state;
        fake.shelf()
            .put("other.ics", &super::object("other", &format!("Other {number}"), "20261201T090000Z", ""));
        mirror.follow(&rosa, WORK).await.unwrap();
        mirror.titled(&format!("Other {number}"));
        mirror.titled("Event 1");
    }
}

/// A listing of an account that grew large is asked for three times more, so that what is long over need not be read.
#[tokio::test]
async fn large_calendars_are_read_whole_where_queries_do_not_work() {
    for refused in [true, false] {
        let fake = Fake::start(move |asked, _| {
            (refused && (asked.has("time-range") || asked.has("prop-filter")))
                .then(|| refusal(403, "<c:supported-filter/>"))
        });
        fake.shelf().fill(310);
        let mirror = Mirror::of(&fake.rosa(), WORK).await;
        // The fake's time ranges match everything.
        assert_eq!(mirror.events.len(), 310);
        let ranges = fake.shelf().count("REPORT", "time-range start=\"20261019T080000Z\"/>");
        assert_eq!(ranges, 1, "from two days before what is looked at, without an end");
    }
}
