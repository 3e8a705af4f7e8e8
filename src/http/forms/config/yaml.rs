//! Parses YAML into a tree of values with their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Error, MergeKeyPolicy, MessageFormatter, Spanned, UserMessageFormatter};

/// Nesting depth; defaults of properties may be nested.
const MAX_DEPTH: usize = 24;
/// Values per file, including those repeated by aliases.
const MAX_VALUES: usize = 50_000;
/// Documents per file.
const MAX_DOCUMENTS: usize = 500;

/// A value with its line.
#[derive(Debug, Clone)]
pub struct Node {
    /// From 1.
    pub line: u64,
    /// The value itself.
    pub content: Content,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Content {
    /// Missing or `null`.
    Null,
    /// `true` or `false`; `yes` and `no` are strings.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file, without duplicate keys.
    Mapping(Vec<(MappingKey, Node)>),
}

/// A key of a mapping with its line.
#[derive(Debug, Clone)]
pub struct MappingKey {
    /// From 1.
    pub line: u64,
    /// The key.
    pub name: String,
}

/// Why a file is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// From 1; `None` if unknown.
    pub line: Option<u64>,
    /// The reason, in one line.
    pub reason: String,
}

/// Parses the documents of a file, without empty ones.
///
/// # Errors
/// The first error: the text is no YAML, a mapping has a key twice, or it is larger or deeper than any file of forms.
pub fn parse(text: &str) -> Result<Vec<Node>, YamlError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_VALUES,
            max_events: MAX_VALUES * 4,
            max_documents: MAX_DOCUMENTS,
            max_anchors: 1_000,
            max_aliases: 1_000,
            max_recorded_anchor_events: MAX_VALUES,
            max_recorded_anchor_bytes: 4 * 1024 * 1024,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_VALUES,
            max_replay_stack_depth: MAX_DEPTH,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| to_yaml_error(error.without_snippet()))
}

fn to_yaml_error(error: &Error) -> YamlError {
    let reason = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("duplicate key `{key}`"),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            format!(
                "the file is too large or too deeply nested: at most {MAX_DOCUMENTS} documents, {MAX_VALUES} values and \
                 {MAX_DEPTH} levels are accepted"
            )
        }
        Error::MergeKeyNotAllowed { .. } => {
            "merge keys (`<<`) are not supported; repeat the members instead".to_owned()
        }
        other => format!("not valid YAML: {}", UserMessageFormatter.format_message(other)),
    };
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    YamlError { line, reason: reason.replace(char::is_control, " ") }
}

impl Node {
    /// Converts the value to JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Mapping(members) => {
                Value::Object(members.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect())
            }
        }
    }

    /// The member with this key, if the value is a mapping.
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
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Content, E> {
        Ok(Content::Bool(flag))
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
            mapping.push((MappingKey { line: key.referenced.line(), name }, node));
        }
        Ok(Content::Mapping(mapping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_have_their_lines_in_every_document() {
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
    fn only_true_and_false_are_booleans() {
        let value = parse("[yes, No, on, true, 'true', 0x10, 1.5]").unwrap().remove(0).to_json();
        assert_eq!(value, serde_json::json!(["yes", "No", "on", true, "true", 16, 1.5]));
    }

    #[test]
    fn an_error_names_its_line() {
        let cases = [
            ("a: 1\nb: 2\na: 3\n", 3, "duplicate"),
            ("a: 1\nb: [\n", 2, "not valid YAML"),
            ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge"),
            ("a:\n  b: .nan\n", 2, "not valid YAML"),
            ("a: !ruby/object 1\n", 1, "not valid YAML"),
        ];
        for (text, line, word) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.reason.contains(word) && !error.reason.contains('\n'), "{text:?} {error:?}");
            assert_eq!(error.line, Some(line), "{text:?} {error:?}");
        }
    }
}
