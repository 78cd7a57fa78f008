# Every third-party library, as one interface target. Reasons: docs/dependencies.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(NOVEUM_DEPS REQUIRED IMPORTED_TARGET
  libevent_core libcurl jansson libnghttp2 libdeflate libisal libzstd yaml-0.1 openssl libxxhash
  libpcre2-8 libutf8proc sqlite3)
find_library(NOVEUM_NANOPB protobuf-nanopb REQUIRED)
find_path(NOVEUM_NANOPB_INCLUDE pb_encode.h PATH_SUFFIXES nanopb REQUIRED)
add_library(noveum_dependencies INTERFACE)
target_include_directories(noveum_dependencies SYSTEM INTERFACE ${NOVEUM_NANOPB_INCLUDE})
target_link_libraries(noveum_dependencies INTERFACE
  PkgConfig::NOVEUM_DEPS ${NOVEUM_NANOPB} Threads::Threads m)
