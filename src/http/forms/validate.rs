//! Validates the values of a request against its form.

use serde_json::{Map, Value};

use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::check::{self, BLANK, confirmation_of};
use crate::http::forms::config::definition::{Form, PropertyRule, PropertyRules};
use crate::http::forms::config::diagnostics::{MAX_NAME_LENGTH, is_name};
use crate::http::forms::config::resource::FormField;
use crate::http::forms::config::validation::Validations;
use crate::http::forms::validation_result::{FormMismatch, Validated};
use crate::model::group::complaint_about_properties;
use crate::model::password::MAX_PASSWORD_BYTES;

impl Form {
    /// Validates the values for a record of a type; users have no type.
    ///
    /// Defaults are used only for a new record (`is_new`); an update keeps the stored value.
    ///
    /// # Errors
    /// The first [`FormMismatch`]; the values are not validated then.
    pub fn validate(
        &self,
        sent: &Map<String, Value>,
        kind: Option<&Type>,
        is_new: bool,
    ) -> Result<Validated, FormMismatch> {
        reject_null_characters(sent)?;
        if let Some(name) = sent.keys().find(|name| !self.allows_field(name)) {
            return Err(FormMismatch::NotListed(name.clone()));
        }
        let mut validated = Validated::default();
        for (field, validations) in &self.fields {
            validated.validate_field(*field, validations, sent);
        }
        if let Some(properties) = &self.properties {
            validated.validate_properties(properties, sent.get("properties"), kind, is_new)?;
        }
        Ok(validated)
    }

    fn allows_field(&self, name: &str) -> bool {
        let is_field = |field: &FormField, validations: &Validations| {
            field.name() == name || validations.confirmation && confirmation_of(field.name()) == name
        };
        name == "properties" && self.properties.is_some()
            || self.fields.iter().any(|(field, validations)| is_field(field, validations))
    }
}

/// Rejects U+0000 anywhere, because PostgreSQL cannot store it.
pub(super) fn reject_null_characters(sent: &Map<String, Value>) -> Result<(), FormMismatch> {
    let culprit = sent.iter().find(|(name, value)| name.contains('\0') || check::has_null_character(value));
    culprit.map_or(Ok(()), |(name, _)| Err(FormMismatch::NullCharacter(name.clone())))
}

impl Validated {
    fn validate_field(&mut self, field: FormField, validations: &Validations, sent: &Map<String, Value>) {
        let name = field.name();
        let is_email = validations.email || field == FormField::Email;
        match sent.get(name) {
            None if validations.presence => self.errors.add(name, BLANK),
            None => {}
            Some(Value::Null) => {
                if validations.presence || !is_clearable(field) {
                    self.errors.add(name, BLANK);
                }
                self.values.insert(name.to_owned(), Value::Null);
            }
            Some(value) => match read_field(field, &check::normalize(is_email, value)) {
                Ok(value) => {
                    for message in check::check_value(validations, &value) {
                        self.errors.add(name, message);
                    }
                    self.values.insert(name.to_owned(), value);
                }
                Err(message) => self.errors.add(name, message),
            },
        }
        if validations.confirmation {
            self.check_confirmation(name, name, is_email, sent);
        }
    }

    fn validate_properties(
        &mut self,
        rules: &PropertyRules,
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
        rules.reject_unlisted(sent, kind)?;
        match rules {
            PropertyRules::Any => {
                for (name, value) in sent {
                    self.add_property(name, value, check_property(name, value, kind, None));
                }
            }
            PropertyRules::Listed(listed) => {
                for (name, property) in listed {
                    self.validate_listed_property(name, property, sent, kind, is_new);
                }
            }
        }
        if is_new {
            self.properties.retain(|_, value| !value.is_null());
        }
        self.check_properties_size();
        Ok(())
    }

    fn validate_listed_property(
        &mut self,
        name: &str,
        property: &PropertyRule,
        sent: &Map<String, Value>,
        kind: Option<&Type>,
        is_new: bool,
    ) {
        match (sent.get(name), &property.default) {
            (Some(value), _) => {
                let value = check::normalize(property.validations.email, value);
                let messages = check_property(name, &value, kind, Some(&property.validations));
                self.add_property(name, &value, messages);
            }
            (None, Some(default)) => {
                if is_new && kind.is_none_or(|kind| kind.attribute(name).is_some()) {
                    self.properties.insert(name.to_owned(), default.clone());
                }
            }
            (None, None) if property.validations.presence => self.errors.add(property_field(name), BLANK),
            (None, None) => {}
        }
        if property.validations.confirmation {
            self.check_confirmation(name, &property_field(name), property.validations.email, sent);
        }
    }

    /// Adds a property that was sent, with its messages.
    pub(super) fn add_property(&mut self, name: &str, value: &Value, messages: Vec<String>) {
        if !is_name(name) {
            let message =
                format!("has a name that is not 1 to {MAX_NAME_LENGTH} characters, none of them a control character");
            self.errors.add("properties", message);
            return;
        }
        for message in messages {
            self.errors.add(property_field(name), message);
        }
        self.properties.insert(name.to_owned(), value.clone());
    }

    /// Adds a message if the properties are too large or nested too deeply.
    pub(super) fn check_properties_size(&mut self) {
        if let Some(message) = complaint_about_properties(&self.properties) {
            self.errors.add("properties", message);
        }
    }

    /// Compares the value `name` of `sent` with its confirmation; errors call it `field`.
    fn check_confirmation(&mut self, name: &str, field: &str, is_email: bool, sent: &Map<String, Value>) {
        let read = |name: &str| sent.get(name).map(|value| check::normalize(is_email, value));
        let confirmation = read(&confirmation_of(name)).filter(|value| !value.is_null());
        if confirmation.is_some_and(|confirmation| read(name) != Some(confirmation)) {
            self.errors.add(confirmation_of(field), format!("doesn't match `{name}`"));
        }
    }
}

/// The messages for a property that was sent: about its kind, or else from its validations.
pub(super) fn check_property(
    name: &str,
    value: &Value,
    kind: Option<&Type>,
    validations: Option<&Validations>,
) -> Vec<String> {
    if value.is_null() {
        let is_required = validations.is_some_and(|validations| validations.presence);
        return if is_required { vec![BLANK.to_owned()] } else { Vec::new() };
    }
    let attribute = kind.and_then(|kind| kind.attribute(name));
    let message = attribute.and_then(|attribute| attribute.check(value)).map(str::to_owned);
    match message.or_else(|| check::check_text_lengths(value)) {
        Some(message) => vec![message],
        None => validations.map(|validations| check::check_value(validations, value)).unwrap_or_default(),
    }
}

/// The name of a property in errors.
pub(super) fn property_field(property: &str) -> String {
    format!("properties.{property}")
}

impl PropertyRules {
    /// Rejects properties that are not listed, read-only, or not defined by the type.
    fn reject_unlisted(&self, sent: &Map<String, Value>, kind: Option<&Type>) -> Result<(), FormMismatch> {
        for name in sent.keys() {
            if let Self::Listed(listed) = self {
                match listed.get(name) {
                    Some(property) if property.is_readonly => return Err(FormMismatch::ReadOnly(property_field(name))),
                    None if self.is_confirmation(name) => continue,
                    None => return Err(FormMismatch::NotListed(property_field(name))),
                    Some(_) => {}
                }
            }
            reject_undefined(name, kind)?;
        }
        Ok(())
    }

    /// Whether `name` is the confirmation of a listed property.
    fn is_confirmation(&self, name: &str) -> bool {
        let Self::Listed(listed) = self else { return false };
        listed.iter().any(|(known, property)| property.validations.confirmation && confirmation_of(known) == name)
    }
}

/// Rejects a property that the type does not define.
pub(super) fn reject_undefined(name: &str, kind: Option<&Type>) -> Result<(), FormMismatch> {
    match kind {
        Some(kind) if kind.attribute(name).is_none() => {
            Err(FormMismatch::NotDefined(property_field(name), kind.name.clone()))
        }
        _ => Ok(()),
    }
}

/// Whether `null` clears the field. Addresses, passwords, and the two ends of a membership cannot be removed.
const fn is_clearable(field: FormField) -> bool {
    matches!(field, FormField::FirstName | FormField::LastName | FormField::ExternalId)
}

/// Reads a string that is not too long, or an id as a number.
fn read_field(field: FormField, value: &Value) -> Result<Value, String> {
    if field.is_id() {
        let id = match value {
            Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            other => other.as_i64(),
        };
        return id.filter(|id| *id > 0).map(Value::from).ok_or_else(|| "must be a positive integer".to_owned());
    }
    let Value::String(text) = value else { return Err("is not a string".to_owned()) };
    if let Some(message) = check::check_text_lengths(value) {
        return Err(message);
    }
    match field {
        FormField::Password if text.is_empty() => Err(BLANK.to_owned()),
        FormField::Password if text.len() > MAX_PASSWORD_BYTES => {
            Err(format!("is too long (maximum is {MAX_PASSWORD_BYTES} bytes)"))
        }
        _ => Ok(value.clone()),
    }
}
