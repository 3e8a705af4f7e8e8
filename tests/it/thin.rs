use crate::both;
use crate::support::edge;

both!(a_created_relationship_is_listed_and_gone_after_its_deletion, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = ann.post("/api/v2/user-relationships", &edge(None, "mentor", bob.id)).expect(201);
    let listed = ann.get(&format!("/api/v2/user-relationships?user={}", ann.id)).expect(200);
    assert_eq!((listed.ids(), listed.total()), (vec![made.id()], 1));
    bob.delete(made.header("location").unwrap()).refused(403, "not-owner");
    ann.delete(made.header("location").unwrap()).expect(204);
    ann.delete(made.header("location").unwrap()).refused(404, "not-found");
    app.assert_no_drift();
});
