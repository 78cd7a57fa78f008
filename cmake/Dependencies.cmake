# Every third-party library, as one interface target. Reasons: docs/dependencies.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(NOVEUM_DEPS REQUIRED IMPORTED_TARGET
  libevent_core libcurl jansson libnghttp2 libdeflate libisal libzstd yaml-0.1 openssl libxxhash
  libpcre2-8 libutf8proc sqlite3)
# Only its header is needed to build: the library is loaded when a role needs it (kafka/rd.h).
option(NOVEUM_WITH_KAFKA "Roles receive and assemble, which need librdkafka's header" ON)
find_path(NOVEUM_RDKAFKA_INCLUDE librdkafka/rdkafka.h)
find_library(NOVEUM_NANOPB protobuf-nanopb REQUIRED)
find_path(NOVEUM_NANOPB_INCLUDE pb_encode.h PATH_SUFFIXES nanopb REQUIRED)
add_library(noveum_dependencies INTERFACE)
target_include_directories(noveum_dependencies SYSTEM INTERFACE ${NOVEUM_NANOPB_INCLUDE})
target_link_libraries(noveum_dependencies INTERFACE
  PkgConfig::NOVEUM_DEPS ${NOVEUM_NANOPB} Threads::Threads ${CMAKE_DL_LIBS} m)
if(NOVEUM_WITH_KAFKA AND NOVEUM_RDKAFKA_INCLUDE)
  target_include_directories(noveum_dependencies SYSTEM INTERFACE ${NOVEUM_RDKAFKA_INCLUDE})
  target_compile_definitions(noveum_dependencies INTERFACE NOVEUM_KAFKA=1)
else()
  message(STATUS "Without Kafka: roles receive and assemble will say so at their start")
endif()
