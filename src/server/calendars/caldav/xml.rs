//! What WebDAV servers answer: `DAV:multistatus` and `DAV:error` (RFC 4918 §14.16, §14.5), read with bounds.
//!
//! An answer is read element by element: only one `response` at a time stands in memory as a tree. Nothing is ever
//! expanded: documents with a DOCTYPE are refused, and of entities only XML's own five are known.

use quick_xml::{
    NsReader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};

/// How deep elements may stand in each other. What servers send is 8 deep.
const DEEPEST: usize = 32;
/// How many elements one part of an answer may have.
const MOST_IN_PART: usize = 10_000;
/// How many parts an answer may have: resources of a calendar.
const MOST_PARTS: usize = 200_000;

/// The namespaces that mean something to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// `DAV:` (RFC 4918).
    Dav,
    /// `urn:ietf:params:xml:ns:caldav` (RFC 4791).
    CalDav,
    /// `http://calendarserver.org/ns/`: `getctag`.
    Server,
    /// Any other.
    Other,
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    space: Space,
    name: String,
    /// Its text, without that of its children.
    pub text: String,
    /// Its attribute `name` (RFC 4791 §9.6.1).
    pub named: String,
    /// What stands in it.
    pub children: Vec<Node>,
}

impl Node {
    /// Is it this one?
    pub fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name
    }

    /// The first child of that name.
    pub fn child(&self, space: Space, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(space, name))
    }

    /// The addresses in it (`DAV:href`).
    pub fn hrefs(&self) -> impl Iterator<Item = &str> {
        let hrefs = self.children.iter().filter(|child| child.is(Space::Dav, "href"));
        hrefs.map(|child| child.text.trim()).filter(|href| !href.is_empty())
    }
}

/// What is said of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Which one, as the server spells it.
    pub href: String,
    /// The status of the whole, if it has one.
    pub status: Option<u16>,
    /// The properties that it has (those with status 200).
    pub properties: Vec<Node>,
}

impl Reply {
    /// A property.
    pub fn property(&self, space: Space, name: &str) -> Option<&Node> {
        self.properties.iter().find(|property| property.is(space, name))
    }

    /// The text of a property; `None` when it is empty.
    pub fn text(&self, space: Space, name: &str) -> Option<&str> {
        self.property(space, name).map(|property| property.text.trim()).filter(|text| !text.is_empty())
    }
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Is it a `DAV:multistatus`?
    pub multistatus: bool,
    /// What is said of each resource.
    pub replies: Vec<Reply>,
    /// `DAV:sync-token` (RFC 6578 §6.2).
    pub sync_token: Option<String>,
    /// The conditions that were not met, of a `DAV:error` (RFC 4918 §16).
    pub conditions: Vec<Node>,
}

impl Document {
    /// Does it name this condition as not met?
    pub fn condition(&self, space: Space, name: &str) -> Option<&Node> {
        self.conditions.iter().find(|condition| condition.is(space, name))
    }
}

/// It is not XML, or not XML as WebDAV servers write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an answer of a WebDAV server")]
pub struct Malformed;

/// An answer while it is read.
#[derive(Debug, Default)]
struct Reading {
    document: Document,
    /// The elements that are not closed yet, the root first.
    open: Vec<Node>,
    /// Elements of the part that is read now.
    in_part: usize,
    /// Parts so far.
    parts: usize,
    began: bool,
}

impl Reading {
    fn start(&mut self, node: Node) -> Result<(), Malformed> {
        self.in_part += 1;
        let second_root = self.open.is_empty() && self.began;
        if second_root || self.open.len() >= DEEPEST || self.in_part > MOST_IN_PART {
            return Err(Malformed);
        }
        if self.open.is_empty() {
            self.began = true;
            self.document.multistatus = node.is(Space::Dav, "multistatus");
        }
        self.open.push(node);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(node) = self.open.last_mut() {
            node.text.push_str(text);
        }
    }

    /// An element ends: it goes into its parent, and a part of the root into the document.
    fn end(&mut self) -> Result<(), Malformed> {
        let node = self.open.pop().ok_or(Malformed)?;
        let depth = self.open.len();
        match self.open.last_mut() {
            None => {}
            Some(_) if depth == 1 => {
                self.in_part = 0;
                self.parts += 1;
                if self.parts > MOST_PARTS {
                    return Err(Malformed);
                }
                self.part(node);
            }
            Some(parent) => parent.children.push(node),
        }
        Ok(())
    }

    fn part(&mut self, part: Node) {
        if !self.document.multistatus {
            self.document.conditions.push(part);
        } else if part.is(Space::Dav, "response") {
            replies(part, &mut self.document.replies);
        } else if part.is(Space::Dav, "sync-token") {
            let token = part.text.trim();
            self.document.sync_token = (!token.is_empty()).then(|| token.to_owned());
        }
    }
}

/// `HTTP/1.1 200 OK`.
fn status(node: &Node) -> Option<u16> {
    node.child(Space::Dav, "status")?.text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A `DAV:response` speaks of one resource and its properties, or of the status of several.
fn replies(part: Node, replies: &mut Vec<Reply>) {
    let whole = status(&part);
    let hrefs: Vec<String> = part.hrefs().map(str::to_owned).collect();
    let mut properties = Vec::new();
    for propstat in part.children.into_iter().filter(|child| child.is(Space::Dav, "propstat")) {
        if status(&propstat).is_none_or(|status| status == 200) {
            let props = propstat.children.into_iter().filter(|child| child.is(Space::Dav, "prop"));
            properties.extend(props.flat_map(|prop| prop.children));
        }
    }
    let mut hrefs = hrefs.into_iter();
    if let Some(href) = hrefs.next() {
        replies.push(Reply { href, status: whole, properties });
    }
    replies.extend(hrefs.map(|href| Reply { href, status: whole, properties: Vec::new() }));
}

/// Reads an answer.
pub fn read(body: &[u8]) -> Result<Document, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed)?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    reader.config_mut().expand_empty_elements = true;
    let mut reading = Reading::default();
    loop {
        let (resolved, event) = reader.read_resolved_event().map_err(|_| Malformed)?;
        match event {
            Event::Start(start) | Event::Empty(start) => reading.start(element(space(&resolved), &start)?)?,
            Event::End(_) => reading.end()?,
            Event::Text(text) => reading.text(&text.xml10_content()),
            Event::CData(text) => reading.text(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|_| Malformed)? {
                Some(character) => reading.text(character.encode_utf8(&mut [0; 4])),
                None => reading.text(resolve_predefined_entity(&reference).ok_or(Malformed)?),
            },
            Event::DocType(_) => return Err(Malformed),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if reading.began && reading.open.is_empty() { Ok(reading.document) } else { Err(Malformed) }
}

fn space(resolved: &ResolveResult<'_>) -> Space {
    match resolved {
        ResolveResult::Bound(Namespace("DAV:")) => Space::Dav,
        ResolveResult::Bound(Namespace("urn:ietf:params:xml:ns:caldav")) => Space::CalDav,
        ResolveResult::Bound(Namespace("http://calendarserver.org/ns/")) => Space::Server,
        _ => Space::Other,
    }
}

fn element(space: Space, start: &BytesStart<'_>) -> Result<Node, Malformed> {
    let attribute = start.try_get_attribute("name").map_err(|_| Malformed)?;
    Ok(Node {
        space,
        name: start.local_name().as_ref().to_owned(),
        text: String::new(),
        named: attribute.map(|attribute| attribute.value.into_owned()).unwrap_or_default(),
        children: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
  <D:response><D:href>/a/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype>
    <D:displayname>Rosa &amp; L&#xe9;o <![CDATA[<3]]></D:displayname></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
    <D:propstat><D:prop><D:getetag/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>
  <response xmlns="DAV:"><href>/b</href><href>/c</href><status>HTTP/1.1 404 Not Found</status></response>
  <D:sync-token>http://example.com/7</D:sync-token>
</D:multistatus>"#;

    #[test]
    fn an_answer_is_read_whatever_its_prefixes() {
        let document = read(LISTING.as_bytes()).unwrap();
        assert!(document.multistatus);
        assert_eq!(document.sync_token.as_deref(), Some("http://example.com/7"));
        let said: Vec<_> = document
            .replies
            .iter()
            .map(|reply| (reply.href.as_str(), reply.status, reply.properties.len()))
            .collect();
        assert_eq!(said, [("/a/", None, 2), ("/b", Some(404), 0), ("/c", Some(404), 0)]);
        let first = &document.replies[0];
        assert_eq!(first.text(Space::Dav, "displayname"), Some("Rosa & L\u{e9}o <3"));
        let kind = first.property(Space::Dav, "resourcetype").unwrap();
        assert!(kind.child(Space::CalDav, "calendar").is_some());
        assert!(first.property(Space::Dav, "getetag").is_none(), "it has none");
    }

    #[test]
    fn a_refusal_names_its_conditions() {
        let body = r#"<error xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><C:no-uid-conflict><href>/a/1.ics</href></C:no-uid-conflict></error>"#;
        let document = read(body.as_bytes()).unwrap();
        assert!(!document.multistatus);
        let conflict = document.condition(Space::CalDav, "no-uid-conflict").unwrap();
        assert_eq!(conflict.hrefs().collect::<Vec<_>>(), ["/a/1.ics"]);
        assert!(document.condition(Space::Dav, "valid-sync-token").is_none());
    }

    #[test]
    fn entities_are_never_expanded() {
        let laughs = r#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
            <multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>"#;
        assert_eq!(read(laughs.as_bytes()), Err(Malformed));
        let file = r#"<!DOCTYPE a SYSTEM "file:///etc/passwd"><multistatus xmlns="DAV:"/>"#;
        assert_eq!(read(file.as_bytes()), Err(Malformed));
        let unknown = r#"<multistatus xmlns="DAV:"><response><href>/&nbsp;</href></response></multistatus>"#;
        assert_eq!(read(unknown.as_bytes()), Err(Malformed));
    }

    #[test]
    fn hostile_documents_end_in_a_refusal() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let wide = format!("<a><b>{}</b></a>", "<c/>".repeat(100_000));
        let long = format!("<a>{}</a>", "<b/>".repeat(300_000));
        let spaces: String = (0..10_000).map(|n| format!(" xmlns:n{n}='u'")).collect();
        let spaces = format!("<a{spaces}/>");
        for body in [
            "",
            " ",
            "<!DOCTYPE html>",
            "<html><p>unclosed",
            "<a></b>",
            "<a/><b/>",
            "just text",
            "<a>&#0;</a>",
            "<a>&#xd800;</a>",
            &deep,
            &wide,
            &long,
            &spaces,
        ] {
            assert_eq!(read(body.as_bytes()), Err(Malformed), "{}", &body[..body.len().min(40)]);
        }
        assert_eq!(read(b"<a>\xff</a>"), Err(Malformed));
    }
}
