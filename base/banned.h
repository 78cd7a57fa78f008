/*
 * Unsafe or locale-dependent libc calls do not compile: every .c includes this last.
 * The table of what to use instead: CONTRIBUTING.md.
 */
#ifndef NV_BASE_BANNED_H
#define NV_BASE_BANNED_H

#undef alloca
#undef strncpy
#undef strncat
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll  \
    atof
#pragma GCC poison localtime gmtime ctime asctime rand srand alloca mktemp tmpnam sscanf

#endif
