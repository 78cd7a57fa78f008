/*
 * Texts into typed values: what the words of a configuration mean. No knowledge of single
 * options.
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_VALUE_H
#define NV_GATEWAY_CONFIG_OPTION_VALUE_H

#include "gateway/config/options.h"

/* The SDK's words (docs/noveum-backend.md#sdk-configuration): true 1 yes on / false 0 no off
 * and the empty text, any case. NV_ERR_CONFIG otherwise. */
enum nv_err nv_option_parse_bool(struct nv_str text, bool *out) NV_MUST_USE;
/* Whole number with an optional unit: "1500", "500ms", "5s", "10m", "1h". NV_ERR_CONFIG. */
enum nv_err nv_option_parse_ms(struct nv_str text, uint64_t *out) NV_MUST_USE;
/* Whole number with an optional unit: "1024", "64KB", "64KiB", "8 GiB". NV_ERR_CONFIG. */
enum nv_err nv_option_parse_bytes(struct nv_str text, uint64_t *out) NV_MUST_USE;
/* Place of `text` among "a|b|c". NV_ERR_CONFIG when it is none of them. */
enum nv_err nv_option_parse_choice(struct nv_str text, const char *choices,
                                   unsigned *out) NV_MUST_USE;
/*
 * New list from "a, b" or "a\nb" (free with nv_text_list_release); empty parts are left out.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_option_parse_list(struct nv_str text, struct nv_text_list *out) NV_MUST_USE;
/* Frees the items; the list is empty. */
void nv_text_list_release(struct nv_text_list *list);

/*
 * Are these addresses that the listener understands: "none", or comma-separated "host:port",
 * "[v6]:port", ":port", "unix:/path", "fd:N"? NV_ERR_CONFIG when not.
 */
enum nv_err nv_option_check_addresses(struct nv_str text) NV_MUST_USE;
/* Is `text` "none"? */
bool nv_address_is_none(struct nv_str text);

/* An endpoint, taken apart. */
struct nv_url {
    bool secure;        /* https */
    struct nv_str host; /* without brackets */
    uint16_t port;      /* 443 or 80 when none is given */
    struct nv_str base; /* without trailing slashes and without a trailing /v1/traces */
};
/*
 * Views into `text` (borrowed). NV_ERR_CONFIG when it is not http(s), holds credentials, a
 * query, a fragment, spaces or control characters (docs/noveum-backend.md#sdk-configuration);
 * *what then says which (static).
 */
enum nv_err nv_option_parse_url(struct nv_str text, struct nv_url *out,
                                const char **what) NV_MUST_USE;
/*
 * Is this a proxy: "none", or [http|https|socks5|socks5h://][user:password@]host[:port]?
 * NV_ERR_CONFIG when not.
 */
enum nv_err nv_option_check_proxy(struct nv_str text) NV_MUST_USE;
/* Offset of the '@' behind a proxy's user and password; SIZE_MAX: it has none. */
size_t nv_proxy_login_end(struct nv_str text);
/* localhost, 127.0.0.0/8 or ::1 : the only hosts to which plain http is safe. */
bool nv_host_is_loopback(struct nv_str host);

#endif
