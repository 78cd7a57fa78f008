# NOVEUM_PACKS_RELOCATIONS: do the linker and the loader know packed relocations? A pointer in a table takes 24 bytes of the
# program without, a fraction of one with. glibc knows them since 2.36, which Debian 12 has.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,-z,pack-relative-relocs)
check_c_source_compiles("#include <features.h>
#if !__GLIBC_PREREQ(2, 36)
#error the loader does not know them
#endif
int main(void) { return 0; }" NOVEUM_PACKS_RELOCATIONS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
