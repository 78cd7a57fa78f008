/*
 * noveum/noveum.h: all that libnoveum-trace and libnoveum have for programs in C, by one header.
 *
 *                          ┌─ trace.h      spans of models, agents and tools ┐
 *     #include             ├─ agents.h     agents that work together         ┴ libnoveum-trace
 *     <noveum/noveum.h> ───┼─ pipeline.h   the gateway's stages, inline        libnoveum
 *                          └─ direct.h     the first straight to Noveum        both
 *
 * The four are its chapters, each the reference of what it declares. They are files of their own
 * because a library is linked for what is called: a program that only traces needs no libnoveum,
 * whatever is declared, and may include trace.h alone. A chapter never includes this header.
 *
 * Every handle is opaque: a number by value (noveum_span) or a pointer to a struct that only the
 * library knows (noveum_pipeline). Names begin with noveum_ or NOVEUM_, in both libraries.
 *
 * C11 or C++17; C++ has noveum/trace.hpp over it, with scopes and exceptions.
 */
#ifndef NOVEUM_NOVEUM_H
#define NOVEUM_NOVEUM_H

#include <noveum/agents.h>
#include <noveum/direct.h>
#include <noveum/pipeline.h>
#include <noveum/trace.h>

#endif
