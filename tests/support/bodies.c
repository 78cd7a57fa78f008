/*
 * Walks tests/fixtures.
 *
 * Files are named NNN.pb, NNN.json, NNN.logs.pb, NNN.metrics.pb, with .gz behind when they were
 * sent compressed; zlib's gzread gives the bytes of both alike.
 */
#include "bodies.h"

#include "base/buf.h"

#include <check.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/banned.h"

static struct {
    nv_test_body_visit *visit;
    void *ctx;
    unsigned count;
} current;

static void read_all(const char *path, struct nv_buf *buf)
{
    char block[65536];
    int got;
    gzFile file = gzopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    while ((got = gzread(file, block, sizeof block)) > 0)
        ck_assert_int_eq(nv_buf_append(buf, block, (size_t)got), NV_OK);
    ck_assert_msg(got == 0, "cannot read %s", path);
    gzclose(file);
}

static int visit_file(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    const char *name = path + walk->base;
    struct nv_buf buf;
    (void)info;
    if (type != FTW_F || fnmatch("[0-9][0-9][0-9].*", name, 0) != 0 || strstr(name, "metrics"))
        return 0;
    nv_buf_init(&buf, 64 << 20);
    read_all(path, &buf);
    struct nv_test_body body = {.path = path + strlen(NOVEUM_FIXTURES) + 1,
                                .json = strstr(name, ".json") != NULL,
                                .logs = strstr(name, ".logs") != NULL,
                                .bytes = nv_buf_str(&buf)};
    current.visit(current.ctx, &body);
    current.count++;
    nv_buf_release(&buf);
    return 0;
}

unsigned nv_test_each_body(nv_test_body_visit *visit, void *ctx)
{
    current.visit = visit;
    current.ctx = ctx;
    current.count = 0;
    ck_assert_int_eq(nftw(NOVEUM_FIXTURES, visit_file, 8, FTW_PHYS), 0);
    return current.count;
}
