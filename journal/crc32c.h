/*
 * CRC32C (Castagnoli, polynomial 0x1EDC6F41 reflected; RFC 3720 appendix B.4).
 *
 * Multiplies vectors of 64 bytes where the processor can (AVX-512, VPCLMULQDQ) and there is
 * much, uses the SSE4.2 instruction on three lanes where there is one, tables elsewhere; all
 * give the same. Any thread.
 */
#ifndef NV_JOURNAL_CRC32C_H
#define NV_JOURNAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of `len` bytes after those that gave `crc`; start with 0. */
uint32_t nv_crc32c(uint32_t crc, const void *bytes, size_t len);
/* The same without vectors: for tests, and where there are none. */
uint32_t nv_crc32c_lanes(uint32_t crc, const void *bytes, size_t len);
/* The same by tables only: for tests, and where there is no instruction. */
uint32_t nv_crc32c_portable(uint32_t crc, const void *bytes, size_t len);

#endif
