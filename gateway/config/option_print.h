/*
 * The table of options as text for people: --help, --print-config and docs/configuration.md.
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_PRINT_H
#define NV_GATEWAY_CONFIG_OPTION_PRINT_H

#include "gateway/config/options.h"

/* Appends each key with its default and its help, for --help. Buffer's errors. */
enum nv_err nv_options_write_help(struct nv_buf *buf);
/*
 * Appends the configuration in force as YAML that --config would take, each value with a
 * comment that says where it came from; secrets as `***`. Buffer's errors.
 */
enum nv_err nv_options_write_config(const struct nv_options *options, struct nv_buf *buf);
/* Appends docs/configuration.md, whole. Buffer's errors. */
enum nv_err nv_options_write_docs(struct nv_buf *buf);

#endif
