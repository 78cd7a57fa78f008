# Warning and hardening flags, as one interface target.
add_library(noveum_warnings INTERFACE)
target_compile_options(noveum_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef
  -Wvla -Wformat=2 -Wimplicit-fallthrough -Wnull-dereference -fno-common -fstack-protector-strong)
if(NOVEUM_WERROR)
  target_compile_options(noveum_warnings INTERFACE -Werror)
endif()
if(NOVEUM_SANITIZE)
  target_compile_options(noveum_warnings INTERFACE
    -fsanitize=${NOVEUM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(noveum_warnings INTERFACE -fsanitize=${NOVEUM_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_options(noveum_warnings INTERFACE -D_FORTIFY_SOURCE=2 -fstack-clash-protection)
  target_link_options(noveum_warnings INTERFACE -Wl,-z,relro,-z,now)
endif()
