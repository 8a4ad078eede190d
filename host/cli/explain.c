#include "explain.h"

#include "progress.h"

typedef struct telling {
    cli_progress progress;
    size_t count;
} telling;

/* Told before each solution: the last one is done when all are. */
static void tell_progress(void *user, size_t done, size_t count)
{
    telling *t = user;
    t->count = count;
    if (done < count) {
        cli_progress_tell(&t->progress, "explaining", done, count);
    }
}

davit_status cli_explain(const cli_session *session, bool alone, davit_plan_explanation **out)
{
    telling t = {.progress = cli_progress_start("moves")};
    const davit_explain_options explain_options = {
        .alone = alone, .progress = alone ? NULL : tell_progress, .progress_user = &t};
    davit_status status = davit_session_explain(session->session, &explain_options, out);
    if (status == DAVIT_OK && t.count > 0) {
        cli_progress_tell(&t.progress, "explaining", t.count, t.count);
    }
    return status;
}
