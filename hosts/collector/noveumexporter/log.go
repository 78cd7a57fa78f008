package noveumexporter

// #include <stddef.h>
// #include <stdint.h>
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// noveumexporterLog is called by the library with a line of its log.
//
//export noveumexporterLog
func noveumexporterLog(handle C.uintptr_t, line *C.char, length C.size_t) {
	log := cgo.Handle(handle).Value().(func(string))
	log(string(unsafe.Slice((*byte)(unsafe.Pointer(line)), int(length))))
}
