/*
 * Names and values of a map option.
 *
 * Entries are kept as the text "name=value": they are few, read once at the start, and printed
 * as they are written. A new list is made whole before it takes the place of the old one, so
 * that a line which is wrong changes nothing.
 */
#include "gateway/config/option_map.h"

#include "base/text/mask.h"
#include "gateway/config/option_value.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/banned.h"

bool nv_option_map_is_secret(struct nv_str name)
{
    static const char *const parts[] = {"password", "secret", "token",
                                        ".pem",     "jaas",   "sasl.oauthbearer.config"};
    char lower[128];
    size_t len = name.len < sizeof lower ? name.len : sizeof lower;
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)tolower((unsigned char)name.ptr[i]);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (nv_str_find((struct nv_str){lower, len}, nv_str_from(parts[i])) != SIZE_MAX)
            return true;
    }
    return false;
}

/* Takes the next line that is not empty; false: there is none. */
static bool next_line(struct nv_str *rest, struct nv_str *line)
{
    while (rest->len > 0) {
        size_t end = nv_str_find_char(*rest, '\n');
        *line = nv_str_trim(nv_str_slice(*rest, 0, end));
        *rest = nv_str_slice(*rest, end == SIZE_MAX ? rest->len : end + 1, rest->len);
        if (line->len > 0)
            return true;
    }
    return false;
}

static struct nv_str name_of(struct nv_str entry)
{
    return nv_str_trim(nv_str_slice(entry, 0, nv_str_find_char(entry, '=')));
}

/* "Bearer abc": whoever echoes it may leave the first word out. */
static enum nv_err remember_value(struct nv_str value)
{
    size_t word = value.len;
    while (word > 0 && value.ptr[word - 1] != ' ')
        word--;
    enum nv_err err = nv_mask_add(value);
    return err == NV_OK ? nv_mask_add(nv_str_slice(value, word, value.len)) : err;
}

enum nv_err nv_option_map_remember(struct nv_str text, bool all)
{
    struct nv_str line;
    enum nv_err err = NV_OK;
    while (err == NV_OK && next_line(&text, &line)) {
        size_t equals = nv_str_find_char(line, '=');
        if (equals != SIZE_MAX && (all || nv_option_map_is_secret(name_of(line))))
            err = remember_value(nv_str_trim(nv_str_slice(line, equals + 1, line.len)));
    }
    return err;
}

/* Takes `entry` (malloc'ed) in the place of the one with its name, or as a new one. */
static void put(struct nv_text_list *map, char *entry)
{
    struct nv_str name = name_of(nv_str_from(entry));
    for (size_t i = 0; i < map->count; i++) {
        if (nv_str_eq(name_of(nv_str_from(map->items[i])), name)) {
            free(map->items[i]);
            map->items[i] = entry;
            return;
        }
    }
    map->items[map->count++] = entry;
}

static enum nv_err add_line(struct nv_text_list *map, struct nv_str line, size_t number,
                            struct nv_fail *fail)
{
    size_t equals = nv_str_find_char(line, '=');
    struct nv_str name = name_of(line);
    if (equals == SIZE_MAX || name.len == 0) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "entry %zu is not name=value, one a line",
                           number);
    }
    if (map->count == NV_OPTION_MAP_MAX)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "more than %d entries", NV_OPTION_MAP_MAX);
    struct nv_str value = nv_str_trim(nv_str_slice(line, equals + 1, line.len));
    char *entry = malloc(name.len + value.len + 2);
    if (!entry)
        return NV_ERR_NO_MEMORY;
    memcpy(entry, name.ptr, name.len);
    entry[name.len] = '=';
    if (value.len > 0)
        memcpy(entry + name.len + 1, value.ptr, value.len);
    entry[name.len + 1 + value.len] = '\0';
    put(map, entry);
    return NV_OK;
}

enum nv_err nv_option_map_set(struct nv_text_list *map, struct nv_str text,
                              struct nv_fail *fail)
{
    struct nv_str line;
    struct nv_text_list made = {.items = calloc(NV_OPTION_MAP_MAX, sizeof(char *))};
    enum nv_err err = made.items ? NV_OK : NV_ERR_NO_MEMORY;
    for (size_t number = 1; err == NV_OK && next_line(&text, &line); number++)
        err = add_line(&made, line, number, fail);
    if (err != NV_OK) {
        nv_text_list_release(&made);
        return err;
    }
    nv_text_list_release(map);
    *map = made;
    return NV_OK;
}

enum nv_err nv_option_map_write(const struct nv_text_list *map, bool all, struct nv_buf *buf)
{
    for (size_t i = 0; i < map->count; i++) {
        struct nv_str entry = nv_str_from(map->items[i]);
        struct nv_str name = name_of(entry);
        bool secret = all || nv_option_map_is_secret(name);
        (void)nv_buf_printf(buf, "%s%.*s", i == 0 ? "" : "\n",
                            NV_STR_ARG(secret ? name : entry));
        if (secret)
            (void)nv_buf_append_str(buf, NV_STR("=***"));
    }
    return buf->failed;
}
