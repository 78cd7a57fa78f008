/*
 * Options into the configurations of the stages.
 *
 * All texts stay the options': the configurations borrow them, so the options must outlive the
 * call that takes the configuration.
 */
#ifndef NV_GATEWAY_STAGES_H
#define NV_GATEWAY_STAGES_H

#include "assembly/assembly.h"
#include "exporter/exporter.h"
#include "gateway/config/options.h"
#include "gateway/traces/traces.h"
#include "mapping/mapping.h"
#include "otlp/receiver.h"
#include "redaction/redact.h"

/* What the account of requests and traces may hold (gateway/config/memory_budget.h). */
uint64_t nv_stage_account_bytes(const struct nv_options *options);
/* Threads that compress bodies: as told, else by processors and memory; 0: the sender's own. */
unsigned nv_stage_packers(const struct nv_options *options);
/* Fills `config` with the defaults of the stage and what the options say. No failure. */
void nv_stage_exporter(const struct nv_options *options, struct nv_exporter_config *config);
/* The same for assembly: windows, caps, journal. Borrows texts from `options`. */
void nv_stage_assembly(const struct nv_options *options, struct nv_assembly_config *config);
/* The same for mapping: rules, prices, limits. Borrows texts from `options`. */
void nv_stage_mapping(const struct nv_options *options, struct nv_mapping_config *config);
/* The same for redaction; config->pii is new (nv_pii_free, after the last use of the config),
 * NULL without one. Errors as nv_options_personal. */
enum nv_err nv_stage_redaction(const struct nv_options *options,
                               struct nv_redaction_config *config,
                               struct nv_fail *fail) NV_MUST_USE;
/* The same for files of media; only where media.directory is set. Borrows its path. */
void nv_stage_media_files(const struct nv_options *options,
                          struct nv_media_files_config *config);
/* The same for the local store of the page. Borrows its path from `options`. */
void nv_stage_store(const struct nv_options *options, struct nv_traces_config *config);
/*
 * As above; `origins` (empty, released by the caller) holds the list of origins as the receiver
 * wants it. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_stage_receiver(const struct nv_options *options, struct nv_buf *origins,
                              struct nv_receiver_config *config) NV_MUST_USE;

#endif
