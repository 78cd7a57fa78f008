# Removes the files that install_manifest.txt of the working directory lists, below DESTDIR when it is set.
if(NOT EXISTS install_manifest.txt)
  message(FATAL_ERROR "nothing was installed from this build: install_manifest.txt is not there")
endif()
file(STRINGS install_manifest.txt files)
foreach(path IN LISTS files)
  message(STATUS "removing $ENV{DESTDIR}${path}")
  file(REMOVE "$ENV{DESTDIR}${path}")
endforeach()
