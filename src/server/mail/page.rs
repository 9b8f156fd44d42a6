//! A mail as HTML: nothing is loaded from anywhere, all that is said is escaped, and colours follow the reader's theme.
//!
//! Mail clients know little: styles stand in the elements, for those that drop the style sheet; the style sheet only
//! changes colours in the dark. One table keeps the card narrow where `max-width` is not known.

use super::{
    clean::escape,
    words::{Fact, Link, Said, Tone},
};

const FONT: &str =
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Helvetica Neue',Arial,sans-serif";

/// The same colours as the pages, see `style/main.css`.
const STYLE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}
body{margin:0;padding:0;-webkit-text-size-adjust:100%}
@media (max-width:480px){.card{padding:24px 20px!important}.label{width:84px!important}}
@media (prefers-color-scheme:dark){
body,.ground{background:#0e1119!important}
.card{background:#171b26!important;border-color:#2c3242!important}
.ink,.ink a{color:#e9ebf3!important}
.muted,.muted a{color:#a3aabf!important}
.line{border-color:#2c3242!important}
.link,.ink .link,.muted .link{color:#a9b8ff!important}
.sunken{background:#1f2431!important;color:#e9ebf3!important;border-color:#2c3242!important}
.button{background:#a9b8ff!important}
.button a{color:#10162f!important}
.good{background:#7fd8a9!important}
.bad{background:#ffb1a9!important}
.plain{background:#a9b8ff!important}
}";

fn paragraph(out: &mut String, class: &str, style: &str, html: &str) {
    out.push_str(&format!(
        "<p class=\"{class}\" dir=\"auto\" style=\"margin:0 0 16px;{style}\">{html}</p>\n"
    ));
}

fn broken(text: &str) -> String {
    escape(text).replace('\n', "<br>")
}

fn fact(out: &mut String, fact: &Fact, last: bool) {
    let mut lines: Vec<String> = fact.lines.iter().map(|line| escape(line)).collect();
    if let (Some(url), Some(line)) = (&fact.url, lines.last_mut()) {
        *line = format!(
            "<a class=\"link\" href=\"{}\" style=\"color:#3550c4;overflow-wrap:anywhere\">{line}</a>",
            escape(url)
        );
    }
    let mut value = lines.join("<br>");
    if fact.former {
        value = format!("<s>{value}</s>");
    }
    let border = if last { "" } else { "border-bottom:1px solid #dfe2ec;" };
    let tint = if fact.former { "muted" } else { "ink" };
    let colour = if fact.former { "#585f76" } else { "#171b2c" };
    out.push_str(&format!(
        "<tr><th scope=\"row\" class=\"label muted line\" style=\"width:104px;padding:10px 12px 10px 0;{border}\
         text-align:left;vertical-align:top;font-weight:400;color:#585f76\">{}</th>\
         <td class=\"{tint} line\" dir=\"auto\" style=\"padding:10px 0;{border}vertical-align:top;color:{colour};\
         overflow-wrap:anywhere\">{value}</td></tr>\n",
        escape(&fact.label)
    ));
}

fn button(out: &mut String, link: &Link) {
    out.push_str(&format!(
        "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" style=\"margin:24px 0;border-collapse:separate\">\
         <tr><td class=\"button\" style=\"background:#3550c4;border-radius:10px\">\
         <a href=\"{}\" style=\"display:inline-block;padding:12px 22px;color:#ffffff;font-weight:600;\
         text-decoration:none\">{}</a></td></tr></table>\n",
        escape(&link.url),
        escape(&link.text)
    ));
}

fn card(said: &Said) -> String {
    let mut out = String::new();
    out.push_str(&format!(
        "<h1 class=\"ink\" dir=\"auto\" style=\"margin:0 0 16px;font-size:22px;line-height:1.3;font-weight:700;\
         color:#171b2c\">{}</h1>\n",
        escape(&said.heading)
    ));
    paragraph(&mut out, "ink", "color:#171b2c", &escape(&said.greeting));
    for sentence in &said.sentences {
        paragraph(&mut out, "ink", "color:#171b2c", &escape(sentence));
    }
    if let Some(code) = &said.code {
        out.push_str(&format!(
            "<p class=\"sunken\" style=\"margin:0 0 16px;padding:16px;border:1px solid #dfe2ec;border-radius:10px;\
             background:#f2f4f9;color:#171b2c;font-size:32px;line-height:1.2;font-weight:700;letter-spacing:6px;\
             text-align:center;font-family:ui-monospace,Consolas,Menlo,monospace\">{}</p>\n",
            escape(code)
        ));
    }
    if let Some((last, others)) = said.facts.split_last() {
        out.push_str("<table cellpadding=\"0\" cellspacing=\"0\" style=\"width:100%;margin:0 0 16px;border-collapse:collapse\">\n");
        for other in others {
            fact(&mut out, other, false);
        }
        fact(&mut out, last, true);
        out.push_str("</table>\n");
    }
    if !said.own.is_empty() {
        paragraph(&mut out, "ink", "color:#171b2c;overflow-wrap:anywhere", &broken(&said.own));
    }
    if let Some(link) = &said.link {
        button(&mut out, link);
    }
    for remark in &said.remarks {
        paragraph(&mut out, "muted", "color:#585f76;font-size:14px", &escape(remark));
    }
    if let Some(link) = &said.more {
        let link = anchor(link);
        paragraph(&mut out, "muted", "color:#585f76;font-size:14px", &link);
    }
    out
}

fn anchor(link: &Link) -> String {
    format!(
        "<a class=\"link\" href=\"{}\" style=\"color:#3550c4\">{}</a>",
        escape(&link.url),
        escape(&link.text)
    )
}

/// The whole document.
pub(super) fn html(said: &Said, subject: &str) -> String {
    let (tone, bar) = match said.tone {
        Tone::Good => ("good", "#17734a"),
        Tone::Bad => ("bad", "#b3261e"),
        Tone::Plain => ("plain", "#3550c4"),
    };
    let mut footer = escape(&said.footer);
    if let Some(link) = &said.unsubscribe {
        footer.push_str("<br>");
        footer.push_str(&anchor(link));
    }
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<meta name=\"supported-color-schemes\" content=\"light dark\">
<meta name=\"format-detection\" content=\"telephone=no,date=no,address=no,email=no\">
<title>{}</title>
<style>
{STYLE}
</style>
</head>
<body class=\"ground\" style=\"margin:0;padding:0;background:#f4f5f8\">
<div style=\"display:none;max-height:0;overflow:hidden\">{}</div>
<table role=\"presentation\" class=\"ground\" cellpadding=\"0\" cellspacing=\"0\" width=\"100%\" style=\"width:100%;background:#f4f5f8\">
<tr><td align=\"center\" style=\"padding:24px 12px;{FONT};font-size:16px;line-height:1.5\">
<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" width=\"560\" style=\"width:100%;max-width:560px;border-collapse:separate\">
<tr><td class=\"{tone}\" style=\"height:4px;line-height:4px;font-size:4px;background:{bar};border-radius:16px 16px 0 0\">&nbsp;</td></tr>
<tr><td class=\"card\" align=\"left\" style=\"padding:32px;background:#ffffff;border:1px solid #dfe2ec;border-top:0;border-radius:0 0 16px 16px\">
{}</td></tr>
<tr><td class=\"muted\" dir=\"auto\" align=\"left\" style=\"padding:16px 8px;color:#585f76;font-size:13px\">{footer}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
",
        escape(subject),
        escape(&said.preview),
        card(said),
    )
}
