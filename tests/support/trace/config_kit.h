/*
 * For tests of what libnoveum-trace is configured by: an environment that says nothing, a
 * working directory without a file of the SDK, and configurations that are read in them.
 *
 *   kit_config_setup ▸ setenv, kit_write ▸ kit_config(&options) ▸ kit_config_teardown
 */
#ifndef NV_TESTS_SUPPORT_TRACE_CONFIG_KIT_H
#define NV_TESTS_SUPPORT_TRACE_CONFIG_KIT_H

#include "trace/config.h"

/* What the last reading gave as its reason. */
extern char kit_why[200];

/* Makes a directory under /tmp the working one. */
void kit_enter(void);
/* Removes it with the files in it; / is the working one then. */
void kit_leave(void);
/* Writes a file of the working directory anew. */
void kit_write(const char *name, const char *text);

/* Unsets every variable that is read here, whatever the shell that runs the tests has. */
void kit_clean(void);
/* Both, for a case. */
void kit_config_setup(void);
void kit_config_teardown(void);

/* Default options, and on whatever the environment says. */
noveum_options kit_enabled(void);
/* A configuration that can be read; new. */
struct nv_trace_config *kit_config(const noveum_options *options);
/* Asserts that there is none, with this result. */
void kit_config_is(const noveum_options *options, noveum_result result);
/* Reads one with every allocation failing once, and none. */
void nv_test_oom_config(const noveum_options *options);

#endif
