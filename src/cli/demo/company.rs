//! The sample company of `demo`: always the same people, relationships, rules and groups.

use crate::domain::relationships::{self, NewRelationship};
use crate::domain::{relationship_types, users};
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::group::Properties;
use crate::model::id::UserId;
use crate::model::precondition::Precondition;
use crate::model::relationship_type::{TypeAttribute, TypeName};
use crate::model::user::{AccessLevel, Field, Value};
use crate::store::Tx;

/// The domain of all e-mail addresses; names below `.example` are reserved (RFC 2606 §2).
const DOMAIN: &str = "skillhive.example";
/// The id of the first row.
const FIRST_ID: i64 = 1_000;
/// Rows 5 to 15 lead a team, and rows 16 to 59 are the teams of four.
const FIRST_LEAD: usize = 5;
const LEADS: usize = 11;
const FIRST_MEMBER: usize = FIRST_LEAD + LEADS;
const TEAM: usize = 4;

/// The row of an admin.
pub const ADMIN: usize = 56;
/// The row of an ordinary user.
pub const USER: usize = 17;
/// The row of that user's supervisor.
pub const LEAD: usize = 5;
/// The row of the chief executive officer.
pub const CHIEF: usize = 0;
/// The row of a consultant from outside.
const OUTSIDER: usize = 26;
/// The row of a user who has left the company.
const LEAVER: usize = 47;

/// One row of the table.
struct Person {
    first: &'static str,
    last: &'static str,
    login: &'static str,
    title: &'static str,
    place: &'static str,
    /// The row of the supervisor, or the own row if there is none.
    boss: usize,
}

const fn p(
    first: &'static str,
    last: &'static str,
    login: &'static str,
    title: &'static str,
    place: &'static str,
    boss: usize,
) -> Person {
    Person { first, last, login, title, place, boss }
}

#[rustfmt::skip]
const PEOPLE: [Person; 60] = [
    p("Aino", "Virtanen", "aino.virtanen", "Chief executive officer", "Helsinki", 0),
    p("Rajesh", "Iyer", "rajesh.iyer", "Head of engineering", "Helsinki", 0),
    p("Camille", "Laurent", "camille.laurent", "Head of product", "Paris", 0),
    p("Björn", "Lindqvist", "bjorn.lindqvist", "Head of sales", "Stockholm", 0),
    p("Nomvula", "Dlamini", "nomvula.dlamini", "Head of people and operations", "Helsinki", 0),

    p("Mateusz", "Kowalczyk", "mateusz.kowalczyk", "Lead, platform", "Tampere", 1),
    p("Yuki", "Tanaka", "yuki.tanaka", "Lead, applications", "Helsinki", 1),
    p("Amara", "Okafor", "amara.okafor", "Lead, data", "London", 1),
    p("Juhani", "Nieminen", "juhani.nieminen", "Lead, quality", "Oulu", 1),
    p("Sofía", "Herrera", "sofia.herrera", "Lead, design", "Madrid", 2),
    p("David", "Ben-Ami", "david.benami", "Lead, product management", "Paris", 2),
    p("Ingrid", "Solberg", "ingrid.solberg", "Lead, Nordic sales", "Oslo", 3),
    p("Liam", "Gallagher-Reid", "liam.gallagher-reid", "Lead, customer success", "Dublin", 3),
    p("Mei", "Chen", "mei.chen", "Lead, marketing", "Stockholm", 3),
    p("Pirjo", "Heikkinen", "pirjo.heikkinen", "Lead, finance", "Helsinki", 4),
    p("Tomás", "Novák", "tomas.novak", "Lead, people and IT", "Prague", 4),

    p("Elena", "Petrova", "elena.petrova", "Senior platform engineer", "Tampere", 5),
    p("Oskar", "Johansson", "oskar.johansson", "Platform engineer", "Stockholm", 5),
    p("Fatima", "Zahra", "fatima.zahra", "Site reliability engineer", "Helsinki", 5),
    p("Veeti", "Laine", "veeti.laine", "Trainee, platform", "Tampere", 16),
    p("Priya", "Nair", "priya.nair", "Senior mobile developer", "Helsinki", 6),
    p("Lucas", "Moreau", "lucas.moreau", "Front-end developer", "Paris", 6),
    p("Hanna", "Korhonen", "hanna.korhonen", "Back-end developer", "Helsinki", 6),
    p("Kofi", "Mensah", "kofi.mensah", "Trainee, applications", "London", 20),
    p("Anastasia", "Kuznetsova", "anastasia.kuznetsova", "Senior data scientist", "London", 7),
    p("Diego", "Fernández", "diego.fernandez", "Data engineer", "Madrid", 7),
    p("Greta", "Hoffmann", "greta.hoffmann", "Consultant, statistics", "Berlin", 7),
    p("Arjun", "Mehta", "arjun.mehta", "Data analyst", "London", 7),
    p("Sanna", "Mäkelä", "sanna.makela", "Senior test engineer", "Oulu", 8),
    p("Chidi", "Eze", "chidi.eze", "Test automation engineer", "Oulu", 8),
    p("Katarzyna", "Wójcik", "katarzyna.wojcik", "Security engineer", "Kraków", 8),
    p("Emil", "Rasmussen", "emil.rasmussen", "Trainee, quality", "Copenhagen", 28),

    p("Leïla", "Benali", "leila.benali", "Senior interaction designer", "Paris", 9),
    p("Marco", "Bianchi", "marco.bianchi", "Visual designer", "Milan", 9),
    p("Noora", "Salonen", "noora.salonen", "User researcher", "Helsinki", 9),
    p("Thabo", "Nkosi", "thabo.nkosi", "Trainee, design", "Madrid", 32),
    p("Hye-jin", "Park", "hyejin.park", "Product manager, profiles", "Helsinki", 10),
    p("Antoine", "Dubois", "antoine.dubois", "Product manager, groups", "Paris", 10),
    p("Zeynep", "Yılmaz", "zeynep.yilmaz", "Product analyst", "Berlin", 10),
    p("Niamh", "O’Sullivan", "niamh.osullivan", "Technical writer", "Dublin", 10),

    p("Lars", "Haugen", "lars.haugen", "Account manager", "Oslo", 11),
    p("Astrid", "Nyström", "astrid.nystrom", "Account manager", "Stockholm", 11),
    p("Samuel", "Adeyemi", "samuel.adeyemi", "Sales engineer", "London", 11),
    p("Riikka", "Hämäläinen", "riikka.hamalainen", "Sales coordinator", "Helsinki", 11),
    p("Grace", "Wanjiru", "grace.wanjiru", "Customer success manager", "Dublin", 12),
    p("Pedro", "Carvalho", "pedro.carvalho", "Customer success manager", "Lisbon", 12),
    p("Aoife", "Byrne", "aoife.byrne", "Support specialist", "Dublin", 12),
    p("Viktor", "Horváth", "viktor.horvath", "Support specialist", "Budapest", 12),
    p("Isabella", "Rossi", "isabella.rossi", "Content marketer", "Milan", 13),
    p("Wei", "Zhang", "wei.zhang", "Growth marketer", "Stockholm", 13),
    p("Maja", "Kovačević", "maja.kovacevic", "Event manager", "Zagreb", 13),
    p("Jonas", "Berg", "jonas.berg", "Brand designer", "Stockholm", 13),

    p("Kaisa", "Lehtonen", "kaisa.lehtonen", "Controller", "Helsinki", 14),
    p("Omar", "Haddad", "omar.haddad", "Accountant", "Helsinki", 14),
    p("Eun-ji", "Kim", "eunji.kim", "Payroll specialist", "Helsinki", 14),
    p("Mikko", "Rantanen", "mikko.rantanen", "Legal counsel", "Helsinki", 14),
    p("Lea", "Schneider", "lea.schneider", "IT administrator", "Berlin", 15),
    p("Adam", "Dvořák", "adam.dvorak", "Recruiter", "Prague", 15),
    p("Tuuli", "Saarinen", "tuuli.saarinen", "Learning specialist", "Helsinki", 15),
    p("Ravi", "Shankaran", "ravi.shankaran", "Workplace coordinator", "Helsinki", 15),
];

/// The id of the person in a row.
#[must_use]
pub fn id_of(row: usize) -> UserId {
    UserId::new(FIRST_ID.saturating_add(i64::try_from(row).unwrap_or_default()))
}

/// The name of the person in a row.
#[must_use]
pub fn name_of(row: usize) -> String {
    PEOPLE.get(row).map(|person| format!("{} {}", person.first, person.last)).unwrap_or_default()
}

/// Creates all users, relationships and groups.
///
/// # Errors
/// Those of the domain.
pub fn create_company(tx: &mut Tx<'_>) -> Result<()> {
    for (row, person) in PEOPLE.iter().enumerate() {
        users::create(tx, &Caller::OPERATOR, Some(id_of(row)), &data_of(row, person))?;
    }
    set_rules(tx)?;
    for (user, target, name) in edges() {
        let new = NewRelationship::of_type(Some(id_of(user)), id_of(target), name);
        relationships::create(tx, &Caller::OPERATOR, &new)?;
    }
    for (owner, name, members) in groups() {
        let group = tx.insert_group("special_group", id_of(owner), &property("group_name", name))?;
        for row in members {
            let status = if row == OUTSIDER { "not_verified" } else { "active" };
            tx.insert_group_member("special_group_users", group, id_of(row), &property("status", status))?;
        }
    }
    Ok(())
}

/// Makes `subordinate` a tree and `colleague` symmetric.
fn set_rules(tx: &mut Tx<'_>) -> Result<()> {
    let role = |role: &str| Value::Text(role.to_owned());
    let tree = [
        (TypeAttribute::UserRole, role("subordinates")),
        (TypeAttribute::TargetRole, role("supervisor")),
        (TypeAttribute::IsAcyclic, Value::Flag(true)),
        (TypeAttribute::MaxPerUser, Value::Integer(1)),
    ];
    let symmetric = [
        (TypeAttribute::UserRole, role("colleagues")),
        (TypeAttribute::TargetRole, role("colleagues")),
        (TypeAttribute::IsSymmetric, Value::Flag(true)),
    ];
    for (name, changes) in [("subordinate", &tree[..]), ("colleague", &symmetric)] {
        let name = TypeName::parse(name);
        relationship_types::change(tx, &Caller::OPERATOR, name.as_ref(), &Precondition::None, changes, None)?;
    }
    Ok(())
}

fn property(name: &str, value: &str) -> Properties {
    Properties::from_iter([(name.to_owned(), value.into())])
}

fn data_of(row: usize, person: &Person) -> Vec<(Field, Value)> {
    let text = |text: &str| Value::Text(text.to_owned());
    let list = |text: &str| Value::List(vec![text.to_owned()]);
    let level = match row {
        ADMIN => AccessLevel::Admin,
        OUTSIDER => AccessLevel::Ext,
        _ => AccessLevel::User,
    };
    vec![
        (Field::Email, text(&format!("{}@{DOMAIN}", person.login))),
        (Field::FirstName, text(person.first)),
        (Field::LastName, text(person.last)),
        (Field::JobTitle, list(person.title)),
        (Field::Location, list(person.place)),
        (Field::Unit, list(unit_of(row))),
        (Field::AccessLevel, text(level.name())),
        (Field::IsEnabled, Value::Flag(row != LEAVER)),
    ]
}

/// The unit of the head at the end of the chain of supervisors.
fn unit_of(row: usize) -> &'static str {
    match row {
        1 => "Engineering",
        2 => "Product",
        3 => "Sales",
        4 => "People and operations",
        _ => match PEOPLE.get(row) {
            Some(person) if person.boss != row => unit_of(person.boss),
            _ => "Management",
        },
    }
}

/// Owner, target and type of every relationship.
fn edges() -> Vec<(usize, usize, &'static str)> {
    let mut edges = Vec::new();
    for (row, person) in PEOPLE.iter().enumerate() {
        if person.boss != row {
            edges.push((row, person.boss, "subordinate"));
        }
        if row >= FIRST_MEMBER {
            // Each member is a colleague of the next one in the team, the last of the first.
            let team = row - (row - FIRST_MEMBER) % TEAM;
            edges.push((row, team + (row - team + 1) % TEAM, "colleague"));
            // Every third member has a mentor, the lead of another team.
            if row % 3 == 1 {
                let own = (row - FIRST_MEMBER) / TEAM;
                edges.push((row, FIRST_LEAD + (own + 1 + row % (LEADS - 1)) % LEADS, "mentor"));
            }
        } else if row >= FIRST_LEAD {
            edges.push((row, FIRST_LEAD + (row - FIRST_LEAD + 1) % LEADS, "colleague"));
            // Leads have a mentor among the heads of other units.
            edges.push((row, 1 + person.boss % 4, "mentor"));
        }
    }
    edges
}

/// Owner, name and members of every group.
fn groups() -> [(usize, &'static str, Vec<usize>); 2] {
    let team = (FIRST_MEMBER..FIRST_MEMBER + TEAM).chain([OUTSIDER]);
    [(ADMIN, "Captains", (FIRST_LEAD..FIRST_MEMBER).collect()), (LEAD, "Platform on call", team.collect())]
}
