//! Small things that several pages show.

use super::{
    format,
    html::{El, el},
};

/// A drawing of one line, for those who see it; words stand beside each.
pub fn icon(name: &str) -> El {
    let path = match name {
        "clock" => "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
        "price" => "M4 12V4h8l8 8-8 8zM8.5 8.5h.01",
        "place" => {
            "M12 21s7-6.2 7-11a7 7 0 0 0-14 0c0 4.8 7 11 7 11M12 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5"
        }
        "people" => {
            "M3 20a6 6 0 0 1 12 0M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5a6 6 0 0 1 3 5.5"
        }
        "calendar" => "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
        "globe" => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
        "left" => "m15 5-7 7 7 7",
        "right" => "m9 5 7 7-7 7",
        _ => "m5 13 4 4L19 7",
    };
    el("svg")
        .class("icon")
        .attr("viewBox", "0 0 24 24")
        .attr("aria-hidden", "true")
        .child(el("path").attr("d", path))
}

/// A fact about a service: a drawing, and words.
pub fn fact(name: &str, label: &'static str, text: String) -> El {
    el("li").child(icon(name)).child(hidden(label).child(": ")).child(el("span").child(text))
}

/// Who it is with: their initials, and their names in a sentence.
pub fn hosts(names: &[String], sentence: String) -> El {
    let faces = names.iter().take(4).map(|name| el("span").child(format::initials(name)));
    let faces = el("span").class("faces").attr("aria-hidden", "true").children(faces);
    el("div").class("hosts").child(faces).child(el("span").child(sentence))
}

/// Words for those who don't see what is around them.
pub fn hidden(words: &'static str) -> El {
    el("span").class("sr-only").child(words)
}

/// Text that may be an address on the web; then it is a link.
pub fn linked(text: &str) -> El {
    if text.starts_with("https://") {
        el("a")
            .class("link")
            .attr("rel", "noopener noreferrer external")
            .href(text.to_owned())
            .child(text.to_owned())
    } else {
        el("span").child(text.to_owned())
    }
}

/// Sentences in small print, one below the other.
pub fn policy(lines: &[String]) -> El {
    el("ul").class("policy").children(lines.iter().map(|line| el("li").child(line.clone())))
}

/// A row of a list of names and values.
pub fn row(name: impl Into<super::html::Html>, value: El) -> El {
    el("div").child(el("dt").child(name)).child(value)
}
