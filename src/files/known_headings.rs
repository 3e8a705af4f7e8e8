//! The headings of exports of five systems.
//!
//! Sources, read in November 2026; their pages name the attributes as the exports do:
//!
//! * BambooHR: <https://documentation.bamboohr.com/docs/list-of-field-names>, and the labels of its reports in
//!   <https://help.okta.com/wf/en-us/content/topics/workflows/connector-reference/bamboohr/actions/listemployees.htm>
//! * Personio: <https://support.personio.de/hc/en-us/articles/115003457645-Best-Practice-Preliminary-Payroll>,
//!   <https://engagedly.com/personio/> (position, supervisor, office); German exports use the German names.
//! * Workday: the fields of custom reports in
//!   <https://help.merge.dev/en/articles/8694660-workday-how-do-i-send-hris-data-via-sftp>
//! * HiBob: <https://help.hibob.com/en/articles/1213152-importing-people-data>, and the fields of reports in
//!   <https://help.lattice.com/hc/en-us/articles/37967569009687-Integrate-HiBob-with-Lattice>
//! * Entra ID: <https://learn.microsoft.com/en-us/entra/identity/users/users-bulk-download>

use super::heading::normalize;

/// A heading that only exports of Entra ID have.
const ENTRA_HEADING: &str = "userPrincipalName";

/// Headings and what they become; `-` is nothing. If several columns of a file become the same, the first heading of
/// this table counts: e-mail addresses and ids before names.
const KNOWN: &[(&str, &[&str])] = &[
    ("email", &["Work Email", "Email - Primary Work", "Primary Work Email", "Email - Work", ENTRA_HEADING, "mail"]),
    ("alt-id", &["Employee #", "Employee ID", "Employee Number", "Personnel number", "Personalnummer", "objectId"]),
    (
        "first-name",
        &["Legal Name - First Name", "Legal First Name", "Preferred Name - First Name", "givenName", "Vorname"],
    ),
    ("last-name", &["Legal Name - Last Name", "Legal Last Name", "Preferred Name - Last Name", "surname", "Nachname"]),
    ("job-title", &["Business Title", "Position", "Title"]),
    ("unit", &["Department", "Supervisory Organization", "Abteilung", "Team", "Division"]),
    ("location", &["Office", "Site", "officeLocation", "physicalDeliveryOfficeName", "Standort"]),
    ("phone", &["Work Phone", "telephoneNumber"]),
    ("mobile", &["Mobile Phone", "Work Mobile"]),
    ("is-enabled", &["accountEnabled"]),
    (
        "subordinate",
        &[
            "Supervisor EID",
            "Manager - Employee ID",
            "Manager ID",
            "Supervisor Email",
            "Manager Email",
            "Manager's Email",
            "Reports to Email",
            "Supervisor",
            "Manager",
            "Reports to",
            "Reporting to",
            "Worker's Manager",
            "Vorgesetzter",
            "Vorgesetzte:r",
        ],
    ),
    (
        "-",
        &[
            "Hire Date",
            "Start Date",
            "Original Hire Date",
            "Termination Date",
            "Einstellungsdatum",
            "Status",
            "Employment Status",
            "Lifecycle Status",
            "Employment Type",
            "Worker Type",
            "Gender",
            "Birth Date",
            "Birthday",
            "Date of Birth",
            "Home Email",
            "Personal Email",
            "Display Name",
            "Full Name",
            "Preferred Name",
            "Middle Name",
            "Worker",
            "Workday ID",
            "Company",
            "Cost Center",
            "Legal Entity",
            "Subcompany",
            "userType",
            "usageLocation",
            "streetAddress",
            "state",
            "country",
            "city",
            "postalCode",
            "authenticationPhoneNumber",
            "authenticationAlternativePhoneNumber",
            "authenticationEmail",
            "alternateEmailAddress",
            "ageGroup",
            "consentProvidedForMinor",
            "legalAgeGroupClassification",
            "companyName",
            "creationType",
            "directorySynced",
            "invitationState",
            "identityIssuer",
            "createdDateTime",
        ],
    ),
];

/// What a known heading becomes, and its rank: the lower one counts if several become the same.
#[must_use]
pub fn find(heading: &str) -> Option<(&'static str, usize)> {
    let heading = normalize(heading);
    let rank_in = |headings: &[&str]| headings.iter().position(|known| normalize(known) == heading);
    KNOWN.iter().find_map(|(target, headings)| Some((*target, rank_in(headings)?)))
}

/// Whether the headings are those of an export of Entra ID, whose column `id` has the ids of that system.
#[must_use]
pub fn are_of_entra<'h>(mut headings: impl Iterator<Item = &'h str>) -> bool {
    headings.any(|heading| normalize(heading) == normalize(ENTRA_HEADING))
}

/// All known headings.
pub fn all() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().flat_map(|(_, headings)| *headings).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::record::RecordKind;

    #[test]
    fn the_explorer_knows_the_same_headings() {
        let script = include_str!("../http/ops/explorer/columns.js");
        let (_, table) = script.split_once("const KNOWN = ").unwrap();
        let (table, _) = table.split_once(';').unwrap();
        let listed: std::collections::BTreeMap<String, String> = serde_json::from_str(table).unwrap();
        let known = KNOWN.iter().flat_map(|(target, headings)| headings.iter().map(|heading| (*heading, *target)));
        let known = known.map(|(heading, target)| (heading.to_owned(), target.to_owned())).collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn known_headings_become_members_and_occur_once() {
        let members = RecordKind::User.members();
        for (target, headings) in KNOWN {
            assert!(["-", "subordinate"].contains(target) || members.contains(target), "{target}");
            for heading in *headings {
                assert_eq!(all().filter(|other| normalize(other) == normalize(heading)).count(), 1, "{heading}");
                assert!(members.iter().all(|member| normalize(member) != normalize(heading)), "{heading}");
            }
        }
        assert_eq!(find("work_email"), Some(("email", 0)));
        assert_eq!(find("shoe size"), None);
    }
}
