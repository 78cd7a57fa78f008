# Every third-party library, as one interface target. Reasons: docs/dependencies.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(NOVEUM_DEPS REQUIRED IMPORTED_TARGET
  libevent_core libcurl jansson libnghttp2 libdeflate libzstd yaml-0.1 openssl libxxhash
  libpcre2-8 sqlite3)
# Faster gzip; without it libdeflate does it (exporter/encode/compress.h).
option(NOVEUM_WITH_IGZIP "gzip at level 1 by igzip, where pkg-config finds libisal" ON)
if(NOVEUM_WITH_IGZIP)
  pkg_check_modules(NOVEUM_ISAL IMPORTED_TARGET libisal)
endif()
# utf8proc has a new soname with about each release of Unicode: a package with it inside fits more than one release of Debian.
option(NOVEUM_STATIC_UTF8PROC "Take utf8proc from its archive instead of the shared library" OFF)
if(NOVEUM_STATIC_UTF8PROC)
  find_library(NOVEUM_UTF8PROC_ARCHIVE libutf8proc.a REQUIRED)
  set(NOVEUM_UTF8PROC "${NOVEUM_UTF8PROC_ARCHIVE}")
else()
  pkg_check_modules(NOVEUM_UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
  set(NOVEUM_UTF8PROC PkgConfig::NOVEUM_UTF8PROC)
endif()
# Only its header is needed to build: the library is loaded when a role needs it (kafka/rd.h).
# Preset tsan leaves it out: Debian's librdkafka begins its threads by C11's thrd_create, which gcc's
# thread sanitizer does not know, so that each of them ends in a signal.
option(NOVEUM_WITH_KAFKA "Roles receive and assemble, which need librdkafka's header" ON)
find_path(NOVEUM_RDKAFKA_INCLUDE librdkafka/rdkafka.h)
find_library(NOVEUM_NANOPB protobuf-nanopb REQUIRED)
find_path(NOVEUM_NANOPB_INCLUDE pb_encode.h PATH_SUFFIXES nanopb REQUIRED)
add_library(noveum_dependencies INTERFACE)
target_include_directories(noveum_dependencies SYSTEM INTERFACE ${NOVEUM_NANOPB_INCLUDE})
target_link_libraries(noveum_dependencies INTERFACE
  PkgConfig::NOVEUM_DEPS ${NOVEUM_UTF8PROC} ${NOVEUM_NANOPB} Threads::Threads ${CMAKE_DL_LIBS} m)
if(NOVEUM_WITH_KAFKA AND NOVEUM_RDKAFKA_INCLUDE)
  target_include_directories(noveum_dependencies SYSTEM INTERFACE ${NOVEUM_RDKAFKA_INCLUDE})
  target_compile_definitions(noveum_dependencies INTERFACE NOVEUM_KAFKA=1)
else()
  message(STATUS "Without Kafka: roles receive and assemble will say so at their start")
endif()
if(NOVEUM_ISAL_FOUND)
  target_link_libraries(noveum_dependencies INTERFACE PkgConfig::NOVEUM_ISAL)
  target_compile_definitions(noveum_dependencies INTERFACE NOVEUM_IGZIP=1)
else()
  message(STATUS "Without ISA-L: gzip by libdeflate, at twice the processor time")
endif()
