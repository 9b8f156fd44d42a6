//! A mail as text.

use super::words::{Link, Said};

/// The widest name of a fact that others are aligned with.
const LABEL: usize = 12;

fn link(out: &mut Vec<String>, link: &Link) {
    out.push(format!("{}:\n{}", link.text, link.url));
}

/// Paragraphs, with empty lines between them and `\n` at the ends of lines.
pub(super) fn text(said: &Said) -> String {
    let mut out = vec![said.greeting.clone(), said.heading.clone()];
    out.extend(said.sentences.iter().cloned());
    out.extend(said.code.as_ref().map(|code| format!("    {code}")));
    let facts: Vec<String> = said
        .facts
        .iter()
        .map(|fact| {
            let label = format!("{}:", fact.label);
            if label.chars().count() < LABEL {
                let lines = fact.lines.join(&format!("\n{:LABEL$}", ""));
                format!("{label:LABEL$}{lines}")
            } else {
                format!("{label}\n{:LABEL$}{}", "", fact.lines.join(&format!("\n{:LABEL$}", "")))
            }
        })
        .collect();
    if !facts.is_empty() {
        out.push(facts.join("\n"));
    }
    if !said.own.is_empty() {
        out.push(said.own.clone());
    }
    if let Some(way) = &said.link {
        link(&mut out, way);
    }
    out.extend(said.remarks.iter().cloned());
    if let Some(way) = &said.more {
        link(&mut out, way);
    }
    // RFC 3676 §4.3: what follows is a signature.
    let mut end = format!("-- \n{}", said.footer);
    if let Some(way) = &said.unsubscribe {
        end.push_str(&format!("\n{}: {}", way.text, way.url));
    }
    out.push(end);
    let mut text = out.join("\n\n");
    text.push('\n');
    text
}
