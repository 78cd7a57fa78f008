/*
 * What the processor has, asked once.
 *
 * __builtin_cpu_supports also asks whether the system keeps the wide registers, without which
 * they are of no use.
 */
#include "base/wide.h"

#include "base/banned.h"

#ifdef NV_WIDE_CODE
bool nv_wide;

__attribute__((constructor)) static void find_wide(void)
{
    __builtin_cpu_init();
    nv_wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
}
#endif
