/* The remote calls by which XRT's sw_emu shim talks to its device process, as bytes.
 *
 * A request is a header (the length of its body, the number of the call), then the body, a proto2
 * message (rpc_messages.proto of XRT). An answer is a header (a length), then a body. What comes in
 * is decoded by pure functions that look at nothing but the bytes. */
#ifndef DAVIT_BOARD_RPC_H
#define DAVIT_BOARD_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum rpc_call {
    RPC_CLOSE = 1,
    RPC_LOAD_BITSTREAM = 3,
    RPC_ALLOC_BUFFER = 4,
    RPC_FREE_BUFFER = 5,
    RPC_COPY_TO_DEVICE = 6,
    RPC_COPY_FROM_DEVICE = 7,
    RPC_WRITE_CONTROL = 9,
    RPC_READ_CONTROL = 11,
    RPC_SET_ENVIRONMENT = 20,
    RPC_REGISTER_WRITE = 51,
    RPC_REGISTER_READ = 52,
    RPC_DRIVER_VERSION = 53
} rpc_call;

#define RPC_REQUEST_HEADER 14 /* bytes */
#define RPC_ANSWER_HEADER 9
#define RPC_MAX_BODY ((uint64_t)1 << 30)
#define RPC_FIELDS 16 /* field numbers below this are kept */

/* Bytes inside the request's body. */
typedef struct rpc_bytes {
    const uint8_t *at;
    size_t count;
} rpc_bytes;

/* A request: fields by their numbers. What the call needs is there, and of the right kind. */
typedef struct rpc_request {
    uint32_t call;
    uint64_t number[RPC_FIELDS]; /* 0: not sent */
    rpc_bytes bytes[RPC_FIELDS]; /* the last of a repeated field; NULL: not sent */
    bool known;                  /* a call of the enum above */
} rpc_request;

/* Reads a header. Returns NULL, or what is wrong with it. */
const char *rpc_decode_header(const uint8_t header[RPC_REQUEST_HEADER], uint32_t *call,
                              uint64_t *body_bytes);

/* Reads a body; *out borrows from it. Returns NULL, or what is wrong with it. */
const char *rpc_decode(uint32_t call, const uint8_t *body, size_t count, rpc_request *out);

/* An answer under construction: a header and small fields; a last, large bytes field is sent from
 * where it lies. */
#define RPC_ANSWER_BYTES 320
typedef struct rpc_answer {
    uint8_t bytes[RPC_ANSWER_BYTES];
    size_t count; /* header included */
    const uint8_t *tail;
    size_t tail_count;
} rpc_answer;

void rpc_answer_begin(rpc_answer *answer);
void rpc_answer_number(rpc_answer *answer, unsigned field, uint64_t value);
/* A short field: at most 256 bytes; more are cut. */
void rpc_answer_bytes(rpc_answer *answer, unsigned field, const void *bytes, size_t count);
/* The last field; bytes are borrowed until the answer is sent. */
void rpc_answer_tail(rpc_answer *answer, unsigned field, const void *bytes, size_t count);
void rpc_answer_end(rpc_answer *answer); /* sets the header */

#endif
