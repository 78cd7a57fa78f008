# `cmake --install BUILD [--prefix P]` and DESTDIR: the program with its manual pages, completions, unit and example. What
# was installed is listed in BUILD/install_manifest.txt; `cmake --build BUILD --target uninstall` removes that.
include(GNUInstallDirs)
install(TARGETS noveum-gateway RUNTIME)
install(FILES docs/man/noveum-gateway.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES docs/man/noveum-gateway.5 DESTINATION "${CMAKE_INSTALL_MANDIR}/man5")
install(FILES deploy/completions/noveum-gateway.bash RENAME noveum-gateway
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
install(FILES deploy/completions/noveum-gateway.zsh RENAME _noveum-gateway
  DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
install(FILES deploy/completions/noveum-gateway.fish
  DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
install(FILES configs/gateway.yaml LICENSE deploy/prometheus/alerts.yaml deploy/grafana/dashboard.json
              deploy/grafana/agents.json
  DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# libnoveum, for programs that have the stages inside; its header comes with that of libnoveum-trace.
install(TARGETS noveum_shared LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
noveum_install_pc(noveum)

# The unit names the program by its whole path, which `--prefix` may have changed.
install(CODE "
  file(READ \"${CMAKE_SOURCE_DIR}/deploy/noveum-gateway.service\" unit)
  string(REPLACE /usr/local/bin \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\" unit \"\${unit}\")
  file(WRITE \"${CMAKE_BINARY_DIR}/noveum-gateway.service\" \"\${unit}\")")
install(FILES "${CMAKE_BINARY_DIR}/noveum-gateway.service" deploy/noveum-gateway.socket DESTINATION lib/systemd/system)
install(FILES deploy/noveum-gateway.sysusers RENAME noveum-gateway.conf DESTINATION lib/sysusers.d)

add_custom_target(uninstall COMMAND "${CMAKE_COMMAND}" -P "${CMAKE_SOURCE_DIR}/cmake/uninstall.cmake"
  WORKING_DIRECTORY "${CMAKE_BINARY_DIR}" VERBATIM COMMENT "Removes what the last install put there")
