//! The condition that some user has one of several roles towards a user.

use super::edge_tables;
use super::sql::Sql;
use crate::model::id::UserId;
use crate::model::relationship::End;
use crate::model::relationship_type::TypeName;

/// Pushes the condition on a row of `users`. An external caller sees only relationships with itself at one end.
pub(super) fn push(sql: &mut Sql, roles: &[TypeName], seen_by: Option<UserId>) {
    let ends = [
        (End::User, "user_id", "target_id", "target_role", "counts_by_user"),
        (End::Target, "target_id", "user_id", "user_role", "counts_by_target"),
    ];
    let mut glue = "";
    for (of, end, other_end, role, counts) in ends {
        sql.text(glue);
        if let Some(me) = seen_by {
            let table = edge_tables::of_end(of);
            sql.text("EXISTS (SELECT 1 FROM ")
                .text(table)
                .text(" WHERE ")
                .text(end)
                .text(" = users.id AND (users.id = ");
            sql.integer(me.get()).text(" OR ").text(other_end).text(" = ").integer(me.get()).text(") AND ");
            push_types(sql, role, roles);
            sql.text(")");
        } else {
            sql.text("COALESCE((SELECT SUM(n) FROM ").text(counts).text(" WHERE ").text(end).text(" = users.id AND ");
            push_types(sql, role, roles);
            sql.text("), 0) > 0");
        }
        glue = " OR ";
    }
}

/// Pushes the condition that a type has one of the roles.
fn push_types(sql: &mut Sql, column: &'static str, roles: &[TypeName]) {
    sql.do_not_cache();
    sql.text("type_id IN (SELECT id FROM relationship_types WHERE ").text(column);
    let mut glue = " IN (";
    for role in roles {
        sql.text(glue).string(role.to_string());
        glue = ", ";
    }
    sql.text("))");
}
