//! The limits of imports over HTTP.

use super::{Alone, Calls, Checks, Setup, Test};
use crate::support::uploads::{NDJSON, upload};

#[rustfmt::skip]
pub const CHECKS: Checks = &[
    ("bytes of the upload of an import", Alone(Setup { limit: Some(2_048), settings: |config| config.max_import = 2_048, ..Setup::DEFAULT }, |app, most| {
        let admin = app.admin();
        let post = |size: usize| upload(&admin, "", NDJSON, format!("{:size$}", ""));
        (post(most), post(most + 1))
    })),
    ("time for the upload of an import, or for the check of its preview",
        Calls(crate::import_states::an_upload_has_a_deadline_of_its_own::on)),
    ("age of a preview of an import", Calls(crate::import_states::a_preview_expires_after_a_day::on)),
    ("age of an import that has ended", Calls(crate::import_states::an_import_is_deleted_thirty_days_after_its_end::on)),
    ("imports that run in a database", Calls(crate::import_states::one_import_runs_at_a_time::on)),
    ("imports that have not ended", Calls(crate::import_states::a_hundred_imports_may_wait_and_no_more::on)),
    ("attempts to go on with an import without any progress",
        Test("import_takeovers", "an_import_that_breaks_off_again_and_again_fails")),
];
