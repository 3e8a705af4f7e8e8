//! The authorization rules as a table, without database and HTTP.

use user_relationships::domain::policy::{Action, may, may_by_form, require};
use user_relationships::model::caller::Caller;
use user_relationships::model::code::Code;
use user_relationships::model::error::Error;
use user_relationships::model::form::ResourceOwner;
use user_relationships::model::id::UserId;
use user_relationships::model::manager::Manager;
use user_relationships::model::rules::Rules;
use user_relationships::model::user::{AccessLevel, Field};

const ME: UserId = UserId::new(1);
const OTHER: UserId = UserId::new(2);
const THIRD: UserId = UserId::new(3);

type Rule = Result<(), Code>;

const YES: Rule = Ok(());
const NOT_FOUND: Rule = Err(Code::NotFound);
const NOT_OWNER: Rule = Err(Code::NotOwner);
const NOT_ADMIN: Rule = Err(Code::NotAdmin);
const ADMIN_ONLY: Rule = Err(Code::AdminOnlyAttribute);
const NO_SUCH_TARGET: Rule = Err(Code::RelatedResourceNotFound);

const fn edge(user: UserId, target: UserId) -> Action {
    Action::SeeRelationship { user, target }
}

const fn user(id: UserId, is_related: bool) -> Action {
    Action::SeeUser { id, is_related }
}

const fn target(id: UserId, is_related: bool) -> Action {
    Action::NameTarget { id, is_related }
}

const fn group(owner: Option<UserId>, is_member: bool) -> Action {
    Action::SeeGroup { owner, is_member }
}

const fn member(user: UserId, owner: Option<UserId>) -> Action {
    Action::SeeMember { user, owner }
}

const fn change_member(user: UserId, owner: Option<UserId>) -> Action {
    Action::WriteMember { user, owner }
}

const DIRECTED: Rules =
    Rules { is_symmetric: false, is_acyclic: false, max_per_user: None, managed_by: Manager::Owner };
const SYMMETRIC: Rules = Rules { is_symmetric: true, ..DIRECTED };
const MANAGED: Rules = Rules { managed_by: Manager::Admin, ..SYMMETRIC };

const fn write(owner: UserId, managed_by: Manager) -> Action {
    Action::WriteRelationship { owner, managed_by }
}

const fn delete(owner: UserId, target: UserId, rules: Rules) -> Action {
    Action::DeleteRelationship { owner, target, rules }
}

/// What a `user`, an `ext` and an `admin` may do; an `excluded` caller may do nothing.
const RULES: &[(Action, Rule, Rule, Rule)] = &[
    (edge(ME, OTHER), YES, YES, YES),
    (edge(OTHER, ME), YES, YES, YES),
    (edge(OTHER, THIRD), YES, NOT_FOUND, YES),
    (Action::SeeAuthors { owner: ME }, YES, YES, YES),
    (Action::SeeAuthors { owner: OTHER }, NOT_OWNER, NOT_OWNER, YES),
    (Action::Import, NOT_ADMIN, NOT_ADMIN, YES),
    (Action::SeeChanges, NOT_ADMIN, NOT_ADMIN, YES),
    (Action::SeeChangesOfUser { id: ME }, YES, YES, YES),
    (Action::SeeChangesOfUser { id: OTHER }, NOT_OWNER, NOT_OWNER, YES),
    (write(ME, Manager::Owner), YES, YES, YES),
    (write(OTHER, Manager::Owner), NOT_OWNER, NOT_OWNER, YES),
    (write(ME, Manager::Admin), NOT_ADMIN, NOT_ADMIN, YES),
    (write(OTHER, Manager::Admin), NOT_ADMIN, NOT_ADMIN, YES),
    (Action::WriteOwners { managed_by: Manager::Owner }, NOT_OWNER, NOT_OWNER, YES),
    (Action::WriteOwners { managed_by: Manager::Admin }, NOT_ADMIN, NOT_ADMIN, YES),
    (delete(ME, OTHER, DIRECTED), YES, YES, YES),
    (delete(OTHER, ME, DIRECTED), NOT_OWNER, NOT_OWNER, YES),
    (delete(ME, OTHER, SYMMETRIC), YES, YES, YES),
    (delete(OTHER, ME, SYMMETRIC), YES, YES, YES),
    (delete(OTHER, THIRD, SYMMETRIC), NOT_OWNER, NOT_OWNER, YES),
    (delete(OTHER, ME, MANAGED), NOT_ADMIN, NOT_ADMIN, YES),
    (target(OTHER, false), YES, NO_SUCH_TARGET, YES),
    (target(OTHER, true), YES, YES, YES),
    (target(ME, false), YES, YES, YES),
    (user(ME, false), YES, YES, YES),
    (user(OTHER, true), YES, YES, YES),
    (user(OTHER, false), YES, NOT_FOUND, YES),
    (Action::CreateUser, NOT_ADMIN, NOT_ADMIN, YES),
    (Action::DeleteUser, NOT_ADMIN, NOT_ADMIN, YES),
    (Action::ChangeUser { id: ME }, YES, YES, YES),
    (Action::ChangeUser { id: OTHER }, NOT_OWNER, NOT_OWNER, YES),
    (Action::WriteField(Field::FirstName), YES, YES, YES),
    (Action::WriteField(Field::LastName), YES, YES, YES),
    (Action::WriteField(Field::Email), ADMIN_ONLY, ADMIN_ONLY, YES),
    (Action::WriteField(Field::Description), YES, YES, YES),
    (Action::WriteField(Field::AdditionalInfo), YES, YES, YES),
    (Action::WriteField(Field::Location), YES, YES, YES),
    (Action::WriteField(Field::Unit), YES, YES, YES),
    (Action::WriteField(Field::Phone), YES, YES, YES),
    (Action::WriteField(Field::Mobile), YES, YES, YES),
    (Action::WriteField(Field::JobTitle), YES, YES, YES),
    (Action::WriteField(Field::Website), YES, YES, YES),
    (Action::WriteField(Field::Skype), YES, YES, YES),
    (Action::WriteField(Field::Twitter), YES, YES, YES),
    (Action::WriteField(Field::AltId), ADMIN_ONLY, ADMIN_ONLY, YES),
    (Action::WriteField(Field::IsEnabled), ADMIN_ONLY, ADMIN_ONLY, YES),
    (Action::WriteField(Field::AccessLevel), ADMIN_ONLY, ADMIN_ONLY, YES),
    (Action::SeeTypes, YES, YES, YES),
    (Action::Transfer, NOT_ADMIN, NOT_ADMIN, YES),
    (Action::SeePast, YES, NOT_ADMIN, YES),
    (Action::WriteTypes, NOT_ADMIN, NOT_ADMIN, YES),
    (group(Some(ME), false), YES, YES, YES),
    (group(Some(OTHER), true), YES, YES, YES),
    (group(Some(OTHER), false), YES, NOT_FOUND, YES),
    (group(None, false), YES, NOT_FOUND, YES),
    (Action::CreateGroup, YES, YES, YES),
    (Action::WriteGroup { owner: Some(ME) }, YES, YES, YES),
    (Action::WriteGroup { owner: Some(OTHER) }, NOT_OWNER, NOT_OWNER, YES),
    (Action::WriteGroup { owner: None }, NOT_OWNER, NOT_OWNER, YES),
    (member(ME, Some(OTHER)), YES, YES, YES),
    (member(OTHER, Some(ME)), YES, YES, YES),
    (member(OTHER, Some(THIRD)), YES, NOT_FOUND, YES),
    (member(OTHER, None), YES, NOT_FOUND, YES),
    (change_member(ME, Some(OTHER)), YES, YES, YES),
    (change_member(OTHER, Some(ME)), YES, YES, YES),
    (change_member(OTHER, Some(THIRD)), NOT_OWNER, NOT_OWNER, YES),
    (change_member(OTHER, None), NOT_OWNER, NOT_OWNER, YES),
];

/// The row of an action in the table. A new action does not compile without a number here, and then fails the test
/// below until the table has it.
const fn kind(action: Action) -> usize {
    match action {
        Action::SeeRelationship { .. } => 0,
        Action::WriteRelationship { .. } => 1,
        Action::NameTarget { .. } => 2,
        Action::SeeUser { .. } => 3,
        Action::CreateUser => 4,
        Action::DeleteUser => 5,
        Action::ChangeUser { .. } => 6,
        Action::WriteField(_) => 7,
        Action::SeeTypes => 8,
        Action::WriteTypes => 9,
        Action::SeeGroup { .. } => 10,
        Action::CreateGroup => 11,
        Action::WriteGroup { .. } => 12,
        Action::SeeMember { .. } => 13,
        Action::WriteMember { .. } => 14,
        Action::DeleteRelationship { .. } => 15,
        Action::WriteOwners { .. } => 16,
        Action::Transfer => 17,
        Action::SeeAuthors { .. } => 18,
        Action::SeeChanges => 19,
        Action::SeeChangesOfUser { .. } => 20,
        Action::SeePast => 21,
        Action::Import => 22,
    }
}

/// One more than the largest number that [`kind`] returns.
const KINDS: usize = 23;

fn caller(level: AccessLevel) -> Caller {
    Caller { id: ME, level }
}

#[test]
fn every_access_level_has_the_rights_in_the_table() {
    for (action, user, ext, admin) in RULES {
        for (level, expected) in [
            (AccessLevel::User, *user),
            (AccessLevel::Ext, *ext),
            (AccessLevel::Admin, *admin),
            (AccessLevel::Excluded, Err(Code::AccountDisabled)),
        ] {
            assert_eq!(may(&caller(level), *action), expected, "{level:?} {action:?}");
        }
        assert_eq!(may(&Caller::OPERATOR, *action), YES, "the operator, {action:?}");
    }
}

#[test]
fn a_form_grants_rights_only_where_anyone_may_use_it() {
    for (action, ..) in RULES {
        for level in AccessLevel::ALL {
            let caller = caller(level);
            let by_own = may_by_form(&caller, ResourceOwner::Own, *action);
            assert_eq!(by_own, may(&caller, *action), "{level:?} {action:?}");
            let by_anyones = may_by_form(&caller, ResourceOwner::Anyone, *action);
            let expected = if level == AccessLevel::Excluded { Err(Code::AccountDisabled) } else { YES };
            assert_eq!(by_anyones, expected, "{level:?} {action:?}");
        }
    }
}

#[test]
fn the_table_has_every_action_and_every_field() {
    for wanted in 0..KINDS {
        assert!(RULES.iter().any(|(action, ..)| kind(*action) == wanted), "no row for kind {wanted}");
    }
    for field in Field::ALL {
        let is_there = RULES.iter().any(|(action, ..)| *action == Action::WriteField(field));
        assert!(is_there, "no row for {field:?}");
    }
}

#[test]
fn a_refusal_has_the_code_of_its_rule_and_a_sentence() {
    for (action, user, ..) in RULES {
        let refused = require(&caller(AccessLevel::User), *action);
        match (user, refused) {
            (Ok(()), Ok(())) => {}
            (Err(code), Err(Error::Refused(problems))) => {
                assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [*code]);
                assert!(problems.iter().all(|problem| !problem.detail.is_empty()), "{action:?}");
            }
            (rule, refused) => panic!("{action:?} is {rule:?}, but {refused:?}"),
        }
    }
}

#[test]
fn for_ext_callers_hidden_and_missing_are_the_same() {
    let ext = caller(AccessLevel::Ext);
    let refusal = |action| match require(&ext, action) {
        Err(Error::Refused(problems)) => problems,
        other => panic!("{other:?}"),
    };
    let hidden = refusal(user(OTHER, false));
    let problem = hidden.first().expect("an error");
    assert_eq!((problem.code, problem.code.status()), (Code::NotFound, 404));
    assert_eq!(refusal(edge(OTHER, THIRD)).first().map(|problem| problem.code), Some(Code::NotFound));
    assert_eq!(refusal(target(OTHER, false)).first().map(|problem| problem.code.status()), Some(404));
}
