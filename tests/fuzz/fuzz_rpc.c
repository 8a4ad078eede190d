/* A connection's bytes, as XRT's shim would send them, to a board without a bitstream: no crash,
 * and every answer fits its buffer. */
#define _GNU_SOURCE /* mkdtemp */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "fuzz.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Calls that touch files or memory by the host's word are decoded, but not handled. */
static bool may_handle(const rpc_request *request)
{
    return request->call != RPC_LOAD_BITSTREAM && request->call != RPC_ALLOC_BUFFER;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const board_faults faults = {0};
    static board_counts counts;
    static board b;
    if (b.memory.base == NULL) {
        must(board_open(&b, &faults, &counts) && board_memory_alloc(&b.memory, 0, 8192) &&
             board_memory_alloc(&b.memory, 16384, 4096));
    }
    while (count >= RPC_REQUEST_HEADER) {
        uint32_t call;
        uint64_t body;
        if (rpc_decode_header(bytes, &call, &body) != NULL || body > count - RPC_REQUEST_HEADER) {
            break;
        }
        rpc_request request;
        rpc_answer answer;
        if (rpc_decode(call, bytes + RPC_REQUEST_HEADER, body, &request) != NULL) {
            break;
        }
        if (may_handle(&request)) {
            (void)board_handle(&b, &request, &answer);
            must(answer.count >= RPC_ANSWER_HEADER && answer.count <= RPC_ANSWER_BYTES);
            must(answer.tail_count == 0 || answer.tail != NULL);
        }
        bytes += RPC_REQUEST_HEADER + body;
        count -= RPC_REQUEST_HEADER + body;
    }
    return 0;
}
