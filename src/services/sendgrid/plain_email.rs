//! A plain letter, for mail without a template: the same as text and as HTML. Nothing that is put into it can become
//! markup.

use crate::commerce::is_page;

/// A letter in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainEmail {
    subject: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Link { label: String, url: String },
    Table { head: Vec<String>, rows: Vec<Vec<String>> },
}

impl PlainEmail {
    /// A letter with this subject, in one line.
    pub fn new(subject: &str) -> Self {
        Self { subject: subject.split_whitespace().collect::<Vec<_>>().join(" "), parts: Vec::new() }
    }

    /// The subject; never empty.
    pub fn subject(&self) -> &str {
        if self.subject.is_empty() { "(no subject)" } else { &self.subject }
    }

    /// The letter with a paragraph.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// The letter with a link; without, when there is nowhere that a link may lead to.
    pub fn link(mut self, label: &str, url: Option<&str>) -> Self {
        if let Some(url) = url.filter(|url| is_page(url)) {
            self.parts.push(Part::Link { label: label.to_owned(), url: url.to_owned() });
        }
        self
    }

    /// The letter with a table.
    pub fn table(mut self, head: &[&str], rows: Vec<Vec<String>>) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        self.parts.push(Part::Table { head, rows });
        self
    }

    /// The letter as text.
    pub fn plain(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Link { label, url } => format!("{label}: {url}"),
            Part::Table { rows, .. } => rows.iter().map(|row| row.join("  ")).collect::<Vec<_>>().join("\n"),
        });
        parts.collect::<Vec<_>>().join("\n\n") + "\n"
    }

    /// The letter as HTML, with styles where they stand: many readers of mail know no others.
    pub fn html(&self) -> String {
        let parts: String = self.parts.iter().map(Part::html).collect();
        format!(
            "<!doctype html><html><head><meta charset=\"utf-8\"><title>{}</title></head>\
             <body style=\"font-family:sans-serif;line-height:1.5;max-width:36em;margin:2em auto;padding:0 1em\">{parts}</body></html>",
            escaped(self.subject())
        )
    }
}

impl Part {
    fn html(&self) -> String {
        match self {
            Self::Text(text) => format!("<p>{}</p>", escaped(text)),
            Self::Link { label, url } => format!("<p><a href=\"{}\">{}</a></p>", escaped(url), escaped(label)),
            Self::Table { head, rows } => {
                let row = |tag: &str, cells: &[String]| {
                    let cell = |text: &String| {
                        format!("<{tag} style=\"text-align:left;padding:0 1em 0.3em 0\">{}</{tag}>", escaped(text))
                    };
                    format!("<tr>{}</tr>", cells.iter().map(cell).collect::<String>())
                };
                let body: String = rows.iter().map(|cells| row("td", cells)).collect();
                format!("<table style=\"border-collapse:collapse\">{}{body}</table>", row("th", head))
            }
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
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
    fn nothing_in_a_letter_becomes_markup() {
        let bad = "<img src=x onerror='a(\"b\")'> & <b>";
        let letter = PlainEmail::new(&format!("Hi\r\nBcc: x {bad}"))
            .text(bad)
            .link(bad, Some("https://north.example/?a=\"><script>&b"))
            .link("never", Some("javascript:alert(1)"))
            .table(&[bad], vec![vec![bad.to_owned()]]);
        assert!(!letter.subject().contains(['\r', '\n']), "{}", letter.subject());
        let html = letter.html();
        assert!(
            !["<img", "<b>", "<script", "javascript:", "\"b\""].iter().any(|markup| html.contains(markup)),
            "{html}"
        );
        assert_eq!(html.matches("&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt; &amp; &lt;b&gt;").count(), 5);
        assert!(letter.plain().contains(bad), "text is no markup");
    }
}
