// The columns of a spreadsheet: what each heading becomes in an import, and a form to change it.

import { make } from "./html.js";

/** @typedef {Map<string, string>} ColumnMap what a heading becomes; headings that are not in it become what the service recognizes */

/** What can be chosen for a column, by member. `-` is nothing. */
const MEMBERS = {
  email: "E-mail address",
  "first-name": "First name",
  "last-name": "Last name",
  "job-title": "Job title",
  unit: "Unit",
  location: "Location",
  phone: "Phone",
  mobile: "Mobile phone",
  "alt-id": "Employee number (alt-id)",
  "is-enabled": "Account enabled",
  "access-level": "Access level",
  description: "Description",
  "additional-info": "Additional information",
  website: "Website",
  skype: "Skype",
  twitter: "Twitter",
  id: "Id in this service",
  "-": "Ignore this column",
};

/** The headings of exports of other systems that the service recognizes. A test compares them with those of the service. */
// prettier-ignore
const KNOWN = {
  "Work Email": "email", "Email - Primary Work": "email", "Primary Work Email": "email", "Email - Work": "email",
  "userPrincipalName": "email", "mail": "email",
  "Employee #": "alt-id", "Employee ID": "alt-id", "Employee Number": "alt-id", "Personnel number": "alt-id",
  "Personalnummer": "alt-id", "objectId": "alt-id",
  "Legal Name - First Name": "first-name", "Legal First Name": "first-name", "Preferred Name - First Name": "first-name", "givenName": "first-name",
  "Vorname": "first-name",
  "Legal Name - Last Name": "last-name", "Legal Last Name": "last-name", "Preferred Name - Last Name": "last-name", "surname": "last-name",
  "Nachname": "last-name",
  "Business Title": "job-title", "Position": "job-title", "Title": "job-title",
  "Department": "unit", "Supervisory Organization": "unit", "Abteilung": "unit", "Team": "unit",
  "Division": "unit",
  "Office": "location", "Site": "location", "officeLocation": "location", "physicalDeliveryOfficeName": "location",
  "Standort": "location",
  "Work Phone": "phone", "telephoneNumber": "phone",
  "Mobile Phone": "mobile", "Work Mobile": "mobile",
  "accountEnabled": "is-enabled",
  "Supervisor EID": "subordinate", "Manager - Employee ID": "subordinate", "Manager ID": "subordinate", "Supervisor Email": "subordinate",
  "Manager Email": "subordinate", "Manager's Email": "subordinate", "Reports to Email": "subordinate", "Supervisor": "subordinate",
  "Manager": "subordinate", "Reports to": "subordinate", "Reporting to": "subordinate", "Worker's Manager": "subordinate",
  "Vorgesetzter": "subordinate", "Vorgesetzte:r": "subordinate",
  "Hire Date": "-", "Start Date": "-", "Original Hire Date": "-", "Termination Date": "-",
  "Einstellungsdatum": "-", "Status": "-", "Employment Status": "-", "Lifecycle Status": "-",
  "Employment Type": "-", "Worker Type": "-", "Gender": "-", "Birth Date": "-",
  "Birthday": "-", "Date of Birth": "-", "Home Email": "-", "Personal Email": "-",
  "Display Name": "-", "Full Name": "-", "Preferred Name": "-", "Middle Name": "-",
  "Worker": "-", "Workday ID": "-", "Company": "-", "Cost Center": "-",
  "Legal Entity": "-", "Subcompany": "-", "userType": "-", "usageLocation": "-",
  "streetAddress": "-", "state": "-", "country": "-", "city": "-",
  "postalCode": "-", "authenticationPhoneNumber": "-", "authenticationAlternativePhoneNumber": "-", "authenticationEmail": "-",
  "alternateEmailAddress": "-", "ageGroup": "-", "consentProvidedForMinor": "-", "legalAgeGroupClassification": "-",
  "companyName": "-", "creationType": "-", "directorySynced": "-", "invitationState": "-",
  "identityIssuer": "-", "createdDateTime": "-"
};

/** How the service compares headings. @param {string} heading */
const normalize = (heading) => heading.toLowerCase().replaceAll(/[\s_-]/gu, "");
/** @type {Map<string, string>} */
const RECOGNIZED = new Map();
for (const [heading, name] of Object.entries(KNOWN)) RECOGNIZED.set(normalize(heading), name);
for (const name of Object.keys(MEMBERS)) RECOGNIZED.set(normalize(name), name);

/** What the service recognizes a heading as; "" for nothing. @param {string} heading */
export const recognize = (heading) => RECOGNIZED.get(normalize(heading)) ?? "";

/**
 * The headings of a CSV file; empty if its first line cannot be read.
 * @param {Blob} file @param {string} encoding @returns {Promise<string[]>}
 */
export async function readHeadings(file, encoding) {
  const bytes = await file.slice(0, 64 << 10).arrayBuffer();
  const [first, second] = new Uint8Array(bytes);
  const label = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : encoding;
  const text = new TextDecoder(label).decode(bytes);
  const declared = /^sep=(.)\r?\n/i.exec(text);
  const rest = declared ? text.slice(declared[0].length) : text;
  const head = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(rest)?.[0] ?? "";
  const outside = head.replaceAll(/"(?:[^"]|"")*"/g, "");
  const most = (/** @type {string} */ one, /** @type {string} */ other) => (outside.split(other).length > outside.split(one).length ? other : one);
  const delimiter = declared?.[1] ?? [",", ";", "\t"].reduce(most);
  const cells = [];
  for (let left = head; ; ) {
    const quoted = /^\s*"((?:[^"]|"")*)"\s*/.exec(left);
    const end = quoted ? quoted[0].length : left.indexOf(delimiter) < 0 ? left.length : left.indexOf(delimiter);
    cells.push((quoted ? (quoted[1] ?? "").replaceAll('""', '"') : left.slice(0, end)).trim());
    if (left[end] !== delimiter) return cells.filter(Boolean);
    left = left.slice(end + 1);
  }
}

/**
 * A form with one field for each column.
 * @param {string[]} headings @param {string[]} roles the names of types and roles @param {ColumnMap} chosen changed by the fields
 */
export function columnFields(headings, roles, chosen) {
  const rows = headings.map((heading, index) => {
    const found = recognize(heading);
    const name = /** @type {Record<string, string>} */ (MEMBERS)[found] ?? `Relationship: ${found}`;
    const automatic = found ? `${found === "-" ? "Not imported" : name} (recognized)` : "Not recognized";
    const option = (/** @type {string} */ value, /** @type {string} */ text) => make("option", { value, selected: chosen.get(heading) === value }, text);
    const members = Object.entries(MEMBERS).map(([value, text]) => option(value, text));
    const relations = roles.map((role) => option(role, `Relationship: ${role}`));
    const field = make("select", { id: `column-${index}` }, option("", automatic), ...members, ...relations);
    field.addEventListener("change", () => (field.value ? chosen.set(heading, field.value) : chosen.delete(heading)));
    return make("li", found ? {} : { class: "unknown" }, make("label", { for: field.id }, heading), field);
  });
  return make("ul", { class: "plain columns" }, ...rows);
}

/** The option of an import for a choice of columns. @param {ColumnMap} chosen @returns {string} */
export const toOption = (chosen) => JSON.stringify(Object.fromEntries(chosen));

/** The names of types and roles, which columns may have. @returns {string[]} */
export const rolesOf = (/** @type {import("./people.js").RelationshipType[]} */ types) =>
  [...new Set(types.flatMap(({ id, up, down }) => [id, up, down]))].filter((name) => name !== null);
