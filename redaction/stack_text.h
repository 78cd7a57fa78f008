/*
 * Stack traces as texts: Python, Java, .NET, JavaScript, Ruby, Go.
 *
 *   what stands above ─▶ frames, one or more lines each ─▶ the exception (Python: last)
 *
 * Lines are told by how they begin; nothing is parsed. Each call costs the text's length.
 */
#ifndef NV_REDACTION_STACK_TEXT_H
#define NV_REDACTION_STACK_TEXT_H

#include "base/arena.h"

#define NV_STACK_FRAMES_KEPT 10

/*
 * Cuts a stack trace down to its innermost exception, the cause of all others, and of that to
 * the NV_STACK_FRAMES_KEPT frames nearest to where it was raised, with a line that says how
 * many are left out. A text in which no frame is known is cut to as many lines, its last. The
 * same text when there is nothing to cut. The arena's new text otherwise; NV_ERR_NO_MEMORY.
 */
enum nv_err nv_stack_cut(struct nv_arena *arena, struct nv_str *text) NV_MUST_USE;
/*
 * Takes Python's tracebacks out of a message, as LangSmith sends them: from the line
 * "Traceback (most recent call last):" over all that is indented or empty. What names the
 * exception stays. The same text when it holds none.
 */
enum nv_err nv_stack_strip(struct nv_arena *arena, struct nv_str *text) NV_MUST_USE;

#endif
