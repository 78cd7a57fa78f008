/*
 * Protobuf's wire format: a reader that never leaves its bytes and a writer onto an nv_buf.
 *
 *   tag = number << 3 | type        0 varint, 1 fixed64, 2 length + bytes, 3/4 group, 5 fixed32
 *
 * The reader yields one field at a time and knows no message: it checks what the format itself
 * says (protobuf.dev, "Encoding"): varints end within 10 bytes and 64 bits (they need not be
 * minimal), numbers are 1..2^29-1, types 6 and 7 don't exist, lengths stay inside, groups are
 * closed by their own number. A group is skipped whole and yielded as one field of type
 * NV_WIRE_GROUP.
 */
#ifndef NV_BASE_TEXT_WIRE_H
#define NV_BASE_TEXT_WIRE_H

#include "base/buf.h"

#include <endian.h>

enum nv_wire_type {
    NV_WIRE_VARINT = 0,
    NV_WIRE_FIXED64 = 1,
    NV_WIRE_BYTES = 2,
    NV_WIRE_GROUP = 3,
    NV_WIRE_GROUP_END = 4,
    NV_WIRE_FIXED32 = 5
};

/* Groups in groups; deeper is NV_ERR_DEPTH. upb, the reference, allows 100 messages and
 * groups. */
#define NV_WIRE_GROUP_DEPTH_MAX 100

/* A message being read. `pos` moves towards `end`; both borrowed. */
struct nv_wire {
    const char *pos;
    const char *end;
};

/* One field. `value` holds a varint or the bits of a fixed number, `bytes` the rest. */
struct nv_wire_field {
    uint32_t number;
    enum nv_wire_type type; /* never NV_WIRE_GROUP_END */
    uint64_t value;         /* VARINT; FIXED64; FIXED32 (upper half zero) */
    struct nv_str bytes;    /* BYTES, borrowed from the message; of other types undefined */
};

/* Starts reading the message `bytes` (borrowed). */
static inline struct nv_wire nv_wire_read(struct nv_str bytes)
{
    return (struct nv_wire){bytes.ptr, bytes.len > 0 ? bytes.ptr + bytes.len : bytes.ptr};
}

/* nv_wire_next for every field that its fast path leaves; same contract. */
enum nv_err nv_wire_next_any(struct nv_wire *wire, struct nv_wire_field *field) NV_MUST_USE;

/*
 * The next field. NV_ERR_END behind the last one; NV_ERR_TRUNCATED, NV_ERR_MALFORMED,
 * NV_ERR_DEPTH on bytes that are no protobuf, with `wire->pos` at the field that is wrong.
 * Inline: nearly all fields of OTLP are length-delimited, with a tag of one byte and a length
 * of one or two, or times, or numbers below 128.
 */
static inline enum nv_err nv_wire_next(struct nv_wire *wire, struct nv_wire_field *field)
{
    const uint8_t *at = (const uint8_t *)wire->pos;
    size_t left = (size_t)(wire->end - wire->pos);
    *field = (struct nv_wire_field){.number = 0};
    if (left == 0)
        return NV_ERR_END;
    if (left >= 3 && (at[0] & 0x87) == NV_WIRE_BYTES && at[0] >= 8 &&
        (at[1] & at[2] & 0x80) == 0) {
        size_t head = at[1] < 0x80 ? 2 : 3;
        size_t len = head == 2 ? at[1] : (at[1] & 0x7fu) | (size_t)at[2] << 7;
        if (left - head >= len) {
            field->number = at[0] >> 3;
            field->type = NV_WIRE_BYTES;
            field->bytes = (struct nv_str){wire->pos + head, len};
            wire->pos += head + len;
            return NV_OK;
        }
    }
    if (left >= 9 && (at[0] & 0x87) == NV_WIRE_FIXED64 && at[0] >= 8) {
        memcpy(&field->value, at + 1, sizeof field->value);
        field->value = le64toh(field->value);
        field->number = at[0] >> 3;
        field->type = NV_WIRE_FIXED64;
        wire->pos += 9;
        return NV_OK;
    }
    if (left >= 2 && (at[0] & 0x87) == NV_WIRE_VARINT && at[0] >= 8 && at[1] < 0x80) {
        field->value = at[1];
        field->number = at[0] >> 3;
        field->type = NV_WIRE_VARINT;
        wire->pos += 2;
        return NV_OK;
    }
    /* Through copies, so that the caller's two can live in registers: to read back what was
     * just written costs more than all of the above. */
    struct nv_wire rest = *wire;
    struct nv_wire_field any = {.number = 0};
    enum nv_err err = nv_wire_next_any(&rest, &any);
    *wire = rest;
    *field = any;
    return err;
}

/* The double whose IEEE 754 bits `value` holds. */
double nv_wire_double(uint64_t value);

/* Appends a varint (minimal). Errors of all writers: the buffer's. */
enum nv_err nv_wire_put_varint(struct nv_buf *buf, uint64_t value);
/* Appends tag and number; also for enums and bools; a negative int is its 64-bit pattern. */
enum nv_err nv_wire_put_uint(struct nv_buf *buf, uint32_t number, uint64_t value);
/* Appends tag and 8 bytes, little endian. */
enum nv_err nv_wire_put_fixed64(struct nv_buf *buf, uint32_t number, uint64_t value);
/* Appends tag and 4 bytes, little endian. */
enum nv_err nv_wire_put_fixed32(struct nv_buf *buf, uint32_t number, uint32_t value);
/* Appends tag and the 8 bytes of a double. */
enum nv_err nv_wire_put_double(struct nv_buf *buf, uint32_t number, double value);
/* Appends tag, length and bytes: strings, bytes, ready-made messages. */
enum nv_err nv_wire_put_bytes(struct nv_buf *buf, uint32_t number, struct nv_str bytes);
/*
 * Opens a length-delimited field whose bytes are appended next; gives the mark for nv_wire_end,
 * which sets the length (minimal; contents of 128 bytes and more are moved once). Marks nest.
 */
size_t nv_wire_begin(struct nv_buf *buf, uint32_t number);
/* Closes the field that `mark` opened. Errors: the buffer's. */
enum nv_err nv_wire_end(struct nv_buf *buf, size_t mark);

#endif
