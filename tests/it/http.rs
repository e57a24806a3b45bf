//! The HTTP face as a whole: what is answered where nothing is, and who is let in.

use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    async fn the_program_says_that_it_lives_and_works(app: &TestApp) {
        app.with_token(None).get("/healthz").await.expect(200);
        app.with_token(None).get("/readyz").await.expect(200);
    }

    async fn an_unknown_path_is_answered_in_strapis_form(app: &TestApp) {
        let answer = app.get("/api/nothing").await;
        assert_eq!(answer.expect(404)["error"]["name"], "NotFoundError");
    }
}
