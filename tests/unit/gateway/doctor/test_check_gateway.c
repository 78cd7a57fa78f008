/*
 * What a gateway that runs says of itself: state, door, what it holds and waits for.
 */
#include "doctor_kit.h"
#include "expect.h"

#include "gateway/doctor/checks.h"

#include "base/banned.h"

#define EXPORTER(state, reason, refused)                                                       \
    "\"exporter\":{\"state\":\"" state "\",\"reason\":\"" reason                               \
    "\",\"last_error\":\"said: no\",\"refused_in_row\":" refused ",\"next_try_ms\":70}"
#define SPANS(received, dead)                                                                  \
    "\"spans\":{\"received\":" received ",\"delivered\":3,\"held\":2,\"dead_lettered\":" dead  \
    "}"
#define SENDING EXPORTER("sending", "", "0")

static const struct {
    const char *status;
    enum nv_finding_level level;
    const char *subject, *says;
} states[] = {
    {"{" SENDING "," SPANS("5", "0") "}", NV_FINDING_OK, "spans",
     "5 received since it started, 3 delivered"},
    {"{" EXPORTER("sending", "", "19") "," SPANS("5", "40") "}", NV_FINDING_NOTE, "gateway",
     "40 spans became dead letters"},
    {"{" EXPORTER("sending", "refuses every trace", "20") "," SPANS("0", "40") "}",
     NV_FINDING_BAD, "gateway",
     "refuses every trace (said: no): look at exporter.noveum.endpoint"},
    {"{" EXPORTER("backing off", "no connection", "0") "," SPANS("0", "0") "}", NV_FINDING_BAD,
     "gateway", "backing off: no connection; last answer: said: no"},
    {"{\"mode\":\"noveum\"," SENDING "," SPANS("5", "0") "}", NV_FINDING_NOTE, "gateway",
     "it has a key, doctor has none"},
    {"{\"mode\":\"local\"," SENDING "," SPANS("5", "0") "}", NV_FINDING_OK, "gateway",
     "one runs here: sending"},
    {"{" SENDING "," SPANS("0", "0") ",\"listen\":{\"http\":\"a:1\"}}", NV_FINDING_NOTE,
     "spans", "none came since it started"},
    {"{" SENDING "," SPANS("0", "0") ",\"requests\":{\"metrics\":4}}", NV_FINDING_NOTE, "spans",
     "only metrics"},
    {"{" SENDING "," SPANS("0", "0") ",\"requests\":{\"refused\":{\"path\":3,\"token\":1}}}",
     NV_FINDING_NOTE, "refused", "4 requests since it started (path 3, token 1)"},
    {"{" SENDING ",\"spans\":{\"received\":1,\"rejected\":7,\"dead_lettered\":0}}",
     NV_FINDING_NOTE, "refused", "7 spans"},
    {"{" SENDING
     "," SPANS("5", "0") ",\"assembly\":{\"open_traces\":1,\"oldest_age_ms\":61000}}",
     NV_FINDING_OK, "waits",
     "1 traces with 2 spans until they are complete, the oldest for 61 s"},
    {"{" SENDING ",\"spans\":{\"received\":9,\"queued\":8,\"dead_lettered\":0}}", NV_FINDING_OK,
     "waits", "8 spans of complete traces to be delivered, next try in 70 ms"},
    {"{" SENDING "," SPANS("5", "0") ",\"journal\":{\"refusing\":\"quota\"}}", NV_FINDING_BAD,
     "journal", "quota"},
    {"{" SENDING "," SPANS(
         "5", "0") ",\"services\":[{\"name\":\"a\"},{\"name\":\"unknown_service:python\"}]}",
     NV_FINDING_NOTE, "project", "called unknown_service:python"},
    {"{}", NV_FINDING_BAD, "gateway", "not understood"},
    {"null", NV_FINDING_BAD, "gateway", "not understood"},
    {"", NV_FINDING_BAD, "gateway", "not understood"},
};

/* Is it among the findings, and nothing worse? */
START_TEST(the_gateway_that_runs_here)
{
    struct nv_running running;
    bool is_there = false;
    nv_running_read(&running, nv_str_from(states[_i].status));
    nv_check_gateway(&running, true, &nv_test_found);
    nv_running_release(&running);
    for (size_t i = 0; i < nv_test_found.count; i++) {
        const struct nv_finding *one = &nv_test_found.items[i];
        ck_assert(one->level != NV_FINDING_BAD || one->next[0] != '\0');
        is_there = is_there || (one->level == states[_i].level &&
                                strcmp(one->subject, states[_i].subject) == 0 &&
                                strstr(one->text, states[_i].says));
    }
    ck_assert_msg(is_there, "%zu: %s", nv_test_found.count, nv_test_found.items[0].text);
    ck_assert_int_eq(nv_findings_worst(&nv_test_found) == NV_FINDING_BAD,
                     states[_i].level == NV_FINDING_BAD);
}
END_TEST

START_TEST(none_runs_or_it_is_silent)
{
    struct nv_running running = {.any = false};
    nv_check_gateway(&running, false, &nv_test_found);
    ck_assert_uint_eq(nv_test_found.count, 0);
    running = (struct nv_running){.any = true, .silent = true, .pid = 77};
    nv_check_gateway(&running, false, &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "gateway",
                       "process 77 has the journal and does not answer");
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_gateway");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_test_found_nothing, NULL);
    tcase_add_loop_test(tcase, the_gateway_that_runs_here, 0, COUNT(states));
    tcase_add_test(tcase, none_runs_or_it_is_silent);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
