//! Making texts fit where they are put: one line, escaped, cut.
//!
//! What people enter was checked when it was entered; a mail doesn't rely on it.

/// Characters that hide or reorder what is around them: controls, and the marks of Unicode's bidirectional algorithm.
fn is_unwanted(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// One line of at most `most` characters; what is cut off leaves an ellipsis.
pub(super) fn line(text: &str, most: usize) -> String {
    let text: String = text.chars().map(|c| if is_unwanted(c) { ' ' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Several lines that end in `\n`, with nothing unwanted and nothing at the end.
pub(super) fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let keep = |c: char| c == '\n' || !is_unwanted(c);
    let text: String = text.chars().map(|c| if keep(c) { c } else { ' ' }).collect();
    text.trim().to_owned()
}

/// A text inside HTML, in an element or in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_no_breaks_and_is_cut_between_characters() {
        assert_eq!(line(" a\r\nBcc: b\u{202E}\tc ", 80), "a Bcc: b c");
        assert_eq!(line("größer als nötig", 9), "größer a…");
        assert_eq!(line("eight ch", 8), "eight ch");
        assert_eq!(line("", 8), "");
    }

    #[test]
    fn lines_keep_their_breaks_only() {
        assert_eq!(lines("a\r\nb\rc\u{0}\u{7}d\n\n"), "a\nb\nc  d");
    }

    #[test]
    fn nothing_escapes_from_html() {
        assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }
}
