//! Parses a line: members with plain values.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::model::group::Properties;

/// A plain value of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Null.
    Null,
    /// True or false.
    Flag(bool),
    /// An integer of 64 bits.
    Number(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list of texts.
    List(Vec<String>),
    /// An object.
    Object(Properties),
    /// Any other value, which no member accepts.
    Other,
}

/// The members of a line, in order, including duplicates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, Cell<'a>)>);

struct Name<'a>(Cow<'a, str>);

struct TextVisitor;
struct CellVisitor;
struct MembersVisitor;

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Self)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Cell<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Cell::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cell::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Cell::Other, Cell::Number))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Self::Value, E> {
        Ok(Cell::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Some(Vec::new());
        while let Some(item) = items.next_element::<Cell<'de>>()? {
            match (item, &mut list) {
                (Cell::Text(text), Some(list)) => list.push(text.into_owned()),
                _ => list = None,
            }
        }
        Ok(list.map_or(Cell::Other, Cell::List))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        Properties::deserialize(MapAccessDeserializer::new(members)).map(Cell::Object)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::with_capacity(8);
        while let Some((name, cell)) = members.next_entry::<Name<'de>, Cell<'de>>()? {
            all.push((name.0, cell));
        }
        Ok(Members(all))
    }
}

impl<'a> Members<'a> {
    /// Reads a line of NDJSON.
    ///
    /// # Errors
    /// A message for people, without content of the line.
    pub fn of_json(line: &'a str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => "the line is not a JSON object".to_owned(),
            serde_json::error::Category::Eof => "the line ends inside a JSON object".to_owned(),
            _ => format!("the line is not valid JSON from column {} on", error.column()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_one_object_of_plain_values() {
        let line = r#"{"a":null,"b":true,"c":-7,"d":"x\n","e":["y"],"f":1e400}"#;
        assert!(Members::of_json(line).is_err());
        let line = r#"{"a":null,"b":true,"c":-7,"d":"x\n","e":["y"],"f":1.5,"i":[1],"j":99999999999999999999,"g":{"h":[1,{}]}}"#;
        let Members(members) = Members::of_json(line).unwrap();
        let cells: Vec<_> = members.into_iter().map(|(_, cell)| cell).collect();
        let text = |text: &'static str| Cell::Text(text.into());
        let list = Cell::List(vec!["y".to_owned()]);
        let expected = [Cell::Null, Cell::Flag(true), Cell::Number(-7), text("x\n"), list];
        assert_eq!(cells[..5], expected);
        let object = Cell::Object(serde_json::from_str(r#"{"h":[1,{}]}"#).unwrap());
        assert_eq!(cells[5..], [Cell::Other, Cell::Other, Cell::Other, object]);
    }

    #[test]
    fn an_invalid_line_is_an_error_without_its_content() {
        for (line, expected) in [
            (r#""secret""#, "not a JSON object"),
            (r#"{"a":"secret"#, "ends inside"),
            (r#"{"a":secret}"#, "not valid JSON from column 6"),
            (r#"{"a":1} {"b":2}"#, "not valid JSON from column 9"),
            ("[1]", "not a JSON object"),
        ] {
            let complaint = Members::of_json(line).unwrap_err();
            assert!(complaint.contains(expected) && !complaint.contains("secret"), "{line}: {complaint}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_object_of_cells_or_a_problem(text in "\\PC{0,30}|[{}\\[\\]\",:a1.e-]{0,30}") {
            let is_object = serde_json::from_str::<Properties>(&text).is_ok();
            let found = Members::of_json(&text);
            prop_assert_eq!(found.is_ok(), is_object, "{:?}", found);
            if let Err(problem) = found {
                prop_assert!(problem.starts_with("the line "));
            }
        }

        #[test]
        fn texts_numbers_flags_and_lists_are_read_as_they_are(
            text in "\\PC{0,20}", number in any::<i64>(), flag in any::<bool>(),
            list in prop::collection::vec("\\PC{0,9}", 0..4),
        ) {
            let line = serde_json::json!({"a": text, "b": number, "c": flag, "d": list}).to_string();
            let cells: Vec<_> = Members::of_json(&line).unwrap().0.into_iter().map(|(_, cell)| cell).collect();
            let expected = [Cell::Text(text.into()), Cell::Number(number), Cell::Flag(flag), Cell::List(list)];
            prop_assert_eq!(cells, expected);
        }
    }
}
