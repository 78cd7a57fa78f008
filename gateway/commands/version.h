/*
 * What this program is made of: version, commit, build, libraries.
 */
#ifndef NV_GATEWAY_COMMANDS_VERSION_H
#define NV_GATEWAY_COMMANDS_VERSION_H

#include "base/buf.h"

/*
 * Appends "noveum-gateway 1.2.3", then a line each for `commit` (borrowed; "unknown" outside of
 * a clone and an archive), the build and the libraries as they are loaded now; or the same as
 * one JSON value. Buffer's errors.
 */
enum nv_err nv_version_write(const char *commit, bool json, struct nv_buf *buf);

#endif
