/*
 * Opens an address in the browser of whoever sits at this machine, where there is one.
 */
#ifndef NV_GATEWAY_PROCESS_BROWSER_H
#define NV_GATEWAY_PROCESS_BROWSER_H

#include <stdbool.h>

/*
 * Has `xdg-open` open `url` (borrowed); false, and nothing said, where there is no display
 * (neither DISPLAY nor WAYLAND_DISPLAY) or no process can be made. Does not wait, and leaves no
 * child behind. What the browser says goes nowhere.
 */
bool nv_browser_open(const char *url);

#endif
