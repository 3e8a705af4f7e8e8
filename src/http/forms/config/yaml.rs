//! YAML as a tree in which every value knows its line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Error, MergeKeyPolicy, MessageFormatter, Spanned, UserMessageFormatter};

/// The deepest nesting; a default of a property may be nested itself.
const DEEPEST: usize = 24;
/// The most values of a file, those that aliases repeat included.
const MOST_VALUES: usize = 50_000;
/// The most documents of a file.
const MOST_DOCUMENTS: usize = 500;

/// A value and the line where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Counted from 1.
    pub line: u64,
    /// The value.
    pub content: Content,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`, and no other spelling of them.
    Flag(bool),
    /// A finite number.
    Number(Number),
    /// A text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file; no name stands in it twice.
    Mapping(Vec<(Key, Node)>),
}

/// The name of a member of a mapping.
#[derive(Debug, Clone)]
pub struct Key {
    /// Counted from 1.
    pub line: u64,
    /// The name.
    pub name: String,
}

/// Why a text is no YAML that is accepted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1; `None` if nobody knows.
    pub line: Option<u64>,
    /// What is wrong, in one line.
    pub reason: String,
}

/// Reads the documents of a file; empty ones are left out.
///
/// # Errors
/// The first fault: the text is no YAML, a mapping has a key twice, or it is larger or deeper than any file of forms.
pub fn parse(text: &str) -> Result<Vec<Node>, Fault> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: MOST_VALUES,
            max_events: MOST_VALUES * 4,
            max_documents: MOST_DOCUMENTS,
            max_anchors: 1_000,
            max_aliases: 1_000,
            max_recorded_anchor_events: MOST_VALUES,
            max_recorded_anchor_bytes: 4 * 1024 * 1024,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_VALUES,
            max_replay_stack_depth: DEEPEST,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| fault(error.without_snippet()))
}

fn fault(error: &Error) -> Fault {
    let reason = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` stands here twice"),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            format!("the file holds too many values, or nests them too deeply (more than {DEEPEST} levels)")
        }
        Error::MergeKeyNotAllowed { .. } => "merge keys (`<<`) are not accepted; write the members out".to_owned(),
        other => format!("this is no YAML: {}", UserMessageFormatter.format_message(other)),
    };
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    Fault { line, reason: reason.replace(char::is_control, " ") }
}

impl Node {
    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Flag(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Mapping(members) => {
                Value::Object(members.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect())
            }
        }
    }

    /// The member of a mapping.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Content::Mapping(members) = &self.content else { return None };
        members.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::deserialize(deserializer)?;
        Ok(Self { line: referenced.line(), content: value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Content, E> {
        Ok(Content::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Content, E> {
        Number::from_f64(number).map(Content::Number).ok_or_else(|| E::custom("the number is not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        let mut mapping = Vec::new();
        while let Some((key, node)) = members.next_entry::<Spanned<Option<String>>, Node>()? {
            let name = key.value.ok_or_else(|| A::Error::custom("a key is missing"))?;
            mapping.push((Key { line: key.referenced.line(), name }, node));
        }
        Ok(Content::Mapping(mapping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_value_knows_its_line_in_every_document() {
        let documents = parse("a: 1\nb:\n  - x\n  - {c: true}\n---\nd:\n  e: ~\n").unwrap();
        assert_eq!(documents.len(), 2);
        let list = documents[0].member("b").unwrap();
        let Content::List(items) = &list.content else { panic!("{list:?}") };
        assert_eq!((items[0].line, items[1].line), (3, 4));
        assert_eq!(documents[0].to_json(), serde_json::json!({"a": 1, "b": ["x", {"c": true}]}));
        let Content::Mapping(members) = &documents[1].content else { panic!("{documents:?}") };
        assert_eq!((members[0].0.line, members[0].1.line), (6, 7));
    }

    #[test]
    fn only_true_and_false_are_flags() {
        let value = parse("[yes, No, on, true, 'true', 0x10, 1.5]").unwrap().remove(0).to_json();
        assert_eq!(value, serde_json::json!(["yes", "No", "on", true, "true", 16, 1.5]));
    }

    #[test]
    fn a_fault_names_its_line() {
        let cases = [
            ("a: 1\nb: 2\na: 3\n", 3, "twice"),
            ("a: 1\nb: [\n", 2, "no YAML"),
            ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge"),
            ("a:\n  b: .nan\n", 2, "no YAML"),
            ("a: !ruby/object 1\n", 1, "no YAML"),
        ];
        for (text, line, word) in cases {
            let fault = parse(text).unwrap_err();
            assert!(fault.reason.contains(word) && !fault.reason.contains('\n'), "{text:?} {fault:?}");
            assert_eq!(fault.line, Some(line), "{text:?} {fault:?}");
        }
    }
}
