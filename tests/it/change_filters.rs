//! Filters of the feed, and how far a page looks.

use crate::both;
use crate::support::changes::{CHANGES, Log, Row, after, cursor, follow, link, now};

both!(filters_select_changes_and_the_cursor_passes_the_others, |app| {
    let admin = app.admin();
    let start = now(&admin);
    let mut log = Log::of(app);
    let retyped = Row {
        action: 1,
        subject_type: 0,
        columns: "subject_id, user_id, target_id, relationship, previous_relationship, edge_created_at, actor_id",
        values: "9002, 5003, 5004, 'colleague', 'mentor', 1, 5009".to_owned(),
    };
    let rows = [
        Row::edge(0, 9001, (5001, 5002), "mentor", Some(5001)),
        Row::user(0, 5002, "email", 5009),
        Row::edge(2, 9001, (5001, 5002), "mentor", None),
        retyped,
        Row { action: 0, subject_type: 3, columns: "subject_id, changed", values: "5001, ''".to_owned() },
    ];
    let first = log.append(&rows);
    let end = now(&admin);
    for (query, places) in [
        ("filter[subject-type]=user-relationships", vec![0, 2, 3]),
        ("filter[subject-type]=users,groups", vec![1, 4]),
        ("filter[action]=created", vec![0, 1, 4]),
        ("filter[action]=deleted&filter[action]=updated", vec![2, 3]),
        ("filter[relationship]=mentor", vec![0, 2, 3]),
        ("filter[relationship]=colleague", vec![3]),
        ("filter[relationship]=unknown-name", vec![]),
        ("filter[user]=5001", vec![0, 2]),
        ("filter[user]=5002", vec![0, 1, 2]),
        ("filter[user]=5002,5004", vec![0, 1, 2, 3]),
        ("filter[user]=me", vec![]),
        ("filter[actor]=5009", vec![1, 3]),
        ("filter[user]=5002&filter[action]=created&filter[subject-type]=users", vec![1]),
        ("filter[actor]=5009&filter[relationship]=mentor", vec![3]),
        ("filter[since]=2098-01-01T00:00:00Z", vec![]),
        ("filter[until]=2020-01-01T00:00:00%2B02:00", vec![]),
        ("filter[since]=2020-01-01T00:00:00Z&filter[until]=2098-01-01T00:00:00Z", vec![0, 1, 2, 3, 4]),
    ] {
        let answer = after(&admin, &start, query);
        let expected: Vec<_> = places.iter().map(|place| first + place).collect();
        assert_eq!(answer.ids(), expected, "{query}");
        assert_eq!(cursor(&answer), end, "{query}");
        assert!(link(&answer, "next").is_none(), "{query}");
        let back = admin.get(&format!("{CHANGES}?page[before]={end}&page[size]=500&{query}")).expect(200).ids();
        let before: Vec<_> = expected.iter().copied().filter(|id| *id < first + 4).collect();
        assert_eq!(back.into_iter().filter(|id| *id >= first).collect::<Vec<_>>(), before, "{query}");
    }
});

both!(times_select_changes_from_inclusive_to_exclusive, |app| {
    let admin = app.admin();
    let start = now(&admin);
    let mut log = Log::of(app);
    let second = 4_000_000_000_000_000;
    let first = log.append_at(&[Row::user(0, 1, "email", 1)], second);
    log.append_at(&[Row::user(1, 1, "unit", 1)], second + 500_000);
    log.append_at(&[Row::user(1, 1, "unit", 1)], second + 1_000_000);
    for (query, places) in [
        ("filter[since]=2096-10-02T07:06:40Z", vec![0, 1, 2]),
        ("filter[since]=2096-10-02T07:06:40.000001Z", vec![1, 2]),
        ("filter[until]=2096-10-02T07:06:40.5Z", vec![0]),
        ("filter[since]=2096-10-02T09:06:40.500000%2B02:00&filter[until]=20961002T070641Z", vec![1]),
        ("filter[since]=2096-10-02T07:06:41Z&filter[until]=2096-10-02T07:06:41Z", vec![]),
        ("filter[since]=2096-10-02T07:06:41Z&filter[until]=2096-10-02T07:06:40Z", vec![]),
    ] {
        let expected: Vec<_> = places.iter().map(|place| first + place).collect();
        assert_eq!(after(&admin, &start, query).ids(), expected, "{query}");
        let latest = admin.get(&format!("{CHANGES}?sort=-id&{query}")).expect(200).ids();
        let latest: Vec<_> = latest.into_iter().rev().filter(|id| *id >= first).collect();
        assert_eq!(latest, expected, "{query}");
    }
});

both!(a_rare_filter_examines_a_bounded_part_of_the_log, |app| {
    let admin = app.admin();
    let start = now(&admin);
    let mut log = Log::of(app);
    let first = log.append_many(20_500);
    let rare = log.append(&[Row::user(2, 5, "email", 77)]);
    let mut answer = after(&admin, &start, "filter[action]=deleted&page[size]=2");
    let mut pages = 1;
    while answer.ids().is_empty() {
        assert!(pages < 4, "the end is reached");
        answer = admin.get(link(&answer, "next").expect("not the end")).expect(200);
        pages += 1;
    }
    assert_eq!((answer.ids(), pages), (vec![rare], 3));
    assert!(link(&answer, "next").is_none());
    // The cursor of a page that examined a part only is the end of that part.
    let part = after(&admin, &start, "filter[actor]=77");
    let rest = after(&admin, &cursor(&part), "page[size]=1");
    assert!(rest.ids()[0] > first + 5_000, "{}", rest.text);
    // A user that nothing changed costs one page.
    let quiet = after(&admin, &start, "filter[user]=123456");
    assert!(quiet.ids().is_empty() && link(&quiet, "next").is_none());
    assert_eq!(cursor(&quiet), now(&admin));
    let (back, _) = follow(&admin, &format!("{CHANGES}?sort=-id&filter[actor]=77"));
    assert_eq!(back.len(), 1);
});

both!(a_filter_in_memory_matches_what_the_query_finds, |app| {
    use user_relationships::model::change::{ChangeAction, ChangeSubjectType};
    use user_relationships::model::change_query::{ChangeFilter, ChangePageRequest};
    use user_relationships::model::id::{RelationshipId, UserId};
    use user_relationships::model::page::Direction;
    use user_relationships::model::relationship_type::TypeName;
    use user_relationships::model::time::Timestamp;

    let mut log = Log::of(app);
    let mut at = 4_000_000_000_000_000;
    let first = log.last() + 1;
    for number in 0..60_i64 {
        let (one, other) = (5000 + number % 4, 5000 + number % 3 + 4);
        let name = if number % 2 == 0 { "mentor" } else { "colleague" };
        let actor = (number % 5 > 0).then_some(5000 + number % 5);
        let retyped = Row {
            action: 1,
            subject_type: 0,
            columns: "subject_id, user_id, target_id, relationship, previous_relationship, edge_created_at",
            values: format!("{}, {one}, {other}, '{name}', 'subordinate', 1", 900 + number % 6),
        };
        let action = i16::try_from(number % 3).expect("small");
        log.append_at(
            &[match number % 7 {
                0 => retyped,
                1 => Row::user(action, one, "unit", 5001),
                2 => Row { action, subject_type: 4, columns: "subject_id", values: format!("{one}") },
                3 => Row { action: 3, subject_type: 0, columns: "reason", values: "3".to_owned() },
                4 => Row { action, subject_type: 2, columns: "relationship", values: format!("'{name}'") },
                _ => Row::edge(action, 900 + number % 6, (one, other), name, actor),
            }],
            at,
        );
        at += 1_000;
    }
    let any = ChangeFilter::default;
    let user = UserId::new;
    let name = |name: &str| TypeName::parse(name).expect("a name");
    let filters = [
        any(),
        ChangeFilter { subject_types: vec![ChangeSubjectType::User, ChangeSubjectType::GroupMember], ..any() },
        ChangeFilter { actions: vec![ChangeAction::Created, ChangeAction::Loaded], ..any() },
        ChangeFilter { relationships: vec![name("mentor")], ..any() },
        ChangeFilter { relationships: vec![name("subordinate"), name("colleague")], ..any() },
        ChangeFilter { users: vec![user(5001)], ..any() },
        ChangeFilter { users: vec![user(5001), user(5005)], actions: vec![ChangeAction::Deleted], ..any() },
        ChangeFilter { actors: vec![user(5002), user(5003)], ..any() },
        ChangeFilter { relationship: Some(RelationshipId::new(902)), ..any() },
        ChangeFilter { relationship: Some(RelationshipId::new(903)), users: vec![user(5001)], ..any() },
        ChangeFilter {
            since: Some(Timestamp::from_micros(4_000_000_000_005_000)),
            until: Some(Timestamp::from_micros(4_000_000_000_031_000)),
            relationships: vec![name("mentor")],
            ..any()
        },
    ];
    for filter in filters {
        let read = |filter: ChangeFilter| {
            app.read(move |tx| {
                let (log, filter) = (tx.change_log()?, filter.clone());
                let (after, before, direction) = (first - 1, i64::MAX, Direction::Ascending);
                Ok(tx.changes(&log, &ChangePageRequest { filter, after, before, direction, limit: 500 })?.changes)
            })
        };
        let matching: Vec<_> = read(any()).into_iter().filter(|change| filter.matches(change)).collect();
        assert_eq!(read(filter.clone()), matching, "{filter:?}");
        assert!(!matching.is_empty(), "{filter:?}");
    }
});
