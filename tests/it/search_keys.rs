//! Search and order as people expect them: without accents, case and normalization, over all that identifies a person.

use crate::both;
use crate::support::app::{Engine, Home};
use crate::support::process::{Service, revert_to_before, run};
use crate::support::sql::Raw;
use crate::support::{App, Client, Value, encoded, json};

const USERS: &str = "/api/v2/users";

fn create(admin: &Client, attributes: &Value) -> i64 {
    admin.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}})).expect(201).id()
}

fn named(app: &App, admin: &Client, first: &str, last: &str) -> i64 {
    let number: i64 = app.read(|tx| Ok(tx.now().micros()));
    create(admin, &json!({"first-name": first, "last-name": last, "email": format!("{number}@example.com")}))
}

#[track_caller]
fn finds(admin: &Client, term: &str, expected: &[i64]) {
    let answer = admin.get(&format!("{USERS}?filter[query]={}", encoded(term))).expect(200);
    assert_eq!((answer.ids(), answer.total()), (expected.to_vec(), i64::try_from(expected.len()).unwrap()), "{term}");
}

both!(a_search_ignores_accents_case_and_normalization, |app| {
    let admin = app.named("zzz@example.org", "admin");
    for (first, last, terms) in [
        ("Antonín", "Dvořák", &["dvorak", "DVOŘÁK", "dvor\u{30C}a\u{301}k", "antonin dvo"][..]),
        ("Jose\u{301}", "Nu\u{308}n\u{303}ez", &["josé", "nunez", "NÜÑEZ"]),
        ("Søren", "Kierkegård", &["soren", "kierkegard", "sören"]),
        ("Łukasz", "Wałęsa", &["lukasz", "walesa", "wałęsa"]),
        ("Heinrich", "Böll-Weiß", &["boll", "weiss", "WEISS", "böll‑weiß"]),
        ("Æthel", "Œdipe", &["aethel", "oedipe"]),
        ("Đorđe", "Đoković", &["dorde", "dokovic"]),
        ("Yıldız", "İnönü", &["yildiz", "inonu"]),
        ("Þór", "Guðmundsson", &["thor", "gudmundsson"]),
        ("Seán", "O’Casey", &["o'casey", "o’casey"]),
        ("ΟΔΟΣ", "Άννα", &["οδος", "αννα", "ΆΝΝΑ"]),
        ("Фёдор", "Йович", &["федор", "ФЁДОР"]),
        ("विश्व", "कुमार", &["विश्व", "कुमा"]),
        ("สมศรี", "ใจดี", &["สมศรี"]),
        ("太郎", "ﾀﾅｶ", &["太郎", "タナカ"]),
    ] {
        let id = named(app, &admin, first, last);
        for term in terms {
            finds(&admin, term, &[id]);
        }
    }
    finds(&admin, "odos", &[]);
});

both!(a_comma_in_a_search_is_a_space, |app| {
    let admin = app.named("zzz@example.org", "admin");
    let ann = named(app, &admin, "Ann", "Ray");
    for term in ["Ray, Ann", "Ray,Ann", ",ray,", "ray，ann", "Ray،Ann", "  ann ,, ray "] {
        finds(&admin, term, &[ann]);
    }
    finds(&admin, "Ray, Bob", &[]);
    assert_eq!(admin.get(&format!("{USERS}?filter[query]=,")).expect(200).total(), 2);
    assert_eq!(admin.get(&format!("{USERS}?query=Ray,%20Ann")).expect(200).ids(), [ann]);
});

both!(a_search_covers_job_title_unit_and_alt_id, |app| {
    let admin = app.named("zzz@example.org", "admin");
    let ann = create(
        &admin,
        &json!({"email": "ann@example.com", "first-name": "Ann", "alt-id": "P-4711",
        "unit": ["Forschung & Entwicklung", "Büro 100%_West"], "job-title": ["Softwareentwicklerin", "Vorständin"]}),
    );
    let bob =
        create(&admin, &json!({"email": "jos\u{E9}@b\u{FC}cher.example", "first-name": "Bob", "unit": ["Vertrieb"]}));
    for (term, expected) in [
        ("p-4711", &[ann][..]),
        ("forschung", &[ann]),
        ("buro", &[ann]),
        ("100%_west", &[ann]),
        ("100%east", &[]),
        ("vorstandin ann", &[ann]),
        ("VERTRIEB", &[bob]),
        ("ann vertrieb", &[]),
        ("jose@", &[bob]),
        ("bucher.example", &[bob]),
        ("bücher.example", &[bob]),
        ("xn--bcher-kva.example", &[bob]),
        ("bob@", &[]),
        // Neither values that touch nor the marks between them.
        ("entwicklungburo", &[]),
        ("entwicklung\nburo", &[ann]),
        ("\u{2}buro", &[ann]),
    ] {
        finds(&admin, term, expected);
    }
    let change =
        json!({"data": {"type": "users", "id": bob.to_string(), "attributes": {"unit": [], "job-title": ["Chef"]}}});
    admin.patch(&format!("{USERS}/{bob}"), &change).expect(200);
    finds(&admin, "vertrieb", &[]);
    finds(&admin, "chef", &[bob]);
    app.assert_no_drift();
});

both!(names_with_accents_are_sorted_beside_those_without, |app| {
    let admin = app.named("zzz@example.org", "admin");
    let names = ["Zoe", "Ágnes", "Agnes", "Bela", "agnes", "Østen", "Oster", "Béla", "Łukasz", "Lukas"];
    let ids = names.map(|name| named(app, &admin, name, ""));
    let [zoe, agnes_1, agnes_2, bela_1, agnes_3, osten, oster, bela_2, lukasz, lukas] = ids;
    let sorted = [agnes_1, agnes_2, agnes_3, bela_1, bela_2, lukas, lukasz, osten, oster, zoe];
    let only = format!("filter[id]={}", ids.map(|id| id.to_string()).join(","));
    assert_eq!(admin.get(&format!("{USERS}?{only}")).expect(200).ids(), sorted);
    let mut reversed = sorted;
    reversed.reverse();
    assert_eq!(admin.get(&format!("{USERS}?{only}&sort=-name")).expect(200).ids(), reversed);
    let mut found = Vec::new();
    let mut next = Some(format!("{USERS}?{only}&page[size]=3"));
    while let Some(url) = next {
        let page = admin.get(&url).expect(200);
        next = page.body["links"]["next"].as_str().map(str::to_owned);
        found.extend(page.ids());
    }
    assert_eq!(found, sorted);
});

both!(a_name_whose_key_is_longer_than_an_index_entry_is_stored, |app| {
    let admin = app.named("zzz@example.org", "admin");
    let longest = "\u{FDFA}".repeat(255);
    let id = named(app, &admin, &longest, &longest);
    assert_eq!(admin.get(&format!("{USERS}?sort=-name")).expect(200).ids(), [id, admin.id]);
});

/// A database with the schema before this one, and users as its release stored them.
fn old_database(engine: Engine) -> Option<Home> {
    let home = Home::revertible(engine)?;
    revert_to_before(&home.text(), "_search_keys");
    Raw::connect(&home.url()).run(
        "INSERT INTO users (email, email_key, last_name, name_key, alt_id, access_level, is_enabled, profile, created_at, \
         updated_at) VALUES
         ('zoe@example.com', 'zoe@example.com', 'Zoe', 'zoe', NULL, 1, TRUE, '{}', 1, 1),
         ('jos\u{E9}@example.com', 'jos\u{E9}@example.com', 'Dvo\u{159}\u{E1}k', 'dvo\u{159}\u{E1}k', 'P-1', 0, TRUE,
          '{\"unit\":[\"B\u{FC}ro\"],\"job_title\":[\"Chef\"],\"properties\":{\"a\":1}}', 1, 1);
         INSERT INTO counts_of_users (is_enabled, access_level, n) VALUES (TRUE, 1, 1), (TRUE, 0, 1)",
    );
    Some(home)
}

fn keys(home: &Home, columns: &str) -> Vec<String> {
    Raw::connect(&home.url()).lines(&format!("SELECT {columns} AS line FROM users ORDER BY id"))
}

#[test]
fn a_migration_computes_the_search_keys_of_stored_users() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(old_database) {
        let url = home.text();
        let service = Service::start(&url, &[]);
        assert_eq!(keys(&home, "name_key"), ["zoe", "dvorak"]);
        let token = run(&url, &["token", "create", "--user", "zoe@example.com"]).expect(0).line().to_owned();
        let admin = service.anonymous().with_authorization(&format!("Bearer {token}"));
        for term in ["dvorak", "buro chef", "p-1", "jose@"] {
            finds(&admin, term, &[2]);
        }
        assert_eq!(admin.get(USERS).expect(200).ids(), [2, 1]);
        run(&url, &["check"]).expect(0);
        drop(service);
        revert_to_before(&url, "_search_keys");
        assert_eq!(keys(&home, "name_key"), ["zoe", "dvo\u{159}\u{E1}k"], "as the earlier release stored them");
        run(&url, &["migrate", "run"]).expect(0);
        run(&url, &["check"]).expect(0);
    }
}

#[test]
fn users_that_the_previous_release_writes_are_found_and_repaired() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(old_database) {
        let url = home.text();
        run(&url, &["migrate", "run"]).expect(0);
        // As an instance of the previous release does during a rolling upgrade: it does not know the new column.
        Raw::connect(&home.url()).run(
            "INSERT INTO users (email, email_key, last_name, name_key, access_level, is_enabled, profile, created_at, updated_at)
             VALUES ('late@example.com', 'late@example.com', 'Ren\u{E9} Late', 'ren\u{E9} late', 0, TRUE, '{\"unit\":[\"B\u{FC}ro\"]}', 1, 1);
             UPDATE counts_of_users SET n = n + 1 WHERE access_level = 0",
        );
        let service = Service::start(&url, &[]);
        let token = run(&url, &["token", "create", "--user", "zoe@example.com"]).expect(0).line().to_owned();
        let admin = service.anonymous().with_authorization(&format!("Bearer {token}"));
        finds(&admin, "late", &[3]);
        finds(&admin, "buro", &[2]);
        let found = run(&url, &["check"]).expect(1);
        assert_eq!(found.stdout.lines().count(), 2, "{found:?}");
        run(&url, &["check", "--repair"]).expect(0);
        finds(&admin, "buro", &[2, 3]);
        finds(&admin, "rene", &[3]);
        run(&url, &["check"]).expect(0);
    }
}
