/*
 * A child of a child, which belongs to nobody: neither is the browser ended with the gateway,
 * nor has anybody to wait for it. Only what may be done between fork and exec of a program with
 * threads is done there.
 */
#include "gateway/process/browser.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] != '\0';
}

static void open_here(const char *url)
{
    sigset_t none;
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    for (int fd = STDIN_FILENO; nowhere >= 0 && fd <= STDERR_FILENO; fd++)
        (void)dup2(nowhere, fd);
    (void)setsid();
    (void)execlp("xdg-open", "xdg-open", url, (char *)NULL);
    _exit(1);
}

bool nv_browser_open(const char *url)
{
    if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY"))
        return false;
    pid_t child = fork();
    if (child == 0) {
        pid_t second = fork();
        if (second == 0)
            open_here(url);
        _exit(second < 0 ? 1 : 0);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}
