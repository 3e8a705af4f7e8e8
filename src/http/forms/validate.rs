//! Judges what a request sends for a form: what is accepted of it, and all that is wrong with it.

use serde_json::{Map, Value};

use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::check::{self, BLANK, confirmation_of};
use crate::http::forms::config::definition::{Form, Properties, Property};
use crate::http::forms::config::diagnostics::{LONGEST_NAME, is_name};
use crate::http::forms::config::resource::Field;
use crate::http::forms::config::validation::Validations;
use crate::http::forms::validation_result::{FormMismatch, Validated};
use crate::model::group::complaint_about_properties;

/// The longest password, in bytes.
const LONGEST_PASSWORD: usize = 1_024;
impl Form {
    /// Judges what was sent for a record of that type; for users there is none.
    ///
    /// `is_new` says that a record is to be made of it. Only then do defaults stand in for what is missing; later the
    /// stored value stands.
    ///
    /// # Errors
    /// The first [`FormMismatch`], in which case the values were not looked at.
    pub fn judge(
        &self,
        sent: &Map<String, Value>,
        kind: Option<&Type>,
        is_new: bool,
    ) -> Result<Validated, FormMismatch> {
        refuse_null_characters(sent)?;
        if let Some(name) = sent.keys().find(|name| !self.takes(name)) {
            return Err(FormMismatch::NotListed(name.clone()));
        }
        let mut judged = Validated::default();
        for (field, validations) in &self.fields {
            judged.take_field(*field, validations, sent);
        }
        if let Some(properties) = &self.properties {
            judged.take_properties(properties, sent.get("properties"), kind, is_new)?;
        }
        Ok(judged)
    }

    fn takes(&self, name: &str) -> bool {
        let is_field = |field: &Field, validations: &Validations| {
            field.name() == name || validations.confirmation && confirmation_of(field.name()) == name
        };
        name == "properties" && self.properties.is_some()
            || self.fields.iter().any(|(field, validations)| is_field(field, validations))
    }
}

/// Refuses U+0000 anywhere, which no database here can keep.
pub(super) fn refuse_null_characters(sent: &Map<String, Value>) -> Result<(), FormMismatch> {
    let culprit = sent.iter().find(|(name, value)| name.contains('\0') || check::has_null_character(value));
    culprit.map_or(Ok(()), |(name, _)| Err(FormMismatch::NullCharacter(name.clone())))
}

impl Validated {
    fn take_field(&mut self, field: Field, validations: &Validations, sent: &Map<String, Value>) {
        let name = field.name();
        match sent.get(name) {
            None if validations.presence => self.errors.add(name, BLANK),
            None => {}
            Some(Value::Null) => {
                if validations.presence || !is_clearable(field) {
                    self.errors.add(name, BLANK);
                }
                self.values.insert(name.to_owned(), Value::Null);
            }
            Some(value) => match read_field(field, value) {
                Ok(value) => {
                    for complaint in check::complaints(validations, &value) {
                        self.errors.add(name, complaint);
                    }
                    self.values.insert(name.to_owned(), value);
                }
                Err(complaint) => self.errors.add(name, complaint),
            },
        }
        if validations.confirmation {
            self.check_confirmation(name, name, sent);
        }
    }

    fn take_properties(
        &mut self,
        listing: &Properties,
        sent: Option<&Value>,
        kind: Option<&Type>,
        is_new: bool,
    ) -> Result<(), FormMismatch> {
        let nothing = Map::new();
        let sent = match sent {
            None => &nothing,
            Some(Value::Object(properties)) => properties,
            Some(_) => {
                self.errors.add("properties", "is not an object");
                return Ok(());
            }
        };
        listing.refuse_misfits(sent, kind)?;
        match listing {
            Properties::Free => {
                for (name, value) in sent {
                    self.take_property(name, value, complaints_about_property(name, value, kind, None));
                }
            }
            Properties::Listed(listed) => {
                for (name, property) in listed {
                    self.take_listed(name, property, sent, kind, is_new);
                }
            }
        }
        if is_new {
            self.properties.retain(|_, value| !value.is_null());
        }
        self.check_size();
        Ok(())
    }

    fn take_listed(
        &mut self,
        name: &str,
        property: &Property,
        sent: &Map<String, Value>,
        kind: Option<&Type>,
        is_new: bool,
    ) {
        match (sent.get(name), &property.default) {
            (Some(value), _) => {
                let complaints = complaints_about_property(name, value, kind, Some(&property.validations));
                self.take_property(name, value, complaints);
            }
            (None, Some(default)) => {
                if is_new && kind.is_none_or(|kind| kind.attribute(name).is_some()) {
                    self.properties.insert(name.to_owned(), default.clone());
                }
            }
            (None, None) if property.validations.presence => self.errors.add(field_of(name), BLANK),
            (None, None) => {}
        }
        if property.validations.confirmation {
            self.check_confirmation(name, &field_of(name), sent);
        }
    }

    /// Takes a property that was sent, with what is wrong with it.
    pub(super) fn take_property(&mut self, name: &str, value: &Value, complaints: Vec<String>) {
        if !is_name(name) {
            let names =
                format!("has a name that is not 1 to {LONGEST_NAME} characters, none of them a control character");
            self.errors.add("properties", names);
            return;
        }
        for complaint in complaints {
            self.errors.add(field_of(name), complaint);
        }
        self.properties.insert(name.to_owned(), value.clone());
    }

    /// Notes if the properties are too many or too large together.
    pub(super) fn check_size(&mut self) {
        if let Some(complaint) = complaint_about_properties(&self.properties) {
            self.errors.add("properties", complaint);
        }
    }

    /// `name` as it stands in `sent`, `field` as errors call it.
    fn check_confirmation(&mut self, name: &str, field: &str, sent: &Map<String, Value>) {
        let confirmation = sent.get(&confirmation_of(name)).filter(|value| !value.is_null());
        if confirmation.is_some_and(|confirmation| sent.get(name) != Some(confirmation)) {
            self.errors.add(confirmation_of(field), format!("doesn't match `{name}`"));
        }
    }
}

/// What is wrong with a property that was sent; only its kind can be where there are no validations.
pub(super) fn complaints_about_property(
    name: &str,
    value: &Value,
    kind: Option<&Type>,
    validations: Option<&Validations>,
) -> Vec<String> {
    if value.is_null() {
        let is_demanded = validations.is_some_and(|validations| validations.presence);
        return if is_demanded { vec![BLANK.to_owned()] } else { Vec::new() };
    }
    let attribute = kind.and_then(|kind| kind.attribute(name));
    let complaint = attribute.and_then(|attribute| attribute.complaint_about(value)).map(str::to_owned);
    match complaint.or_else(|| check::complaint_about_texts(value)) {
        Some(complaint) => vec![complaint],
        None => validations.map(|validations| check::complaints(validations, value)).unwrap_or_default(),
    }
}

/// What errors call a property.
pub(super) fn field_of(property: &str) -> String {
    format!("properties.{property}")
}

impl Properties {
    /// Refuses what is not listed, cannot be written, or that the type does not define.
    fn refuse_misfits(&self, sent: &Map<String, Value>, kind: Option<&Type>) -> Result<(), FormMismatch> {
        for name in sent.keys() {
            if let Self::Listed(listed) = self {
                match listed.get(name) {
                    Some(property) if property.is_readonly => return Err(FormMismatch::ReadOnly(field_of(name))),
                    None if self.confirms(name) => continue,
                    None => return Err(FormMismatch::NotListed(field_of(name))),
                    Some(_) => {}
                }
            }
            refuse_undefined(name, kind)?;
        }
        Ok(())
    }

    /// Whether `name` repeats a property that is to be confirmed.
    fn confirms(&self, name: &str) -> bool {
        let Self::Listed(listed) = self else { return false };
        listed.iter().any(|(known, property)| property.validations.confirmation && confirmation_of(known) == name)
    }
}

/// Refuses a property that the type does not define.
pub(super) fn refuse_undefined(name: &str, kind: Option<&Type>) -> Result<(), FormMismatch> {
    match kind {
        Some(kind) if kind.attribute(name).is_none() => {
            Err(FormMismatch::NotDefined(field_of(name), kind.name.clone()))
        }
        _ => Ok(()),
    }
}

/// Whether `null` means something: nobody is without an address, a password is changed and not removed, and a member
/// always joins a user to a group.
const fn is_clearable(field: Field) -> bool {
    matches!(field, Field::FirstName | Field::LastName | Field::ExternalId)
}

/// A value of the right kind: a text of bearable length, or an id as a number.
fn read_field(field: Field, value: &Value) -> Result<Value, String> {
    if field.is_id() {
        let id = match value {
            Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            other => other.as_i64(),
        };
        return id.filter(|id| *id > 0).map(Value::from).ok_or_else(|| "must be a positive integer".to_owned());
    }
    let Value::String(text) = value else { return Err("is not a text".to_owned()) };
    if let Some(complaint) = check::complaint_about_texts(value) {
        return Err(complaint);
    }
    match field {
        Field::Password if text.is_empty() => Err(BLANK.to_owned()),
        Field::Password if text.len() > LONGEST_PASSWORD => {
            Err(format!("is too long (maximum is {LONGEST_PASSWORD} bytes)"))
        }
        _ => Ok(value.clone()),
    }
}
