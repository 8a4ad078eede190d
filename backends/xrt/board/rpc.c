#include "rpc.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

/* ---- decoding ---- */

typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

static uint64_t little_endian(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}

static bool take_varint(cursor *c, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        const uint8_t byte = *c->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

static bool take_fixed(cursor *c, unsigned bytes, uint64_t *value)
{
    if ((size_t)(c->end - c->at) < bytes) {
        return false;
    }
    *value = little_endian(c->at, bytes);
    c->at += bytes;
    return true;
}

static bool take_bytes(cursor *c, rpc_bytes *out)
{
    uint64_t count;
    if (!take_varint(c, &count) || count > (uint64_t)(c->end - c->at)) {
        return false;
    }
    *out = (rpc_bytes){c->at, (size_t)count};
    c->at += count;
    return true;
}

const char *rpc_decode_header(const uint8_t header[RPC_REQUEST_HEADER], uint32_t *call,
                              uint64_t *body_bytes)
{
    if (header[0] != (1 << 3 | FIXED64) || header[9] != (2 << 3 | FIXED32)) {
        return "the header of a request is not XRT's";
    }
    const uint64_t count = little_endian(header + 1, 8);
    if (count > RPC_MAX_BODY) {
        return "a request is too long";
    }
    *body_bytes = count;
    *call = (uint32_t)little_endian(header + 10, 4);
    return NULL;
}

/* Which fields a call must have: bit N for field N. */
typedef struct call_form {
    uint32_t call;
    uint16_t numbers, bytes;
} call_form;

#define FIELD(number) (1u << (number))
static const call_form forms[] = {
    {RPC_CLOSE, 0, 0},
    {RPC_LOAD_BITSTREAM, 0, FIELD(1) | FIELD(2) | FIELD(4)},
    {RPC_ALLOC_BUFFER, FIELD(1) | FIELD(2), 0},
    {RPC_FREE_BUFFER, FIELD(1), 0},
    {RPC_COPY_TO_DEVICE, FIELD(3), FIELD(4)},
    {RPC_COPY_FROM_DEVICE, FIELD(4) | FIELD(5), 0},
    {RPC_WRITE_CONTROL, FIELD(2), FIELD(4)},
    {RPC_READ_CONTROL, FIELD(2), 0},
    {RPC_SET_ENVIRONMENT, 0, 0},
    {RPC_REGISTER_WRITE, FIELD(1) | FIELD(2), FIELD(3)},
    {RPC_REGISTER_READ, FIELD(1) | FIELD(2), 0},
    {RPC_DRIVER_VERSION, 0, 0},
};

static const call_form *find_form(uint32_t call)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (forms[i].call == call) {
            return &forms[i];
        }
    }
    return NULL;
}

/* One field; *numbers and *bytes collect which there are. */
static bool take_field(cursor *c, rpc_request *out, unsigned *numbers, unsigned *bytes)
{
    uint64_t tag, value = 0;
    if (!take_varint(c, &tag)) {
        return false;
    }
    const uint64_t field = tag >> 3;
    rpc_bytes text = {NULL, 0};
    bool taken;
    switch (tag & 7) {
    case VARINT:
        taken = take_varint(c, &value);
        break;
    case FIXED64:
        taken = take_fixed(c, 8, &value);
        break;
    case FIXED32:
        taken = take_fixed(c, 4, &value);
        break;
    case LENGTH:
        taken = take_bytes(c, &text);
        break;
    default:
        return false; /* groups: no call has one */
    }
    if (!taken || field == 0) {
        return false;
    }
    if (field < RPC_FIELDS && (tag & 7) == LENGTH) {
        out->bytes[field] = text;
        *bytes |= FIELD(field);
    } else if (field < RPC_FIELDS) {
        out->number[field] = value;
        *numbers |= FIELD(field);
    }
    return true;
}

const char *rpc_decode(uint32_t call, const uint8_t *body, size_t count, rpc_request *out)
{
    const call_form *form = find_form(call);
    rpc_request request = {.call = call, .known = form != NULL};
    unsigned numbers = 0, bytes = 0;
    cursor c = {body, body + count};
    while (c.at < c.end) {
        if (!take_field(&c, &request, &numbers, &bytes)) {
            return "a request is malformed";
        }
    }
    if (form != NULL && ((form->numbers & ~numbers) != 0 || (form->bytes & ~bytes) != 0)) {
        return "a request lacks a field";
    }
    *out = request;
    return NULL;
}

/* ---- answers ---- */

static void put_byte(rpc_answer *answer, unsigned byte)
{
    if (answer->count < RPC_ANSWER_BYTES) {
        answer->bytes[answer->count++] = (uint8_t)byte;
    }
}

static void put_varint(rpc_answer *answer, uint64_t value)
{
    for (; value > 0x7f; value >>= 7) {
        put_byte(answer, (unsigned)(value & 0x7f) | 0x80);
    }
    put_byte(answer, (unsigned)value);
}

void rpc_answer_begin(rpc_answer *answer)
{
    *answer = (rpc_answer){.count = RPC_ANSWER_HEADER};
}

void rpc_answer_number(rpc_answer *answer, unsigned field, uint64_t value)
{
    put_varint(answer, field << 3 | VARINT);
    put_varint(answer, value);
}

void rpc_answer_bytes(rpc_answer *answer, unsigned field, const void *bytes, size_t count)
{
    const size_t room = RPC_ANSWER_BYTES - 16 - answer->count;
    const size_t taken = count < room ? count : room;
    put_varint(answer, field << 3 | LENGTH);
    put_varint(answer, taken);
    memcpy(answer->bytes + answer->count, bytes, taken);
    answer->count += taken;
}

void rpc_answer_tail(rpc_answer *answer, unsigned field, const void *bytes, size_t count)
{
    put_varint(answer, field << 3 | LENGTH);
    put_varint(answer, count);
    answer->tail = bytes;
    answer->tail_count = count;
}

void rpc_answer_end(rpc_answer *answer)
{
    const uint64_t body = answer->count - RPC_ANSWER_HEADER + answer->tail_count;
    answer->bytes[0] = 1 << 3 | FIXED64;
    for (unsigned i = 0; i < 8; i++) {
        answer->bytes[1 + i] = (uint8_t)(body >> 8 * i);
    }
}
