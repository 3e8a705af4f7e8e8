//! `JWT_USER`: which claim of a JWT names the user.

use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeySource, Secret};
use user_relationships::config::Config;

use crate::both;
use crate::support::jwt::{Key, SECRET, claims, token};
use crate::support::process::{finish, program};
use crate::support::{Answer, App, Client, Value, json};

const ME: &str = "/api/v2/users/me";

fn named_by(config: &mut Config, setting: &str) {
    let user = setting.parse().expect("a value of the setting");
    let requirements = ClaimRequirements { user, ..ClaimRequirements::default() };
    config.jwt = Some(JwtSettings { source: KeySource::Secret(Secret::new(SECRET)), requirements });
}

/// The response to a token with these claims.
fn ask(app: &App, others: &Value) -> Answer {
    let token = token(Key::Secret, None, &claims(others));
    app.anonymous().with_authorization(&format!("Bearer {token}")).get(ME)
}

fn set(admin: &Client, user: i64, attributes: &Value) {
    admin.patch(&format!("/api/v2/users/{user}"), &json!({"data": {"attributes": attributes}})).expect(200);
}

both!(
    an_account_of_an_issuer_is_not_the_user_with_its_number,
    |config| {
        super::named_by(config, "sub=id");
    },
    |app| {
        let (ann, bob) = (app.named("ann@example.com", "admin"), app.named("bob@example.com", "user"));
        assert_eq!(ask(app, &json!({"sub": ann.id, "email": "ANN@example.com"})).expect(200).id(), ann.id);
        for email in ["bob@example.com", "stranger@example.com", "ann@example.com.evil.example", ""] {
            ask(app, &json!({"sub": ann.id.to_string(), "email": email})).refused(401, "unauthenticated");
        }
        // An ASCII address names only itself, although KELVIN SIGN and `k` have the same key.
        let mark = app.named("mark@example.com", "user");
        ask(app, &json!({"sub": mark.id, "email": "mar\u{212a}@example.com"})).refused(401, "unauthenticated");
        // The address is compared with that of now.
        ask(app, &json!({"sub": bob.id, "email": "bob@example.com"})).expect(200);
        set(&ann, bob.id, &json!({"email": "robert@example.com"}));
        ask(app, &json!({"sub": bob.id, "email": "bob@example.com"})).refused(401, "unauthenticated");
        ask(app, &json!({"sub": bob.id, "email": "robert@example.com"})).expect(200);
    }
);

both!(
    sub_is_the_alt_id_where_the_setting_says_so,
    |config| {
        super::named_by(config, "sub=alt-id");
    },
    |app| {
        let (admin, ann, bob) = (app.admin(), app.user(), app.user());
        set(&admin, ann.id, &json!({"alt-id": "auth0|77"}));
        set(&admin, bob.id, &json!({"alt-id": "1234"}));
        for (sub, user) in [(json!("auth0|77"), ann.id), (json!("1234"), bob.id), (json!(1234), bob.id)] {
            let others = json!({"sub": sub, "email": "any@example.com", "email_verified": false});
            assert_eq!(ask(app, &others).expect(200).id(), user, "{sub}");
        }
        for sub in [
            json!(ann.id),
            json!("AUTH0|77"),
            json!("auth0|77 "),
            json!("auth0|77\u{0}"),
            json!(""),
            json!(null),
            json!(-1234),
            json!(1234.5),
            json!(["1234"]),
            json!(true),
        ] {
            ask(app, &json!({"sub": sub, "email": "any@example.com"})).refused(401, "unauthenticated");
        }
        ask(app, &json!({"email": "any@example.com"})).refused(401, "unauthenticated");
        // Two users have it, so it names none.
        for user in [ann.id, bob.id] {
            set(&admin, user, &json!({"alt-id": "shared"}));
        }
        ask(app, &json!({"sub": "shared"})).refused(401, "unauthenticated");
    }
);

both!(
    the_email_alone_decides_where_the_setting_says_so,
    |config| {
        super::named_by(config, "email");
    },
    |app| {
        let (ann, bob) = (app.named("ann@example.com", "user"), app.named("bob@example.com", "user"));
        for verified in [json!(true), json!("true"), json!("TRUE"), json!(null)] {
            let others = json!({"sub": bob.id, "email": "Ann@example.com", "email_verified": verified});
            assert_eq!(ask(app, &others).expect(200).id(), ann.id, "{verified}");
        }
        for verified in [json!(false), json!("false"), json!("False"), json!("no"), json!(0), json!("?"), json!([])] {
            let others = json!({"sub": ann.id, "email": "ann@example.com", "email_verified": verified});
            ask(app, &others).refused(401, "unauthenticated");
        }
        for bad in
            [json!({"sub": ann.id}), json!({"sub": "ann@example.com"}), json!({"email": 7}), json!({"email": ""})]
        {
            ask(app, &bad).refused(401, "unauthenticated");
        }
    }
);

both!(
    another_claim_holds_the_email_where_the_setting_says_so,
    |config| {
        super::named_by(config, "upn=email");
    },
    |app| {
        let (ann, bob) = (app.named("ann@example.com", "user"), app.named("bob@example.com", "user"));
        let others = json!({"upn": "ANN@example.com", "sub": bob.id, "email": "bob@example.com"});
        assert_eq!(ask(app, &others).expect(200).id(), ann.id);
        for bad in [
            json!({"sub": ann.id, "email": "ann@example.com"}),
            json!({"upn": "ann@example.com", "email_verified": false}),
            json!({"upn": "ann@example.com", "email_verified": "false"}),
            json!({"upn": ["ann@example.com"]}),
            json!({"upn": null, "email": "ann@example.com"}),
            json!({"upn": "unknown@example.com"}),
            json!({"UPN": "ann@example.com"}),
        ] {
            ask(app, &bad).refused(401, "unauthenticated");
        }
    }
);

#[test]
fn a_malformed_jwt_user_exits_with_78() {
    for wrong in ["sub", "id", "upn", "upn=id", "=email", "sub=mail", "sub=id,email", "a b=email"] {
        for command in ["serve", "config"] {
            let refused = finish(program().env("JWT_USER", wrong).arg(command)).expect(78).stderr;
            for part in ["`JWT_USER`", wrong, "`sub=id`", "`sub=alt-id`", "`email`", "`CLAIM=email`"] {
                assert!(refused.contains(part), "{part} is not in {refused}");
            }
        }
    }
    for good in ["sub=id", "sub=alt-id", "email", "preferred_username=email"] {
        let shown = finish(program().env("JWT_USER", good).arg("config")).expect(0).stdout;
        assert!(shown.contains(&format!("\nJWT_USER={good}\n")), "{shown}");
    }
}
