/*
 * What both kinds of files share. A symlink in the place of the directory is refused: who can
 * plant one could have our files written elsewhere.
 */
#include "exporter/files/directory.h"

#include "base/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static void tell(const char *what, const char *path, const char *option, int code,
                 struct nv_fail *fail)
{
    (void)nv_fail_set(fail, NV_ERR_IO, 0, "cannot %s the directory '%.70s': %s", what, path,
                      strerror(code));
    if (fail && fail->path[0] == '\0')
        (void)snprintf(fail->path, sizeof fail->path, "%s", option);
}

/* As the journal's: who can write it can take files away, or put others in their place. */
static void check_mode(int fd, const char *path, const char *option)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || (info.st_mode & (S_IWOTH | S_IWGRP)) == 0)
        return;
    NV_LOG(NV_LOG_WARN, "exporter",
           "%s can write the directory, and so remove and change what is written there: chmod "
           "go-w it option=%s directory=%s mode=%o",
           info.st_mode & S_IWOTH ? "everybody" : "its group", option, path,
           (unsigned)(info.st_mode & 07777u));
}

/*
 * Made one level deep: of a path that is misspelt above its end no new tree is made. The first
 * failure is the one that is told (nv_fail_set), so that a directory that could not be made is
 * not called one that is missing.
 */
int nv_directory_open(const char *path, const char *option, struct nv_fail *fail)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        tell("make", path, option, errno, fail);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        tell("open", path, option, errno, fail);
    else
        check_mode(fd, path, option);
    return fd;
}

/* A quota that is used up is mended as a full disk is: by room. */
enum nv_err nv_directory_error(int code)
{
    return code == ENOSPC || code == EDQUOT ? NV_ERR_NO_SPACE : NV_ERR_IO;
}

/* In a loop, as one call takes 2 GiB at most (write(2)), and a full disk or a signal may end it
 * in the middle. */
enum nv_err nv_directory_write(int fd, struct nv_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return nv_directory_error(errno);
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return NV_OK;
}
