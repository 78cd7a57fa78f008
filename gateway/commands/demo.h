/*
 * `noveum-gateway demo`: a gateway in local mode, in a directory that goes away with it, and
 * captured traces of ten conventions that are played into it.
 */
#ifndef NV_GATEWAY_COMMANDS_DEMO_H
#define NV_GATEWAY_COMMANDS_DEMO_H

#include "gateway/config/option_load.h"

/*
 * Runs until a signal ends it, as nv_run; what `given` (borrowed) sets with --set comes before
 * what the demo sets itself. `open`: the page in a browser, where there is one. Returns the
 * exit code.
 */
int nv_command_demo(const struct nv_option_sources *given, bool open);

#endif
