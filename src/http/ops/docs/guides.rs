//! The guides of `/docs`: sections of the Markdown files in `docs/`, so that each text exists once.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use std::collections::HashMap;
use std::sync::LazyLock;

use super::html::escape;

/// A Markdown file: its name in links, and its text.
struct MarkdownFile {
    name: &'static str,
    text: &'static str,
}

const API: MarkdownFile = MarkdownFile { name: "API.md", text: include_str!("../../../../docs/API.md") };
const SIGNING: MarkdownFile = MarkdownFile { name: "SIGNING.md", text: include_str!("../../../../docs/SIGNING.md") };
const GRAPH: MarkdownFile = MarkdownFile { name: "GRAPH.md", text: include_str!("../../../../docs/GRAPH.md") };
const CHANGES: MarkdownFile = MarkdownFile { name: "CHANGES.md", text: include_str!("../../../../docs/CHANGES.md") };
const IMPORT: MarkdownFile = MarkdownFile { name: "IMPORT.md", text: include_str!("../../../../docs/IMPORT.md") };

/// A guide: the sections of a file under these headings, or the whole file.
pub(super) struct Guide {
    /// The anchor.
    pub id: &'static str,
    pub title: &'static str,
    source: &'static MarkdownFile,
    /// Empty for the whole file without its title.
    headings: &'static [&'static str],
}

const fn guide(
    id: &'static str,
    title: &'static str,
    source: &'static MarkdownFile,
    headings: &'static [&'static str],
) -> Guide {
    Guide { id, title, source, headings }
}

/// All guides, in the order of the page.
pub(super) const GUIDES: &[Guide] = &[
    guide("authentication", "Authentication", &API, &["Credentials"]),
    guide("jwt", "JWTs", &API, &["JWTs"]),
    guide("signing", "Signed requests", &SIGNING, &[]),
    guide("paging", "Lists and paging", &API, &["Parameters of lists"]),
    guide("locking", "Optimistic locking", &API, &["Optimistic locking"]),
    guide("idempotency", "Safe retries", &API, &["Idempotent requests"]),
    guide("atomic", "Atomic operations", &API, &["Atomic operations"]),
    guide("rules", "Rules and reporting lines", &GRAPH, &["The rules", "What is refused", "Handing a team over"]),
    guide("feed", "The feed of changes", &CHANGES, &["A change", "Follow the feed"]),
    guide(
        "import",
        "Import from HR systems",
        &IMPORT,
        &["First steps", "Your own columns", "Every night", "Over HTTP"],
    ),
    guide("headers", "Media types and headers", &API, &["Media types", "Headers"]),
];

/// Anchors of other parts of the page, by file and anchor.
const ELSEWHERE: &[(&str, &str, &str)] =
    &[("API.md", "errors", "errors"), ("API.md", "users", "tag-users"), ("API.md", "transfers", "tag-transfers")];

/// The anchor on the page of every heading that a guide shows, by file and anchor; the anchor of a file is empty.
static ANCHORS: LazyLock<HashMap<(&str, String), String>> = LazyLock::new(|| {
    let mut anchors: HashMap<_, _> =
        ELSEWHERE.iter().map(|(file, anchor, id)| ((*file, (*anchor).to_owned()), (*id).to_owned())).collect();
    for guide in GUIDES {
        let file = guide.source.name;
        if guide.headings.is_empty() {
            anchors.insert((file, String::new()), guide.id.to_owned());
        }
        for section in guide.sections() {
            for (text, is_title) in section.headings() {
                let slug = slug(&text);
                let id = if is_title { guide.id.to_owned() } else { format!("{}-{slug}", guide.id) };
                anchors.entry((file, slug)).or_insert(id);
            }
        }
    }
    anchors
});

/// A part of a file, from a heading to the next one of its level.
struct GuideSection {
    text: &'static str,
    /// Whether the title of the guide stands for its first heading.
    has_title: bool,
}

impl Guide {
    fn sections(&self) -> Vec<GuideSection> {
        let cut = |heading| GuideSection { text: cut(self.source.text, heading), has_title: self.headings.len() == 1 };
        match self.headings {
            [] => vec![GuideSection { text: self.source.text, has_title: true }],
            headings => headings.iter().map(|heading| cut(heading)).collect(),
        }
    }

    /// The guide as HTML, below its title.
    pub(super) fn render(&self) -> String {
        self.sections().iter().map(|section| self.render_section(section)).collect()
    }

    fn render_section(&self, section: &GuideSection) -> String {
        let top = section.headings().len().min(usize::from(section.has_title));
        let top = section.levels().get(top).copied().unwrap_or(HeadingLevel::H2);
        let mut events = Vec::new();
        let (mut heading, mut is_first, mut links) = (None, true, Vec::new());
        for event in parse(section.text) {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    heading = Some((level, String::new()));
                }
                Event::End(TagEnd::Heading(_)) => {
                    let Some((level, text)) = heading.take() else { continue };
                    if !(is_first && section.has_title) {
                        events.push(Event::Html(self.render_heading(level, top, &text).into()));
                    }
                    is_first = false;
                }
                Event::Text(text) | Event::Code(text) if heading.is_some() => {
                    if let Some((_, words)) = &mut heading {
                        words.push_str(&text);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    let target = self.target(&dest_url);
                    if let Some(target) = &target {
                        events.push(Event::InlineHtml(format!("<a href=\"{}\">", escape(target)).into()));
                    }
                    links.push(target.is_some());
                }
                Event::End(TagEnd::Link) => {
                    if links.pop() == Some(true) {
                        events.push(Event::InlineHtml(CowStr::Borrowed("</a>")));
                    }
                }
                // Comments.
                Event::Html(_) | Event::InlineHtml(_) => {}
                event => events.push(event),
            }
        }
        let mut page = String::new();
        html::push_html(&mut page, events.into_iter());
        page.replace("<pre>", "<pre tabindex=\"0\">").replace("<th></th>", "<td></td>")
    }

    fn render_heading(&self, level: HeadingLevel, top: HeadingLevel, text: &str) -> String {
        let level = 3 + (level as usize).saturating_sub(top as usize);
        format!("<h{level} id=\"{}-{}\">{}</h{level}>\n", self.id, slug(text), escape(text))
    }

    /// Where a link leads on the page; `None` if the page does not have its target.
    fn target(&self, url: &str) -> Option<String> {
        if url.starts_with("https://") {
            return Some(url.to_owned());
        }
        let (file, anchor) = url.split_once('#').unwrap_or((url, ""));
        let file = if file.is_empty() { self.source.name } else { file };
        ANCHORS.get(&(file, anchor.to_owned())).map(|id| format!("#{id}"))
    }
}

impl GuideSection {
    /// Its headings, each with whether the title of the guide stands for it.
    fn headings(&self) -> Vec<(String, bool)> {
        let lines = lines(self.text).filter_map(|(_, line)| Some(heading_of(line)?.1.replace('`', "")));
        lines.enumerate().map(|(index, text)| (text, index == 0 && self.has_title)).collect()
    }

    fn levels(&self) -> Vec<HeadingLevel> {
        lines(self.text).filter_map(|(_, line)| HeadingLevel::try_from(heading_of(line)?.0).ok()).collect()
    }
}

fn parse(text: &'static str) -> Parser<'static> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// The lines outside of fenced code, with their offsets.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut offset, mut is_code) = (0, false);
    text.split_inclusive('\n').filter_map(move |line| {
        let start = offset;
        offset += line.len();
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((start, line))
    })
}

/// The level and the text of a heading.
fn heading_of(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (level > 0 && text.starts_with(' ')).then(|| (level, text.trim()))
}

/// The section under a heading; empty if the text has no such heading.
fn cut<'t>(text: &'t str, heading: &str) -> &'t str {
    let mut found = None;
    for (offset, line) in lines(text) {
        let Some((level, words)) = heading_of(line) else { continue };
        match found {
            None if words == heading => found = Some((offset, level)),
            Some((start, of)) if level <= of => return text.get(start..offset).unwrap_or_default(),
            _ => {}
        }
    }
    found.and_then(|(start, _)| text.get(start..)).unwrap_or_default()
}

/// The anchor that GitHub gives to a heading.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_heading_of_a_guide_exists_in_its_file() {
        for guide in GUIDES {
            for heading in guide.headings {
                assert!(!cut(guide.source.text, heading).is_empty(), "docs/{} has no `{heading}`", guide.source.name);
            }
        }
    }

    #[test]
    fn a_section_ends_at_the_next_heading_of_its_level_outside_of_code() {
        let text = "# A\n## B\nb\n```sh\n# c\n```\n### D\n## E\ne\n";
        assert_eq!(cut(text, "B"), "## B\nb\n```sh\n# c\n```\n### D\n");
        assert_eq!(cut(text, "E"), "## E\ne\n");
        assert_eq!(cut(text, "F"), "");
    }

    #[test]
    fn headings_get_the_anchors_of_github() {
        assert_eq!(slug("410: read the lists again"), "410-read-the-lists-again");
        assert_eq!(slug("groups and group-members"), "groups-and-group-members");
    }
}
