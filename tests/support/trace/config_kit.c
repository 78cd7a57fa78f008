/*
 * The kit of the configuration's tests.
 */
#include "config_kit.h"

#include "oom.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

char kit_why[200];

static char directory[] = "/tmp/noveum-config-XXXXXX";

void kit_enter(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

void kit_leave(void)
{
    DIR *files = opendir(directory);
    ck_assert_ptr_nonnull(files);
    for (struct dirent *file; (file = readdir(files));)
        (void)unlinkat(dirfd(files), file->d_name, 0);
    (void)closedir(files);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

void kit_write(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

void kit_clean(void)
{
    for (char **variable = environ; *variable;) {
        char name[100];
        size_t len = strcspn(*variable, "=");
        bool ours =
            strncmp(*variable, "OTEL_", 5) == 0 || strncmp(*variable, "NOVEUM_", 7) == 0;
        if (!ours || len >= sizeof name) {
            variable++;
            continue;
        }
        memcpy(name, *variable, len);
        name[len] = '\0';
        unsetenv(name);
    }
}

void kit_config_setup(void)
{
    kit_clean();
    kit_enter();
}

void kit_config_teardown(void)
{
    kit_clean();
    kit_leave();
}

noveum_options kit_enabled(void)
{
    noveum_options options = noveum_default_options();
    options.enabled = NOVEUM_ON;
    return options;
}

struct nv_trace_config *kit_config(const noveum_options *options)
{
    struct nv_trace_config *config;
    ck_assert_msg(nv_trace_config_read(options, kit_why, &config) == NOVEUM_OK, "%s", kit_why);
    return config;
}

void kit_config_is(const noveum_options *options, noveum_result result)
{
    struct nv_trace_config *config;
    ck_assert_int_eq(nv_trace_config_read(options, kit_why, &config), result);
    ck_assert_ptr_null(config);
}

void nv_test_oom_config(const noveum_options *options)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct nv_trace_config *config;
        oom_fail_nth(n);
        noveum_result result = nv_trace_config_read(options, kit_why, &config);
        failed = oom_end();
        ck_assert_int_eq(result, failed ? NOVEUM_NO_MEMORY : NOVEUM_OK);
        nv_trace_config_free(config);
    }
}
