//! Elements as plain values, of one type.
//!
//! `view!` gives every piece of a page a type of its own, and the compiler then writes building, hydrating and
//! updating anew for each: with all public pages that was 394 KB of compressed WASM, twice the budget. Here the same is
//! written once, for [`Html`]. A page is a function from its state to an `Html`; when the state changes, the function
//! runs again and [`Grown::turn_into`] changes in the document only what differs, so that focus and input survive.
//!
//! Text and attributes are escaped where they are written, without exception: no page can forget it. Listeners sit on
//! the element around (see [`super::picker`]); links and forms say by themselves what they do.

use leptos::{
    attr::{Attribute, any_attribute::AnyAttribute},
    prelude::*,
    tachys::{
        hydration::Cursor,
        renderer::types::{Element as Dom, Node},
        view::{Mountable, Position, PositionState, add_attr::AddAnyAttr},
    },
    wasm_bindgen::JsCast,
};
use std::{borrow::Cow, fmt::Write};

/// Text, or an attribute's value.
pub type Text = Cow<'static, str>;

const SVG: &str = "http://www.w3.org/2000/svg";

/// One node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Html {
    /// Nothing to see. Keeps its place among its siblings, so that they stay themselves when it becomes something.
    #[default]
    Nothing,
    /// Text.
    Text(Text),
    /// An element.
    Element(El),
}

/// An element. (Boxed: the builder's methods hand it on by value, and the code for that counts.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct El(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    tag: &'static str,
    attributes: Vec<(&'static str, Text)>,
    children: Vec<Html>,
}

/// An element to be filled.
pub fn el(tag: &'static str) -> El {
    El(Box::new(Parts { tag, attributes: Vec::new(), children: Vec::new() }))
}

/// What an attribute can be set to; `None` leaves it out.
pub trait Value {
    /// The attribute's text.
    fn into_text(self) -> Option<Text>;
}

impl Value for &'static str {
    fn into_text(self) -> Option<Text> {
        Some(self.into())
    }
}

impl Value for String {
    fn into_text(self) -> Option<Text> {
        Some(self.into())
    }
}

impl<T: Value> Value for Option<T> {
    fn into_text(self) -> Option<Text> {
        self.and_then(T::into_text)
    }
}

impl El {
    /// Sets an attribute.
    pub fn attr(self, name: &'static str, value: impl Value) -> Self {
        self.put(name, value.into_text())
    }

    #[inline(never)]
    fn put(mut self, name: &'static str, value: Option<Text>) -> Self {
        if let Some(value) = value {
            self.0.attributes.push((name, value));
        }
        self
    }

    /// Sets an attribute that is either there or not.
    pub fn flag(self, name: &'static str, on: bool) -> Self {
        self.put(name, on.then_some(Cow::Borrowed("")))
    }

    /// Sets the class.
    pub fn class(self, class: &'static str) -> Self {
        self.put("class", Some(Cow::Borrowed(class)))
    }

    /// Sets the address of a link.
    pub fn href(self, href: impl Value) -> Self {
        self.attr("href", href)
    }

    /// Adds a child.
    pub fn child(mut self, child: impl Into<Html>) -> Self {
        self.push(child.into());
        self
    }

    /// Adds children.
    pub fn children<C: Into<Html>>(mut self, children: impl IntoIterator<Item = C>) -> Self {
        for child in children {
            self.push(child.into());
        }
        self
    }

    #[inline(never)]
    fn push(&mut self, child: Html) {
        let children = &mut self.0.children;
        match (children.last_mut(), child) {
            // A browser reads two texts in a row as one.
            (Some(Html::Text(before)), Html::Text(text)) => before.to_mut().push_str(&text),
            (_, child) => children.push(child),
        }
    }
}

impl From<El> for Html {
    fn from(element: El) -> Self {
        Self::Element(element)
    }
}

impl From<&'static str> for Html {
    fn from(text: &'static str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.into()) }
    }
}

impl From<String> for Html {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.into()) }
    }
}

impl<T: Into<Self>> From<Option<T>> for Html {
    fn from(child: Option<T>) -> Self {
        child.map_or(Self::Nothing, T::into)
    }
}

// Writing, on the server.

fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        out.push_str(match chars.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            _ => "&quot;",
        });
        rest = chars.as_str();
    }
    out.push_str(rest);
}

impl Html {
    fn write(&self, out: &mut String) {
        match self {
            Self::Nothing => out.push_str("<!>"),
            Self::Text(text) => escape(text, out),
            Self::Element(El(element)) => {
                let Parts { tag, attributes, children } = element.as_ref();
                out.push('<');
                out.push_str(tag);
                for (name, value) in attributes {
                    out.push(' ');
                    out.push_str(name);
                    if !value.is_empty() {
                        out.push_str("=\"");
                        escape(value, out);
                        out.push('"');
                    }
                }
                out.push('>');
                if matches!(*tag, "input" | "br") {
                    return;
                }
                // A line break at the start of a text area belongs to the tag, not to the text.
                if *tag == "textarea"
                    && matches!(children.first(), Some(Self::Text(text)) if text.starts_with('\n'))
                {
                    out.push('\n');
                }
                // There, a comment would be text.
                let plain = *tag == "textarea";
                for child in children.iter().filter(|child| !plain || matches!(child, Self::Text(_))) {
                    child.write(out);
                }
                // Writing to a string can't fail.
                write!(out, "</{tag}>").unwrap_or_default();
            }
        }
    }
}

// Growing, in the browser.

/// A node of the document, and what it shows.
#[derive(Debug)]
pub struct Grown {
    node: Node,
    /// What it was made from; an element's children are in [`Self::children`].
    was: Html,
    children: Vec<Grown>,
}

impl Html {
    fn grow(mut self) -> Grown {
        let document = document();
        let (node, children): (Node, _) = match &mut self {
            Self::Nothing => (document.create_comment("").unchecked_into(), Vec::new()),
            Self::Text(text) => (document.create_text_node(text).unchecked_into(), Vec::new()),
            Self::Element(El(element)) => {
                let Parts { tag, attributes, children } = element.as_mut();
                let made = if matches!(*tag, "svg" | "path") {
                    document.create_element_ns(Some(SVG), tag)
                } else {
                    document.create_element(tag)
                };
                let Ok(made) = made else { return Self::Nothing.grow() };
                for (name, value) in attributes.iter() {
                    set(&made, name, value);
                }
                let node: Node = made.unchecked_into();
                let grown: Vec<_> = std::mem::take(children).into_iter().map(Self::grow).collect();
                for child in &grown {
                    append(&node, &child.node);
                }
                (node, grown)
            }
        };
        Grown { node, was: self, children }
    }

    /// Takes over a node that the server wrote. One that is not as expected is replaced.
    fn take_root(mut self, node: Node) -> Grown {
        let element = node.dyn_ref::<Dom>();
        let fits = match &self {
            Self::Nothing => node.node_type() == Node::COMMENT_NODE,
            Self::Text(_) => node.node_type() == Node::TEXT_NODE,
            Self::Element(wanted) => {
                element.is_some_and(|element| element.tag_name().eq_ignore_ascii_case(wanted.0.tag))
            }
        };
        if !fits {
            let grown = self.grow();
            replace(&node, &grown.node);
            return grown;
        }
        let children = match &mut self {
            Self::Element(element) => std::mem::take(&mut element.0.children),
            _ => Vec::new(),
        };
        let mut next = node.first_child();
        let mut grown = Vec::with_capacity(children.len());
        for child in children {
            grown.push(match next.take() {
                Some(here) => {
                    next = here.next_sibling();
                    child.take_root(here)
                }
                None => {
                    let child = child.grow();
                    append(&node, &child.node);
                    child
                }
            });
        }
        Grown { node, was: self, children: grown }
    }
}

impl Grown {
    /// Changes what differs.
    fn turn_into(&mut self, mut new: Html) {
        match (&self.was, &mut new) {
            (Html::Nothing, Html::Nothing) => {}
            (Html::Text(old), Html::Text(text)) => {
                if old != text {
                    self.node.set_node_value(Some(text));
                }
            }
            (Html::Element(old), Html::Element(element)) if old.0.tag == element.0.tag => {
                if let Some(node) = self.node.dyn_ref::<Dom>() {
                    update(node, &old.0.attributes, &element.0.attributes);
                }
                let wanted = std::mem::take(&mut element.0.children);
                for surplus in self.children.drain(wanted.len().min(self.children.len())..) {
                    remove(&surplus.node);
                }
                for (at, child) in wanted.into_iter().enumerate() {
                    if let Some(grown) = self.children.get_mut(at) {
                        grown.turn_into(child);
                    } else {
                        let child = child.grow();
                        append(&self.node, &child.node);
                        self.children.push(child);
                    }
                }
            }
            _ => {
                let grown = new.grow();
                replace(&self.node, &grown.node);
                *self = grown;
                return;
            }
        }
        self.was = new;
    }
}

fn update(node: &Dom, old: &[(&'static str, Text)], new: &[(&'static str, Text)]) {
    for (name, _) in old.iter().filter(|(name, _)| new.iter().all(|(kept, _)| kept != name)) {
        node.remove_attribute(name).unwrap_or_default();
    }
    for (name, value) in new.iter().filter(|attribute| !old.contains(attribute)) {
        set(node, name, value);
    }
}

// The document refuses none of these: the names are ours, and the nodes are where we put them. If an extension of the
// browser has moved them, the page goes on without.

fn set(node: &Dom, name: &str, value: &str) {
    node.set_attribute(name, value).unwrap_or_default();
}

fn append(parent: &Node, child: &Node) {
    drop(parent.append_child(child));
}

fn replace(old: &Node, new: &Node) {
    if let Some(parent) = old.parent_node() {
        drop(parent.replace_child(new, old));
    }
}

fn remove(node: &Node) {
    if let Some(parent) = node.parent_node() {
        drop(parent.remove_child(node));
    }
}

// What Leptos asks of a view.

impl Render for Html {
    type State = Grown;

    fn build(self) -> Grown {
        self.grow()
    }

    fn rebuild(self, state: &mut Grown) {
        state.turn_into(self);
    }
}

impl AddAnyAttr for Html {
    type Output<New: Attribute> = Self;

    fn add_any_attr<New: Attribute>(self, _: New) -> Self {
        self
    }
}

impl RenderHtml for Html {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        _: bool,
        _: bool,
        _: Vec<AnyAttribute>,
    ) {
        if matches!((&self, &position), (Self::Text(_), Position::NextChildAfterText)) {
            buf.push_str("<!>");
        }
        self.write(buf);
        *position =
            if matches!(self, Self::Text(_)) { Position::NextChildAfterText } else { Position::NextChild };
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Grown {
        match position.get() {
            Position::FirstChild => cursor.child(),
            Position::Current => {}
            _ => cursor.sibling(),
        }
        let text = matches!(self, Self::Text(_));
        if text && position.get() == Position::NextChildAfterText {
            cursor.sibling();
        }
        let grown = self.take_root(cursor.current());
        cursor.set(grown.node.clone());
        position.set(if text { Position::NextChildAfterText } else { Position::NextChild });
        grown
    }

    fn into_owned(self) -> Self {
        self
    }
}

impl Mountable for Grown {
    fn unmount(&mut self) {
        remove(&self.node);
    }

    fn mount(&mut self, parent: &Dom, marker: Option<&Node>) {
        drop(parent.insert_before(&self.node, marker));
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let parent = self.node.parent_element();
        if let Some(parent) = &parent {
            child.mount(parent, Some(&self.node));
        }
        parent.is_some()
    }

    fn elements(&self) -> Vec<Dom> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let hostile = "</textarea><script>\"&'";
        let html =
            el("p").attr("title", hostile).child(hostile.to_owned()).child(el("br")).child(el("b").child(""));
        assert_eq!(
            Html::from(html).to_html(),
            "<p title=\"&lt;/textarea&gt;&lt;script&gt;&quot;&amp;'\">&lt;/textarea&gt;&lt;script&gt;&quot;&amp;'<br><b><!></b></p>"
        );
    }

    #[test]
    fn a_text_area_keeps_its_first_line_break() {
        let html = el("textarea").child("\nfirst </textarea>".to_owned());
        assert_eq!(Html::from(html).to_html(), "<textarea>\n\nfirst &lt;/textarea&gt;</textarea>");
        assert_eq!(Html::from(el("textarea").child("")).to_html(), "<textarea></textarea>");
    }

    #[test]
    fn what_is_not_there_keeps_its_place_and_texts_join() {
        let html = el("p")
            .child(None::<El>)
            .child("a")
            .child("b".to_owned())
            .flag("hidden", true)
            .flag("open", false);
        assert_eq!(Html::from(html).to_html(), "<p hidden><!>ab</p>");
    }
}
